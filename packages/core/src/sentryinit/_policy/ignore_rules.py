"""The ignore lists: errors, messages, statuses and paths that are not reported (B5, B6)."""

from __future__ import annotations

import builtins
import fnmatch
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from sentryinit._policy.exceptions import (
    cause_of,
    explicit_causes,
    group_members,
    holds,
    text_of,
)

# Work that was given up by the code that ordered it, and servers that shut down. What a task raises
# to tell its queue: again later, or not at all (the first: Celery's Retry, Ignore and Reject).
DEFAULT_IGNORED = (
    "concurrent.futures.CancelledError",
    "trio.Cancelled",
    "greenlet.GreenletExit",
    "celery.exceptions.TaskPredicate",
    "dramatiq.errors.Retry",
    "huey.exceptions.CancelExecution",
    "huey.exceptions.RetryTask",
    "huey.exceptions.TaskLockedException",
)
# The most classes for which the result is remembered.
MAX_CLASSES = 1000


@dataclass(frozen=True)
class IgnoreRules:
    """What the settings ``ignore_*`` say."""

    errors: Sequence[type[BaseException] | str] = ()
    messages: Sequence[re.Pattern[str]] = ()
    statuses: Sequence[range] = ()
    paths: Sequence[str] = ()
    _known: dict[type, tuple[bool, int]] = field(default_factory=dict)

    def ignores_error(self, exc: BaseException) -> bool:
        """Return True if *exc*, an explicit cause of it, or all members of a group are ignored."""
        return holds(exc, self._ignores, explicit_causes)

    def _ignores(self, exc: BaseException, found: set[int]) -> bool:
        members = group_members(exc)
        is_group = bool(members) and found.issuperset(map(id, members))
        return is_group or id(cause_of(exc)) in found or self._lists(exc)

    def _lists(self, exc: BaseException) -> bool:
        # A dotted name can start to name a class with each module that is imported.
        listed, modules = self._known.get(type(exc), (False, 0))
        if modules != len(sys.modules):
            listed = any(matches(exc, rule) for rule in (*DEFAULT_IGNORED, *self.errors))
            if len(self._known) < MAX_CLASSES:
                self._known[type(exc)] = listed, len(sys.modules)
        if listed:
            return True
        return bool(self.messages) and self.ignores_message(f"{type(exc).__name__}: {text_of(exc)}")

    def ignores_message(self, text: str) -> bool:
        """Return True if a pattern is found in *text*."""
        return any(pattern.search(text) for pattern in self.messages)

    def ignores_status(self, status: int | None) -> bool:
        """Return True if responses with *status* are not reported."""
        return bool(self.statuses) and any(status in span for span in self.statuses)

    def ignores_path(self, path: str) -> bool:
        """Return True if nothing about *path* is reported."""
        return any(fnmatch.fnmatchcase(path, pattern) for pattern in self.paths)


def matches(exc: BaseException, rule: type[BaseException] | str) -> bool:
    """Return True if *exc* is an instance of *rule*: a class, or the dotted name of one."""
    if isinstance(rule, type):
        return isinstance(exc, rule)
    public = _class_named(rule)
    return any(
        base is public or f"{base.__module__}.{base.__qualname__}" == rule
        for base in type(exc).__mro__
    )


def _class_named(name: str) -> type | None:
    """Return the class with the dotted *name*, if its module is imported already."""
    module, _, attribute = name.rpartition(".")
    found = getattr(sys.modules.get(module, builtins if not module else None), attribute, None)
    return found if isinstance(found, type) else None

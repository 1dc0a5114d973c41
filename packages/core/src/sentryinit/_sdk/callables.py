"""The callables of the settings: loaded and checked at the start, guarded when they are called."""

from __future__ import annotations

import functools
import logging
import pkgutil
from collections.abc import Callable
from typing import Any, NamedTuple

from sentryinit._config.callables import problem_of
from sentryinit._config.option_types import DottedName
from sentryinit._config.settings import Settings
from sentryinit._policy.grouping import error_label
from sentryinit._redaction.stacktrace import type_name
from sentryinit._state import no_op

log = logging.getLogger("sentryinit")


class _Use(NamedTuple):
    """What is called if a callable raises, and the *effect* of that."""

    otherwise: Callable[..., Any]
    effect: str


def _withhold(*_: object) -> Any:
    # The hook of sentry-sdk sends a fallback event then.
    raise LookupError("before_send")


CALLABLES = {
    "before_send": _Use(_withhold, "no text of the application leaves"),
    "before_breadcrumb": _Use(no_op, "there are no breadcrumbs"),
    "error_sampler": _Use(lambda *_: 1.0, "every event is sent"),
    "custom_repr": _Use(type_name, "of a local variable, only the type leaves"),
}


def prepare(settings: Settings) -> None:
    """Load and check the callables that *settings* has by name; guard all of them.

    One that is given by name was asked for in a configuration: the service has to start, and so it
    counts as one that raises.
    """
    for name, use in CALLABLES.items():
        found = getattr(settings, name)
        if found is None:
            continue
        problem = ""
        if isinstance(found, DottedName):
            try:
                found = pkgutil.resolve_name(found)
                problem = problem_of(name, found)
            except (Exception, SystemExit) as error:  # noqa: BLE001 # importing a module of the application may raise anything
                problem = f"cannot be loaded: {error_label(error)}"
        if problem:
            where = f"{settings.sources[name]}: {name}"
            log.warning("%s %s; until it is mended, %s", where, problem, use.effect)
            found = use.otherwise
        setattr(settings, name, found if name == "before_send" else _guarded(name, found, use))


def _guarded(name: str, function: Callable[..., Any], use: _Use) -> Callable[..., Any]:
    """Return *function*; where it raises, what *use* has for it is called in its place.

    Each place where it raises is logged once: some are called a hundred times for an event.
    """
    warn = functools.cache(functools.partial(log.warning, "%s failed: %s", name))

    def call(*args: Any) -> Any:
        try:
            return function(*args)
        except Exception as error:  # noqa: BLE001 # it is code of the application
            warn(error_label(error))
            return use.otherwise(*args)

    return call

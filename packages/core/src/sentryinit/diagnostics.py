"""What a tool may ask of a set-up: the settings, their problems, the application; nothing sends.

The command ``sentryinit doctor`` imports it. No application needs it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any, NamedTuple

from sentryinit._config import settings as _settings
from sentryinit._config.checks import Problem
from sentryinit._config.options import TABLE
from sentryinit._init import problems
from sentryinit._serving.targets import load
from sentryinit._serving.wrapper import WHEELS
from sentryinit._state import STATE
from sentryinit.testing import Mailbox

__all__ = [
    "WHEELS",
    "Problem",
    "Setting",
    "frameworks",
    "has_settings",
    "load",
    "problems",
    "settings",
    "silenced",
    "value",
]


class Setting(NamedTuple):
    """A setting: *shown* is its value without secrets, *source* is where it came from."""

    name: str
    shown: str
    source: str
    is_secret: bool


def has_settings() -> bool:
    """Return True if ``init`` has run, with or without a DSN."""
    return STATE.settings is not None


def _current() -> _settings.Settings:
    return STATE.settings or _settings.resolve({}, os.environ)


def settings() -> list[Setting]:
    """Return all settings: those of ``init``, or those that it would have."""
    now = _current()
    return [
        Setting(name, _shown(name, getattr(now, name)), now.sources[name], option.type.secret)
        for name, option in TABLE.items()
    ]


def value(name: str) -> Any:
    """Return the value of the setting *name*. It may be secret: never show it."""
    return getattr(_current(), name)


def _shown(name: str, found: Any) -> str:
    if name == "dsn" and _settings.backend_host(found):
        scheme, _, rest = found.partition("://")
        host, _, path = rest.rpartition("@")[2].partition("/")
        return f"{scheme}://{host}, project {path.rpartition('/')[2]}"
    if callable(found) or isinstance(found, dict):
        # A partial function has its arguments in its text; the values of tags may be secret.
        named = getattr(found, "__qualname__", type(found).__name__)
        return ", ".join(found) if isinstance(found, dict) else named
    text = repr(found)
    if found not in (None, "", ()) and (
        TABLE[name].type.secret or "://" in text or name == "mask_patterns"
    ):
        what = "characters" if isinstance(found, str) else "entries"
        return f"set ({len(found)} {what})" if hasattr(found, "__len__") else "set"
    return text if len(text) <= 80 else text[:77] + "..."


def frameworks() -> dict[str, Any]:
    """Return the modules that know the applications of the installed adapters, by framework."""
    return {point.name: point.load() for point in entry_points(group="sentryinit.frameworks")}


@contextlib.contextmanager
def silenced() -> Iterator[Mailbox]:
    """Send nothing while the block runs: what clients of sentry-sdk would send is in the mailbox.

    It counts for clients that are made in the block.
    """
    from sentryinit._sdk import testing as _testing  # sentry_sdk is imported only if it is used

    mailbox = Mailbox()
    with _testing.diverting(mailbox.put):
        yield mailbox

"""What the callables of the options are called with, and what is wrong with one."""

from __future__ import annotations

from typing import Any

from sentryinit._config.option_types import DottedName
from sentryinit._config.settings import Settings

ARGUMENTS = {
    "before_send": ("event", "hint"),
    "before_breadcrumb": ("crumb", "hint"),
    "error_sampler": ("event", "hint"),
    "custom_repr": ("value",),
}


def check(settings: Settings) -> None:
    """Raise ``TypeError`` if a callable that *settings* has from code cannot be called."""
    for name in ARGUMENTS:
        found = getattr(settings, name)
        named = found is None or isinstance(found, DottedName)
        problem = "" if named else problem_of(name, found)
        if problem:
            raise TypeError(f"{settings.sources[name]}: {name} {problem}")


def problem_of(name: str, found: Any) -> str:
    """Return what is wrong with *found*, of the option *name*; nothing: no text."""
    import inspect  # only if there is one

    what = getattr(found, "__qualname__", f"a value of type {type(found).__name__}")
    reason = "" if callable(found) else "it cannot be called"
    if any(map(inspect.iscoroutinefunction, (found, getattr(found, "__call__", None)))):  # noqa: B004 # not whether it is callable
        reason = "nothing awaits a coroutine function"
    try:
        inspect.signature(found).bind(*ARGUMENTS[name])
    except TypeError as error:
        reason = reason or str(error)
    except ValueError:
        pass  # written in C, without a signature
    return reason and f"must be a callable of ({', '.join(ARGUMENTS[name])}), not {what}: {reason}"

"""The callables of the settings: loaded and checked at the start, guarded when they are called."""

from __future__ import annotations

import functools
import inspect
import logging
import pkgutil
from collections.abc import Callable
from typing import Any

from sentryinit._config.option_types import DottedName
from sentryinit._config.settings import Settings
from sentryinit._policy.grouping import error_label

log = logging.getLogger("sentryinit")

# The arguments that each is called with, and what is true if it raises.
CALLABLES = {
    "before_send": (("event", "hint"), "events leave without any text of the application"),
    "before_breadcrumb": (("crumb", "hint"), "there are no breadcrumbs"),
    "error_sampler": (("event", "hint"), "every event is sent"),
    "custom_repr": (("value",), "of a local variable, only the type leaves"),
}


def prepare(settings: Settings) -> None:
    """Load the callables that *settings* has by name, and check all of them.

    Raises ``TypeError`` for one from code that cannot be called. One that is given by name was
    asked for in a configuration: the service has to start, and so it counts as one that raises.
    """
    for name, (arguments, effect) in CALLABLES.items():
        found, where = getattr(settings, name), f"{settings.sources[name]}: {name}"
        if found is None:
            continue
        try:
            if isinstance(found, DottedName):
                found = pkgutil.resolve_name(found)
            problem = _problem(found, arguments)
        except Exception as error:  # noqa: BLE001 # importing a module of the application may raise anything
            problem = f"cannot be loaded: {error_label(error)}"
        if not problem:
            setattr(settings, name, found)
        elif isinstance(getattr(settings, name), DottedName):
            log.warning("%s %s; until it is mended, %s", where, problem, effect)
            setattr(settings, name, functools.partial(_unusable, name))
        else:
            raise TypeError(f"{where} {problem}")


def _problem(found: Any, arguments: tuple[str, ...]) -> str:
    """Return what is wrong with *found*, which is called with *arguments*; nothing: no text."""
    wanted = f"must be a callable of ({', '.join(arguments)}), not "
    name = getattr(found, "__qualname__", f"a value of type {type(found).__name__}")
    if not callable(found):
        return wanted + name
    if any(map(inspect.iscoroutinefunction, (found, type(found).__call__))):
        return f"{wanted}the coroutine function {name}: it is called from code that cannot await"
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return ""  # written in C, without a signature
    try:
        signature.bind(*arguments)
    except TypeError as error:
        return f"{wanted}{name}: {error}"
    return ""


def _unusable(name: str, *_: object) -> Any:
    raise LookupError(name)


def guarded(
    name: str, function: Callable[..., Any], otherwise: Callable[..., Any]
) -> Callable[..., Any]:
    """Return *function*, the option *name*; where it raises, *otherwise* is called in its place.

    Each place where it raises is logged once: some are called a hundred times for an event.
    """
    warn = functools.cache(functools.partial(log.warning, "%s failed: %s", name))

    def call(*args: Any) -> Any:
        try:
            return function(*args)
        except Exception as error:  # noqa: BLE001 # it is code of the application
            warn(error_label(error))
            return otherwise(*args)

    return call

"""Set up the applications of frameworks that no known server loads: each one when it serves."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from sentryinit._locks import RenewedLock
from sentryinit._serving.wrapper import set_up

# Several threads may serve the first requests of an application.
_lock = RenewedLock()


def watch(owner: Any, name: str, *, is_loader: bool) -> None:
    """Patch the method *name* of the class *owner*: it sets up its application first.

    With *is_loader* it does so afterwards: the method makes what the boundary goes around.
    """
    original = getattr(owner, name)
    # Kept, so that no other one gets the id. One that serves lives as long as its process.
    seen: dict[int, Any] = {}

    def ready(app: Any) -> Any:
        """Set up *app*, the first time; return its method to call."""
        kind = type(app)
        if id(app) not in seen:
            with _lock:
                if not set_up(app):
                    # Where nothing is reported, no request pays for it (E3).
                    setattr(owner, name, original)
            seen[id(app)] = app
        # An application of Falcon has another class now, whose method is the boundary. Not where a
        # method of its own has called this one: it would run twice.
        is_inner = type(app) is kind or getattr(kind, name) is not around
        return original.__get__(app) if is_inner else getattr(app, name)

    @functools.wraps(original)
    def call(app: Any, *args: Any) -> Any:
        return ready(app)(*args)

    @functools.wraps(original)
    async def call_async(app: Any, *args: Any) -> Any:
        return await ready(app)(*args)

    @functools.wraps(original)
    def load(app: Any, *args: Any, **options: Any) -> None:
        original(app, *args, **options)
        ready(app)

    # Servers look whether the call of an application is a coroutine function.
    around: Any = call_async if inspect.iscoroutinefunction(original) else call
    setattr(owner, name, load if is_loader else around)

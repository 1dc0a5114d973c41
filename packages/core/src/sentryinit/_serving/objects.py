"""Set up the applications of frameworks that no known server loads: each one when it serves."""

from __future__ import annotations

import functools
import inspect
import weakref
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
    # By id, because an application may compare as it likes; an id is free again with its object.
    seen: dict[int, Any] = {}
    is_off = False

    def ready(app: Any) -> Any:
        """Set up *app*, the first time; return its method to call."""
        nonlocal is_off
        kind, method = type(app), original.__get__(app)
        if is_off or id(app) in seen:
            return method
        with _lock:
            is_off = not set_up(app)
            # Where nothing is reported, no request pays for it (E3). The patch of another library
            # that is around ours stays.
            if is_off and vars(owner).get(name) is patched:
                setattr(owner, name, original)
        seen[id(app)] = _hold(app, seen)
        if type(app) is kind:
            return method
        # An application of Falcon has another class now, whose method is that of the boundary.
        # Where code has called this one from outside of it, that code would run twice.
        served = getattr(app, name)
        return served if getattr(kind, name) is patched else _around(method, served)

    @functools.wraps(original)
    def call(app: Any, *args: Any, **options: Any) -> Any:
        return ready(app)(*args, **options)

    @functools.wraps(original)
    async def call_async(app: Any, *args: Any, **options: Any) -> Any:
        return await ready(app)(*args, **options)

    @functools.wraps(original)
    def load(app: Any, *args: Any, **options: Any) -> None:
        original(app, *args, **options)
        ready(app)

    # Servers look whether the call of an application is a coroutine function.
    patched: Any = call_async if inspect.iscoroutinefunction(original) else call
    patched = load if is_loader else patched
    setattr(owner, name, patched)


def _hold(app: Any, seen: dict[int, Any]) -> Any:
    """Return what keeps the id of *app* in *seen*; not *app* itself, which may be one of many.

    Wagtail makes a handler of Django for each preview.
    """
    key = id(app)
    try:
        return weakref.ref(app, lambda _: seen.pop(key, None))
    except TypeError:
        return app  # Falcon's has slots


def _around(method: Any, served: Any) -> Any:
    """Return *method* in a boundary like that of the bound method *served*."""
    boundary = object.__new__(type(served.__self__))
    vars(boundary).update(vars(served.__self__), _app=method)
    return boundary

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
    method_of = _SetUp(owner, name, original)

    @functools.wraps(original)
    def call(app: Any, *args: Any, **options: Any) -> Any:
        return method_of(app)(*args, **options)

    @functools.wraps(original)
    async def call_async(app: Any, *args: Any, **options: Any) -> Any:
        return await method_of(app)(*args, **options)

    @functools.wraps(original)
    def load(app: Any, *args: Any, **options: Any) -> None:
        original(app, *args, **options)
        method_of(app)

    # Servers look whether the call of an application is a coroutine function.
    serve = call_async if inspect.iscoroutinefunction(original) else call
    method_of.patched = load if is_loader else serve
    setattr(owner, name, method_of.patched)


class _SetUp:
    """Sets up the applications of the class *owner*, each at the first call of its method *name*.

    *original*: the method before it was *patched*.
    """

    patched: Any = None
    _is_off = False

    def __init__(self, owner: Any, name: str, original: Any) -> None:
        self._owner, self._name, self._original = owner, name, original
        # By id, as an application may compare as it likes; an id is free again with its object.
        self._seen: dict[int, Any] = {}

    def __call__(self, app: Any) -> Any:
        """Set up *app*, the first time; return its method to call."""
        kind, method = type(app), self._original.__get__(app)
        if self._is_off or id(app) in self._seen:
            return method
        with _lock:
            self._is_off = not set_up(app)
            # Where nothing is reported, no request pays for it (E3). The patch of another library
            # that is around ours stays.
            if self._is_off and vars(self._owner).get(self._name) is self.patched:
                setattr(self._owner, self._name, self._original)
        self._seen[id(app)] = _hold(app, self._seen)
        if type(app) is kind:
            return method
        # An application of Falcon has another class now, whose method is that of the boundary.
        # Where code has called this one from outside of it, that code would run twice.
        served = getattr(app, self._name)
        return served if getattr(kind, self._name) is self.patched else _around(method, served)


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

"""The isolation scope of a request, which costs one bare object until somebody touches it.

Each request forks the scope that stood at start-up, never the current one: what an earlier request
of the same connection or thread left behind stays behind (uvicorn runs a request in the context of
the one before it; see github.com/python/cpython/issues/140947). Set at the start of a request and
never reset: what fails while the body is being sent still has it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import sentry_sdk.scope as sdk
from sentry_sdk.client import NonRecordingClient
from sentry_sdk.scope import Scope, ScopeType

# Tests set it to run everything on the fallback.
force_fallback = False

# Re-entrant: should a private name change its nature, the self-test fails and does not hang.
_lock = threading.RLock()
_base: Scope = Scope(ty=ScopeType.ISOLATION)


class RequestScope(Scope):
    """An ordinary scope; a class of its own so that :class:`Untouched` can turn into one."""

    __slots__ = ()


class Untouched(RequestScope):
    """A scope without any state, which becomes a fork of the start-up scope on first touch.

    Every method of ``Scope`` reads or writes a slot, and every slot is unset here, so
    ``__getattr__`` and ``__setattr__`` see the first touch, whichever method it comes from.
    """

    __slots__ = ()

    # get_client() looks at it for each event: that is no reason to fork.
    client = NonRecordingClient()

    def __getattr__(self, name: str) -> Any:
        _materialise(self)
        return getattr(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        _materialise(self)
        setattr(self, name, value)

    def __copy__(self) -> Scope:
        # A fork of what nobody touched is one more that nobody touched.
        return object.__new__(Untouched)


def _materialise(scope: Untouched) -> None:
    with _lock:
        # Another thread of the same request may have been first.
        if type(scope) is not Untouched:
            return
        filled = _base.__copy__()
        filled._propagation_context = None  # noqa: SLF001 # else all requests share one trace
        for name in Scope.__slots__:
            # By the slot itself: the class attribute *client* stands before it until the class
            # changes, and that comes last, when everything is there for other threads to see.
            Scope.__dict__[name].__set__(scope, getattr(filled, name))
        object.__setattr__(scope, "__class__", RequestScope)


def _begin_lazily() -> None:
    sdk._isolation_scope.set(object.__new__(Untouched))  # noqa: SLF001 # the self-test guards it
    if sdk._current_scope.get() is not None:  # noqa: SLF001 # likewise
        sdk._current_scope.set(None)  # noqa: SLF001 # likewise


def _begin_eagerly() -> None:
    Scope.set_isolation_scope(_base.fork())
    Scope.set_current_scope(Scope(ty=ScopeType.CURRENT))


def keep() -> Callable[[], None]:
    """Return what puts the scopes back that are the context's now."""
    isolation, current = Scope.get_isolation_scope(), Scope.get_current_scope()

    def back() -> None:
        Scope.set_isolation_scope(isolation)
        Scope.set_current_scope(current)

    return back


def _works() -> bool:
    """Try the lazy scope on the sentry-sdk that is here: it leans on private names."""
    _begin_lazily()
    scope = Scope.get_isolation_scope()
    # The one question that each event asks, and each log record: it is not to fork.
    Scope.get_client()
    untouched = type(scope) is Untouched
    scope.set_tag("sentryinit", "self-test")
    scope.set_extra("sentryinit", "self-test")
    event: Any = Scope.get_current_scope()._merge_scopes().apply_to_event({}, {}, {})  # noqa: SLF001 # as the SDK does
    _begin_lazily()
    after: Any = Scope.get_isolation_scope().apply_to_event({}, {}, {})
    return (
        untouched
        and type(scope) is RequestScope
        and event["tags"]["sentryinit"] == "self-test"
        and "sentryinit" not in after.get("tags", {})
        and "sentryinit" not in _base._tags  # noqa: SLF001 # the point of it all
    )


def parts(begin: Callable[[], None]) -> tuple[Any, Any, Any] | None:
    """Return what *begin* works with, for who does it without a call; None for the fallback."""
    if begin is not _begin_lazily:
        return None
    return sdk._isolation_scope.set, Untouched, sdk._current_scope  # noqa: SLF001 # the self-test guards it


def start() -> Callable[[], None]:
    """Take the current isolation scope as the start-up scope; return what begins a request."""
    global _base  # noqa: PLW0603 # there is one isolation scope at start-up
    _base = Scope.get_isolation_scope()
    if isinstance(_base, RequestScope):
        # A request's, left over in this thread: what it has is nobody else's.
        _base = Scope(ty=ScopeType.ISOLATION)
    current = sdk._current_scope.get() if hasattr(sdk, "_current_scope") else None  # noqa: SLF001 # restored below
    try:
        lazy = not force_fallback and _works()
    except Exception:  # noqa: BLE001 # any failure means that the private names have changed
        lazy = False
    finally:
        Scope.set_isolation_scope(_base)
        if current is not None:
            Scope.set_current_scope(current)
    return _begin_lazily if lazy else _begin_eagerly

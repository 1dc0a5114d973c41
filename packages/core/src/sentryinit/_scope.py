"""The isolation scope of a request, which costs nothing until somebody touches it.

Until then all requests have the same one, which holds nothing: what is asked of it is asked of a
fork that the request gets then. Each forks the scope that stood at start-up, never the current one:
what an earlier request of the same connection or thread left behind stays behind (uvicorn runs a
request in the context of the one before it; see github.com/python/cpython/issues/140947). Set at
the start of a request and never reset: what fails while the body is being sent still has it.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any

import sentry_sdk.scope as sdk
from sentry_sdk.client import NonRecordingClient
from sentry_sdk.scope import Scope, ScopeType

from sentryinit._capture import CURRENT, Capture
from sentryinit._state import STATE

# Tests set it to run everything on the fallback.
force_fallback = False

# Re-entrant: should a private name change its nature, the self-test fails and does not hang.
_lock = threading.RLock()
_base: Scope = Scope(ty=ScopeType.ISOLATION)
_NO_CLIENT = NonRecordingClient()


class RequestScope(Scope):
    """A request's fork of the start-up scope; a class of its own, to be known for one."""

    __slots__ = ()


class _Untouched(Scope):
    """The scope of every request that nobody has touched: it has no state.

    Every method of ``Scope`` reads or writes a slot, and every slot is unset here, so
    ``__getattr__`` and ``__setattr__`` see the first touch, whichever method it comes from.
    """

    __slots__ = ()

    @property
    def client(self) -> Any:  # type: ignore[override] # it is written by __setattr__
        # get_client() looks at it for each event: that is no reason to fork.
        own = _touched()
        return _NO_CLIENT if own is None else own.client

    def __getattr__(self, name: str) -> Any:
        return getattr(_own(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(_own(), name, value)

    def __copy__(self) -> Scope:
        return (_touched() or _fork()).__copy__()


UNTOUCHED: Scope = object.__new__(_Untouched)


def _touched() -> Scope | None:
    """Return the fork of the request that this code runs for, None if there is none yet."""
    capture = CURRENT.get()
    return None if capture is None else capture.scope


def _own() -> Scope:
    """Return the fork of the request that this code runs for."""
    capture = CURRENT.get()
    with _lock:
        # Another thread of the same request may have been first.
        own = _fork() if capture is None or capture.scope is None else capture.scope
        if capture is not None:
            capture.scope = own
    if sdk._isolation_scope.get() is UNTOUCHED:  # noqa: SLF001 # the self-test guards it
        # From now on nothing of ours is in the way here.
        sdk._isolation_scope.set(own)  # noqa: SLF001 # likewise
    return own


def _fork() -> Scope:
    made = _base.__copy__()
    made._propagation_context = None  # noqa: SLF001 # else all requests share one trace
    object.__setattr__(made, "__class__", RequestScope)
    return made


def forked() -> None:
    """Make the lock anew, in a forked process: another thread of the parent's may have held it."""
    global _lock  # noqa: PLW0603 # there is one
    _lock = threading.RLock()


def _nothing() -> None: ...


def _begin_eagerly(_untouched: object) -> None:
    Scope.set_isolation_scope(_base.fork())
    Scope.set_current_scope(Scope(ty=ScopeType.CURRENT))


def _begin_lazily() -> None:
    sdk._isolation_scope.set(UNTOUCHED)  # noqa: SLF001 # the self-test guards it
    sdk._current_scope.set(None)  # noqa: SLF001 # likewise


def touch() -> None:
    """Give the current request its fork now: who reads all of it needs no first touch by name."""
    if sdk._isolation_scope.get() is UNTOUCHED:  # noqa: SLF001 # the self-test guards it
        _own()


def keep() -> Callable[[], None]:
    """Return what puts the scopes back that are the context's now."""
    isolation, current = Scope.get_isolation_scope(), Scope.get_current_scope()

    def back() -> None:
        Scope.set_isolation_scope(isolation)
        Scope.set_current_scope(current)

    return back


def _works() -> bool:
    """Try the lazy scope on the sentry-sdk that is here: it leans on private names."""
    CURRENT.set(Capture())
    _begin_lazily()
    scope = Scope.get_isolation_scope()
    # The one question that each event asks, and each log record: it is not to fork.
    Scope.get_client()
    untouched = sdk._isolation_scope.get() is UNTOUCHED  # noqa: SLF001 # this is the self-test
    scope.set_tag("sentryinit", "self-test")
    scope.set_extra("sentryinit", "self-test")
    event: Any = Scope.get_current_scope()._merge_scopes().apply_to_event({}, {}, {})  # noqa: SLF001 # as the SDK does
    CURRENT.set(Capture())
    _begin_lazily()
    after: Any = Scope.get_isolation_scope().apply_to_event({}, {}, {})
    return (
        untouched
        and type(Scope.get_isolation_scope()) is RequestScope
        and event["tags"]["sentryinit"] == "self-test"
        and "sentryinit" not in after.get("tags", {})
        and "sentryinit" not in _base._tags  # noqa: SLF001 # the point of it all
    )


def start() -> None:
    """Take the current isolation scope as the start-up scope, and tell how requests begin."""
    global _base  # noqa: PLW0603 # there is one isolation scope at start-up
    _base = Scope.get_isolation_scope()
    if _base is UNTOUCHED or isinstance(_base, RequestScope):
        # A request's, left over in this thread: what it has is nobody else's.
        _base = Scope(ty=ScopeType.ISOLATION)
        Scope.set_isolation_scope(_base)
    try:
        # In a context of its own: a request may be under way in this one.
        lazy = not force_fallback and contextvars.copy_context().run(_works)
    except Exception:  # noqa: BLE001 # any failure means that the private names have changed
        lazy = False
    STATE.untouched = UNTOUCHED
    if lazy:
        isolation, current = sdk._isolation_scope, sdk._current_scope  # noqa: SLF001 # it is guarded
        STATE.isolation, STATE.isolate = isolation.get, isolation.set
        STATE.current, STATE.set_current = current.get, current.set
    else:
        # Asked, nothing is as it should be, and so each request begins anew.
        STATE.isolation, STATE.isolate, STATE.current = _nothing, _begin_eagerly, _nothing

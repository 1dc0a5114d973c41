"""The isolation scope of a request, which costs nothing until somebody touches it.

Until then all requests have the same one, which holds nothing. Whoever asks for the scope gets a
fork that is the request's from then on; what the SDK asks by itself is asked of that. Each request
forks the scope that stood at start-up, never the current one: what an earlier request of the same
connection or thread left behind stays behind (uvicorn runs a request in the context of the one
before it; see github.com/python/cpython/issues/140947). Set at the start of a request and never
reset: what fails while the body is being sent still has it.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import sentry_sdk.scope as sdk
from sentry_sdk.client import NonRecordingClient
from sentry_sdk.scope import Scope, ScopeType

from sentryinit._boundary.capture import CURRENT, Capture
from sentryinit._state import STATE, nothing

T = TypeVar("T")

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

    Only the SDK sees it, where it reads its variable and not ``get_isolation_scope()``. Every
    method of ``Scope`` reads or writes a slot, and every slot is unset here, so ``__getattr__`` and
    ``__setattr__`` see it all.
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
_get_isolation_scope = Scope.get_isolation_scope


def _bound(_cls: type[Scope]) -> Scope:
    """Stand for ``Scope.get_isolation_scope``: what is handed on is of one request for good."""
    scope = _get_isolation_scope()
    return _own() if scope is UNTOUCHED else scope


Scope.get_isolation_scope = classmethod(_bound)  # type: ignore[method-assign,assignment] # see above


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


def _begin_eagerly(_untouched: object) -> None:
    fork = _base.fork()
    Scope.set_isolation_scope(fork)
    Scope.set_current_scope(Scope(ty=ScopeType.CURRENT))
    capture = CURRENT.get()
    if capture is not None:
        capture.scope = fork


def _begin_lazily() -> None:
    sdk._isolation_scope.set(UNTOUCHED)  # noqa: SLF001 # the self-test guards it
    sdk._current_scope.set(None)  # noqa: SLF001 # likewise


def within(capture: Capture[Any] | None, function: Callable[..., T], *arguments: Any) -> T:
    """Call *function* with the scope of *capture*, or that of the start, wherever this runs.

    A body may be iterated in another thread, or beside one of another request.
    """
    if capture is not None and CURRENT.get() is capture:
        return function(*arguments)

    def call() -> T:
        CURRENT.set(capture)
        Scope.set_isolation_scope(_base if capture is None else capture.scope or UNTOUCHED)
        Scope.set_current_scope(Scope(ty=ScopeType.CURRENT))
        return function(*arguments)

    return contextvars.copy_context().run(call)


def keep() -> Callable[[], None]:
    """Return what puts the scopes back that are the context's now."""
    isolation, current = _get_isolation_scope(), Scope.get_current_scope()

    def back() -> None:
        Scope.set_isolation_scope(isolation)
        Scope.set_current_scope(current)

    return back


def _works() -> bool:
    """Try the lazy scope on the sentry-sdk that is here: it leans on private names."""
    CURRENT.set(Capture())
    _begin_lazily()
    # The one question that each event asks: it is not to fork.
    Scope.get_client()
    untouched = _touched() is None and _get_isolation_scope() is UNTOUCHED
    UNTOUCHED.set_tag("sentryinit", "self-test")
    scope = Scope.get_isolation_scope()
    scope.set_extra("sentryinit", "self-test")
    # As the SDK does; what the application does with events is not asked.
    merged: Any = Scope.get_current_scope()._merge_scopes()  # noqa: SLF001 # see above
    CURRENT.set(Capture())
    _begin_lazily()
    after: Any = Scope.get_current_scope()._merge_scopes()  # noqa: SLF001 # likewise
    return (
        untouched
        and type(scope) is RequestScope
        and merged._tags["sentryinit"] == merged._extras["sentryinit"] == "self-test"  # noqa: SLF001 # likewise
        and "sentryinit" not in {**after._tags, **after._extras}  # noqa: SLF001 # likewise
        and "sentryinit" not in _base._tags  # noqa: SLF001 # the point of it all
    )


def start() -> None:
    """Take the current isolation scope as the start-up scope, and tell how requests begin."""
    global _base  # noqa: PLW0603 # there is one isolation scope at start-up
    _base = _get_isolation_scope()
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
        STATE.isolation, STATE.isolate, STATE.current = nothing, _begin_eagerly, nothing

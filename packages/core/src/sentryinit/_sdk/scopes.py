"""The isolation scope of a request, forked only when somebody uses it.

Until then all requests share one scope without state. Each request forks the scope of the start-up,
never the current one, where an earlier request may have set data: uvicorn runs a request in the
context of the one before it (github.com/python/cpython/issues/140947). The scope is set at the
start of a request and never reset: a body that fails later still has it.
"""

from __future__ import annotations

import contextlib
import contextvars
import copy
import functools
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import sentry_sdk.scope as sdk
from sentry_sdk.client import NonRecordingClient
from sentry_sdk.scope import Scope, ScopeType
from sentry_sdk.tracing_utils import PropagationContext

from sentryinit._boundary.capture import Capture
from sentryinit._boundary.current import CURRENT, current_capture, failure_id
from sentryinit._boundary.request_info import UNDESCRIBED, opentelemetry_trace, trace_context
from sentryinit._locks import RenewedLock
from sentryinit._state import STATE, Scopes, no_op

T = TypeVar("T")

# Tests set it to run everything on the fallback.
force_fallback = False

# Re-entrant: if a private name of sentry-sdk changes, the self-test fails and does not hang.
_lock = RenewedLock()
_base: Scope = Scope(ty=ScopeType.ISOLATION)
_NO_CLIENT = NonRecordingClient()


class RequestScope(Scope):
    """A request's fork of the start-up scope, recognised by its class."""

    __slots__ = ()


class _Trace(PropagationContext):
    """The trace of a request for sentry-sdk, found when somebody asks for it (D7)."""

    __slots__ = ("_capture", "_known")

    def __init__(self, capture: Capture[Any] | None) -> None:
        super().__init__()
        # Weak: the capture has the scope, which has this.
        self._capture: Any = no_op if capture is None else weakref.ref(capture)
        self._known: dict[str, str] | None = None

    def _context(self) -> dict[str, str]:
        capture = self._capture()
        if capture is not None:
            self._known = capture.trace()
        self._known = self._known or trace_context(UNDESCRIBED)
        return self._known

    trace_id = property(lambda self: self._context()["trace_id"])
    span_id = property(lambda self: self._context()["span_id"])
    # Set by the base class.
    parent_span_id = property(lambda self: self._context().get("parent_span_id"), no_op)


class _Unforked(Scope):
    """The scope of every request whose scope nobody has used: it has no state.

    Only sentry-sdk meets it, in its context variable. Every method of ``Scope`` reads or writes a
    slot. All are unset here, so ``__getattr__`` and ``__setattr__`` see it.
    """

    __slots__ = ()

    @property
    def client(self) -> Any:  # type: ignore[override] # it is written by __setattr__
        # get_client() reads it for each event: that is no reason to fork.
        own = _existing_scope()
        return _NO_CLIENT if own is None else own.client

    def __getattr__(self, name: str) -> Any:
        return getattr(_request_scope(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(_request_scope(), name, value)

    def __copy__(self) -> Scope:
        return (_existing_scope() or _fork()).__copy__()


UNFORKED: Scope = object.__new__(_Unforked)
_get_isolation_scope = Scope.get_isolation_scope


def _forked_isolation_scope(_cls: type[Scope]) -> Scope:
    """Replace ``Scope.get_isolation_scope``: who asks gets a scope of the request's own."""
    scope = _get_isolation_scope()
    return _request_scope() if scope is UNFORKED else scope


Scope.get_isolation_scope = classmethod(_forked_isolation_scope)  # type: ignore[method-assign,assignment] # see above
last_captured_id = Scope.last_event_id


def _last_event_id(_cls: type[Scope]) -> str | None:
    """Replace ``Scope.last_event_id``: it knows the failure whose event is still to be built.

    What the application captured itself counts as well, unless the request certainly fails.
    """
    capture, captured = current_capture(), last_captured_id()
    if captured and not (capture is not None and capture.is_failing):
        return captured
    return failure_id() or captured


Scope.last_event_id = classmethod(_last_event_id)  # type: ignore[method-assign,assignment] # see above


def _existing_scope() -> Scope | None:
    """Return the fork of the current request, None if there is none yet."""
    capture = CURRENT.get()
    return None if capture is None else capture.scope


def _request_scope() -> Scope:
    """Return the fork of the current request; make it if there is none."""
    capture = CURRENT.get()
    with _lock:
        # Another thread of the same request may have made it.
        own = _existing_scope() or _fork()
        if capture is not None:
            # close() has to leave the scope then.
            capture.scope, capture.has_activity = own, True
    if sdk._isolation_scope.get() is UNFORKED:  # noqa: SLF001 # the self-test guards it
        # From now on sentry-sdk finds the fork without us.
        sdk._isolation_scope.set(own)  # noqa: SLF001 # likewise
    return own


def _fork() -> Scope:
    made = _base.__copy__()
    _make_own(made, CURRENT.get())
    object.__setattr__(made, "__class__", RequestScope)
    return made


def _make_own(fork: Scope, capture: Capture[Any] | None) -> None:
    """Remove from *fork* what requests do not share: the trace, and the last event."""
    fork._propagation_context, fork._last_event_id = _Trace(capture), None  # noqa: SLF001 # likewise


def trace_now() -> dict[str, str]:
    """Return the trace of an event that is built now, as ``sentry_sdk.get_traceparent()`` says it.

    Outside of requests, the active span of OpenTelemetry comes first.
    """
    scope = Scope.get_isolation_scope()
    known: Any = scope.get_trace_context() or {}
    active = None if isinstance(scope._propagation_context, _Trace) else opentelemetry_trace()  # noqa: SLF001 # likewise
    names = ("trace_id", "span_id", "parent_span_id")
    return active or {name: known[name] for name in names if known.get(name)}


def _set_scopes(isolation: Any, current: Scope | None = None) -> None:
    Scope.set_isolation_scope(isolation)
    Scope.set_current_scope(current or Scope(ty=ScopeType.CURRENT))


def _fork_now(_unforked: object) -> None:
    """Give a request its fork at the start: the fallback."""
    fork, capture = _base.fork(), CURRENT.get()
    # A private name may be gone.
    with contextlib.suppress(Exception):
        _make_own(fork, capture)
    _set_scopes(fork)
    if capture is not None:
        capture.scope, capture.has_activity = fork, True


def _save() -> Callable[[], None]:
    return functools.partial(_set_scopes, _get_isolation_scope(), Scope.get_current_scope())


def _enter(capture: Capture[Any] | None) -> None:
    CURRENT.set(capture)
    _set_scopes(_base if capture is None else capture.scope or UNFORKED)


def _leave(capture: Capture[Any]) -> None:
    # A task or thread that outlives its request keeps the scope, as work of that request.
    if CURRENT.get() is capture:
        _enter(None)


def run_in_scope(capture: Capture[Any] | None, function: Callable[..., T], *arguments: Any) -> T:
    """Call *function* with the scope of *capture*, or of the start-up, wherever this runs.

    A body may be iterated in another thread, or beside the body of another request.
    """
    if capture is not None and CURRENT.get() is capture:
        # A fork answers sentry-sdk's many questions faster.
        _request_scope()
        return function(*arguments)

    def call() -> T:
        _enter(capture)
        return function(*arguments)

    return contextvars.copy_context().run(call)


def with_scopes_of_now(function: Callable[[], object]) -> Callable[[], None]:
    """Return a call of *function* in this context, with the scopes as they are now."""
    isolation: Scope | None = _get_isolation_scope()
    if isolation is UNFORKED:
        isolation = _existing_scope()  # None if nobody has used it
    own, current = copy.copy(isolation), copy.copy(Scope.get_current_scope())
    context = contextvars.copy_context()

    def call() -> None:
        _set_scopes(own or _fork(), current)
        function()

    return functools.partial(context.run, call)


def _works(scopes: Scopes) -> bool:
    """Return True if *scopes* work with the private names of the installed sentry-sdk."""
    _start_request(scopes)
    Scope.get_client()  # each event asks this: it must not fork
    is_unforked = _existing_scope() is None and _get_isolation_scope() is UNFORKED
    UNFORKED.set_tag("sentryinit", "self-test")
    scope = Scope.get_isolation_scope()
    scope.set_extra("sentryinit", "self-test")
    # As for an event, but without the processors of the application.
    merged: Any = Scope.get_current_scope()._merge_scopes()  # noqa: SLF001 # see above
    _start_request(scopes)
    after: Any = Scope.get_current_scope()._merge_scopes()  # noqa: SLF001 # likewise
    return (
        is_unforked
        and type(scope) is RequestScope
        and merged._tags["sentryinit"] == merged._extras["sentryinit"] == "self-test"  # noqa: SLF001 # likewise
        and "sentryinit" not in {**after._tags, **after._extras}  # noqa: SLF001 # likewise
        and "sentryinit" not in _base._tags  # noqa: SLF001 # the start-up scope is unchanged
    )


def _start_request(scopes: Scopes) -> None:
    CURRENT.set(Capture())
    scopes.set_isolation(UNFORKED)
    scopes.set_current(None)


def install() -> None:
    """Take the current isolation scope as that of the start-up; choose how requests get theirs."""
    global _base  # noqa: PLW0603 # there is one isolation scope at start-up
    _base = _get_isolation_scope()
    if _base is UNFORKED or isinstance(_base, RequestScope):
        # A request left it in this thread, with its data.
        _base = Scope(ty=ScopeType.ISOLATION)
        Scope.set_isolation_scope(_base)
    # get_isolation() returns None: each request forks.
    STATE.scopes = Scopes(UNFORKED, set_isolation=_fork_now, save=_save, enter=_enter, leave=_leave)
    # A failure means that private names have changed.
    with contextlib.suppress(Exception):
        isolation, current = sdk._isolation_scope, sdk._current_scope  # noqa: SLF001 # _works() tries it
        lazy = STATE.scopes._replace(
            get_isolation=isolation.get,
            set_isolation=isolation.set,
            get_current=current.get,
            set_current=current.set,
        )
        # A request may be running in this context.
        if not force_fallback and contextvars.copy_context().run(_works, lazy):
            STATE.scopes = lazy

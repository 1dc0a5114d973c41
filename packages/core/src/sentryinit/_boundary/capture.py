"""One request: what was seen of it, and what is reported of that."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Hashable
from types import TracebackType
from typing import Any, Generic

from sentryinit._boundary.aborts import SERVER_ERRORS
from sentryinit._boundary.debug_route import DebugPanic
from sentryinit._boundary.facts import Facts, R, ask
from sentryinit._boundary.identity import RequestIdentity
from sentryinit._boundary.records import Deferred, note_decided
from sentryinit._boundary.request_info import UNDESCRIBED, RequestInfo, Snapshot
from sentryinit._policy import exceptions
from sentryinit._policy.grouping import Origin, group_key
from sentryinit._policy.verdict import Reason, Seen, Verdict
from sentryinit._state import STATE

log = logging.getLogger("sentryinit")

# Takes the place of the request of a capture that is closed.
CLOSED: Any = object()


class Capture(RequestIdentity, Generic[R]):
    """What was seen of one request. Reports at most one failure; its methods never raise.

    *status*: what was sent to the client, None before. *client_gone*: the client is known to have
    disconnected. *event_id*: the event about this request's failure.
    """

    # What every request writes has a slot; all else is a default on the class until it is written.
    # There is no __init__: that call would be a tenth of what a good request costs.
    __slots__ = ("__weakref__", "adapter", "request")
    adapter: Facts[R]
    # An R, or CLOSED.
    request: Any
    has_activity: bool
    has_failed: bool
    status: int | None
    deferred: tuple[Deferred, ...]
    recent_records: deque[logging.LogRecord] | tuple[()]

    close_code: int | None = None
    # Known under WSGI only: a part of the body was sent by write().
    sent: bool = False
    # Makes the outer request current again, if this one was served in the middle of it.
    restore_outer: Callable[[], None] | None = None
    # The isolation scope, once somebody has used it.
    scope: Any = None
    _traceback: TracebackType | None = None
    # *_for_nobody*: the 5xx was made for a client that was gone (B4).
    _decided = _pending_5xx = _for_nobody = False
    # What was decided on, reported or not; None is a 5xx that no exception explains.
    _failures: tuple[BaseException | None, ...] = ()
    _info: RequestInfo | None = None
    # From before the framework has found the route.
    _early: RequestInfo | None = None
    _origin: tuple[object, Origin | None] = (None, None)

    # -- moments, told by the adapter ------------------------------------------------------------

    def exception_seen(self, exc: BaseException, *, handled: bool = True) -> None:
        """Note *exc*; whether it matters is decided when the status is sent."""
        if exc is self.outer_exception:
            return
        self.seen_exception, self._handled, self.has_activity = exc, handled, True
        # Starlette removes the traceback from the exception once its handler has answered.
        self._traceback = exceptions.traceback_of(exc)

    def response_started(self, status: int) -> None:
        """Note that *status* is sent; for a 5xx, what was seen by now is the evidence."""
        self.status = status
        if 500 <= status <= 599:
            self._safely(self._started_5xx)
        elif self.has_activity:
            self._safely(self._started_below_500)

    def exception_escaped(self, exc: BaseException, status: int | None = None) -> None:
        """Report *exc*, which leaves the application: nobody inside handled it.

        *status* is what the client gets, if not what was sent before (or else 500).
        """
        self._safely(self._escaped, exc, status or self.status or 500)
        if not self.closed:
            # What the server will say of it is no news.
            note_decided(exc)

    def close_sent(self, code: int, exc: BaseException | None) -> None:
        """Note that the application closes its WebSocket, while it handles *exc*.

        A code for an error of the server is what a 5xx is to a request (A10).
        """
        self.close_code = code
        if exc is not None and code in SERVER_ERRORS:
            if self.seen_exception is None:
                self.exception_seen(exc)
            self._safely(self._started_5xx)
        else:
            self.explain(Reason.HANDLED, exc)

    def handler_done(self) -> None:
        """Report now what there is to report: only the body is left."""
        if self._pending_5xx or self.deferred:
            self._safely(self._settle)

    def close(self) -> None:
        """End the request, its body included. Idempotent."""
        if self.has_activity and self.request is not CLOSED:
            self.handler_done()
            if not (self._decided or self._failures):
                self.explain(Reason.HANDLED, self.seen_exception)
            self.seen_exception = self._traceback = None
            self._reported = self._failures = self.deferred = self.recent_records = ()
            self._origin, self._outer = (None, None), None
            if self.restore_outer is not None:
                self.restore_outer()
                self.restore_outer = None
            elif self.scope is not None:
                STATE.scopes.leave(self)
        # A task that outlives the request keeps its context, and with it this object.
        self.request = CLOSED

    def join(self, adapter: Facts[Any], request: Any) -> None:
        """Take over *adapter* and *request* of an inner boundary, which knows the framework."""
        if not adapter.generic:
            self._outer = self._outer or (self.adapter, self.request)
            self.adapter, self.request, self.has_activity = adapter, request, True
            self._info = None

    # -- for adapters ----------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """True once the request is over."""
        return self.request is CLOSED

    def after_response(self, request: R) -> Capture[R]:
        """Return a capture for work that goes on after this request, with its status and scope."""
        later: Capture[R] = Capture()
        later.adapter, later.request, later.has_activity = self.adapter, request, False
        later.status, later.scope, later._trace = self.status, self.scope, self._trace
        # The scope has the trace of this capture, which has lost its request.
        self._trace = later.trace()
        return later

    # -- what the adapter knows ----------------------------------------------------------------

    def describe(self) -> RequestInfo:
        """Return the description of the request; an empty one if the adapter fails."""
        if self._info is None:
            info = self._describe_now()
            self._info = info if info.route or self._early is None else self._early
        return self._info

    def _describe_now(self) -> RequestInfo:
        """Return the description of the request, which may have no route yet."""
        if self._info is not None or self.closed:
            return self._info or UNDESCRIBED
        info = self.adapter.request_info(self.request)
        # Where it fails, it fails once.
        self._info = info if info is UNDESCRIBED or info.route else None
        return info

    def snapshot(self) -> Snapshot:
        """Return what an event says about the request now."""
        info = self.describe()
        self.trace()
        self.note_user()
        if info.route is None and info is not UNDESCRIBED and self.status is None:
            self._early, self._info = info, None
        return Snapshot(info, self.recent_records)

    def origin(self, exc: BaseException | None, status: int | None) -> Origin:
        """Return where the failure comes from; found once for each failure."""
        evidence, (known, origin) = status if exc is None else exc, self._origin
        if origin is None or known is not evidence:
            origin = self._origin_of(exc, status)
            self._origin = evidence, origin
        return origin

    def _origin_of(self, exc: BaseException | None, status: int | None) -> Origin:
        stack, key = None, self.reserved(exc)[1]
        if exc is not None:
            # As it was when the exception was seen first.
            stack = self._traceback if exc is self.seen_exception else exceptions.traceback_of(exc)
            key = group_key(exc, stack, self._endpoint) if key is None else key
        elif key is None:
            key = "status", status, self._endpoint()
        return Origin(key, stack, self.adapter.name)

    def _endpoint(self) -> Hashable:
        if self.adapter.endpoint is None:
            return self.describe().method, self.describe().route
        return ask(self.adapter.endpoint, self.request, None)

    # -- the decision ----------------------------------------------------------------------------

    def _started_below_500(self) -> None:
        self.explain(Reason.HANDLED, self.seen_exception)
        self._pending_5xx = self.has_failed = False
        self._release_records()
        self.seen_exception, self._traceback = None, None

    def _started_5xx(self) -> None:
        if self.closed:
            return  # the server's own page, after what escaped was reported
        self.has_activity = self.has_failed = True
        note_decided(None)
        reporter, error = STATE.reporter, self._error_behind(self.seen_exception)
        # What a record carries is no evidence, but tells that the client was gone by now (B4).
        lost = any(map(self.is_abort, self.exceptions_in_records()))
        self._pending_5xx, self._for_nobody = not self._decided, lost or self._is_client_gone()
        if reporter is None:
            return
        if error is not None and self.is_abort(error):
            self._decided, self.has_failed, self._failures = True, False, (*self._failures, error)
            reporter.explain(Reason.ABORTED, error, self)
            return
        if not reporter.is_limited(self.origin(error, self.status).key):
            # Now: later the framework may have removed its request, and a tracer its span.
            self.snapshot()
        if isinstance(error, DebugPanic):
            self._settle()

    def _escaped(self, exc: BaseException, status: int) -> None:
        if self._decided or self.closed:
            return
        self.has_activity = True
        exc = self._before_disconnect(exc)
        verdict = self._report(exc, status)
        # A 5xx that was sent before an abort is still to be reported.
        self._decided = verdict.reason is not Reason.ABORTED
        if self._decided or verdict.exception is not exc:
            self._settle()
        is_end = isinstance(verdict.exception, SystemExit) and verdict.explains_records
        if is_end and STATE.reporter is not None:
            # The server may end the process without exit hooks, or answer 500 and go on (A11).
            STATE.reporter.flush()

    def _settle(self) -> None:
        if self._pending_5xx and not self._decided:
            self._report()
        self._release_records()

    def _report(self, escaped: BaseException | None = None, status: int = 500) -> Verdict:
        """Have a failure decided on and reported, with what was seen until now."""
        self._decided = True
        # What nobody handled is the reason for what escapes after it.
        reasons = escaped, None if self._handled else self.seen_exception
        aborted = escaped is not None and any(e is not None and self.is_abort(e) for e in reasons)
        in_log = self.claim_records()
        given_up = tuple(filter(self.is_abort, (*in_log, *self.exceptions_in_records())))
        logged = [e for e in in_log if not any(e is each for each in given_up)]
        errors = [e for e in map(self._error_behind, logged) if e is not None]
        # An abort on the way out says nothing about the 5xx before it.
        use_shown = (self._pending_5xx or not self._handled) and not aborted
        seen = Seen(
            escaped,
            self._error_behind(self.seen_exception) if use_shown else None,
            errors[-1] if errors else self._error_behind(self._reserved[0]),
            captured=bool(self._reported),
            handled=self._handled,
            status=self.status or status,
            escaped_status=status,
            aborted=aborted,
            client_gone=self._for_nobody,
            is_reported=self._is_reported,
        )
        if STATE.reporter is None:
            return Verdict(escaped, handled=False, status=status)
        verdict = STATE.reporter.report(self, seen)
        self._for_nobody, self.has_failed = verdict.reason is Reason.CLIENT_GONE, verdict.is_failure
        # What the log says of an abort, or of a response for nobody, is no event either.
        self._failures += (*verdict.decided, *given_up)
        return verdict

    def _safely(self, step: Callable[..., None], *details: Any) -> None:
        try:
            step(*details)
        except Exception as error:  # noqa: BLE001 # a fault of ours must not reach the request
            log.warning("deciding on a failure failed: %s", type(error).__name__)
            if details and STATE.reporter is not None:
                STATE.reporter.internal_error(error, details[0])

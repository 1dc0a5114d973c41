"""The moments of one request, and the one decision on what is reported of it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sentryinit._boundary.debug_route import DebugPanic
from sentryinit._boundary.request_info import UNDESCRIBED, RequestInfo, trace
from sentryinit._policy import ignore_rules as _policy
from sentryinit._policy.log_records import error_of, tells_of
from sentryinit._state import STATE

if TYPE_CHECKING:
    from sentryinit._boundary.adapter import Adapter

log = logging.getLogger("sentryinit")

R = TypeVar("R")
T = TypeVar("T")

# In the place of a request that is over.
OVER: Any = object()

# More than this many held log records are a storm, and no longer one error said twice.
MOST_HELD = 10


class Capture(Generic[R]):
    """What happened to one request so far. Reports at most one failure; its methods never raise.

    *status* is what went out to the client, None before. *gone*: the client is known to have left.
    *streams*: what is left of the answer may yet fail.
    *event_id*: of the event that tells of this request's failure.
    """

    # What every request writes has a slot; the rest has its default on the class, and a dictionary
    # if it is written. Nor is there an __init__: a call is a tenth of what a good request costs.
    __slots__ = ("__dict__", "adapter", "busy", "request", "status")
    adapter: Adapter[R]
    # An R; OVER once it is over.
    request: Any
    # Whether anything at all has been seen that asks for more than a status and an end.
    busy: bool
    status: int | None

    gone: bool = False
    streams: bool = False
    event_id: str | None = None
    info: RequestInfo | None = None
    # Puts back the request that this one was served in the middle of, if it was.
    resume: Callable[[], None] | None = None
    trace: dict[str, str] | None = None
    held: tuple[logging.LogRecord, ...] = ()
    # The isolation scope, once somebody has touched it.
    scope: Any = None
    # The last log records below ERROR, as they are.
    crumbs: deque[logging.LogRecord] | tuple[()] = ()
    reported: tuple[BaseException, ...] = ()
    noted: BaseException | None = None
    _stack: TracebackType | None = None
    _handled = True
    _decided = False
    _owes = False
    # Of the kind that _answered() asked about: the status, and what stands for the route.
    _endpoint: Hashable = None
    # What has been decided on, reported or not; None is an answer that no exception explains.
    _failures: tuple[BaseException | None, ...] = ()

    def note(self, exc: BaseException, *, handled: bool = True) -> None:
        """An exception was seen inside; whether it matters is decided when the status goes out."""
        self.noted, self._handled, self.busy = exc, handled, True
        # Starlette takes it off the exception once its handler has answered.
        self._stack = exc.__traceback__

    def answer(self, status: int) -> None:
        """*status* goes out to the client; for a 5xx, what is known by now is the evidence."""
        self.status = status
        if 500 <= status <= 599:
            self._safely(self._answered)
        elif self.busy:
            # Whatever it was, it has been dealt with.
            self.noted, self._stack, self._owes = None, None, False
            if self.held:
                self._safely(self._release)

    def raised(self, exc: BaseException, status: int | None = None) -> None:
        """*exc* crosses the boundary: nobody inside handled it.

        *status* is what the client gets, if that is not what went out before (or else 500).
        """
        self._safely(self._crossed, exc, status or self.status or 500)

    def settle(self) -> None:
        """The handler is done, if not the body: report now what there is to report."""
        if self._owes or self.held:
            self._safely(self._settle)

    def close(self) -> None:
        """The request is over, its body included. Idempotent."""
        if self.request is OVER:
            return
        if self.busy:
            self.settle()
            self.noted = self._stack = None
            self.reported = self._failures = self.held = self.crumbs = ()
            if self.resume is not None:
                self.resume()
                self.resume = None
        # A task that outlives the request keeps its context, and with it this object.
        self.request = OVER

    @property
    def closed(self) -> bool:
        """Return True if the request is over."""
        return self.request is OVER

    @property
    def panicked(self) -> bool:
        """Tell whether the failure is the debug route's."""
        return DebugPanic in map(type, self._failures)

    def hold(self, record: logging.LogRecord) -> logging.LogRecord | None:
        """Keep *record* until the request is decided; return one that has to go out now instead."""
        self.busy = True
        self.held += (record,)
        if len(self.held) <= MOST_HELD:
            return None
        overdue, self.held = self.held[0], self.held[1:]
        return overdue

    def knows(self, exc: BaseException) -> bool:
        """Tell whether *exc*, or what it came from, is on an event of this request already."""
        # What a reported one came from is on its event as well.
        return bool(self.reported) and _policy.meets(
            exc, [link for each in self.reported for link in _policy.tree(each)]
        )

    def told(self, exc: BaseException, event_id: str | None) -> None:
        """*exc* is on the event *event_id*, whoever captured it; None if that was held back."""
        self.busy = True
        self.reported += (exc,)
        self.event_id = event_id

    def is_abort(self, exc: BaseException) -> bool:
        """Tell whether *exc* is the client's, the server's or a caller's giving up."""
        if _policy.is_plain(exc, self.adapter.aborts):
            return False
        server: tuple[object, ...] = self._fact(self.adapter.server, self.request, ())
        return _policy.is_abort(exc, _policy.Request(self.adapter.aborts, server, self._is_gone()))

    def _is_gone(self) -> bool:
        gone = self.adapter.gone
        return self.gone or (gone is not None and self._fact(gone, self.request, False))

    def _behind(self, exc: BaseException | None) -> BaseException | None:
        # What nobody handled was no response to anybody, whatever its class.
        if exc is None or (exc is self.noted and not self._handled):
            return exc
        return _policy.real_error(exc, lambda e: self._fact(self.adapter.status_of, e, None))

    def _fact(
        self, fact: Callable[[Any], T], of: Any, default: T, what: str = "a fact of the adapter"
    ) -> T:
        """Ask the adapter; what it cannot say must cost neither event nor request."""
        try:
            return fact(of)
        except Exception as error:  # noqa: BLE001 # it reads what frameworks and clients made
            log.warning("%s failed: %s", what, type(error).__name__)
            return default

    def stack_of(self, exc: BaseException) -> TracebackType | None:
        """Return the traceback of *exc*, as it was when it was seen first."""
        return self._stack if exc is self.noted else exc.__traceback__

    def related(self) -> list[logging.LogRecord]:
        """Return the held records that tell of what has been decided on."""
        return [r for r in self.held if any(tells_of(r, f) for f in self._failures)]

    def describe(self) -> RequestInfo:
        """Return the description of the request; one that says nothing, if the adapter fails."""
        if self.info is None:
            what = "describing a request"
            self.info = self._fact(self.adapter.describe, self.request, UNDESCRIBED, what)
        return self.info

    def endpoint(self) -> Hashable:
        """Return what stands for the route, in the storm guard; cheap, if the adapter knows how."""
        if self._endpoint is None:
            if self.adapter.endpoint is not None:
                self._endpoint = self._fact(self.adapter.endpoint, self.request, None)
            else:
                info = self.describe()
                self._endpoint = info.method, info.route
        return self._endpoint

    def _answered(self) -> None:
        self.busy = True
        # A 5xx that is made up for nobody is no failure.
        self._owes = not (self._decided or self._is_gone())
        error = None if self.noted is None else self._behind(self.noted)
        if error is not None and self.is_abort(error):
            self._decided = True
            self._failures += (error,)
            return
        reporter = STATE.reporter
        if reporter is None or not reporter.holds(self, error, self.status or 500):
            # Now: a framework may have put its request away by the end, and a tracer its span.
            self.trace = trace(self.trace, self.describe())
        if isinstance(error, DebugPanic):
            self._settle()

    def _crossed(self, exc: BaseException, status: int) -> None:
        if self._decided or self.request is OVER:
            return
        self.busy = True
        if self.is_abort(exc):
            self._failures += (exc,)
            return
        first = self._behind(self.noted) if self._owes else None
        if first is None or _policy.meets(exc, [first]):
            self._fail(exc, handled=False, status=status)
        else:
            # Something else broke on the way out: what the 5xx was for came first.
            self._settle()

    def _settle(self) -> None:
        if self._owes and not self._decided:
            self._decide(self.status or 500)
        if self.held:
            self._release()

    def _decide(self, status: int) -> None:
        error = None if self.noted is None else self._behind(self.noted)
        if error is None and self.held:
            logged = [e for e in map(error_of, self.held) if e is not None]
            error = self._behind(logged[-1]) if logged else None
        if error is None:
            self._decided = True
            # An exception that the application captured itself says more than its status.
            if not self.reported and STATE.reporter is not None:
                self._failures = (None,)
                if not STATE.reporter.status(self, status):
                    # Ignored by its status: what was logged is still news.
                    self._failures = ()
        else:
            self._fail(error, handled=self._handled, status=status)

    def _fail(self, exc: BaseException, *, handled: bool, status: int) -> None:
        self._decided = self.busy = True
        self._failures += (exc,)
        if STATE.reporter is not None and not self.knows(exc):
            STATE.reporter.exception(self, exc, handled=handled, status=status)

    def _release(self) -> None:
        """Send the held records that do not tell of this request's failure."""
        related = self.related()
        waiting, self.held = self.held, ()
        for record in waiting:
            error = error_of(record)
            # One exception may have been logged twice, or captured as well.
            known = error is not None and self.knows(error)
            if record not in related and not known and STATE.reporter is not None:
                STATE.reporter.release(record)

    def _safely(self, step: Callable[..., None], *details: Any) -> None:
        try:
            step(*details)
        except Exception as error:  # noqa: BLE001 # nothing of ours may reach the request
            log.warning("deciding on a failure failed: %s", type(error).__name__)


CURRENT: ContextVar[Capture[Any] | None] = ContextVar("sentryinit_capture", default=None)


def current() -> Capture[Any] | None:
    """Return the capture of the request that this code runs for, None outside of requests."""
    capture = CURRENT.get()
    return None if capture is None or capture.request is OVER else capture

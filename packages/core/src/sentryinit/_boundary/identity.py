"""Who and what a request is: its trace, its user, and the id of the event about its failure."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from sentryinit._boundary.aborts import RequestAborts
from sentryinit._boundary.debug_route import DebugPanic
from sentryinit._boundary.facts import ask
from sentryinit._boundary.records import RequestRecords
from sentryinit._boundary.request_info import RequestInfo, opentelemetry_trace, trace_context
from sentryinit._policy import exceptions
from sentryinit._policy.grouping import Origin
from sentryinit._policy.verdict import Reason, Seen
from sentryinit._state import STATE

log = logging.getLogger("sentryinit")

_NOTHING_RESERVED = (None, None, None)


class RequestIdentity(RequestRecords, RequestAborts):
    """The part of a capture that knows its trace (D7), user (D5), and failure's id (D9)."""

    __slots__ = ()
    event_id: str | None = None
    # What was being handled outside when this request started in the middle of another one.
    outer_exception: BaseException | None = None
    # The exceptions that are on an event of this request, with its id.
    _reported: tuple[tuple[BaseException, str | None], ...] = ()
    # The exception for which an id was asked, that id if it has one, and the kind of the failure.
    _reserved: tuple[BaseException | None, str | None, Hashable] = _NOTHING_RESERVED
    _trace: dict[str, str] | None = None
    # What is known of the user by now, if it is collected.
    user: Mapping[str, str] = {}
    # As in Capture.
    request: Any
    has_activity: bool
    _decided: bool
    _describe_now: Callable[[], RequestInfo]
    _origin_of: Callable[..., Origin]

    def trace(self) -> dict[str, str]:
        """Return the trace of the request: one trace id, with OpenTelemetry's span of now."""
        known = self._trace
        if known is None:
            # At once: another thread of the request may ask as well.
            known = vars(self).setdefault("_trace", trace_context(self._describe_now()))
        active = opentelemetry_trace()
        if active and active["trace_id"] == known["trace_id"]:
            self._trace = known = active
        return known

    def note_user(self) -> None:
        """Read the user as it is known now, if it is collected: later it may be gone."""
        if STATE.settings is not None and "user" in STATE.settings.collect:
            found = ask(self.adapter.user, self.request, None, "describing the user")
            self.user = found or self.user

    def already_reported(self, exc: BaseException) -> bool:
        """Return True if *exc* is on an event of this request, or what it was raised ``from``."""
        return bool(self._event_ids(exc))

    def _is_reported(self, exc: BaseException) -> bool:
        return self.already_reported(exc) or exceptions.claim_outside_request(exc)

    @property
    def reported(self) -> tuple[tuple[BaseException, str | None], ...]:
        """The exceptions that are on an event of this request, with its id."""
        return self._reported

    def mark_reported(self, exc: BaseException, event_id: str | None) -> None:
        """Note that *exc* is on the event *event_id*; None if the event was suppressed."""
        self.has_activity, self.event_id = True, event_id
        self._reported += ((exc, event_id),)
        if event_id == self._reserved[1]:
            self._reserved = _NOTHING_RESERVED

    def explain(self, reason: Reason, exc: BaseException | None) -> None:
        """Count and log why there is no event about *exc*, if there is one."""
        if STATE.reporter is not None and exc is not None:
            STATE.reporter.explain(reason, exc, self)

    @property
    def is_debug_panic(self) -> bool:
        """True if the failure is the debug route's."""
        return DebugPanic in map(type, self._failures)

    @property
    def is_failing(self) -> bool:
        """True if a failure is known, and not only an exception that may be handled."""
        return self._decided or (self.seen_exception is not None and not self._handled)

    def failure_id(self, exc: BaseException | None) -> str | None:
        """Return the id of the event about the failure, also if that is still to be built.

        *exc* is being handled; a hook may have shown another one. Without both, it is the id of
        what the application has captured. None if it is known that there will be no event.
        """
        exc = exc if self.seen_exception is None else self.seen_exception
        if self._decided or exc is None or exc is self.outer_exception:
            return self.event_id or self._reserved[1]
        try:
            return self._id_of(exc, self._error_behind(exc))
        except Exception as error:  # noqa: BLE001 # a fault of ours must not reach the application
            log.warning("an event id could not be found: %s", type(error).__name__)
            return None

    def reserved(self, exc: BaseException | None) -> tuple[str | None, Hashable]:
        """Return the id that was given out for the failure *exc*, and its kind, or None for both.

        *exc* is None for a 5xx that no exception explains.
        """
        known, event_id, kind = self._reserved
        shares = exceptions.shares_exception
        if known is None or exc is None or shares(exc, [known]) or shares(known, [exc]):
            return event_id, kind
        return None, None

    def _event_ids(self, exc: BaseException) -> list[str | None]:
        """Return the ids of the events that *exc* is on; None is one that was suppressed."""
        reported = self._reported
        known = {id(e): found for each, found in reported for e in exceptions.iter_explicit(each)}
        chain = exceptions.iter_explicit(exc) if known else ()
        return [known[id(e)] for e in chain if id(e) in known]

    def _id_of(self, exc: BaseException, error: BaseException | None) -> str | None:
        """Return the id for *exc*; *error* is what the event is about, None if about the status."""
        if error is not None:
            known = self._event_ids(error) or exceptions.event_ids(error, in_request=False)
        else:
            known = [self.event_id] if self._reported else []
        known += filter(None, [self.reserved(exc)[0]])
        status = ask(self.adapter.status_of, exc, None) or 500
        if known or STATE.reporter is None or (status < 500 and self._handled):
            return known[0] if known else None
        aborted = self.is_abort(error or exc)
        seen = Seen(shown=error, handled=self._handled, status=status, aborted=aborted)
        # Not origin(): the exception may still leave more frames.
        key = self._origin_of(error, status).key
        event_id = uuid.uuid4().hex if STATE.reporter.expects(self, seen, key) else None
        self._reserved, self.has_activity = (exc, event_id, key), True
        return event_id

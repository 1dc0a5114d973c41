"""From a verdict to a queued event."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Hashable
from typing import Any

from sentryinit._boundary.capture import Capture
from sentryinit._boundary.current import current_capture
from sentryinit._boundary.records import note_decided
from sentryinit._boundary.request_info import UNDESCRIBED
from sentryinit._config.settings import Settings
from sentryinit._delivery import Delivery
from sentryinit._events import build
from sentryinit._events.place import exception_fingerprint
from sentryinit._events.task_name import task_name
from sentryinit._policy import aborts, exceptions, rate_limit
from sentryinit._policy.grouping import Origin, group_key, group_label
from sentryinit._policy.ignore_rules import IgnoreRules
from sentryinit._policy.verdict import Reason, Seen, Verdict, decide
from sentryinit._redaction.fallback import fallback_event
from sentryinit._sdk import scopes
from sentryinit._sdk.client import Client
from sentryinit._sdk.exceptions import exception_event
from sentryinit._sdk.hooks import CARRIED_KEY
from sentryinit._state import no_op

log = logging.getLogger("sentryinit")

# A label of the kind, the event and its hint.
_Parts = tuple[str, dict[str, Any], dict[str, Any]]


class Reporter:
    """Reports failures; every public method is safe to call from a request."""

    def __init__(self, settings: Settings, rules: IgnoreRules, client: Client) -> None:
        self._settings, self._rules, self._client = settings, rules, client
        self._delivery = delivery = Delivery(settings, client)
        self._limiter = delivery.limiter
        # As the protocol in _state says.
        self.is_limited, self.drop = self._limiter.is_limited, self._limiter.drop
        self.why_off, self.sdk_version = client.why_off, client.version
        self.waiting, self.flush, self.stats = delivery.waiting, delivery.flush, delivery.stats
        self.send_summary, self.after_fork = delivery.send_summary, delivery.after_fork

    def report(self, capture: Capture[Any], seen: Seen) -> Verdict:
        """Decide on a failure of the request of *capture*, and report it."""
        return self._report(self._with_request(seen, capture), capture)

    def expects(self, capture: Capture[Any], seen: Seen, key: Hashable) -> bool:
        """Return True if *seen* would be an event now, by the rules and the rate limit."""
        verdict = decide(self._with_request(seen, capture), self._rules)
        return verdict.reason is None and not self.is_limited(key)

    @staticmethod
    def _with_request(seen: Seen, capture: Capture[Any]) -> Seen:
        status = seen.status or 500
        return seen._replace(
            path=lambda: capture.describe().path,
            title=lambda: build.status_title(capture.describe(), status),
        )

    def capture_unhandled(self, exc: BaseException, mechanism: str) -> None:
        """Report *exc*, which nobody handled, outside of any request."""
        aborted = aborts.is_abort(exc)
        seen = Seen(exc, aborted=aborted, is_reported=exceptions.was_captured)
        self._report(seen, None, mechanism)
        note_decided(exc)

    def _report(self, seen: Seen, capture: Capture[Any] | None, mechanism: str = "") -> Verdict:
        self._delivery.check_process()
        try:
            verdict = decide(seen, self._rules)
            if verdict.reason is None:
                verdict = self._send(verdict, capture, mechanism)
        except Exception as error:  # noqa: BLE001 # a fault of ours must not reach the application
            exc = seen.shown if seen.escaped is None else seen.escaped
            self.internal_error(error, exc)
            return Verdict(exc, handled=False, status=seen.status)
        if verdict.reason is not None:
            self.explain(verdict.reason, verdict.exception, capture)
        return verdict

    def admit(
        self, seen: Seen, key: Hashable, label: str, capture: Capture[Any] | None
    ) -> int | None:
        """Decide on an event that is not ours: as ``acquire()`` of the rate limiter."""
        self._delivery.check_process()
        reason, exc, suppressed = decide(seen, self._rules).reason, seen.escaped, None
        if reason is None:
            suppressed = self._limiter.acquire(key, is_failure=False)
        if suppressed is None:
            if reason is None and capture is not None and exc is not None:
                # It has been counted: not again if the request fails with it.
                capture.mark_reported(exc, None)
            self.explain(reason or Reason.RATE_LIMITED, exc, capture)
        else:
            self._limiter.set_label(key, label)
        return suppressed

    def explain(
        self, reason: Reason, exc: BaseException | None, capture: Capture[Any] | None
    ) -> None:
        """Count and log why there is no event."""
        self._delivery.count(reason)
        if log.isEnabledFor(logging.DEBUG):
            what = "a response or message" if exc is None else type(exc).__name__
            where = "outside of requests"
            if capture is not None:
                where = f"{capture.adapter.name}, status {capture.status or 'not sent'}"
            log.debug("no event for %s (%s): %s", what, where, reason.value)

    def _send(self, verdict: Verdict, capture: Capture[Any] | None, mechanism: str) -> Verdict:
        """Send the event of *verdict*, unless its kind is suppressed."""
        exc = verdict.exception
        if capture is not None:
            origin = capture.origin(exc, verdict.status)
        else:
            stack = exceptions.traceback_of(exc) if exc is not None else None
            origin = Origin(group_key(exc, stack, no_op), stack, mechanism)
        suppressed, event_id = self._limiter.acquire(origin.key), None
        if suppressed is not None:
            event_id = self._deliver(verdict, origin, suppressed, capture)
        if capture is not None and exc is not None:
            capture.mark_reported(exc, event_id)
        elif capture is not None and suppressed is not None:
            capture.event_id = event_id
        return verdict._replace(reason=Reason.RATE_LIMITED) if suppressed is None else verdict

    def _deliver(
        self, verdict: Verdict, origin: Origin, suppressed: int, capture: Capture[Any] | None
    ) -> str | None:
        """Build the event, send and count it."""
        exc, told = verdict.exception, rate_limit.carried(origin.key, suppressed)
        event: dict[str, Any] = {}
        try:
            if exc is None:
                label, event, hint = self._of_status(verdict, capture)
            else:
                label, event, hint = self._of_exception(exc, verdict, origin, capture)
            self._limiter.set_label(origin.key, label)
            hint[CARRIED_KEY] = told
            send = self._client.capture_event
            if capture is None:
                build.add_service(self._settings, event, suppressed)
                name = task_name() if origin.mechanism == "threading" else ""
                event_id = send(event, hint, UNDESCRIBED, name)
            else:
                request, about = capture.snapshot(), capture.breadcrumbs_for(exc)
                build.add_request(self._settings, event, request)
                build.add_service(self._settings, event, suppressed)
                build.add_response(self._settings, event, verdict.status or 500, about)
                parts = event, hint, request.info, request.info.transaction
                event_id = scopes.run_in_scope(capture, send, *parts)
        except Exception as error:  # noqa: BLE001 # a fault of ours must not reach the application
            event_id = self._send_fallback(error, exc, told, event)
        if event_id is None:
            self._limiter.drop(origin.key, suppressed)
        return event_id

    def _of_status(self, verdict: Verdict, capture: Any) -> _Parts:
        event = build.status_event(self._settings, capture.describe(), verdict.status or 500)
        return event["logentry"]["message"], event, {}

    def _of_exception(
        self, exc: BaseException, verdict: Verdict, origin: Origin, capture: Any
    ) -> _Parts:
        how = {"type": origin.mechanism, "handled": verdict.handled}
        event = exception_event(exc, origin.stack, self._client.options, how)
        event["level"] = "fatal" if isinstance(exc, SystemExit) else "error"
        route = capture and capture.describe().route
        event["fingerprint"] = exception_fingerprint(self._settings, exc, origin.stack, route)
        label = group_label(exc, origin.stack)
        return label, event, {"exc_info": (type(exc), exc, origin.stack)}

    def internal_error(self, error: Exception, exc: BaseException | None) -> None:
        """Report in minimal form what could not be decided on, as a kind of its own."""
        key = "internal error", type(error)
        suppressed = self._limiter.acquire(key)
        if suppressed is None:
            self.explain(Reason.RATE_LIMITED, exc, current_capture())
        elif self._send_fallback(error, exc, rate_limit.carried(key, suppressed), {}) is None:
            self._limiter.drop(key, suppressed)

    def _send_fallback(
        self,
        error: Exception,
        exc: BaseException | None,
        told: rate_limit.Carried,
        event: dict[str, Any],
    ) -> str | None:
        """Log *error*, and send what is left of *event*, without any text of it."""
        log.warning("an event could not be built: %s", type(error).__name__)
        values = [{"type": type(exc).__name__}] if exc is not None else []
        with contextlib.suppress(Exception):  # there is nothing left to try
            source = {"level": "error", "exception": {"values": values}, **event}
            left = fallback_event(source, "report_error")
            build.add_service(self._settings, left, sum(told.suppressed.values()))
            hint: dict[str, Any] = {CARRIED_KEY: told}
            if exc is not None:
                hint["exc_info"] = type(exc), exc, None
            capture = current_capture()
            transaction = "" if capture is None else capture.describe().transaction
            return self._client.capture_event(left, hint, UNDESCRIBED, transaction)
        return None

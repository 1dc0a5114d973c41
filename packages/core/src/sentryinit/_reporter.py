"""Building events and handing them to ``sentry_sdk``, whose client has our hooks in it."""

from __future__ import annotations

import contextlib
import functools
import logging
import time
from collections.abc import Callable, Hashable
from types import TracebackType
from typing import Any

import sentry_sdk

from sentryinit._boundary.capture import Capture
from sentryinit._boundary.request_info import UNKNOWN, trace
from sentryinit._config.settings import Settings
from sentryinit._events import summary as _counts
from sentryinit._events.summary import Losses
from sentryinit._policy import ignore_rules as _policy
from sentryinit._policy.rate_limit import Storm, kind_of, label_of
from sentryinit._redaction.fallback import fallback_event
from sentryinit._sdk.exceptions import event_from
from sentryinit._sdk.hooks import OURS, claim_orphan, is_seen
from sentryinit._sdk.log_handler import HANDLER
from sentryinit._sdk.preserialized import Ready, ReadyEvent, ReadyList
from sentryinit._sdk.scopes import within

log = logging.getLogger("sentryinit")


class Reporter:
    """Decides and builds; every public method is safe to call from a request."""

    def __init__(self, settings: Settings, policy: _policy.Policy) -> None:
        self._settings, self._policy = settings, policy
        self._client, self._replaced = sentry_sdk.get_client(), False
        self._storm = Storm(
            settings["storm_burst"], settings["storm_per_minute"], on=settings["storm_guard"]
        )
        # Of what depends on the request's description: both are on the way of a storm.
        self._by_path, self._by_text = bool(policy.paths), bool(policy.messages)
        self._sdk = _sdk_info(self._client)
        self._losses = Losses(self._client.transport)

    # -- what a capture asks for ---------------------------------------------------------------

    def holds(self, capture: Capture[Any], exc: BaseException | None, status: int) -> bool:
        """Tell whether such a failure would be held back now: then nothing is described for it."""
        if exc is not None:
            return self._storm.would_hold(kind_of(exc, capture.stack_of(exc)))
        return self._storm.would_hold(("status", status, capture.endpoint()))

    def exception(
        self, capture: Capture[Any], exc: BaseException, *, handled: bool, status: int
    ) -> None:
        """Report *exc*, unless it is ignored, held back, or on an event already."""
        try:
            silent = handled and self._policy.ignores_status(status)
            by_path = self._by_path and self._policy.ignores_path(capture.describe().path)
            if silent or self._policy.ignores(exc) or by_path:
                return
            if claim_orphan(exc):
                return
            how = {"type": capture.adapter.name, "handled": handled}
            ours = {"capture": capture, "status": status}
            capture.told(exc, self._send_exception(exc, capture.stack_of(exc), how, ours))
        except Exception as error:  # noqa: BLE001 # nothing of ours may reach the request
            self._undecided(error, exc)
        if isinstance(exc, SystemExit):
            # Whoever raises it means the process to end, and a server may not wait for atexit.
            self.flush()

    def status(self, capture: Capture[Any], status: int) -> bool:
        """Report an answer without exception; tell whether it stands for what was logged."""
        try:
            if self._by_path and self._policy.ignores_path(capture.describe().path):
                return True
            by_text = self._by_text and self._policy.ignores_message(_text(capture, status))
            if by_text or self._policy.ignores_status(status):
                return False
            kind = "status", status, capture.endpoint()
            held = self._storm.take(kind)
            if held is not None:
                ours = {"capture": capture, "status": status, "suppressed": held}
                make = functools.partial(self._status_event, capture, status, kind)
                capture.event_id = self._deliver(kind, make, ours)
        except Exception as error:  # noqa: BLE001 # nothing of ours may reach the request
            self._undecided(error, None)
        return True

    def escaped(self, exc: BaseException, mechanism: str) -> None:
        """Report *exc* that nobody handled, outside of any request."""
        try:
            if not (_policy.is_abort(exc) or self._policy.ignores(exc) or is_seen(exc)):
                how = {"type": mechanism, "handled": False}
                self._send_exception(exc, exc.__traceback__, how, {})
        except Exception as error:  # noqa: BLE001 # the process is ending already, with a better reason
            self._undecided(error, exc)

    def release(self, record: logging.LogRecord) -> None:
        """Send a logged error after all: it is not the failure of its request."""
        HANDLER.emit_now(record)

    def flush(self, *, last: bool = False) -> None:
        """Send what waits, for at most ``flush_timeout`` seconds, and the counts held back.

        *last*: the process is about to end; its exit hook gets what this leaves of the time.
        """
        self.summarise()
        timeout, begun = self._settings["flush_timeout"], time.monotonic()
        try:
            sentry_sdk.flush(timeout=timeout)
        except Exception as error:  # noqa: BLE001 # flushing happens on the way out
            log.warning("flush failed: %s", type(error).__name__)
        if last:
            left = max(0.0, timeout - (time.monotonic() - begun))
            self._client.options["shutdown_timeout"] = left

    def summarise(self) -> None:
        """Report what the storm guard holds and no event has carried yet."""
        counts = self._storm.drain()
        if not counts:
            return
        sent = None
        try:
            # Nobody's, whoever was served last in this thread.
            event = _counts.summary(self._settings["service"], counts)
            sent = within(None, self._capture, event, {}, {})
        except Exception as error:  # noqa: BLE001 # nothing of ours may reach whoever flushes
            log.warning("a summary could not be sent: %s", type(error).__name__)
        if sent is None:
            self._storm.give_back(sum(counts.values()))

    def forked(self) -> None:
        """Begin to count anew, in the child: what is not told yet, the parent tells."""
        self._storm.forget()
        self._losses.forget()

    def stats(self) -> dict[str, int]:
        """Return what has been counted since the start of the process."""
        return {**self._storm.stats(), "lost": self._losses.count}

    # -- building ------------------------------------------------------------------------------

    def _send_exception(
        self,
        exc: BaseException,
        stack: TracebackType | None,
        mechanism: dict[str, Any],
        ours: dict[str, Any],
    ) -> str | None:
        kind = kind_of(exc, stack)
        held = self._storm.take(kind)
        if held is None:
            return None
        ours["suppressed"] = held
        ours["level"] = "fatal" if isinstance(exc, SystemExit) else "error"
        make = functools.partial(self._exception_event, exc, stack, mechanism, kind)
        return self._deliver(kind, make, ours, exc)

    def _exception_event(
        self,
        exc: BaseException,
        stack: TracebackType | None,
        mechanism: dict[str, Any],
        kind: Hashable,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        self._storm.passed(kind, label_of(exc, stack))
        return event_from(exc, stack, sentry_sdk.get_client().options, mechanism)

    def _status_event(
        self, capture: Capture[Any], status: int, kind: Hashable
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        info, service = capture.describe(), self._settings["service"]
        text, route = _text(capture, status), info.route or UNKNOWN
        self._storm.passed(kind, f"HTTP {status} {info.method} {route}")
        event = {
            "level": "error",
            "logentry": Ready(message=text, formatted=text),
            "fingerprint": ReadyList(["sentryinit", service, info.method, route, str(status)]),
        }
        return event, {}

    def _deliver(
        self,
        kind: Hashable,
        make: Callable[[], tuple[dict[str, Any], dict[str, Any]]],
        ours: dict[str, Any],
        exc: BaseException | None = None,
    ) -> str | None:
        """Make the event and hand it on; what becomes of it is counted, whatever that is."""
        held = ours["suppressed"]
        try:
            event, hint = make()
            event["sdk"] = self._sdk
            event["contexts"] = {"sentryinit": Ready(suppressed=held)} if held else {}
            capture, send = ours.get("capture"), self._capture
            if capture is not None:
                # The SDK would begin one, and fork the scope for it.
                capture.trace = trace(capture.trace, capture.describe())
                event["contexts"]["trace"] = Ready(capture.trace)
                send = functools.partial(within, capture, self._capture)
            event_id = send(event, hint, ours)
        except Exception as error:  # noqa: BLE001 # nothing of ours may reach the request
            event_id = self._last_resort(error, exc, held)
        if event_id is None:
            self._storm.drop(kind, held)
        return event_id

    def _capture(
        self, event: dict[str, Any], hint: dict[str, Any], ours: dict[str, Any]
    ) -> str | None:
        if sentry_sdk.get_client() is not self._client and not self._replaced:
            self._replaced = True
            log.warning(
                "sentry_sdk.init() was called after sentryinit.init() and replaced its client, so "
                "that nothing is masked any more: remove that call"
            )
        event = ReadyEvent(event, sentry_sdk.get_client().options)
        # Asked for once, the scope is an ordinary one, and the SDK's many questions cost less.
        sentry_sdk.get_isolation_scope()
        return sentry_sdk.capture_event(event, {**hint, OURS: ours})  # type: ignore[arg-type] # an Event is a TypedDict

    def _undecided(self, error: Exception, exc: BaseException | None) -> None:
        """Report in minimal form what could not even be decided on; it counts as a kind."""
        kind = "undecided", type(error)
        held = self._storm.take(kind)
        if held is not None and self._last_resort(error, exc, held) is None:
            self._storm.drop(kind, held)

    def _last_resort(self, error: Exception, exc: BaseException | None, held: int) -> str | None:
        """Say once that reporting broke, and send what needs nothing that can break."""
        log.warning("an event could not be built: %s", type(error).__name__)
        values = [{"type": type(exc).__name__}] if exc is not None else []
        event = fallback_event({"level": "error", "exception": {"values": values}}, "report_error")
        with contextlib.suppress(Exception):  # there is nothing left to try
            return sentry_sdk.capture_event(event, {OURS: {"suppressed": held}})  # type: ignore[arg-type] # an Event is a TypedDict
        return None


def _sdk_info(client: Any) -> Ready:
    """Return what the SDK says of itself on each event, once."""
    version = sentry_sdk.VERSION
    return Ready(
        name="sentry.python",
        version=version,
        packages=[{"name": "pypi:sentry-sdk", "version": version}],
        integrations=sorted(client.integrations),
    )


def _text(capture: Capture[Any], status: int) -> str:
    info = capture.describe()
    return f"HTTP {status} {info.method} {info.path}"

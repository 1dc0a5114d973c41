"""Building events and handing them to ``sentry_sdk``, whose client has our hooks in it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Hashable
from types import TracebackType
from typing import Any

import sentry_sdk

from sentryinit import _policy
from sentryinit._capture import Capture
from sentryinit._exceptions import event_from
from sentryinit._hooks import OURS, claim_orphan, is_seen
from sentryinit._logs import HANDLER
from sentryinit._redact import minimal
from sentryinit._request import UNKNOWN
from sentryinit._settings import Settings
from sentryinit._storm import Storm

log = logging.getLogger("sentryinit")


class Reporter:
    """Decides and builds; every public method is safe to call from a request."""

    def __init__(self, settings: Settings, policy: _policy.Policy) -> None:
        self._settings, self._policy = settings, policy
        self._client, self._replaced = sentry_sdk.get_client(), False
        self._storm = Storm(settings["storm_burst"], settings["storm_per_minute"])

    # -- what a capture asks for ---------------------------------------------------------------

    def exception(
        self, capture: Capture[Any], exc: BaseException, *, handled: bool, status: int
    ) -> None:
        """Report *exc*, unless it is ignored, held back, or on an event already."""
        try:
            silent = handled and self._policy.ignores_status(status)
            if silent or self._policy.ignores(exc) or self._ignores_path(capture):
                return
            if claim_orphan(exc):
                return
            stack = capture.stack_of(exc)
            ours = {"capture": capture, "status": status}
            mechanism = {"type": capture.adapter.name, "handled": handled}
            capture.told(exc, self._send_exception(exc, stack, mechanism, ours))
        except Exception as error:  # noqa: BLE001 # nothing of ours may reach the request
            self._last_resort(error, exc)
        if isinstance(exc, SystemExit):
            # Whoever raises it means the process to end, and a server may not wait for atexit.
            self.flush()

    def status(self, capture: Capture[Any], status: int) -> bool:
        """Report an answer without exception; tell whether it stands for what was logged."""
        try:
            if self._ignores_path(capture):
                return True
            info = capture.describe()
            text = f"HTTP {status} {info.method} {info.path}"
            if self._policy.ignores_status(status) or self._policy.ignores_message(text):
                return False
            fingerprint = [
                "sentryinit",
                self._settings["service"],
                info.method,
                info.route or UNKNOWN,
                str(status),
            ]
            event = {
                "level": "error",
                "logentry": {"message": text, "formatted": text},
                "fingerprint": fingerprint,
            }
            ours = {"capture": capture, "status": status}
            capture.event_id = self._send(event, {}, tuple(fingerprint), ours)
        except Exception as error:  # noqa: BLE001 # nothing of ours may reach the request
            self._last_resort(error, None)
        return True

    def escaped(self, exc: BaseException, mechanism: str) -> None:
        """Report *exc* that nobody handled, outside of any request."""
        try:
            if _policy.is_abort(exc) or self._policy.ignores(exc) or is_seen(exc):
                return
            how = {"type": mechanism, "handled": False}
            self._send_exception(exc, exc.__traceback__, how, {})
        except Exception as error:  # noqa: BLE001 # the process is ending already, with a better reason
            self._last_resort(error, exc)

    def release(self, record: logging.LogRecord) -> None:
        """Send a logged error after all: it is not the failure of its request."""
        HANDLER.emit_now(record)

    def flush(self) -> None:
        """Send what waits, for at most ``flush_timeout`` seconds, and the counts held back."""
        self.summarise()
        try:
            sentry_sdk.flush(timeout=self._settings["flush_timeout"])
        except Exception as error:  # noqa: BLE001 # flushing happens on the way out
            log.warning("flush failed: %s", type(error).__name__)

    def summarise(self) -> None:
        """Report what the storm guard holds and no event has carried yet."""
        counts = self._storm.drain()
        if not counts:
            return
        total = sum(counts.values())
        text = f"{total} failures held back by the storm guard"
        kinds = {_kind_name(kind): count for kind, count in counts.items()}
        event = {
            "level": "warning",
            "logentry": {"message": text, "formatted": text},
            "fingerprint": ["sentryinit", self._settings["service"], "suppressed"],
        }
        context = {"suppressed": total, "kinds": kinds}
        try:
            self._capture(event, {}, context, {})
        except Exception as error:  # noqa: BLE001 # nothing of ours may reach whoever flushes
            log.warning("a summary could not be sent: %s", type(error).__name__)

    # -- building ------------------------------------------------------------------------------

    def _send_exception(
        self,
        exc: BaseException,
        stack: TracebackType | None,
        mechanism: dict[str, Any],
        ours: dict[str, Any],
    ) -> str | None:
        suppressed = self._take((type(exc), _place(stack)))
        if suppressed is None:
            return None
        options = sentry_sdk.get_client().options
        event, hint = event_from(exc, stack, options, mechanism)
        ours["level"] = "fatal" if isinstance(exc, SystemExit) else "error"
        return self._capture(event, hint, _carried(suppressed), ours)

    def _send(
        self, event: dict[str, Any], hint: dict[str, Any], kind: Hashable, ours: dict[str, Any]
    ) -> str | None:
        suppressed = self._take(kind)
        if suppressed is None:
            return None
        return self._capture(event, hint, _carried(suppressed), ours)

    def _take(self, kind: Hashable) -> int | None:
        return self._storm.take(kind) if self._settings["storm_guard"] else 0

    def _capture(
        self,
        event: dict[str, Any],
        hint: dict[str, Any],
        context: dict[str, Any],
        ours: dict[str, Any],
    ) -> str | None:
        if context:
            event["contexts"] = {"sentryinit": context}
        if sentry_sdk.get_client() is not self._client and not self._replaced:
            self._replaced = True
            log.warning(
                "sentry_sdk.init() was called after sentryinit.init() and replaced its client, so "
                "that nothing is masked any more: remove that call"
            )
        return sentry_sdk.capture_event(event, {**hint, OURS: ours})  # type: ignore[arg-type] # an Event is a TypedDict

    def _last_resort(self, error: Exception, exc: BaseException | None) -> None:
        """Say once that reporting broke, and send what needs nothing that can break."""
        log.warning("an event could not be built: %s", type(error).__name__)
        values = [{"type": type(exc).__name__}] if exc is not None else []
        event = minimal({"level": "error", "exception": {"values": values}}, "report_error")
        with contextlib.suppress(Exception):  # there is nothing left to try
            sentry_sdk.capture_event(event, {OURS: {}})  # type: ignore[arg-type] # an Event is a TypedDict

    def _ignores_path(self, capture: Capture[Any]) -> bool:
        return bool(self._settings["ignore_paths"]) and self._policy.ignores_path(
            capture.describe().path
        )


def _place(stack: TracebackType | None) -> tuple[str, int]:
    """Return file and line of the innermost frame that is not of an installed package."""
    place = "", 0
    while stack is not None:
        name = stack.tb_frame.f_code.co_filename
        if not place[0] or "site-packages" not in name:
            place = name, stack.tb_lineno
        stack = stack.tb_next
    return place


def _carried(suppressed: int) -> dict[str, Any]:
    return {"suppressed": suppressed} if suppressed else {}


def _kind_name(kind: Hashable) -> str:
    if isinstance(kind, tuple) and kind and isinstance(kind[0], type):
        return f"{kind[0].__module__}.{kind[0].__qualname__}"
    return " ".join(map(str, kind[2:])) if isinstance(kind, tuple) and kind[2:] else "others"

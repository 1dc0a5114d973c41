"""Logged errors: kept by the request they belong to until it is known what becomes of it."""

from __future__ import annotations

import inspect
import logging

from sentry_sdk.integrations.logging import EventHandler, LoggingIntegration

from sentryinit._capture import current


class HoldingHandler(EventHandler):
    """Makes events of records at once, but for a request that has not answered yet."""

    def emit(self, record: logging.LogRecord) -> None:
        """Hand *record* to the request that it belongs to, or make an event of it."""
        capture = current()
        # Once the status is out, a record might have to wait for hours: a stream, a WebSocket.
        held = capture is not None and capture.status is None and self._can_record(record)
        overdue = capture.hold(record) if held and capture is not None else record
        if overdue is not None:
            super().emit(overdue)

    def emit_now(self, record: logging.LogRecord) -> None:
        """Make an event of a record that was held."""
        super().emit(record)


HANDLER = HoldingHandler(level=logging.ERROR)


def integration() -> LoggingIntegration:
    """Return the SDK's integration with our handler in it."""
    # A breadcrumb for each record costs 9 us and would touch the scope of every request.
    wanted = {"level": None, "sentry_logs_level": None, "event_level": logging.ERROR}
    known = inspect.signature(LoggingIntegration).parameters
    made = LoggingIntegration(**{name: wanted[name] for name in wanted if name in known})
    # A private name. Should it go, records are events at once, and an error that is logged
    # without its exception is a second event.
    if isinstance(getattr(made, "_handler", None), EventHandler):
        made._handler = HANDLER  # noqa: SLF001 # there is no other way in
    return made

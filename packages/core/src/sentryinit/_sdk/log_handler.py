"""Log records: those at ERROR wait until their request is decided; the last others are kept."""

from __future__ import annotations

import inspect
import logging
import types
from collections.abc import Callable
from typing import Any

from sentry_sdk.integrations.logging import EventHandler, LoggingIntegration

from sentryinit._boundary.capture import CLOSED
from sentryinit._boundary.current import CURRENT, current_capture


class DeferringHandler(EventHandler):
    """Makes an event of a record at once, unless its request has not answered yet (C2)."""

    def emit(self, record: logging.LogRecord) -> None:
        """Defer *record* in its request, or make an event of it."""
        capture = current_capture()
        due: logging.LogRecord | None = record
        # Not once the status is sent: a stream or a WebSocket may run for hours.
        if capture is not None and capture.status is None and self._can_record(record):
            due = capture.defer(record)
        if due is not None:
            self.emit_now(due)

    def emit_now(self, record: logging.LogRecord) -> None:
        """Make an event of *record*."""
        super().emit(record)


HANDLER = DeferringHandler(level=logging.ERROR)


def integration() -> LoggingIntegration:
    """Return sentry-sdk's logging integration with our handler in it."""
    # A breadcrumb for each record costs 9 us, and would fork the scope of every request.
    wanted = {"level": None, "sentry_logs_level": None, "event_level": logging.ERROR}
    known = inspect.signature(LoggingIntegration).parameters
    made = LoggingIntegration(**{name: wanted[name] for name in wanted if name in known})
    # A private name. Without it records are events at once: an error that is logged without its
    # exception is a second one.
    if isinstance(getattr(made, "_handler", None), EventHandler):
        made._handler = HANDLER  # noqa: SLF001 # there is no public way to set it
    return made


# The lowest level that sentry-sdk sees, and how many other records a request keeps.
_FILTER = types.SimpleNamespace(level=logging.NOTSET, kept=0)


def install_filter(original: Callable[..., Any]) -> None:
    """Keep records below ERROR from the ``Logger.callHandlers`` that sentry-sdk has installed.

    That asks client, scopes and integration for each record, and ignores most. *original* is the
    method before it.
    """
    patched = logging.Logger.callHandlers
    if patched is original:
        return  # our filter is there already, or sentry-sdk's was before us

    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        capture = CURRENT.get()
        if record.levelno >= _FILTER.level and not (capture and capture.ignores_records):
            patched(self, record)
            return
        original(self, record)
        is_wanted = _FILTER.kept and logging.INFO <= record.levelno < logging.ERROR
        if is_wanted and capture is not None and capture.request is not CLOSED:
            capture.keep_record(record, _FILTER.kept)

    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign] # as sentry-sdk does


def set_filter(client: Any, kept: int) -> None:
    """Filter for *client*, and keep the last *kept* records of a request.

    A LoggingIntegration of the application gets all records.
    """
    ours = getattr(client.get_integration(LoggingIntegration), "_handler", None) is HANDLER
    _FILTER.level, _FILTER.kept = logging.ERROR if ours else logging.NOTSET, kept

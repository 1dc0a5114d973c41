"""Log records: those at ERROR wait until their request is decided; the last others are kept."""

from __future__ import annotations

import functools
import inspect
import logging
import sys
import types
from collections.abc import Callable
from typing import Any

from sentry_sdk.integrations.logging import EventHandler, LoggingIntegration
from sentry_sdk.serializer import serialize

from sentryinit._boundary.capture import CLOSED
from sentryinit._boundary.current import CURRENT, current_capture
from sentryinit._policy.grouping import record_key
from sentryinit._policy.log_records import FrozenRecord, exception_of, freeze
from sentryinit._sdk import scopes
from sentryinit._sdk.hooks import admit
from sentryinit._state import STATE, Reporter

log = logging.getLogger("sentryinit")

# The function by which the event loop tells of an exception: module and name.
_LOOP = "asyncio.base_events", "call_exception_handler"
_emit = EventHandler.emit


def _emit_or_defer(handler: EventHandler, record: logging.LogRecord) -> None:
    """Replace ``EventHandler.emit``, for all integrations: *record* is an event, now or later."""
    if STATE.reporter is None or not handler._can_record(record):  # noqa: SLF001 # emit() asks it
        _emit(handler, record)
        return
    try:
        _handle(handler, record)
    except Exception as error:  # noqa: BLE001 # a fault of ours must not reach the application
        log.warning("deferring a log record failed: %s", type(error).__name__)


EventHandler.emit = _emit_or_defer  # type: ignore[method-assign,assignment] # see above


def _handle(handler: EventHandler, record: logging.LogRecord) -> None:
    frozen = freeze(record, sys.exc_info()[1])
    extra = handler._extra_from_record(record)  # noqa: SLF001 # emit() asks it
    if extra:
        frozen.__dict__.update(serialize({"extra": extra})["extra"])
    send = functools.partial(_send, handler, frozen, STATE.reporter)
    if _is_of_event_loop(record):
        scopes.run_in_scope(None, send)
    else:
        send_or_defer(frozen, send)


def send_or_defer(record: FrozenRecord, send: Callable[[], None]) -> None:
    """Call *send*; inside a request, not before it is known whether *record* is about its failure.

    Then *send* is called with the scopes of now, or never.
    """
    capture, seconds = current_capture(), STATE.settings.log_record_timeout  # type: ignore[union-attr] # there is a reporter
    # Not once the status is sent: a stream or a WebSocket may run for hours.
    if capture is None or capture.status is not None or not seconds:
        send()
        return
    capture.defer(record, seconds, scopes.with_scopes_of_now(send))


def _is_of_event_loop(record: logging.LogRecord) -> bool:
    """Return True if the event loop logs *record*: about work of any request, or of none.

    The garbage collector may have it do so in the middle of a request ("Task exception was never
    retrieved"). An exception handler of the application may log it by another logger.
    """
    frame = sys._getframe() if record.name != "asyncio" else None  # noqa: SLF001 # inspect reads source files
    while frame is not None and (frame.f_globals.get("__name__"), frame.f_code.co_name) != _LOOP:
        frame = frame.f_back
    return frame is not None or record.name == "asyncio"


def _send(handler: EventHandler, record: FrozenRecord, reporter: Reporter | None) -> None:
    """Make an event of *record*, unless the rate limit or a rule is against it."""
    error = exception_of(record)
    if reporter is None or reporter is not STATE.reporter:
        return  # tests replace it
    key, suppressed = admit(error, record_key(record), record.text)
    if suppressed is None:
        return
    record.suppressed, before = suppressed, scopes.last_captured_id()
    _emit(handler, record)
    if scopes.last_captured_id() == before:
        reporter.drop(key, suppressed)


def _integration() -> LoggingIntegration:
    """Return sentry-sdk's logging integration, for events only."""
    # A breadcrumb for each record costs 9 us, and would fork the scope of every request.
    wanted = {"level": None, "sentry_logs_level": None, "event_level": logging.ERROR}
    known = inspect.signature(LoggingIntegration).parameters
    return LoggingIntegration(**{name: wanted[name] for name in wanted if name in known})


INTEGRATION = _integration()

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
    ours = client.get_integration(LoggingIntegration) is INTEGRATION
    _FILTER.level, _FILTER.kept = logging.ERROR if ours else logging.NOTSET, kept

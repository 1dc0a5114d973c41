"""Log records: events wait until their request is decided; the last others are kept.

Of servers and frameworks only what no boundary has told of is an event.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import sys
import threading
import types
from collections.abc import Callable, Iterable
from typing import Any

from sentry_sdk.integrations.logging import (
    _IGNORED_LOGGERS,
    BreadcrumbHandler,
    EventHandler,
    LoggingIntegration,
)
from sentry_sdk.serializer import serialize

from sentryinit._boundary.capture import CLOSED
from sentryinit._boundary.current import CURRENT, current_capture
from sentryinit._boundary.records import explain_record, was_told
from sentryinit._config.settings import Settings
from sentryinit._policy import aborts, exceptions
from sentryinit._policy.grouping import is_in_app, record_key
from sentryinit._policy.log_records import FrozenRecord, exception_of, freeze
from sentryinit._policy.loggers import (
    is_ignored,
    is_of_event_loop,
    is_of_framework,
    is_of_server,
    tells_of_failure,
)
from sentryinit._policy.verdict import Reason
from sentryinit._sdk import scopes
from sentryinit._sdk.hooks import admit
from sentryinit._state import STATE, Reporter

log = logging.getLogger("sentryinit")

# The handler, text and place of the last record of a thread.
_LAST = threading.local()
_emit, _add_breadcrumb = EventHandler.emit, BreadcrumbHandler.emit


def _emit_or_defer(handler: EventHandler, record: logging.LogRecord) -> None:
    """Replace ``EventHandler.emit``, for all integrations: *record* is an event, now or later."""
    if STATE.reporter is None or not handler._can_record(record):  # noqa: SLF001 # emit() asks it
        _emit(handler, record)
        return
    try:
        _handle(handler, record)
    except Exception as error:  # noqa: BLE001 # a fault of ours must not reach the application
        log.warning("deferring a log record failed: %s", type(error).__name__)


def _emit_breadcrumb(handler: BreadcrumbHandler, record: logging.LogRecord) -> None:
    """Replace ``BreadcrumbHandler.emit``: of integrations that the application has added."""
    settings = STATE.settings
    ignored = settings is not None and is_ignored(record, settings.ignore_loggers)
    if not (ignored or is_of_server(record, _FILTER.loggers)):
        _add_breadcrumb(handler, record)


BreadcrumbHandler.emit = _emit_breadcrumb  # type: ignore[method-assign,assignment] # see above
EventHandler.emit = _emit_or_defer  # type: ignore[method-assign,assignment] # see above


def _handle(handler: EventHandler, record: logging.LogRecord) -> None:
    settings: Settings = STATE.settings  # type: ignore[assignment] # there is a reporter
    capture, wanted = current_capture(), settings.log_events
    if _is_unwanted(record, settings, capture):
        return
    is_servers = is_of_server(record, _FILTER.loggers)
    is_servers = is_servers or (capture is None and is_of_framework(record))
    # Applications log the exceptions that they handle by the logger of their server, too.
    if capture is not None and record.exc_info and is_in_app(record.pathname, None):
        is_servers = False
    # The boundary of a request that is open will tell; below ERROR nothing has failed.
    if is_servers and (record.levelno < logging.ERROR or capture is not None):
        return
    handled = sys.exc_info()[1]
    if handled is None and capture is not None:
        # A handler of exceptions may run in another thread, where none is being handled.
        handled = capture.seen_exception
    frozen = freeze(record, handled, _given_to_structlog(), by_server=is_servers)
    known = _why_known(handler, frozen, is_outside=capture is None)
    if known is not None:
        explain_record(frozen, known)
        return
    extra = handler._extra_from_record(record)  # noqa: SLF001 # emit() asks it
    if extra:
        frozen.__dict__.update(serialize({"extra": extra})["extra"])
    send = functools.partial(_send, handler, frozen, STATE.reporter)
    if is_servers:
        # aiohttp logs what a response raises before it ends the task of the request.
        loop = asyncio._get_running_loop() if record.msg == "Unhandled exception" else None  # noqa: SLF001 # the public function raises
        (loop.call_soon if loop else _call)(_send_unless_told, frozen, send)
        return
    if is_of_event_loop(record):
        scopes.run_in_scope(None, send)
    elif capture is None or wanted == "all" or (wanted == "failed" and capture.has_failed):
        send_or_defer(frozen, send)
    else:
        later = scopes.with_scopes_of_now(send) if wanted == "failed" else None
        capture.defer(frozen, None, later)


def _why_known(handler: EventHandler, record: FrozenRecord, *, is_outside: bool) -> Reason | None:
    """Return why *record* is no news, if that is known without the decision on its request."""
    exc = record.handled
    if _is_double(handler, record):
        return Reason.SAME_RECORD
    if not is_outside or record.by_server or exc is None or exception_of(record) is not None:
        return None
    # A boundary has decided, and code around it makes the page. What the application has captured
    # outside of requests is no failure.
    is_told = exceptions.was_decided(exc) and not exceptions.event_ids(exc, in_request=False)
    return Reason.KNOWN_RECORD if is_told else None


def _is_unwanted(record: logging.LogRecord, settings: Settings, capture: Any) -> bool:
    """Return True if the settings want no event of *record*, whatever its request does."""
    if is_ignored(record, settings.ignore_loggers):
        if not is_ignored(record, ()):  # else it is ours, or a line about each request
            explain_record(record, Reason.IGNORED_LOGGER)
        return True
    if settings.log_events == "none" and (capture is None or is_of_event_loop(record)):
        explain_record(record, Reason.LOG_EVENTS)
        return True
    return False


def send_or_defer(record: FrozenRecord, send: Callable[[], object]) -> None:
    """Call *send*; inside a request, not before it is known whether *record* is about its failure.

    Then *send* is called with the scopes of now, or never.
    """
    capture, seconds = current_capture(), STATE.settings.log_record_timeout  # type: ignore[union-attr] # there is a reporter
    # Not once the status is sent: a stream or a WebSocket may run for hours.
    if capture is None or capture.status is not None or not seconds:
        send()
        return
    capture.defer(record, seconds, scopes.with_scopes_of_now(send))


def _given_to_structlog() -> Any:
    """Return the ``exc_info`` that structlog was given; its record may have only a text."""
    frame = sys._getframe() if "structlog" in sys.modules else None  # noqa: SLF001 # inspect reads source files
    while frame is not None and frame.f_globals.get("__name__") != "structlog._base":
        frame = frame.f_back
    return frame and frame.f_locals.get("event_kw", {}).get("exc_info")


def _is_double(handler: EventHandler, record: FrozenRecord) -> bool:
    """Return True if another handler got *record* just now.

    A bridge between libraries logs it again. One text may have the time and place around it.
    """
    place = record.pathname, record.lineno, record.levelno
    before, text, last_place = getattr(_LAST, "record", (handler, "", None))
    _LAST.record = handler, record.text, place
    is_same = place == last_place and (record.text in text or text in record.text)
    if before is handler or not is_same:
        return False
    _LAST.record = handler, "", None
    return True


def _is_told(record: FrozenRecord) -> bool:
    """Return True if *record*, of a server, is no news: a boundary has decided on its failure.

    Or if there is none: the client has disconnected, or the server tells of itself.
    """
    error = exception_of(record)
    if error is not None:
        entries = [*exceptions.iter_traceback(exceptions.traceback_of(error))][-1:]
        modules = [entry.tb_frame.f_globals.get("__name__") for entry in entries]
        # Before 3.10 aiohttp itself raises it for a handler without a response (A4).
        is_aiohttps = modules == ["aiohttp.web_protocol"] and "sentryinit_aiohttp" in sys.modules
        return is_aiohttps or exceptions.was_decided(error) or aborts.is_of_client(error)
    return not tells_of_failure(record) or was_told(record)


def _call(function: Callable[..., None], *arguments: Any) -> None:
    function(*arguments)


def _send_unless_told(record: FrozenRecord, send: Callable[[], bool]) -> None:
    """Make an event of *record*, of a server; say once that no boundary has seen the failure."""
    if not _is_told(record) and scopes.run_in_scope(None, send) and not _FILTER.has_warned:
        _FILTER.has_warned = True
        log.warning(
            "the logger %s tells of a failure that no boundary has seen: set up the middleware of "
            "sentryinit, as the outermost one; without it events say nothing of their requests",
            record.name,
        )


def _send(handler: EventHandler, record: FrozenRecord, reporter: Reporter | None) -> bool:
    """Make an event of *record* and return True, unless the rate limit or a rule is against it."""
    error = exception_of(record)
    if reporter is None or reporter is not STATE.reporter:
        return False  # tests replace it
    key, suppressed = admit(error, record_key(record), record.text)
    if suppressed is None:
        return False
    record.kind, record.suppressed = key, suppressed
    before = scopes.last_captured_id()
    _emit(handler, record)
    is_sent = scopes.last_captured_id() != before
    if not is_sent:
        reporter.drop(key, suppressed)
    return is_sent


def _integration() -> LoggingIntegration:
    """Return sentry-sdk's logging integration, for events only."""
    # A breadcrumb for each record costs 9 us, and would fork the scope of every request.
    wanted = {"level": None, "sentry_logs_level": None, "event_level": logging.ERROR}
    known = inspect.signature(LoggingIntegration).parameters
    return LoggingIntegration(**{name: wanted[name] for name in wanted if name in known})


INTEGRATION = _integration()

# The lowest level that sentry-sdk sees, and how many other records a request keeps. The loggers of
# adapters, and whether a failure outside of boundaries was told of.
_FILTER = types.SimpleNamespace(level=logging.NOTSET, kept=0, loggers=(), has_warned=False)


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
        is_wanted = _FILTER.kept and logging.INFO <= record.levelno < _FILTER.level
        is_wanted = is_wanted and record.name not in _IGNORED_LOGGERS
        if is_wanted and capture is not None and capture.request is not CLOSED:
            capture.keep_record(record, _FILTER.kept)

    for function in (patched, call_handlers):
        # A handler that looks for the caller, as that of loguru's manual, skips this file.
        code = function.__code__.replace(co_filename=logging.__file__)
        function.__code__ = code
    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign] # as sentry-sdk does


def set_filter(client: Any, kept: int, level: int) -> None:
    """Filter for *client*, keep the last *kept* records of a request, make events from *level* on.

    A LoggingIntegration of the application gets all records.
    """
    ours = client.get_integration(LoggingIntegration) is INTEGRATION
    INTEGRATION._handler.setLevel(level)  # type: ignore[union-attr] # noqa: SLF001 # it has one
    _FILTER.level, _FILTER.kept = level if ours else logging.NOTSET, kept
    _FILTER.loggers, _FILTER.has_warned = (), False
    # CeleryIntegration ignores it. In a child that has built its tasks before, it reports nothing.
    _IGNORED_LOGGERS.discard("celery.app.trace")


def add_loggers(names: Iterable[str]) -> None:
    """Take *names* for loggers of a framework, as those of servers."""
    _FILTER.loggers += tuple(names)

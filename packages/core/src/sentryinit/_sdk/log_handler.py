"""Log records, kept by the request they belong to.

Errors, until it is known what becomes of it; of the others the last few, as they are, in case an
event is built.
"""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from sentry_sdk.integrations.logging import EventHandler, LoggingIntegration

from sentryinit._boundary.capture import CURRENT, OVER, Capture, current


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


class _Sieve:
    """What :func:`sift` goes by: the lowest level for the SDK, how many others a request keeps."""

    __slots__ = ("kept", "level")

    def __init__(self) -> None:
        self.level, self.kept = logging.NOTSET, 0


SIEVE = _Sieve()


def sift(plain: Callable[..., Any], client: Any, kept: int) -> None:
    """Keep records below ``ERROR`` from what the SDK put in the place of *plain*.

    Its ``callHandlers`` asks client, scopes and integration for each record, to do nothing with
    most of them. If the application has a LoggingIntegration of its own, that gets all of them.
    """
    ours = getattr(client.get_integration(LoggingIntegration), "_handler", None) is HANDLER
    SIEVE.level, SIEVE.kept = logging.ERROR if ours else logging.NOTSET, kept
    patched = logging.Logger.callHandlers
    if patched is plain:
        return  # ours is there already, or the SDK's was before us

    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        if record.levelno >= SIEVE.level:
            patched(self, record)
            return
        plain(self, record)
        if SIEVE.kept and record.levelno >= logging.INFO:
            capture = CURRENT.get()
            if capture is not None and capture.request is not OVER:
                _keep(capture, record)

    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign] # as the SDK does


def _keep(capture: Capture[Any], record: logging.LogRecord) -> None:
    crumbs = capture.crumbs
    if not crumbs:
        crumbs = capture.crumbs = deque(maxlen=SIEVE.kept)
        capture.busy = True
    crumbs.append(record)

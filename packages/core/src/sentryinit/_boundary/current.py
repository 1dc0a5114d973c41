"""The capture of the request that code runs for."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import Any

from sentryinit._boundary.capture import CLOSED, Capture
from sentryinit._policy.exceptions import event_ids

CURRENT: ContextVar[Capture[Any] | None] = ContextVar("sentryinit_capture", default=None)


def current_capture() -> Capture[Any] | None:
    """Return the capture of the request that this code runs for, None outside of requests."""
    capture = CURRENT.get()
    return None if capture is None or capture.request is CLOSED else capture


def failure_id() -> str | None:
    """Return the id of the event about the failure that is being handled; see :mod:`sentryinit`."""
    capture, exc = current_capture(), sys.exc_info()[1]
    if capture is not None:
        return capture.failure_id(exc)
    # The page may be made outside of the boundary, which has reported the exception.
    return next(iter(event_ids(exc) if exc is not None else ()), None)


def note_exception(exc: BaseException | None, *, handled: bool = True) -> None:
    """Note *exc* in the request that this code runs for, if there are both."""
    capture = current_capture()
    if capture is not None and exc is not None:
        capture.exception_seen(exc, handled=handled)

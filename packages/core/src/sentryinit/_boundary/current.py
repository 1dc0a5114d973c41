"""The capture of the request that code runs for."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from sentryinit._boundary.capture import CLOSED, Capture

CURRENT: ContextVar[Capture[Any] | None] = ContextVar("sentryinit_capture", default=None)


def current_capture() -> Capture[Any] | None:
    """Return the capture of the request that this code runs for, None outside of requests."""
    capture = CURRENT.get()
    return None if capture is None or capture.request is CLOSED else capture


def note_exception(exc: BaseException | None, *, handled: bool = True) -> None:
    """Note *exc* in the request that this code runs for, if there are both."""
    capture = current_capture()
    if capture is not None and exc is not None:
        capture.exception_seen(exc, handled=handled)

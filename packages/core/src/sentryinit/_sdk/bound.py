"""Functions that run as work of a request, in another thread or after it."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import itertools
import logging
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

import sentry_sdk
from sentry_sdk.utils import event_from_exception

from sentryinit._boundary.current import current_capture
from sentryinit._policy.exceptions import iter_traceback, traceback_of
from sentryinit._policy.log_records import freeze
from sentryinit._policy.verdict import Reason
from sentryinit._sdk.log_handler import send_or_defer
from sentryinit._state import STATE

log = logging.getLogger("sentryinit")

# Modules that call the target of a thread: what leaves it there reaches nobody.
_THREADS = {"threading", "sentry_sdk.integrations.threading"}


def bind_to_context(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return *function* so that it runs in the context of now; see :func:`sentryinit.bind`."""
    capture, context = current_capture(), contextvars.copy_context()
    if capture is not None:
        # Once the request is over, its headers are gone.
        capture.trace()

    # A context can be entered once at a time: each call has a copy.
    @functools.wraps(function)
    def bound(*args: Any, **kwargs: Any) -> Any:
        # Code of the request itself gets the exception.
        is_job = capture is not None and current_capture() is not capture
        call = functools.partial(_run_job, function) if is_job else function
        return context.copy().run(call, *args, **kwargs)

    @functools.wraps(function)
    async def bound_coroutine(*args: Any, **kwargs: Any) -> Any:
        # A task copies the context in which it is made.
        return await context.copy().run(asyncio.ensure_future, function(*args, **kwargs))

    return bound_coroutine if inspect.iscoroutinefunction(function) else bound


def _run_job(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    try:
        return function(*args, **kwargs)
    except (Exception, SystemExit) as exc:
        try:
            _report(exc, [frame for frame, _line in traceback.walk_stack(sys._getframe(1))])  # noqa: SLF001 # inspect reads source files
        except Exception as error:  # noqa: BLE001 # a fault of ours must not reach the application
            log.warning("reporting a job failed: %s", type(error).__name__)
        raise


def _report(exc: BaseException, callers: list[FrameType]) -> None:
    """Make an event of *exc*, unless the code that asks for the result gets it (A7, C6).

    It waits as a log record of *exc* does: the request may fail with it.
    """
    codes, inner = {frame.f_code for frame in callers}, traceback_of(exc)

    def send() -> None:
        # Whoever asks for the result raises it again, in a frame that did not call the job.
        stack = iter_traceback(traceback_of(exc))
        outer = itertools.takewhile(lambda entry: entry is not inner, stack)
        if codes.issuperset(entry.tb_frame.f_code for entry in outer):
            options, how = sentry_sdk.get_client().options, {"type": "threading", "handled": False}
            sentry_sdk.capture_event(*event_from_exception(exc, options, how))
        elif STATE.reporter is not None:
            STATE.reporter.explain(Reason.ASKED, exc, current_capture())

    if all(frame.f_globals.get("__name__") in _THREADS for frame in callers[1:]):
        send()
    else:
        record = {"msg": "", "levelno": logging.ERROR, "exc_info": (type(exc), exc, inner)}
        send_or_defer(freeze(logging.makeLogRecord(record), exc), send)

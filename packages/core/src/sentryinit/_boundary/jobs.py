"""A job: work outside of requests, with a scope, a trace and a name of its own."""

from __future__ import annotations

from sentryinit._boundary.adapter import Adapter, nest
from sentryinit._boundary.capture import Capture
from sentryinit._boundary.current import CURRENT, current_capture
from sentryinit._boundary.request_info import RequestInfo
from sentryinit._policy import exceptions
from sentryinit._state import STATE

# Of a job, the name is the request.
_FACTS = Adapter[str]("job", lambda name: RequestInfo("", "", "", "", job=name), endpoint=str)


def open_job(name: str) -> Capture[str]:
    """Start a job: until it is closed, what happens in this context belongs to it.

    Unlike a request, which a server starts, it leaves the context as it was.
    """
    outer, capture = CURRENT.get(), Capture[str]()
    capture.adapter, capture.request, capture.status = _FACTS, name, None
    capture.has_failed = True
    CURRENT.set(capture)
    nest(capture, outer)
    STATE.scopes.set_isolation(STATE.scopes.unforked)
    STATE.scopes.set_current(None)
    return capture


def close_job(jobs: list[Capture[str]], exc: BaseException | None) -> None:
    """End the one of *jobs* that this code runs for; report *exc*, which leaves it."""
    current = CURRENT.get()
    # Each thread and each task has its own. The last one, if an application inside was left open.
    capture = next((job for job in jobs if job is current), jobs[-1])
    jobs.remove(capture)
    if exc is not None:
        capture.exception_escaped(exc)
    reported = capture.reported
    capture.close()
    outer = current_capture()
    for error, event_id in reported:
        if event_id is None:
            # It was counted: not again by the queue, which logs it.
            exceptions.mark_captured(error, None, in_request=True)
        if outer is not None:
            outer.mark_reported(error, event_id)

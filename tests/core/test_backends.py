"""H3: a backend that is down, slow or refusing never slows a request; lost events are counted."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from backend import Backend

PRELUDE = """
import contextlib, json, sys, threading
import sentryinit
from sentryinit.wsgi import SentryInitMiddleware

# Too short for a backend that hangs.
flush = sentryinit.init("shop", storm_guard=False, flush_timeout=0.5)
waits = []

def note(event, arguments):
    # Every socket operation of the thread that serves requests.
    if event.startswith("socket.") and threading.current_thread() is threading.main_thread():
        waits.append(event)

def app(environ, start_response):
    raise LookupError

served = SentryInitMiddleware(app)

def serve(times):
    for _ in range(times):
        with contextlib.suppress(LookupError):
            served({"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http", "HTTP_HOST": "h"}, None)

sys.addaudithook(note)
"""
REFUSED = {
    400: "",
    401: ": check the key in the DSN",
    403: ": check the key in the DSN",
    404: ": check the host and the project number in the DSN",
    413: ": the backend takes no event of this size",
    429: ": the backend takes no more for now",
    500: ": the backend has an error",
    503: ": the backend has an error",
}


@pytest.fixture
def run(child: Callable[..., Any]) -> Callable[..., tuple[dict[str, int], str]]:
    """Run code in a process that sends to a DSN; return its counts, and what it logged."""

    def run(dsn: str, code: str) -> tuple[dict[str, int], str]:
        report = "\nassert waits == [], waits\nprint(json.dumps(sentryinit.stats()))\n"
        done = child(code + report, PRELUDE, SENTRY_DSN=dsn, PYTHONDEVMODE="")
        assert done.code == 0, done.err
        return json.loads(done.out), done.err

    return run


def test_events_to_an_unreachable_backend_are_counted_as_lost(run: Callable[..., Any]) -> None:
    """If nothing listens, each event is lost; a line says so, and one the sum."""
    with Backend() as backend:
        dsn = backend.dsn
    stats, err = run(dsn, "serve(5)\nflush()\n")

    assert (stats["delivered"], stats["lost"], err) == (
        5,
        5,
        "1 event lost: the backend cannot be reached\n"
        "the last flush is over; 5 failures are lost since the start: 5 because the backend could "
        "not be reached\n",
    )


@pytest.mark.parametrize("status", sorted(REFUSED))
def test_events_that_the_backend_refuses_are_counted_as_lost(
    run: Callable[..., Any], status: int
) -> None:
    """If the backend answers 4xx or 5xx, each event is lost; a line says what to do."""
    with Backend(status) as backend:
        stats, err = run(backend.dsn, "serve(5)\nflush()\n")

    line = f"1 event rejected with HTTP {status}{REFUSED[status]}\n"
    why = "the backend had asked to wait" if status == 429 else "the backend refused them"
    last = f"the last flush is over; 5 failures are lost since the start: 5 because {why}\n"
    assert (stats["delivered"], stats["lost"], err) == (5, 5, line + last)
    # After a 429 the SDK sends nothing for a while.
    assert len(backend.arrived) == (1 if status == 429 else 5)


def test_a_hanging_backend_does_not_block_requests(run: Callable[..., Any]) -> None:
    """Requests do not wait; events that do not fit into the queue are lost."""
    over = threading.Event()
    with Backend(ready=lambda backend, text: over.is_set()) as backend:
        stats, err = run(backend.dsn, "serve(150)\n")
        over.set()

    # The queue holds 100; one more may be in transit.
    assert stats["delivered"] == 150
    assert stats["lost"] in {49, 50}
    assert len(backend.arrived) <= 1
    first, last = err.splitlines()
    assert first == "1 event lost: the queue is full"
    # At the end what still waited is lost as well.
    assert last.startswith("the last flush is over; 150 failures are lost since the start: ")

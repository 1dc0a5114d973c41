"""Programs without a server: scripts, threads, command lines (A13, H1)."""

from __future__ import annotations

import signal

import pytest

from harness.service import Bench, Process, new_id
from harness.sink import Event

LOOKUP = ("LookupError", "error")
# Where an error escapes, and the exit status that Python gives it.
PLACES = [("main", 1), ("with", 1), ("thread", 0)]


def ended(process: Process, status: int) -> list[Event]:
    """Return all events of *process*, after it has ended with *status*."""
    assert process.wait() == status
    complaints = [line for line in process.output.splitlines() if "entry" in line]
    assert [line for line in complaints if not line.startswith("  File ")] == []
    return process.mailbox.drain()


def summary(events: list[Event]) -> list[tuple[str | None, str]]:
    return [(event.error, event.data["level"]) for event in events]


@pytest.mark.parametrize("where,status", PLACES)
def test_uncaught_exception_is_one_event(bench: Bench, where: str, status: int) -> None:
    """In the main thread, in a ``with init()`` block, in another thread.

    The process ends with its traceback, as it does without sentryinit.
    """
    process = bench.script(where, "fail")
    events = ended(process, status)
    assert summary(events) == [LOOKUP]
    assert events[0].mechanism["handled"] is False
    assert events[0].tags == {"service": "shop"}
    assert "LookupError: no price" in process.output


@pytest.mark.parametrize("where,status", PLACES)
def test_exception_logged_before_it_escapes_is_one_event(
    bench: Bench, where: str, status: int
) -> None:
    """Outside of requests the log record is sent at once, and the exception is not sent again."""
    assert summary(ended(bench.script(where, "fail-loudly"), status)) == [LOOKUP]


@pytest.mark.parametrize("where", ["main", "with"])
def test_keyboard_interrupt_is_no_event(bench: Bench, where: str) -> None:
    """Control-C ends the program by KeyboardInterrupt, which is not reported."""
    request_id = new_id("interrupted")
    process = bench.script(where, "be-interrupted", PROCESS_REQUEST=request_id)
    bench.gate.wait_for(request_id, "working")
    process.popen.send_signal(signal.SIGINT)
    assert ended(process, -signal.SIGINT) == []
    assert "KeyboardInterrupt" in process.output


@pytest.mark.parametrize("where", ["main", "with", "thread"])
def test_exit_status_0_is_no_event(bench: Bench, where: str) -> None:
    """``sys.exit(0)`` is not reported."""
    assert ended(bench.script(where, "leave-well"), 0) == []


def test_exit_status_3_is_one_fatal_event(bench: Bench) -> None:
    """``sys.exit(3)`` in a ``with init()`` block is one event, and still the exit status."""
    assert summary(ended(bench.script("with", "leave-badly"), 3)) == [("SystemExit", "fatal")]


@pytest.mark.parametrize("where", ["main", "with", "handle"])
def test_queued_events_are_delivered_at_exit(bench: Bench, where: str) -> None:
    """At exit, at the end of the block, and by a call; nothing is written to stderr."""
    process = bench.script(where, "queue")
    process.mailbox.delay = 0.2
    assert len(ended(process, 0)) == 3
    assert process.output == ""

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
    """Return all that *process* has sent, once it has ended with *status*."""
    assert process.wait() == status
    complaints = [line for line in process.output.splitlines() if "entry" in line]
    assert [line for line in complaints if not line.startswith("  File ")] == []
    return process.mailbox.drain()


def said(events: list[Event]) -> list[tuple[str | None, str]]:
    return [(event.error, event.data["level"]) for event in events]


@pytest.mark.parametrize("where,status", PLACES)
def test_what_nobody_catches_is_one_event(bench: Bench, where: str, status: int) -> None:
    """In the main thread, in the block of the handle, in another thread.

    The process ends as it would without us, with its traceback.
    """
    process = bench.script(where, "fail")
    events = ended(process, status)
    assert said(events) == [LOOKUP]
    assert events[0].mechanism["handled"] is False
    assert events[0].tags == {"service": "shop"}
    assert "LookupError: no price" in process.output


@pytest.mark.parametrize("where,status", PLACES)
def test_what_was_logged_before_it_escaped_is_one_event(
    bench: Bench, where: str, status: int
) -> None:
    """Outside of requests nobody knows at the log call what will become of it: that one counts."""
    assert said(ended(bench.script(where, "fail-loudly"), status)) == [LOOKUP]


@pytest.mark.parametrize("where", ["main", "with"])
def test_an_interrupt_is_no_failure(bench: Bench, where: str) -> None:
    """Control-C reaches the program as KeyboardInterrupt, ends it, and is not reported."""
    request_id = new_id("interrupted")
    process = bench.script(where, "be-interrupted", PROCESS_REQUEST=request_id)
    bench.gate.wait_for(request_id, "working")
    process.popen.send_signal(signal.SIGINT)
    assert ended(process, -signal.SIGINT) == []
    assert "KeyboardInterrupt" in process.output


@pytest.mark.parametrize("where", ["main", "with", "thread"])
def test_leaving_well_is_no_failure(bench: Bench, where: str) -> None:
    """``sys.exit(0)`` is not reported."""
    assert ended(bench.script(where, "leave-well"), 0) == []


def test_leaving_badly_is_fatal(bench: Bench) -> None:
    """``sys.exit(3)`` in the block of the handle is one event, and still the exit status."""
    assert said(ended(bench.script("with", "leave-badly"), 3)) == [("SystemExit", "fatal")]


@pytest.mark.parametrize("where", ["main", "with", "handle"])
def test_what_waits_at_the_end_is_delivered(bench: Bench, where: str) -> None:
    """At the end of the interpreter, of the block, and by a call: without a word on stderr."""
    process = bench.script(where, "queue")
    process.mailbox.delay = 0.2
    assert len(ended(process, 0)) == 3
    assert process.output == ""

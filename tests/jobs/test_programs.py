"""What programs without a queue report: commands, event loops, scripts."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from test_queues import check

from harness.sink import Event

Run = Callable[..., list[Event]]


@pytest.mark.parametrize(
    ("command", "name"), [(("manage.py", "bill"), "manage.py bill"), (("script.py",), "script.py")]
)
def test_a_program_that_ends_with_its_failure(
    run: Run, command: tuple[str, ...], name: str
) -> None:
    """One event, with the name of the program."""
    (event,) = run(*command, events=1, WIRING="init")
    assert (event.error, event.data["transaction"]) == ("NoPrinter", name)
    assert event.mechanism["handled"] is False


@pytest.mark.parametrize("command", [("manage.py", "bill"), ("script.py",)], ids=lambda c: c[0])
def test_a_program_that_goes_on(run: Run, command: tuple[str, ...]) -> None:
    """Each job is its own event."""
    check(run(*command, events=3, WIRING="job"), "job")


@pytest.mark.parametrize("wiring", ["init", "job"])
def test_lost_tasks(run: Run, wiring: str) -> None:
    """Each is one event: the loop logs it when the task is collected, with the task's name."""
    events = run("loop.py", events=3, WIRING=wiring, POOL="lost")
    check(events, wiring)
    if wiring == "init":
        names = {event.error: event.data["transaction"] for event in events}
        assert names["NoPrinter"] == "lost"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio has no TaskGroup")
def test_a_task_group(run: Run) -> None:
    """As jobs, each task of a group that fails is one event; the group is on them already."""
    check(run("loop.py", events=3, WIRING="job", POOL="group"), "job")

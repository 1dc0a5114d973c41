"""What an application does all day is not our business: counted, not timed."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest

CALLS = ("http.client", "urllib", "thread", "executor", "process", "task")
LINES = ("debug", "info", "warning")


@functools.cache
def entered(configuration: str) -> dict[str, dict[str, list[str]]]:
    """Return what of ours, and of the SDK, each action enters: by place, by action."""
    script = Path(__file__).with_name("beside.py")
    command = [sys.executable, str(script), configuration]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("where", ["outside", "inside"])
@pytest.mark.parametrize("call", CALLS)
def test_calls_to_others_pass_by_us(where: str, call: str) -> None:
    """A call to another service, a thread, a process, a task: nothing of ours is entered."""
    assert entered("usual")[where][call] == []


@pytest.mark.parametrize("where", ["outside", "inside"])
@pytest.mark.parametrize("level", LINES)
def test_a_line_below_error_costs_a_call_or_two(where: str, level: str) -> None:
    """Of ours; none of the SDK's."""
    found = entered("usual")[where][level]

    assert len(found) <= 2
    assert [name for name in found if name.startswith("sentry_sdk")] == []


@pytest.mark.parametrize("where", ["outside", "inside"])
@pytest.mark.parametrize("level", LINES)
def test_a_line_that_nobody_keeps_costs_one(where: str, level: str) -> None:
    """Without breadcrumbs a request does not look at its lines."""
    assert len(entered("no breadcrumbs")[where][level]) == 1


def test_only_a_request_keeps_lines() -> None:
    """Outside of one, and below INFO, there is nothing to keep."""
    found = entered("usual")

    assert [len(found["outside"][level]) for level in LINES] == [1, 1, 1]
    assert [len(found["inside"][level]) for level in LINES] == [1, 2, 2]


def test_the_count_can_fail() -> None:
    """With the SDK's own integrations nearly all of it passes by the SDK."""
    found = entered("the SDK's own")
    missed = {
        (where, name)
        for where, names in found.items()
        for name, functions in names.items()
        if not any(function.startswith("sentry_sdk") for function in functions)
    }

    # The SDK has an integration for tasks, and it is another one.
    assert missed == {("outside", "task"), ("inside", "task")}

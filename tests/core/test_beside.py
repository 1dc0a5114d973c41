"""What the application's other work costs, counted in function calls and not timed."""

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
    """Return the functions of sentryinit and the SDK that each action enters, by place."""
    script = Path(__file__).with_name("beside.py")
    command = [sys.executable, str(script), configuration]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("where", ["outside", "inside"])
@pytest.mark.parametrize("call", CALLS)
def test_calls_threads_and_tasks_enter_no_function_of_sentryinit(where: str, call: str) -> None:
    """A call to another service, a thread, a process or a task enters none of our functions."""
    assert entered("usual")[where][call] == []


@pytest.mark.parametrize("where", ["outside", "inside"])
@pytest.mark.parametrize("level", LINES)
def test_record_below_error_enters_at_most_two_functions(where: str, level: str) -> None:
    """A log record below ERROR enters at most two of our functions and none of the SDK's."""
    found = entered("usual")[where][level]

    assert len(found) <= 2
    assert [name for name in found if name.startswith("sentry_sdk")] == []


@pytest.mark.parametrize("where", ["outside", "inside"])
@pytest.mark.parametrize("level", LINES)
def test_record_enters_one_function_without_breadcrumbs(where: str, level: str) -> None:
    """With breadcrumbs off, a log record enters one function."""
    assert len(entered("no breadcrumbs")[where][level]) == 1


def test_records_become_breadcrumbs_only_in_a_request() -> None:
    """Outside of a request, and below INFO, a log record becomes no breadcrumb."""
    found = entered("usual")

    assert [len(found["outside"][level]) for level in LINES] == [1, 1, 1]
    assert [len(found["inside"][level]) for level in LINES] == [1, 2, 2]


def test_control_counts_the_sdk_s_own_integrations() -> None:
    """With the SDK's own integrations nearly every action enters the SDK, so the tests can fail."""
    found = entered("the SDK's own")
    missed = {
        (where, name)
        for where, names in found.items()
        for name, functions in names.items()
        if not any(function.startswith("sentry_sdk") for function in functions)
    }

    # For tasks the SDK has AsyncioIntegration, which is not one of the three.
    assert missed == {("outside", "task"), ("inside", "task")}

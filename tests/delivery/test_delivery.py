"""What is delivered at each end of a process: each case of the table once (H1, H2, F3)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from delivery import runs
from delivery.cases import CASES, Case
from delivery.checks import complaint

RESULTS = Path(__file__).parents[2] / "docs/reference/delivery.json"


def marks_of(case: Case, end: str) -> list[pytest.MarkDecorator]:
    """Return the marks for the test command, which has no time for all ends of all cases."""
    first = end == case.ends[0]
    whole = [] if first or case.both else [pytest.mark.whole]
    return [*whole, *[pytest.mark.both] * (case.both and first)]


PAIRS = [
    pytest.param(case, end, id=f"{case.key}, {end}", marks=marks_of(case, end))
    for case in CASES
    for end in case.ends
]


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """A broker for the queues."""
    with runs.broker() as url:
        yield url


@pytest.mark.parametrize("case,end", PAIRS)
def test_what_is_delivered(case: Case, end: str, request: pytest.FixtureRequest) -> None:
    """What was queued at the end of a process arrives once, and its exit status stays the same."""
    if case.missing():
        pytest.skip(case.missing())
    url = request.getfixturevalue("broker") if "subjects.jobs" in case.command else ""
    run = runs.run(case, end, url)
    assert complaint(case, end, run, status_without(case, end)) == "", run.output


def status_without(case: Case, end: str) -> int | None:
    """Return the exit status without sentryinit, as ``nox -s delivery`` found it."""
    results = json.loads(RESULTS.read_text())
    mine = results.get("{}.{}".format(*sys.version_info), {"cases": {}})["cases"]
    status: int | None = mine.get(case.key, {}).get(end, {}).get("status")
    return status


def test_names_are_unique() -> None:
    """Results are found by the name of a case."""
    keys = [case.key for case in CASES]
    assert sorted(set(keys)) == sorted(keys)

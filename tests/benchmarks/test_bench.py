"""The harness of the benchmarks measures, and its page says what was measured."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[2] / "benchmarks"
# Neither development mode nor coverage is what is measured.
ENVIRONMENT = {
    name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))
}


def run(program: str, *arguments: str) -> str:
    """Run one of the programs; return what it printed."""
    done = subprocess.run(
        [sys.executable, str(HERE / program), *arguments],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_round_makes_a_page(tmp_path: Path) -> None:
    """One command measures, and writes a table and a plot; here of one subject."""
    run("bench.py", "--rounds", "1", "--only", r"\w+ WSGI ", "--out", str(tmp_path))
    page = (tmp_path / "performance.md").read_text()
    (row,) = [line.split("|")[2:-1] for line in page.splitlines() if line.startswith("| WSGI |")]
    bare, floor, ours, sdk, slim, _beyond, _ratio = [cell.strip() for cell in row]

    assert "@" not in re.sub(r"\w@\w", "", page)
    assert float(bare) > 0
    assert float(floor) < float(ours) < float(slim) < 10 * float(sdk)
    assert ET.parse(tmp_path / "performance-healthy.svg").getroot().tag.endswith("svg")  # noqa: S314 # made by us, just now


@pytest.mark.parametrize("case", ["503 held back", "exception", "exception held back"])
def test_failures_are_measured(case: str) -> None:
    """With the guard, and without."""
    found = re.search(r'"value": ([\d.]+)', run("worker.py", "failing", case, "ours"))

    assert found is not None
    assert float(found[1]) > 0


@pytest.mark.parametrize("case", ["log record", "outgoing HTTP call", "thread", "executor submit"])
def test_the_rest_is_measured(case: str) -> None:
    """What an application does beside serving."""
    assert '"value"' in run("worker.py", "aside", case, "ours")


@pytest.mark.parametrize(
    ("case", "variant"),
    [("import sentry_sdk", "sdk"), ("no DSN", "ours"), ("with a DSN", "ours")],
)
def test_starts_are_measured(case: str, variant: str) -> None:
    """In a process that has imported nothing of it before."""
    assert '"value"' in run("starting.py", case, variant)


def test_memory_does_not_grow() -> None:
    """After thousands of requests, failed ones too, there are as many blocks as before."""
    for case in ("good 5000", "failing 1000"):
        found = re.search(r'"value": (-?\d+)', run("worker.py", "memory", case, "ours"))
        assert found is not None
        assert int(found[1]) < 200

"""How the suite treats unsupported features, golden events, and the table of clauses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sentryinit_testkit
from drivers.wsgi import WsgiDriver
from sentryinit_testkit import AdapterContract, AppSpec, Unsupported, golden, table
from sentryinit_testkit._contract import clause_of

DRIVERS = Path(__file__).parent.parent / "conformance" / "drivers"
UNDECLARED = """
from typing import Any
import sentryinit_testkit
from drivers.wsgi import WsgiDriver
from sentryinit_testkit import AdapterContract

class Modest(WsgiDriver):
    unsupported = WsgiDriver.unsupported | {"file"}

class TestModest(AdapterContract):
    drivers = [Modest()]
"""


def test_gained_capability_fails_until_it_is_claimed(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A case that passes although its driver declares it unsupported is a failure."""
    (tmp_path / "test_modest.py").write_text(UNDECLARED)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            str(tmp_path),
            f"-c{request.config.inipath}",
            "-p",
            "no:cacheprovider",
            "-q",
            "-k",
            "file_wrapper",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 1, done.stdout
    assert "[XPASS(strict)] wsgi does not support file" in done.stdout


def test_unsupported_feature_raises() -> None:
    """A driver raises ``Unsupported`` for what it does not support."""
    with pytest.raises(Unsupported, match="wsgi"):
        WsgiDriver().abort(503)
    assert isinstance(AppSpec().abort(503), Unsupported)


def test_golden_events_are_not_rewritten_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ``CI`` is set, golden events are not rewritten."""
    monkeypatch.setenv(golden.WRITE, "write")
    monkeypatch.setenv("CI", "true")
    before = golden.FILE.read_text()
    with pytest.raises(AssertionError, match="in CI"):
        golden.check("A2", {"level": "odd"}, WsgiDriver())
    assert golden.FILE.read_text() == before


def test_golden_event_differs_with_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """A different event fails, and the failure shows the difference."""
    monkeypatch.delenv(golden.WRITE, raising=False)
    with pytest.raises(AssertionError, match=r'(?s)\+  "level": "odd"'):
        golden.check("A2", {"level": "odd"}, WsgiDriver())


def test_each_scenario_has_its_golden_event() -> None:
    """There is one golden event for each scenario, and no other."""
    assert set(json.loads(golden.FILE.read_text())) == set(golden.SCENARIOS)


def test_testkit_uses_public_names_only() -> None:
    """The testkit names no private module of the core: a renamed one could void a check."""
    package = Path(sentryinit_testkit.__file__).parent
    private = re.compile(r"sentryinit\._|from sentryinit import .*\b_\w")
    files = [*package.rglob("*.py"), *DRIVERS.glob("*.py")]
    assert len(files) > 30
    found = [str(file) for file in files if private.search(file.read_text(encoding="utf-8"))]
    assert found == []


def test_case_has_its_clause_in_name_and_docstring() -> None:
    """Each case is named after its clause, and its docstring begins with it."""
    for name in dir(AdapterContract):
        if name.startswith("test_"):
            clause = clause_of(name)
            assert clause is not None, name
            assert str(getattr(AdapterContract, name).__doc__).startswith(f"{clause}: "), name


def test_table_shows_what_is_unsupported() -> None:
    """The table has a line for each clause, and names what a driver does not support of it."""
    lines = table.main([str(DRIVERS / "wsgi.py")]).splitlines()
    assert lines[0] == "| clause | wsgi |"
    assert "| A1 | yes, but abort |" in lines
    assert "| A2 | yes |" in lines
    assert "| A10 | no: websocket |" in lines
    assert [line.split()[1] for line in lines[2:5]] == ["A1", "A2", "A3"]

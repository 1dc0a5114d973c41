"""The contract finds each thing that an adapter breaks, and nothing else."""

from __future__ import annotations

import ast
import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from sentryinit_testkit._contract import clause_of

FILE = Path(__file__).with_name("broken.py")
# E3 to E5 are about processes in which the adapter is not installed, and G is about what the core
# makes of any event: nothing in broken.py breaks these.
UNRELATED = "not (test_e3 or test_e4 or test_e5 or test_g)"


@functools.cache
def outcomes(adapter: str, config: Path) -> tuple[set[str], set[str]]:
    """Return the clauses that ran for *adapter*, and those that failed."""
    command = [sys.executable, "-m", "pytest", f"{FILE}::Test{adapter}", "-k", UNRELATED]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ["-q", "--tb=no", "-n0", "-p", "no:cacheprovider", f"--junitxml={report}"]
        done = subprocess.run(
            [*command, f"-c{config}", *options],
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
            # pytest-xdist takes its variables as a sign that it runs on a worker. The sessions of
            # the adapters measure the contract: here that would double the time.
            env={
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("PYTEST_XDIST", "COVERAGE_"))
            },
        )
        assert done.returncode in {0, 1}, done.stdout + done.stderr
        cases = list(ET.parse(report).getroot().iter("testcase"))  # noqa: S314 # written by pytest just now
    ran = {str(clause_of(case.attrib["name"])) for case in cases}
    failed = {
        str(clause_of(case.attrib["name"]))
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    }
    return ran, failed


def _declared() -> dict[str, list[str]]:
    """Return what each class of ``broken.py`` declares to break, without importing it."""
    declared = {}
    for node in ast.parse(FILE.read_text()).body:
        for line in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(line, (ast.Assign, ast.AnnAssign)) and "'breaks'" in ast.dump(line):
                assert isinstance(node, ast.ClassDef)
                call = line.value
                assert isinstance(call, ast.Call)
                declared[node.name] = sorted(ast.literal_eval(call.args[0])) if call.args else []
    return declared


DECLARED = _declared()


@pytest.mark.parametrize("adapter", DECLARED)
def test_adapter_fails_exactly_what_it_breaks(adapter: str, request: pytest.FixtureRequest) -> None:
    """A broken adapter fails the clauses that it breaks, and no others."""
    _ran, failed = outcomes(adapter, request.config.inipath)
    assert sorted(failed) == DECLARED[adapter]


def test_all_clauses_of_adapters_ran(request: pytest.FixtureRequest) -> None:
    """Every clause that depends on the adapter has a case."""
    clauses = [("A", 12), ("B", 6), ("C", 6), ("D", 9), ("E", 2), ("F", 3), ("I", 4)]
    expected = {f"{letter}{number + 1}" for letter, last in clauses for number in range(last)}
    ran, _failed = outcomes("NullAsgi", request.config.inipath)
    assert ran == expected | {"E6", "E7"}

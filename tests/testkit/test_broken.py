"""The contract notices what it is there to notice, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from sentryinit_testkit._contract import clause_of

FILE = Path(__file__).with_name("broken.py")
# Two dozen adapters through the whole contract.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, set[str]]]:
    """Return by adapter the clauses that failed, and those that ran."""
    report = tmp_path_factory.mktemp("broken") / "report.xml"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            str(FILE),
            f"--junitxml={report}",
            "-q",
            "--numprocesses=auto",
            "--tb=no",
            f"-c{request.config.inipath}",
            "-p",
            "no:cacheprovider",
            # About processes in which the adapter is not installed, and about what the core makes
            # of an event, whoever reports it: nothing here breaks those.
            "-k",
            "not (test_e3 or test_e4 or test_e5 or "
            "test_g1 or test_g2 or test_g3 or test_g4 or test_g5)",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    found: dict[str, dict[str, set[str]]] = {}
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 # written by pytest just now
        adapter = case.attrib["classname"].rpartition(".")[2].removeprefix("Test")
        clauses = found.setdefault(adapter, {"ran": set(), "failed": set()})
        clause = str(clause_of(case.attrib["name"]))
        clauses["ran"].add(clause)
        if case.find("failure") is not None or case.find("error") is not None:
            clauses["failed"].add(clause)
    return found


def _declared() -> dict[str, list[str]]:
    """Return the classes of ``broken.py`` that declare what they break, unimported."""
    import ast

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
def test_adapter_fails_exactly_what_it_breaks(
    adapter: str, outcomes: dict[str, dict[str, set[str]]]
) -> None:
    """A broken adapter fails the clauses that it breaks and no other; one that is not, none."""
    assert sorted(outcomes[adapter]["failed"]) == DECLARED[adapter]


def test_all_clauses_of_adapters_ran(outcomes: dict[str, dict[str, set[str]]]) -> None:
    """Every clause that an adapter has a part in has a case."""
    clauses = [("A", 12), ("B", 6), ("C", 6), ("D", 8), ("E", 2), ("F", 3), ("I", 3)]
    expected = {f"{letter}{number + 1}" for letter, last in clauses for number in range(last)}
    assert outcomes["NullAsgi"]["ran"] == expected | {"E6"}

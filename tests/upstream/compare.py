"""Run a framework's own tests without and with our adapter: ``compare.py flask FOLDER``.

FOLDER is the unpacked source distribution; the reports are written beside it. ``flask.toml`` says
what runs and which tests differ, ``flask_plugin.py`` injects the adapter. Fails if another test
differs, if a listed one does not, if too little ran, or if one of our own warnings was logged, but
for those that it lists.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parent
# Seconds; no framework's tests take a third of it.
DEADLINE = 1200
OUTCOMES = ("passed", "skipped", "failure", "error")


def run(name: str, plan: Mapping[str, Any], folder: Path, record: Path | None) -> dict[str, str]:
    """Run the tests, with the adapter if there is a *record*; return the outcome of each test."""
    report = folder.parent / f"{name}-{'with' if record else 'without'}.xml"
    report.unlink(missing_ok=True)
    env = {**os.environ, "PYTHONPATH": str(HERE), "UPSTREAM_REPORT": str(report)}
    command = [sys.executable, *plan["command"]]
    if record:
        env["UPSTREAM_RECORD"] = str(record)
    if command[1:3] == ["-m", "pytest"]:
        # Without it, the folder with the sources precedes the installed framework.
        env["PYTHONSAFEPATH"] = "1"
        command.append(f"--junit-xml={report}")
        command += ["-p", "reporting", "-p", f"{name}_plugin"] if record else []
    where = folder / plan.get("folder", ".")
    # The exit code says nothing: some tests fail for root, also without us.
    subprocess.run(command, cwd=where, env=env, timeout=DEADLINE, check=False)
    return outcomes(report.read_text())


def outcomes(report: str) -> dict[str, str]:
    """Return the outcome of each test in a JUnit report; the worst one of a test that ran twice."""
    found: dict[str, str] = {}
    for case in ET.fromstring(report).iter("testcase"):  # noqa: S314 # a test runner wrote it, just now
        test = f"{case.get('classname')}::{case.get('name')}"
        seen = {found.get(test, "passed"), *(child.tag for child in case)}
        found[test] = max(seen.intersection(OUTCOMES), key=OUTCOMES.index)
    return found


def findings(
    plan: Mapping[str, Any],
    without: Mapping[str, str],
    with_us: Mapping[str, str],
    recorded: Iterable[tuple[str, str, str]],
) -> Iterator[str]:
    """Yield what is wrong."""
    listed = set(plan.get("differs", {}))
    differs = {t for t in {*without, *with_us} if without.get(t) != with_us.get(t)}
    for test in sorted(differs - listed):
        yield f"differs: {test}: {without.get(test)} without us, {with_us.get(test)} with us"
    for test in sorted(listed - differs):
        yield f"is listed, and does not differ: {test}"
    passed = list(without.values()).count("passed")
    if passed < plan["passed"]:
        yield f"{passed} tests passed without us, fewer than {plan['passed']}"
    events = [content for kind, content, _ in recorded if kind == "event"]
    if len(events) < plan["events"]:
        yield f"{len(events)} events with us, fewer than {plan['events']}"
    for kind, content, test in recorded:
        if kind == "warning" and test.partition(" ")[0] not in plan.get("warns", {}):
            yield f"a warning of ours in {test}: {content}"


def main(name: str, folder: Path) -> int:
    """Compare; print what is wrong, and return the exit code."""
    plan = tomllib.loads((HERE / f"{name}.toml").read_text())
    record = folder.parent / f"{name}-record.jsonl"
    record.unlink(missing_ok=True)
    without = run(name, plan, folder, None)
    with_us = run(name, plan, folder, record)
    recorded = [json.loads(line) for line in record.read_text().splitlines()]
    found = list(findings(plan, without, with_us, recorded))
    print(
        *found,
        f"{name}: {len(without)} tests, {len(recorded)} events, {len(found)} findings",
        sep="\n",
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]).resolve()))

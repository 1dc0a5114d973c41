"""Run all cases many times, and write what was delivered: ``python -m delivery --into FILE``."""

from __future__ import annotations

import argparse
import fcntl
import fnmatch
import importlib.metadata
import json
import platform
import statistics
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from delivery import runs
from delivery.cases import CASES, Case
from delivery.checks import complaint

PYTHON = "{}.{}".format(*sys.version_info)


def main() -> None:
    """Run the cases, and print a line for each end of each of them."""
    parser = argparse.ArgumentParser(prog="delivery")
    parser.add_argument("--runs", type=int, default=20, help="runs of each end of each case")
    parser.add_argument("--case", default="*", help="pattern of SECTION: NAME, TERM")
    parser.add_argument("--jobs", type=int, default=5, help="runs at the same time")
    parser.add_argument("--into", type=Path, required=True, help="file of the results")
    given = parser.parse_args()
    pairs = [(c, e) for c in CASES for e in c.ends if fnmatch.fnmatch(f"{c.key}, {e}", given.case)]
    if not pairs:
        parser.error(f"--case is {given.case!r}, which matches none of SECTION: NAME, END")
    with runs.broker() as broker, ThreadPoolExecutor(given.jobs) as pool:
        started = [
            (
                case,
                end,
                [pool.submit(_once, case, end, broker, number) for number in range(-1, given.runs)],
            )
            for case, end in pairs
            if not case.missing()
        ]
        bad = sum(_finish(case, end, done, given.into) for case, end, done in started)
    skipped = sorted({f"{c.key}: {c.missing()}" for c, _ in pairs if c.missing()})
    _say(*skipped, f"{bad} of {len(started)} ends are not as promised")
    sys.exit(bool(bad))


def _once(case: Case, end: str, broker: str, number: int) -> runs.Run:
    """Run *case*; the first time without sentryinit, for the exit status."""
    return runs.run(case, end, broker, without=number < 0)


def _finish(case: Case, end: str, done: Iterable[Future[runs.Run]], file: Path) -> bool:
    """Print and record the runs of *case*; return True if one was not as promised."""
    without, *with_us = [each.result() for each in done]
    wrong = Counter(complaint(case, end, run, without.status) for run in with_us)
    wrong.pop("", None)
    found = {
        "runs": len(with_us),
        "sent": sum(run.sent for run in with_us),
        "received": sum(run.received for run in with_us),
        "twice": sum(run.twice for run in with_us),
        "status": without.status,
        "seconds": statistics.median(run.seconds for run in with_us),
        "seconds without": without.seconds,
        "wrong": dict(wrong),
    }
    _say(f"{case.key}, {end}: {found['received']}/{found['sent']} {dict(wrong) or 'ok'}")
    _record(file, case, end, found)
    return bool(wrong)


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()


def _record(file: Path, case: Case, end: str, found: dict[str, Any]) -> None:
    """Write the result of *case* into *file*, which has those of other Pythons and cases."""
    with file.open("r+") as held:
        # Another Python may write its results.
        fcntl.flock(held, fcntl.LOCK_EX)
        _merge(file, case, end, found)


def _merge(file: Path, case: Case, end: str, found: dict[str, Any]) -> None:
    results = json.loads(file.read_text())
    mine = results.setdefault(PYTHON, {"versions": {}, "cases": {}})
    mine["versions"]["Python"] = platform.python_version()
    for package in ("sentry-sdk", case.package):
        if package not in ("", "Python"):
            mine["versions"][package] = importlib.metadata.version(package)
    mine["cases"].setdefault(case.key, {})[end] = found
    file.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()

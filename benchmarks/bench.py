"""Measure all variants side by side, and write the page: ``nox -s bench``.

Each figure is the median over new processes. In each process the best of many short slices counts,
because other work on the machine can only make a slice slower. Rounds are interleaved: every
variant of every subject once, then all of them again.

    python benchmarks/bench.py                 everything; writes docs/explanation/performance.md
    python benchmarks/bench.py --rounds 1 --only ".* WSGI " --out FOLDER
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import page
import servers
from subjects import SUBJECTS, VARIANTS

HERE = Path(__file__).resolve().parent
WORKER = HERE / "worker.py"
PAGE = HERE.parent / "docs/explanation"

FAILING = (
    ("503", VARIANTS),
    ("503 held back", ("bare", "ours")),
    ("exception", VARIANTS),
    ("exception without source lines", ("bare", "ours", "sdk", "slim")),
    ("exception held back", ("bare", "ours")),
)
STARTUP = (
    ("import sentry_sdk", ("sdk",)),
    ("no DSN", ("ours",)),
    ("with a DSN", ("ours", "sdk", "slim")),
    ("with a DSN, Django installed", ("ours", "sdk", "slim")),
)
ASIDE = ("log record", "log record in a request", "outgoing HTTP call", "thread", "executor submit")
MEMORY = ("good 1000000", "failing 100000")

Case = tuple[str, str, str]
Found = dict[Case, list[float]]


def cases() -> Iterator[Case]:
    """Yield the cases of one round: kind, subject, variant."""
    for subject in SUBJECTS:
        if subject.is_here():
            yield from (("healthy", subject.name, variant) for variant in ("bare", "sdk", "slim"))
            yield "beside", subject.name, "floor and ours"
    for case, variants in FAILING:
        yield from (("failing", case, variant) for variant in variants)
    for case, variants in STARTUP:
        yield from (("startup", case, variant) for variant in variants)
    for case in ASIDE:
        yield from (("aside", case, variant) for variant in ("bare", "ours", "sdk"))


def once() -> Iterator[Case]:
    """Yield the cases that run only in the first round."""
    yield from (("memory", case, "ours") for case in MEMORY)


def environment() -> dict[str, str]:
    """Return the environment of a worker, without settings of this machine for services."""
    foreign = ("SENTRY", "OTEL", "PYTHON", "COVERAGE")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
    kept.pop("ENV", None)
    return {**kept, "PYTHONHASHSEED": "0"}


def measure(case: Case) -> dict[str, float]:
    """Measure *case* in a new process; return the value of each variant."""
    # The start-up is measured by a program that has imported no sentryinit module before.
    program = (
        [str(HERE / "starting.py"), *case[1:]] if case[0] == "startup" else [str(WORKER), *case]
    )
    done = subprocess.run(
        [sys.executable, *program],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(case)}:\n{done.stderr}")
    values = json.loads(done.stdout.splitlines()[-1])
    return {case[2] if variant == "value" else variant: value for variant, value in values.items()}


def collect(rounds: int, only: str, minutes: float) -> Found:
    """Measure the cases that match *only*, in *rounds* rounds; at least one round is complete."""
    found: Found = defaultdict(list)
    until = time.monotonic() + minutes * 60
    for number in range(rounds):
        plan = [*cases(), *servers.cases(), *(once() if number == 0 else ())]
        for case in plan:
            late = number and time.monotonic() > until
            if re.match(only, " ".join(case)) and not late:
                sys.stderr.write(f"round {number + 1} of {rounds}: {' '.join(case)}\n")
                served = case[0] == "served"
                values = servers.measure(case, environment()) if served else measure(case)
                for variant, value in values.items():
                    found[case[0], case[1], variant].append(value)
    return found


def instructions(number: int = 2000) -> dict[Case, float]:
    """Return the machine instructions of a good request, counted by callgrind."""
    found = {}
    for subject in SUBJECTS:
        for variant in ("bare", "floor", "ours") if subject.is_here() else ():
            few, many = (_count(subject.name, variant, times) for times in (number // 2, number))
            found["instructions", subject.name, variant] = (many - few) / (number - number // 2)
    return found


def _count(name: str, variant: str, number: int) -> int:
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command = [*tool, sys.executable, str(WORKER), "instructions", name, variant, str(number)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True)
    return int(done.stderr.rpartition("Collected :")[2].split(maxsplit=1)[0])


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--minutes",
        type=float,
        default=60,
        help="after the first round, start no case after this time",
    )
    parser.add_argument(
        "--only", default="", help="regular expression for the start of the name of a case"
    )
    parser.add_argument("--out", type=Path, default=PAGE, help="folder for the page")
    parser.add_argument("--instructions", action="store_true", help="also count with callgrind")
    given = parser.parse_args()
    measured = collect(given.rounds, given.only, given.minutes)
    found = {case: page.Figure(values) for case, values in measured.items()}
    if given.instructions:
        found |= {case: page.Figure([value]) for case, value in instructions().items()}
    given.out.mkdir(parents=True, exist_ok=True)
    page.write(given.out, found, max(len(values) for values in measured.values()))


if __name__ == "__main__":
    main()

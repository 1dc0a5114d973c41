"""The table of adapters and clauses, as Markdown: ``python -m sentryinit_testkit.table FILE...``.

Each FILE has a list of drivers, ``DRIVERS``. The table shows what the drivers declare; a run of the
suite proves it, since what a driver declares as unsupported must fail.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence

from sentryinit_testkit import AdapterContract
from sentryinit_testkit._contract import clause_of, runs_of
from sentryinit_testkit._driver import Driver
from sentryinit_testkit._isolated import load


def cases() -> Iterator[tuple[str, Callable[..., None]]]:
    """Yield each case with its clause, in the order of the contract."""
    found = [
        (str(clause_of(name)), getattr(AdapterContract, name))
        for name in dir(AdapterContract)
        if clause_of(name)
    ]
    return iter(sorted(found, key=lambda pair: (pair[0][0], int(pair[0][1:]))))


def cell(clause: str, driver: Driver) -> str:
    """Return whether *driver* keeps *clause*, and what it does not support of it."""
    unsupported = [
        sorted(required & driver.all_unsupported())
        for name, case in cases()
        if name == clause
        for _param, required in runs_of(case)
    ]
    words = ", ".join(sorted({word for words in unsupported for word in words}))
    if not words:
        return "yes"
    return f"no: {words}" if all(unsupported) else f"yes, but {words}"


def render(drivers: Sequence[Driver]) -> str:
    """Return the table of *drivers*."""
    clauses = list(dict.fromkeys(clause for clause, _case in cases()))
    lines = [
        ["clause", *(driver.label for driver in drivers)],
        ["---"] * (len(drivers) + 1),
        *([clause, *(cell(clause, driver) for driver in drivers)] for clause in clauses),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main(files: Sequence[str]) -> str:
    """Return the table of the drivers in *files*."""
    return render([driver for file in files for driver in load(file, "DRIVERS")])


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]))

"""How cases are written and run: clauses by name, drivers as parameters, lacks as strict xfails."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import pytest

from sentryinit_testkit._driver import Driver, Unsupported
from sentryinit_testkit._lab import Lab
from sentryinit_testkit._watch import clean_environment

Case = TypeVar("Case", bound=Callable[..., None])
_CLAUSE = re.compile(r"test_([a-i]\d+)_")


@dataclass(frozen=True)
class Row:
    """One row of a case that has several: its id, its values, what it needs of a framework."""

    id: str
    value: Any = None
    needs: frozenset[str] = frozenset()


def row(name: str, value: Any = None, *capabilities: str) -> Row:
    """Return a row that needs *capabilities*."""
    return Row(name, value, frozenset(capabilities))


def needs(*capabilities: str) -> Callable[[Case], Case]:
    """Mark a case that only frameworks with *capabilities* can pass."""

    def mark(case: Case) -> Case:
        case.needs = frozenset(capabilities)  # type: ignore[attr-defined] # functions take attributes
        return case

    return mark


def rows(*given: Row) -> Callable[[Case], Case]:
    """Run a case once for each of *given*, as its parameter ``row``."""

    def mark(case: Case) -> Case:
        case.rows = given  # type: ignore[attr-defined] # functions take attributes
        return case

    return mark


def clause_of(name: str) -> str | None:
    """Return the clause that the test *name* is a case of, such as ``A4``."""
    match = _CLAUSE.search(name)
    return match[1].upper() if match else None


def runs_of(case: Callable[..., None]) -> list[tuple[Row, frozenset[str]]]:
    """Return the rows of *case*, each with all that it needs."""
    common: frozenset[str] = getattr(case, "needs", frozenset())
    given: Sequence[Row] = getattr(case, "rows", (Row(""),))
    return [(each, common | each.needs) for each in given]


class Contract:
    """Parametrises its cases by :attr:`drivers`, and watches the log in each."""

    drivers: ClassVar[Sequence[Driver]] = ()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each case with each driver; where the driver lacks what it needs, it must fail."""
        names = [name for name in ("driver", "row") if name in metafunc.fixturenames]
        parameters = []
        for driver in type(self).drivers if "driver" in names else ():
            for each, required in runs_of(metafunc.function):
                lacking = sorted(required & driver.missing())
                mark = pytest.mark.xfail(
                    raises=(AssertionError, Unsupported),
                    reason=f"{driver.label} lacks {', '.join(lacking)}",
                    strict=True,
                )
                values = {"driver": driver, "row": each}
                parameters.append(
                    pytest.param(
                        *(values[name] for name in names),
                        id="-".join(filter(None, (driver.label, each.id))),
                        marks=[mark] if lacking else [],
                    )
                )
        if names:
            metafunc.parametrize(names, parameters)

    @pytest.fixture
    def lab(self, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
        """Give a case its bench; fail it if sentryinit logged anything that it does not expect."""
        for name in set(os.environ) - set(clean_environment(os.environ)):
            monkeypatch.delenv(name)
        with contextlib.ExitStack() as stack:
            bench = Lab(driver, stack)
            yield bench
        if not bench.expects_complaints:
            assert [record.getMessage() for record in bench.complaints] == []

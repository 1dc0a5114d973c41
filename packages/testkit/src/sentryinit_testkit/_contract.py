"""How test cases are defined and run.

A case is a test function whose name begins with its clause. It runs once for each driver, and once
for each of its :func:`params`. Where a driver does not support what a case requires, the case is
expected to fail (``xfail``, strict).
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import pytest

from sentryinit_testkit._driver import Driver, Unsupported
from sentryinit_testkit._harness import Harness
from sentryinit_testkit._watch import clean_environment

Case = TypeVar("Case", bound=Callable[..., None])
_CLAUSE = re.compile(r"test_([a-i]\d+)_")


@dataclass(frozen=True)
class Param:
    """One parameter set of a case: its id, its value, and what it requires of a framework."""

    id: str
    value: Any = None
    requires: frozenset[str] = frozenset()


def param(name: str, value: Any = None, *capabilities: str) -> Param:
    """Return a parameter set that requires *capabilities*."""
    return Param(name, value, frozenset(capabilities))


def requires(*capabilities: str) -> Callable[[Case], Case]:
    """Mark a case that only frameworks with *capabilities* can pass."""

    def mark(case: Case) -> Case:
        case.requires = frozenset(capabilities)  # type: ignore[attr-defined] # functions take attributes
        return case

    return mark


def params(*given: Param) -> Callable[[Case], Case]:
    """Run a case once for each of *given*, which it takes as the argument ``param``."""

    def mark(case: Case) -> Case:
        case.params = given  # type: ignore[attr-defined] # functions take attributes
        return case

    return mark


def clause_of(name: str) -> str | None:
    """Return the clause, such as ``A4``, of the test called *name*."""
    match = _CLAUSE.search(name)
    return match[1].upper() if match else None


def runs_of(case: Callable[..., None]) -> list[tuple[Param, frozenset[str]]]:
    """Return the parameter sets of *case*, each with all that it requires."""
    common: frozenset[str] = getattr(case, "requires", frozenset())
    given: Sequence[Param] = getattr(case, "params", (Param(""),))
    return [(each, common | each.requires) for each in given]


class Contract:
    """Runs its cases for each of :attr:`drivers`, and checks what sentryinit logs in each case."""

    drivers: ClassVar[Sequence[Driver]] = ()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Parametrize each case by drivers and by its parameter sets."""
        names = [name for name in ("driver", "param") if name in metafunc.fixturenames]
        runs = [
            _run(names, driver, each, sorted(required & driver.all_unsupported()))
            for driver in (type(self).drivers if "driver" in names else ())
            for each, required in runs_of(metafunc.function)
        ]
        if names:
            metafunc.parametrize(names, runs)

    @pytest.fixture
    def harness(self, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
        """Return the harness; fail the case if sentryinit logs a warning that is not expected."""
        for name in set(os.environ) - set(clean_environment(os.environ)):
            monkeypatch.delenv(name)
        with contextlib.ExitStack() as stack:
            harness = Harness(driver, stack)
            yield harness
        if not harness.expects_complaints:
            assert harness.complaints == []


def _run(names: Sequence[str], driver: Driver, param: Param, unsupported: list[str]) -> Any:
    values = {"driver": driver, "param": param}
    mark = pytest.mark.xfail(
        raises=(AssertionError, Unsupported),
        reason=f"{driver.label} does not support {', '.join(unsupported)}",
        strict=True,
    )
    return pytest.param(
        *(values[name] for name in names),
        id="-".join(filter(None, (driver.label, param.id))),
        marks=[mark] if unsupported else [],
    )

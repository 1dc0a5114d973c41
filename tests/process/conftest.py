from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from harness.programs import Programs
from harness.service import Bench

_BENCH = pytest.StashKey[Bench]()


@pytest.fixture(scope="session")
def whole_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The parts that all tests share."""
    bench = Bench(tmp_path_factory.mktemp("logs"))
    yield bench
    bench.close()


@pytest.fixture
def bench(whole_bench: Bench, request: pytest.FixtureRequest) -> Bench:
    """The parts, with a record of those that this test uses."""
    whole_bench.used = []
    request.node.stash[_BENCH] = whole_bench
    return whole_bench


@pytest.fixture
def programs(bench: Bench, tmp_path: Path) -> Iterator[Programs]:
    """Starts programs in a folder of their own."""
    programs = Programs(bench, tmp_path)
    yield programs
    programs.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the output of the processes, and their events, to a failure."""
    report = yield
    bench = item.stash.get(_BENCH, None)
    if report.failed and bench is not None:
        for process in bench.used:
            arrived = "\n".join(map(str, process.mailbox.events[-20:]))
            report.sections.append((f"output of {process.name}", process.output[-8000:]))
            report.sections.append((f"events of {process.name}", arrived))
    return report

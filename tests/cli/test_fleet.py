"""Many services side by side: bounded, in the order of the file, and none ends the others."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone
from typing import Any

import pytest

from sentryinit_cli import fleet, target
from sentryinit_cli.dsn import Dsn
from sentryinit_cli.fleet import exit_code, verify_fleet
from sentryinit_cli.http import Answer, Http
from sentryinit_cli.target import SharedBackends, Target
from sentryinit_cli.verdicts import MOST_DARK, Failure, Verdict
from sentryinit_cli.verify import Expected, Outcome, Sent

HTTP = Http()


def made(number: int, name: str = "glitchtip", base: str = "https://b.example") -> Target:
    dsn = Dsn(base, "b.example", "", str(number))
    return Target(f"s{number}", dsn, "token", f"https://s{number}.example/x", backend=name)


class Memory:
    """A backend of one project, which counts how many are verified at once."""

    first_look, interval, timeout = 0.0, 0.001, 0.02
    running = most = 0
    lock = threading.Lock()

    def __init__(self, place: Any, name: str) -> None:
        self.name, self.project = name, place.dsn.project

    def resolve(self) -> None:
        with self.lock:
            Memory.running += 1
            Memory.most = max(Memory.most, Memory.running)
        time.sleep(0.02)
        with self.lock:
            Memory.running -= 1
        if self.project == "3":
            raise KeyError("a text with a secret: hunter2")
        if self.project == "4":
            raise SystemExit(1)
        if self.project == "5":
            raise Failure(Verdict.SCOPE, "no", "do")

    def find(self, event_id: str, sent_at: datetime) -> None:
        """Find nothing."""

    def refused(self, answer: Answer) -> Failure:
        raise NotImplementedError

    def why_missing(self) -> str:
        return ""


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Connect all with a backend in memory; return the names that were asked for."""
    names: list[str | None] = []

    def connect(place: Any, name: str | None = None) -> Memory:
        names.append(name)
        return Memory(place, name or "bugsink")

    monkeypatch.setattr(target, "connect", connect)
    sent = Sent("e" * 32, datetime.now(timezone.utc), Expected())
    monkeypatch.setattr(target, "send_by_url", lambda *_arguments: sent)
    Memory.running = Memory.most = 0
    return names


def test_a_crash_of_one_ends_no_other(connected: list[str | None]) -> None:
    """A crash is the outcome of its service, without the text of the exception."""
    told: list[Outcome] = []
    steps: list[str] = []
    outcomes = verify_fleet(
        [made(n) for n in range(8)], HTTP, jobs=3, report=told.append, progress=steps.append
    )
    assert [each.service for each in outcomes] == [f"s{n}" for n in range(8)]
    assert sorted(each.service for each in told) == [f"s{n}" for n in range(8)]
    verdicts = [each.verdict for each in outcomes]
    assert verdicts[3:6] == [Verdict.CRASH, Verdict.CRASH, Verdict.SCOPE]
    assert {*verdicts[:3], *verdicts[6:]} == {Verdict.NOT_STORED}
    assert outcomes[3].text.startswith("unexpected KeyError (test_fleet.py:")
    assert "hunter2" not in f"{outcomes[3]}"
    assert any("of 8 services" in step for step in steps)
    assert exit_code(outcomes) == 8


def test_jobs_is_a_bound(connected: list[str | None]) -> None:
    """At most as many services as ``jobs`` are verified at once."""
    verify_fleet([made(n) for n in range(10, 30)], HTTP, jobs=4)
    assert 1 < Memory.most <= 4


def test_a_backend_is_recognised_once(connected: list[str | None]) -> None:
    """Services of one address share what was recognised."""
    targets = [made(n, name=None) for n in range(10, 15)]  # type: ignore[arg-type] # not known
    verify_fleet(targets, HTTP, jobs=3)
    assert connected.count(None) == 1
    assert connected.count("bugsink") == 4


def test_a_backend_that_is_not_recognised_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that does not answer is the outcome of all its services, after one try."""
    asked: list[str] = []

    def connect(place: Any, name: str | None = None) -> Any:
        asked.append(place.dsn.project)
        raise Failure(Verdict.BACKEND, "no answer", "start it")

    monkeypatch.setattr(target, "connect", connect)
    outcomes = verify_fleet([made(n) for n in range(5)], HTTP, jobs=3)
    assert [each.verdict for each in outcomes] == [Verdict.BACKEND] * 5
    assert len(asked) == 1


class Slow(Http):
    """A client that answers at once; *times*: when it was asked."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def get(self, url: str, headers: Any = None) -> Answer:
        self.times.append(time.monotonic())
        return Answer(200, {}, b"")


@pytest.mark.parametrize(("name", "pace"), [("sentry", 1.0), ("glitchtip", target.PACE)])
def test_requests_to_one_api_have_a_pace(
    name: str, pace: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sentry's API is asked once a second by the whole fleet; the others are not hammered."""
    places: list[Any] = []
    monkeypatch.setattr(
        target, "connect", lambda place, _name: places.append(place) or Memory(place, name)
    )
    waits: list[float] = []
    monkeypatch.setattr(target.time, "sleep", waits.append)
    monkeypatch.setattr(target.time, "monotonic", lambda: 100.0)
    backends = SharedBackends(Slow())
    for number in range(2):
        backends.connect(made(number, name))
    for place in places * 2:
        place.http.get("https://b.example/api/0/")
    assert waits == pytest.approx([0, pace, 2 * pace, 3 * pace])


def test_the_exit_code_is_bounded() -> None:
    """It is the number of services that are not in order, at most 50."""
    bad = Outcome("x", Verdict.TOKEN)
    assert exit_code([]) == 0
    assert exit_code([Outcome("x", Verdict.FOUND)]) == 0
    assert exit_code([bad] * 3) == 3
    assert exit_code([bad] * 300) == MOST_DARK == 50
    assert Verdict.USAGE.exit_code > fleet.MOST_DARK

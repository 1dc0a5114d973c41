"""How counts are told: by a summary, by ``stats``, exactly, in every process."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import sentry_sdk

import sentryinit
from sentryinit import _init, adapters, testing
from sentryinit._events.build import most_frequent
from sentryinit._sdk.transport import LOG_INTERVAL, LostEvents
from sentryinit._state import STATE

Begin = Callable[..., adapters.Capture[Any]]


def fail(begin: Begin, times: int = 1) -> None:
    for _ in range(times):
        capture = begin()
        capture.exception_escaped(ValueError())
        capture.close()


def told(events: list[dict[str, Any]]) -> tuple[int, int]:
    """Return how many failures are events, and how many more these tell of."""
    counts = [event.get("contexts", {}).get("sentryinit", {}) for event in events]
    failures = [event for event in events if event["level"] != "warning"]
    return len(failures), sum(count.get("suppressed", 0) for count in counts)


def test_a_summary_names_the_loudest() -> None:
    """And says how many more kinds there were."""
    counts = {f"kind {number}": number for number in range(1, 61)}
    named = most_frequent(counts)

    assert (len(named), named["kind 60"], named["10 more"]) == (51, 60, 55)
    assert sum(named.values()) == sum(counts.values())


def test_stats_when_off() -> None:
    """Zeros: a metrics page needs no case for it."""
    names = "failures delivered suppressed dropped lost aborted ignored duplicates".split()

    assert sentryinit.stats() == dict.fromkeys(names, 0)


def test_stats(begin: Begin) -> None:
    """What was met with is delivered, suppressed or dropped."""
    drops = iter([False, True, False])
    hook = lambda event, hint: None if next(drops) else event  # noqa: E731 # three events
    options: Any = {"storm_guard": True, "storm_burst": 3, "storm_per_minute": 0}
    with testing.capture("shop", before_send=hook, **options):
        fail(begin, 7)

        assert sentryinit.stats() == {
            "failures": 7,
            "delivered": 2,
            "suppressed": 4,
            "dropped": 1,
            "lost": 0,
            "aborted": 0,
            "ignored": 0,
            "duplicates": 0,
        }


def test_the_count_of_a_dropped_event_goes_with_the_next(begin: Begin) -> None:
    """An application's hook that drops an event does not drop what that told of."""
    drop = True
    with testing.capture(
        "shop",
        storm_guard=True,
        storm_burst=1,
        storm_per_minute=0,
        before_send=lambda event, hint: None if drop else event,
    ) as box:
        assert STATE.reporter is not None
        fail(begin, 4)
        sentryinit.init()()
        drop = False
        sentryinit.init()()

    assert told(box.events) == (0, 3)


def test_an_event_that_cannot_be_built_is_delivered(
    begin: Begin, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In minimal form, and counted as such."""
    with testing.capture("shop", storm_guard=True) as box:
        monkeypatch.setattr("sentryinit._reporter.exception_event", lambda *_: 1 / 0)
        fail(begin, 2)

        assert (len(box.events), sentryinit.stats()["delivered"]) == (2, 2)
    assert len(said()) == 2


def test_what_cannot_be_decided_on_is_held_back_too(
    begin: Begin, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours at each failure is a storm like any other."""
    options: Any = {"storm_guard": True, "storm_burst": 1, "storm_per_minute": 0}
    with testing.capture("shop", **options) as box:
        monkeypatch.setattr("sentryinit._reporter.decide", lambda *_: 1 / 0)
        fail(begin, 5)
        sentryinit.init()()

        assert told(box.events) == (1, 4)
    assert len(said()) == 1


def test_nothing_can_be_sent_at_all(
    begin: Begin, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted as dropped, decided on or not."""
    with testing.capture("shop", storm_guard=True):
        monkeypatch.setattr(sentry_sdk, "capture_event", lambda *_: 1 / 0)
        fail(begin)
        monkeypatch.setattr("sentryinit._reporter.decide", lambda *_: 1 / 0)
        fail(begin)

        assert sentryinit.stats()["dropped"] == 2
    assert len(said()) == 2


def test_what_the_transport_drops_is_counted(begin: Begin, said: Any) -> None:
    """The SDK's queue drops without a word, and only Sentry reads its reports of it."""
    reasons: list[str] = []

    class Full(sentry_sdk.transport.Transport):
        def on_dropped_event(self, reason: str) -> None:
            reasons.append(reason)

        def capture_envelope(self, envelope: Any) -> None:
            self.on_dropped_event("full_queue")

    with testing.capture("shop", transport=Full()):
        fail(begin, 2)

        assert sentryinit.stats()["lost"] == 2
    assert reasons == ["full_queue", "full_queue"]
    assert said() == ["lost on the way to the backend: 1, the last one by full_queue"]


def test_losses_are_logged_once_a_minute(said: Any) -> None:
    """The first at once, then what came since: a backend that is down fills no log."""
    now = 0.0
    transport: Any = SimpleNamespace(on_dropped_event=str)
    lost = LostEvents(transport, lambda: now)
    for _ in range(3):
        for reason in ("network", "status_429"):
            transport.on_dropped_event(reason)
        now += LOG_INTERVAL / 2

    assert said() == [
        "lost on the way to the backend: 1, the last one by network",
        "lost on the way to the backend: 4, the last one by network",
    ]
    assert lost.count == 6


def test_delivered_and_told_are_the_failures_in_a_storm_on_threads(begin: Begin) -> None:
    """A soak: threads that fail in kinds, with a hook that drops, and flushes in between."""
    numbers = iter(range(10**6))
    dropped: list[int] = []

    def hook(event: Any, hint: Any) -> Any:
        if next(numbers) % 3:
            return event
        dropped.append(1) if event["level"] == "error" else None
        return None

    options: Any = {"storm_burst": 2, "storm_per_minute": 6000, "before_send": hook}

    def work() -> None:
        for number in range(200):
            capture = begin()
            if number % 2:
                capture.response_started(500 + number % 5)
            else:
                capture.exception_escaped([ValueError(), KeyError(), OSError()][number % 3])
            capture.close()
            if number % 50 == 0:
                sentryinit.init()()

    with testing.capture("shop", storm_guard=True, **options) as box:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for _ in range(3):
            # The hook drops each third event, a summary among them, and then its count is kept.
            sentryinit.init()()
        stats = sentryinit.stats()

    delivered, suppressed = told(box.events)
    assert stats["failures"] == 800
    assert (delivered, len(dropped)) == (stats["delivered"], stats["dropped"])
    assert delivered + suppressed + len(dropped) == 800


FORKS = """
import os
from sentryinit import adapters

adapter = adapters.Adapter("test", lambda request: adapters.RequestInfo("GET", "http", "h", "/"))

def fail(times):
    for _ in range(times):
        capture = adapter.open("request")
        capture.exception_escaped(ValueError())
        capture.close()

flush = sentryinit.init("shop", dsn=DSN, transport=Pipe(), storm_burst=1, storm_per_minute=0)
fail(5)
for _ in range(2):
    if os.fork() == 0:
        fail(3)
        print("CHILD", json.dumps(sentryinit.stats()), flush=True)
        flush()
        os._exit(0)
    os.wait()
print("PARENT", json.dumps(sentryinit.stats()), flush=True)
flush()
"""


def test_kinds_without_end_cost_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the table is full, failures that are each a new kind leave nothing behind."""
    most = 300
    monkeypatch.setattr("sentryinit._policy.rate_limit.MAX_KINDS", most)
    info = adapters.RequestInfo("GET", "http", "shop.test", "/")
    adapter = adapters.Adapter("test", lambda request: info, endpoint=str)
    kinds = iter(range(10**6))

    def attack(times: int) -> int:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(times):
            capture = adapter.open(f"{next(kinds):<200}")
            capture.response_started(500)
            capture.close()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before

    # So much a minute that each kind gets in, and makes another one go.
    options: Any = {"storm_guard": True, "storm_burst": 1, "storm_per_minute": 10**9}
    with testing.capture("shop", before_send=lambda event, hint: None, **options):
        tracemalloc.start()
        try:
            # In the second round the table itself grows once more: keys come and go.
            filling, _, after = (attack(most) for _ in range(3))
        finally:
            tracemalloc.stop()

        assert sentryinit.stats()["failures"] == 3 * most
    assert after < filling / 10


def test_each_process_tells_what_it_counted(child: Callable[..., Any]) -> None:
    """After a fork nothing is told twice: what the parent held back, the parent tells."""
    done = child(FORKS)
    events = [event for _kind, event in done.items]

    # The child inherits what may still pass: nothing.
    assert told(events) == (1, 4 + 3 + 3)
    assert done.lines[0].startswith('CHILD {"failures": 3, "delivered": 0, "suppressed": 3')
    assert done.lines[-1].startswith('PARENT {"failures": 5, "delivered": 1, "suppressed": 4')


def test_an_answer_that_cannot_be_decided_on(
    begin: Begin, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is reported in minimal form, and counted."""
    with testing.capture("shop") as box:
        assert STATE.reporter is not None
        monkeypatch.setattr(type(STATE.reporter._rules), "ignores_status", lambda *_: 1 / 0)
        capture = begin()
        capture.response_started(503)
        capture.close()

        assert sentryinit.stats()["delivered"] == len(box.events) == 1
    assert len(said()) == 1


def test_what_escapes_and_cannot_be_decided_on(said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of requests likewise."""
    with testing.capture("shop") as box:
        monkeypatch.setattr("sentryinit._policy.exceptions.was_captured", lambda _: 1 / 0)
        with pytest.raises(ValueError, match="x"), sentryinit.init():
            raise ValueError("x")

        assert sentryinit.stats()["delivered"] == len(box.events) == 1
    assert len(said()) == 1


def test_a_child_counts_from_nought(begin: Begin) -> None:
    """What runs after a fork forgets, and is there for a process in which nothing is on."""
    _init._after_fork()
    with testing.capture("shop"):
        fail(begin)
        _init._after_fork()

        assert sentryinit.stats()["failures"] == 0


def test_a_transport_that_says_nothing() -> None:
    """One without the SDK's hook is not counted, and works."""
    assert LostEvents(object()).count == 0

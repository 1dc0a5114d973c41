"""The counters: ``stats()``, the summary event, and exact sums in every process."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
import sentry_sdk

import sentryinit
from sentryinit import _process, adapters, testing
from sentryinit._events.build import most_frequent
from sentryinit._sdk.losses import LOG_INTERVAL, Losses, watch
from sentryinit._state import STATE

Begin = Callable[..., adapters.Capture[Any]]


def fail(begin: Begin, times: int = 1) -> None:
    for _ in range(times):
        capture = begin()
        capture.exception_escaped(ValueError())
        capture.close()


def delivered_and_suppressed(events: list[dict[str, Any]]) -> tuple[int, int]:
    """Return the number of failure events, and the sum of their suppressed counts."""
    counts = [event.get("contexts", {}).get("sentryinit", {}) for event in events]
    failures = [event for event in events if event["level"] != "warning"]
    return len(failures), sum(count.get("suppressed", 0) for count in counts)


def test_summary_lists_the_most_frequent_groups() -> None:
    """The summary lists the most frequent groups, and the number of all others."""
    counts = {f"group {number}": number for number in range(1, 61)}
    named = most_frequent(counts)

    assert (len(named), named["group 60"], named["10 more"]) == (51, 60, 55)
    assert sum(named.values()) == sum(counts.values())


def test_stats_are_zero_when_reporting_is_off() -> None:
    """Without reporting, all counters are 0."""
    names = "failures delivered suppressed dropped lost aborted ignored duplicates".split()
    causes = "queue_full network refused rate_limited at_exit".split()
    lost = [f"lost_{cause}" for cause in causes]

    assert sentryinit.stats() == dict.fromkeys([*names, *lost], 0)


def test_stats_sum_up_to_the_failures(begin: Begin) -> None:
    """Each failure is counted as delivered, suppressed or dropped."""
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
            "lost_queue_full": 0,
            "lost_network": 0,
            "lost_refused": 0,
            "lost_rate_limited": 0,
            "lost_at_exit": 0,
            "aborted": 0,
            "ignored": 0,
            "duplicates": 0,
        }


def test_count_of_a_dropped_event_is_carried_by_the_next(begin: Begin) -> None:
    """If before_send drops the summary, the next summary carries its count."""
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

    assert delivered_and_suppressed(box.events) == (0, 3)


def test_fallback_event_counts_as_delivered(
    begin: Begin, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fallback event is counted as delivered."""
    with testing.capture("shop", storm_guard=True) as box:
        monkeypatch.setattr("sentryinit._reporter.exception_event", lambda *_: 1 / 0)
        fail(begin, 2)

        assert (len(box.events), sentryinit.stats()["delivered"]) == (2, 2)
    assert len(said()) == 2


def test_failures_that_cannot_be_decided_are_rate_limited(
    begin: Begin, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the decision raises for each failure, the fallback events are rate limited as well."""
    options: Any = {"storm_guard": True, "storm_burst": 1, "storm_per_minute": 0}
    with testing.capture("shop", **options) as box:
        monkeypatch.setattr("sentryinit._reporter.decide", lambda *_: 1 / 0)
        fail(begin, 5)
        sentryinit.init()()

        assert delivered_and_suppressed(box.events) == (1, 4)
    assert len(said()) == 1


def test_event_that_cannot_be_sent_counts_as_dropped(
    begin: Begin, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the SDK raises, the failure is counted as dropped."""
    with testing.capture("shop", storm_guard=True):
        monkeypatch.setattr(sentry_sdk, "capture_event", lambda *_: 1 / 0)
        fail(begin)
        monkeypatch.setattr("sentryinit._reporter.decide", lambda *_: 1 / 0)
        fail(begin)

        assert sentryinit.stats()["dropped"] == 2
    assert len(said()) == 2


def test_events_that_the_transport_drops_count_as_lost(begin: Begin, said: Any) -> None:
    """Events that the SDK's queue drops are counted, and one line is logged."""
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
    assert said() == ["1 event lost: the queue is full"]


def test_losses_are_logged_once_a_minute(said: Any) -> None:
    """The first loss is logged at once, later ones as one line a minute."""
    now = 0.0
    losses = Losses(lambda: now)
    for _ in range(3):
        for reason in ("network", "status_429"):
            losses.count(reason)
        now += LOG_INTERVAL / 2

    assert said() == [
        "1 event lost: the backend cannot be reached",
        "4 events not delivered; the last was lost: the backend cannot be reached",
    ]
    assert losses.stats() == {
        "lost": 6,
        "lost_queue_full": 0,
        "lost_network": 3,
        "lost_refused": 0,
        "lost_rate_limited": 3,
        "lost_at_exit": 0,
    }


def test_counters_are_exact_with_threads_flushes_and_dropped_events(begin: Begin) -> None:
    """Delivered, suppressed and dropped add up to the failures of all threads."""
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
            # The hook drops each third event. If it drops a summary, the count is kept.
            sentryinit.init()()
        stats = sentryinit.stats()

    delivered, suppressed = delivered_and_suppressed(box.events)
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


def test_unbounded_groups_use_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the table is full, failures that are each a new group use no more memory."""
    most = 900
    monkeypatch.setattr("sentryinit._policy.rate_limit.MAX_KINDS", most)
    info = adapters.RequestInfo("GET", "http", "shop.test", "/")
    adapter = adapters.Adapter("test", lambda request: info, endpoint=str)
    groups = iter(range(10**6))

    def attack(times: int) -> int:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(times):
            capture = adapter.open(f"{next(groups):<200}")
            capture.response_started(500)
            capture.close()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before

    # A rate at which each group enters the table and evicts another one.
    options: Any = {"storm_guard": True, "storm_burst": 1, "storm_per_minute": 10**9}
    with testing.capture("shop", before_send=lambda event, hint: None, **options):
        tracemalloc.start()
        try:
            filling, *later = (attack(most) for _ in range(5))
        finally:
            tracemalloc.stop()

        assert sentryinit.stats()["failures"] == 5 * most
    # A leak grows in each round. A dict grows once in a while as its keys are replaced, and other
    # threads of the process may allocate memory in any single round.
    assert min(later) < filling / 10


def test_each_forked_process_reports_its_own_counts(child: Callable[..., Any]) -> None:
    """After a fork each process reports only the failures that it counted itself."""
    done = child(FORKS)
    events = [event for _kind, event in done.items]

    # The child inherits the empty bucket.
    assert delivered_and_suppressed(events) == (1, 4 + 3 + 3)
    assert done.lines[0].startswith('CHILD {"failures": 3, "delivered": 0, "suppressed": 3')
    assert done.lines[-1].startswith('PARENT {"failures": 5, "delivered": 1, "suppressed": 4')


def test_status_that_cannot_be_decided_is_a_fallback_event(
    begin: Begin, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the decision raises for a 5xx, a fallback event is sent and counted."""
    with testing.capture("shop") as box:
        assert STATE.reporter is not None
        monkeypatch.setattr(type(STATE.reporter._rules), "ignores_status", lambda *_: 1 / 0)
        capture = begin()
        capture.response_started(503)
        capture.close()

        assert sentryinit.stats()["delivered"] == len(box.events) == 1
    assert len(said()) == 1


def test_exception_outside_requests_that_cannot_be_decided_is_sent(
    said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the decision raises outside of a request, a fallback event is sent and counted."""
    with testing.capture("shop") as box:
        monkeypatch.setattr("sentryinit._policy.exceptions.was_captured", lambda _: 1 / 0)
        with pytest.raises(ValueError, match="x"), sentryinit.init():
            raise ValueError("x")

        assert sentryinit.stats()["delivered"] == len(box.events) == 1
    assert len(said()) == 1


def test_forked_child_counts_from_zero(begin: Begin) -> None:
    """The fork hook resets the counters, and does not fail if reporting is off."""
    _process.forks.start_anew()
    with testing.capture("shop"):
        fail(begin)
        _process.forks.start_anew()

        assert sentryinit.stats()["failures"] == 0


def test_transport_without_the_sdk_s_hook_is_not_counted() -> None:
    """A transport without on_dropped_event works, and no loss is counted."""
    assert watch(object()).lost == 0

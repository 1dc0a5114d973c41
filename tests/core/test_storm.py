"""The storm guard: how much goes through, and that nothing is lost from the count."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentryinit._config import options as _options
from sentryinit._policy import grouping, rate_limit
from sentryinit._policy.rate_limit import ALL_KINDS, MAX_KINDS, NEW_KINDS, OTHER_KINDS, RateLimiter


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_goes_through() -> None:
    """As many as the burst pass at once, and no more."""
    storm = RateLimiter(3, 60, Clock())

    assert [storm.acquire("a") for _ in range(5)] == [0, 0, 0, None, None]


def test_the_next_one_that_passes_carries_the_count() -> None:
    """What was held back rides on the next event of its kind."""
    clock = Clock()
    storm = RateLimiter(1, 60, clock)
    taken = [storm.acquire("a") for _ in range(4)]
    clock.now += 1

    assert [*taken, storm.acquire("a"), storm.acquire("a")] == [0, None, None, None, 3, None]


def test_a_count_is_carried_once() -> None:
    """Once said, a count starts anew."""
    clock = Clock()
    storm = RateLimiter(1, 60, clock)
    storm.acquire("a"), storm.acquire("a")
    clock.now += 1
    storm.acquire("a")
    clock.now += 1

    assert storm.acquire("a") == 0


def test_the_rate_after_a_burst() -> None:
    """After the burst so many a minute pass."""
    clock = Clock()
    storm = RateLimiter(1, 30, clock)
    passed = 0
    for _ in range(240):
        passed += storm.acquire("a") is not None
        clock.now += 0.25

    assert passed == 30


def test_a_bucket_holds_no_more_than_the_burst() -> None:
    """A quiet hour does not save up for a storm."""
    clock = Clock()
    storm = RateLimiter(2, 60, clock)
    storm.acquire("a")
    clock.now += 3600

    assert [storm.acquire("a") for _ in range(3)] == [0, 0, None]


def test_no_rate_at_all() -> None:
    """With none a minute, the burst is all there ever is."""
    clock = Clock()
    storm = RateLimiter(1, 0, clock)
    storm.acquire("a")
    clock.now += 1e6

    assert storm.acquire("a") is None


def test_no_burst_at_all() -> None:
    """With a burst of none, a first failure is visible all the same."""
    assert RateLimiter(0, 60, Clock()).acquire("a") == 0


def test_a_loud_kind_does_not_silence_another() -> None:
    """Each kind has a bucket of its own."""
    storm = RateLimiter(2, 60, Clock())
    for _ in range(100):
        storm.acquire("loud")

    assert [storm.acquire("quiet"), storm.acquire("quiet")] == [0, 0]


def test_all_kinds_together_are_bounded() -> None:
    """Many kinds at once share a bucket of three times the burst, but for the first of each."""
    storm = RateLimiter(2, 60, Clock())
    first = [storm.acquire(kind) for kind in range(20)]
    second = [storm.acquire(kind) for kind in range(20)]

    assert (first, second) == ([0] * 20, [None] * 20)


def test_kinds_without_end_get_no_memory() -> None:
    """An attacker who makes each failure a new kind fills the table once, and no more."""
    clock = Clock()
    storm = RateLimiter(1, 60, clock)
    for kind in range(MAX_KINDS * 2):
        storm.acquire(kind)
        clock.now += 2

    assert len(storm._buckets) == MAX_KINDS


def test_kinds_without_end_get_no_events() -> None:
    """At once, what all kinds together may have, and the reserve for new ones."""
    storm = RateLimiter(2, 0, Clock())
    passed = sum(storm.acquire(kind) is not None for kind in range(10_000))

    assert (passed, storm.drain()) == (
        2 * ALL_KINDS + NEW_KINDS,
        {OTHER_KINDS: 10_000 - 2 * ALL_KINDS - NEW_KINDS},
    )


def test_the_defaults_fit_the_queue() -> None:
    """All that leaves at once in the worst of storms is less than the SDK's queue holds: 100."""
    storm = RateLimiter(_options.TABLE["storm_burst"].default, 60, Clock())
    passed = sum(storm.acquire(kind) is not None for kind in list(range(1000)) * 3)

    assert passed < 100


def test_a_kind_that_makes_room_is_still_counted() -> None:
    """The oldest kind goes when the table is full; what was held back of it does not."""
    clock = Clock()
    storm = RateLimiter(1, 0, clock)
    storm.acquire("old"), storm.acquire("old"), storm.acquire("old")
    storm.set_label("old", "the old one")
    for kind in range(MAX_KINDS):
        clock.now += 2
        storm.acquire(kind)

    assert "old" not in storm._buckets
    assert storm.drain() == {OTHER_KINDS: 2}


def test_a_new_kind_passes_when_the_others_have_used_everything() -> None:
    """The reserve is for the first of each kind, and refills."""
    clock = Clock()
    storm = RateLimiter(1, 0, clock)
    first = [storm.acquire(kind) for kind in range(ALL_KINDS + NEW_KINDS + 1)]
    clock.now += 60 / NEW_KINDS

    assert (first[-2:], storm.acquire("late")) == ([0, None], 0)


def test_switched_off() -> None:
    """Everything passes, and is counted all the same."""
    storm = RateLimiter(1, 0, Clock(), on=False)

    assert [storm.acquire("a") for _ in range(3)] == [0, 0, 0]
    assert not storm.is_limited("a")
    assert storm.stats() == {"failures": 3, "delivered": 3, "suppressed": 0, "dropped": 0}


def test_looking_takes_nothing() -> None:
    """What would be held is told in advance, for a kind of which some have passed."""
    storm = RateLimiter(2, 0, Clock())
    looks = [storm.is_limited("a")]
    for _ in range(3):
        storm.acquire("a")
        looks.append(storm.is_limited("a"))

    assert looks == [False, False, True, True]


def test_a_label_names_its_kind() -> None:
    """A summary says what a kind is called; what no event was made of has no name."""
    storm = RateLimiter(1, 0, Clock())
    for kind in "aabbb":
        storm.acquire(kind)
        storm.set_label(kind, f"kind {kind}")
    storm.set_label("c", "kind c")

    assert storm.drain() == {"kind a": 1, "kind b": 2}


def test_kinds_of_one_label_are_added_up() -> None:
    """Two places on one line of a file have one name."""
    storm = RateLimiter(1, 0, Clock())
    for kind in "aabb":
        storm.acquire(kind)
        storm.set_label(kind, "same")

    assert storm.drain() == {"same": 2}


def test_draining() -> None:
    """What no event has carried yet is given out once."""
    storm = RateLimiter(1, 60, Clock())
    for kind in "aabbbc":
        storm.acquire(kind)

    assert (storm.drain(), storm.drain()) == ({OTHER_KINDS: 3}, {})


def test_what_was_drained_rides_on_no_event() -> None:
    """A count that was given out is not given out again."""
    clock = Clock()
    storm = RateLimiter(1, 60, clock)
    storm.acquire("a"), storm.acquire("a"), storm.drain()
    clock.now += 1

    assert storm.acquire("a") == 0


def test_what_became_no_event_carries_no_count() -> None:
    """If the application's hook drops the event, the count goes with the next one."""
    clock = Clock()
    storm = RateLimiter(1, 60, clock)
    storm.acquire("a"), storm.acquire("a")
    clock.now += 1
    held = storm.acquire("a")
    assert held == 1
    storm.drop("a", held)
    clock.now += 1

    assert storm.acquire("a") == 1
    assert storm.stats() == {"failures": 4, "delivered": 2, "suppressed": 1, "dropped": 1}


def test_a_count_that_could_not_be_told_is_kept() -> None:
    """Also if its kind has gone in the meantime."""
    storm = RateLimiter(1, 0, Clock())
    storm.drop("gone", 2)
    storm.restore(3)

    assert storm.drain() == {OTHER_KINDS: 5}


def test_files_without_end_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that is made at run time has a new name each time."""
    monkeypatch.setattr(grouping, "_known", {})
    monkeypatch.setattr(grouping, "_MAX_FILES", 1)

    assert [grouping._is_in_app(f"<made {number}>") for number in range(2)] == [True, True]
    assert len(grouping._known) == 1


def test_a_forked_process_begins_to_count_anew() -> None:
    """What was held back before is the parent's to tell; what may pass stays as it is."""
    storm = RateLimiter(1, 0, Clock())
    storm.acquire("a"), storm.acquire("a")
    storm._lock.acquire()
    storm.after_fork()

    assert (storm.drain(), storm.stats()["failures"], storm.acquire("a")) == ({}, 0, None)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(0, 3)), max_size=80),
    st.integers(0, 3),
    st.integers(0, 200),
)
def test_delivered_and_suppressed_are_the_failures(
    failures: list[tuple[int, float]], burst: int, rate: int
) -> None:
    """Delivered + carried + drained = failures, exactly, whatever the times."""
    clock = Clock()
    storm = RateLimiter(burst, rate, clock)
    delivered = carried = 0
    for kind, wait in failures:
        clock.now += wait
        held = storm.acquire(kind)
        if held is not None:
            delivered, carried = delivered + 1, carried + held

    stats = storm.stats()
    assert delivered + carried + sum(storm.drain().values()) == len(failures)
    assert (stats["delivered"], stats["delivered"] + stats["suppressed"]) == (
        delivered,
        len(failures),
    )


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 3)), max_size=80), st.integers(1, 4))
def test_a_table_that_is_full_loses_no_count(failures: list[tuple[int, float]], most: int) -> None:
    """With more kinds than are remembered the sum is as exact, and no more are remembered."""
    clock = Clock()
    storm = RateLimiter(1, 60, clock)
    delivered = carried = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rate_limit, "MAX_KINDS", most)
        for kind, wait in failures:
            clock.now += wait
            held = storm.acquire(kind)
            if held is not None:
                delivered, carried = delivered + 1, carried + held
            assert len(storm._buckets) <= most

    stats = storm.stats()
    assert delivered + carried + sum(storm.drain().values()) == len(failures)
    assert (stats["delivered"], stats["suppressed"]) == (delivered, len(failures) - delivered)


@given(st.lists(st.integers(0, NEW_KINDS - 1), max_size=80), st.integers(0, 3))
def test_the_first_of_its_kind_is_always_seen(kinds: list[int], burst: int) -> None:
    """However loud the others are."""
    storm, seen = RateLimiter(burst, 0, Clock()), set()
    for kind in kinds:
        if kind not in seen:
            assert storm.acquire(kind) == 0
        else:
            storm.acquire(kind)
        seen.add(kind)


@pytest.mark.parametrize("kinds", [1, 7])
def test_the_count_is_exact_under_threads(kinds: int) -> None:
    """Four threads at once lose nothing."""
    storm = RateLimiter(5, 600)
    totals: list[int] = []

    def fail() -> None:
        total = 0
        for number in range(2000):
            held = storm.acquire(number % kinds)
            total += 0 if held is None else 1 + held
        totals.append(total)

    threads = [threading.Thread(target=fail) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(totals) + sum(storm.drain().values()) == 8000

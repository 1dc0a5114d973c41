"""The storm guard: how much goes through, and that nothing is lost from the count."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentryinit._storm import MOST_KINDS, OTHER, Storm


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_goes_through() -> None:
    """As many as the burst pass at once, and no more."""
    storm = Storm(3, 60, Clock())

    assert [storm.take("a") for _ in range(5)] == [0, 0, 0, None, None]


def test_the_next_one_that_passes_carries_the_count() -> None:
    """What was held back rides on the next event of its kind."""
    clock = Clock()
    storm = Storm(1, 60, clock)
    taken = [storm.take("a") for _ in range(4)]
    clock.now += 1

    assert [*taken, storm.take("a"), storm.take("a")] == [0, None, None, None, 3, None]


def test_a_count_is_carried_once() -> None:
    """Once said, a count starts anew."""
    clock = Clock()
    storm = Storm(1, 60, clock)
    storm.take("a"), storm.take("a")
    clock.now += 1
    storm.take("a")
    clock.now += 1

    assert storm.take("a") == 0


def test_the_rate_after_a_burst() -> None:
    """After the burst so many a minute pass."""
    clock = Clock()
    storm = Storm(1, 30, clock)
    passed = 0
    for _ in range(240):
        passed += storm.take("a") is not None
        clock.now += 0.25

    assert passed == 30


def test_a_bucket_holds_no_more_than_the_burst() -> None:
    """A quiet hour does not save up for a storm."""
    clock = Clock()
    storm = Storm(2, 60, clock)
    storm.take("a")
    clock.now += 3600

    assert [storm.take("a") for _ in range(3)] == [0, 0, None]


def test_no_rate_at_all() -> None:
    """With none a minute, the burst is all there ever is."""
    clock = Clock()
    storm = Storm(1, 0, clock)
    storm.take("a")
    clock.now += 1e6

    assert storm.take("a") is None


def test_no_burst_at_all() -> None:
    """With a burst of none, a first failure is visible all the same."""
    assert Storm(0, 60, Clock()).take("a") == 0


def test_a_loud_kind_does_not_silence_another() -> None:
    """Each kind has a bucket of its own."""
    storm = Storm(2, 60, Clock())
    for _ in range(100):
        storm.take("loud")

    assert [storm.take("quiet"), storm.take("quiet")] == [0, 0]


def test_all_kinds_together_are_bounded() -> None:
    """Many kinds at once share a bucket of five times the burst, but for the first of each."""
    storm = Storm(2, 60, Clock())
    first = [storm.take(kind) for kind in range(20)]
    second = [storm.take(kind) for kind in range(20)]

    assert (first, second) == ([0] * 20, [None] * 20)


def test_kinds_without_end_share_a_bucket() -> None:
    """An attacker who makes each failure a new kind gets no memory for it."""
    storm = Storm(1, 60, Clock())
    for kind in range(MOST_KINDS + 500):
        storm.take(kind)

    assert len(storm._kinds) == MOST_KINDS + 1


def test_kinds_beyond_the_bound_are_counted() -> None:
    """What shares a bucket is counted there."""
    storm = Storm(1, 0, Clock())
    passed = sum(storm.take(kind) is not None for kind in range(MOST_KINDS + 500))

    assert (passed, storm.drain()) == (1000, {OTHER: 500})


def test_draining() -> None:
    """What no event has carried yet is given out by kind, once."""
    storm = Storm(1, 60, Clock())
    for kind in "aabbbc":
        storm.take(kind)

    assert (storm.drain(), storm.drain()) == ({"a": 1, "b": 2}, {})


def test_what_was_drained_rides_on_no_event() -> None:
    """A count that was given out is not given out again."""
    clock = Clock()
    storm = Storm(1, 60, clock)
    storm.take("a"), storm.take("a"), storm.drain()
    clock.now += 1

    assert storm.take("a") == 0


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
    storm = Storm(burst, rate, clock)
    delivered = carried = 0
    for kind, wait in failures:
        clock.now += wait
        held = storm.take(kind)
        if held is not None:
            delivered, carried = delivered + 1, carried + held

    assert delivered + carried + sum(storm.drain().values()) == len(failures)


@given(st.lists(st.integers(0, 30), max_size=80), st.integers(0, 3))
def test_the_first_of_its_kind_is_always_seen(kinds: list[int], burst: int) -> None:
    """However loud the others are."""
    storm, seen = Storm(burst, 0, Clock()), set()
    for kind in kinds:
        if kind not in seen:
            assert storm.take(kind) == 0
        else:
            storm.take(kind)
        seen.add(kind)


@pytest.mark.parametrize("kinds", [1, 7])
def test_the_count_is_exact_under_threads(kinds: int) -> None:
    """Four threads at once lose nothing."""
    storm = Storm(5, 600)
    totals: list[int] = []

    def fail() -> None:
        total = 0
        for number in range(2000):
            held = storm.take(number % kinds)
            total += 0 if held is None else 1 + held
        totals.append(total)

    threads = [threading.Thread(target=fail) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(totals) + sum(storm.drain().values()) == 8000

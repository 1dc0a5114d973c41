"""The rate limiter: how many failures pass, and that every other one is counted."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentryinit._config import options
from sentryinit._policy import grouping, rate_limit
from sentryinit._policy.rate_limit import ALL_KINDS, MAX_KINDS, NEW_KINDS, OTHER_KINDS, RateLimiter


class Clock:
    """Returns the same time until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_burst_passes() -> None:
    """As many failures as the burst pass at once, and no more."""
    limiter = RateLimiter(3, 60, Clock())

    assert [limiter.acquire("a") for _ in range(5)] == [0, 0, 0, None, None]


def test_next_event_carries_the_suppressed_count() -> None:
    """The next failure of a group that passes gets the suppressed count."""
    clock = Clock()
    limiter = RateLimiter(1, 60, clock)
    taken = [limiter.acquire("a") for _ in range(4)]
    clock.now += 1

    assert [*taken, limiter.acquire("a"), limiter.acquire("a")] == [0, None, None, None, 3, None]


def test_suppressed_count_is_carried_once() -> None:
    """After a count was carried, it starts at zero."""
    clock = Clock()
    limiter = RateLimiter(1, 60, clock)
    limiter.acquire("a"), limiter.acquire("a")
    clock.now += 1
    limiter.acquire("a")
    clock.now += 1

    assert limiter.acquire("a") == 0


def test_rate_after_the_burst() -> None:
    """After the burst, this many pass a minute."""
    clock = Clock()
    limiter = RateLimiter(1, 30, clock)
    passed = 0
    for _ in range(240):
        passed += limiter.acquire("a") is not None
        clock.now += 0.25

    assert passed == 30


def test_bucket_never_exceeds_the_burst() -> None:
    """A quiet hour adds no tokens beyond the burst."""
    clock = Clock()
    limiter = RateLimiter(2, 60, clock)
    limiter.acquire("a")
    clock.now += 3600

    assert [limiter.acquire("a") for _ in range(3)] == [0, 0, None]


def test_rate_zero_allows_only_the_burst() -> None:
    """With a rate of 0, only the burst passes."""
    clock = Clock()
    limiter = RateLimiter(1, 0, clock)
    limiter.acquire("a")
    clock.now += 1e6

    assert limiter.acquire("a") is None


def test_burst_zero_allows_the_first_failure() -> None:
    """With a burst of 0, the first failure passes."""
    assert RateLimiter(0, 60, Clock()).acquire("a") == 0


def test_each_group_has_its_own_bucket() -> None:
    """A frequent group does not suppress another one."""
    limiter = RateLimiter(2, 60, Clock())
    for _ in range(100):
        limiter.acquire("loud")

    assert [limiter.acquire("quiet"), limiter.acquire("quiet")] == [0, 0]


def test_all_groups_share_a_bucket() -> None:
    """All groups share a bucket of a multiple of the burst; the first of each group passes."""
    limiter = RateLimiter(2, 60, Clock())
    first = [limiter.acquire(group) for group in range(20)]
    second = [limiter.acquire(group) for group in range(20)]

    assert (first, second) == ([0] * 20, [None] * 20)


def test_table_of_groups_is_bounded() -> None:
    """If each failure is a new group, the table stays at its maximum size."""
    clock = Clock()
    limiter = RateLimiter(1, 60, clock)
    for group in range(MAX_KINDS * 2):
        limiter.acquire(group)
        clock.now += 2

    assert len(limiter._buckets) == MAX_KINDS


def test_events_of_unbounded_groups_are_bounded() -> None:
    """If each failure is a new group, the shared bucket and the reserve pass, and no more."""
    limiter = RateLimiter(2, 0, Clock())
    passed = sum(limiter.acquire(group) is not None for group in range(10_000))

    assert (passed, limiter.drain()) == (
        2 * ALL_KINDS + NEW_KINDS,
        {OTHER_KINDS: 10_000 - 2 * ALL_KINDS - NEW_KINDS},
    )


def test_default_burst_fits_the_sdk_s_queue() -> None:
    """The worst burst by default is below the 100 events of the SDK's queue."""
    limiter = RateLimiter(options.TABLE["storm_burst"].default, 60, Clock())
    passed = sum(limiter.acquire(group) is not None for group in list(range(1000)) * 3)

    assert passed < 100


def test_suppressed_count_of_an_evicted_group_is_kept() -> None:
    """The oldest group is evicted when the table is full, and its count is kept."""
    clock = Clock()
    limiter = RateLimiter(1, 0, clock)
    limiter.acquire("old"), limiter.acquire("old"), limiter.acquire("old")
    limiter.set_label("old", "the old one")
    for group in range(MAX_KINDS):
        clock.now += 2
        limiter.acquire(group)

    assert "old" not in limiter._buckets
    assert limiter.drain() == {OTHER_KINDS: 2}


def test_new_group_passes_when_the_shared_bucket_is_empty() -> None:
    """The reserve is for the first failure of each group, and refills."""
    clock = Clock()
    limiter = RateLimiter(1, 0, clock)
    first = [limiter.acquire(group) for group in range(ALL_KINDS + NEW_KINDS + 1)]
    clock.now += 60 / NEW_KINDS

    assert (first[-2:], limiter.acquire("late")) == ([0, None], 0)


def test_everything_passes_and_is_counted_when_off() -> None:
    """When off, everything passes and is counted."""
    limiter = RateLimiter(1, 0, Clock(), on=False)

    assert [limiter.acquire("a") for _ in range(3)] == [0, 0, 0]
    assert not limiter.is_limited("a")
    assert limiter.stats() == {"failures": 3, "delivered": 3, "suppressed": 0, "dropped": 0}


def test_is_limited_takes_no_token() -> None:
    """is_limited() says in advance if a failure would be suppressed."""
    limiter = RateLimiter(2, 0, Clock())
    looks = [limiter.is_limited("a")]
    for _ in range(3):
        limiter.acquire("a")
        looks.append(limiter.is_limited("a"))

    assert looks == [False, False, True, True]


def test_summary_has_the_label_of_a_group() -> None:
    """The summary has the label of each group; a group without suppressed failures is left out."""
    limiter = RateLimiter(1, 0, Clock())
    for group in "aabbb":
        limiter.acquire(group)
        limiter.set_label(group, f"group {group}")
    limiter.set_label("c", "group c")

    assert limiter.drain() == {"group a": 1, "group b": 2}


def test_groups_with_the_same_label_are_added_up() -> None:
    """Two groups with the same label are one line of the summary."""
    limiter = RateLimiter(1, 0, Clock())
    for group in "aabb":
        limiter.acquire(group)
        limiter.set_label(group, "same")

    assert limiter.drain() == {"same": 2}


def test_drain_returns_each_count_once() -> None:
    """Counts that no event has carried are returned once."""
    limiter = RateLimiter(1, 60, Clock())
    for group in "aabbbc":
        limiter.acquire(group)

    assert (limiter.drain(), limiter.drain()) == ({OTHER_KINDS: 3}, {})


def test_drained_count_is_carried_by_no_event() -> None:
    """A drained count is not carried by the next event."""
    clock = Clock()
    limiter = RateLimiter(1, 60, clock)
    limiter.acquire("a"), limiter.acquire("a"), limiter.drain()
    clock.now += 1

    assert limiter.acquire("a") == 0


def test_dropped_event_gives_its_count_back() -> None:
    """If before_send drops the event, the next one carries its count."""
    clock = Clock()
    limiter = RateLimiter(1, 60, clock)
    limiter.acquire("a"), limiter.acquire("a")
    clock.now += 1
    suppressed = limiter.acquire("a")
    assert suppressed == 1
    limiter.drop("a", suppressed)
    clock.now += 1

    assert limiter.acquire("a") == 1
    assert limiter.stats() == {"failures": 4, "delivered": 2, "suppressed": 1, "dropped": 1}


def test_count_of_a_failed_summary_is_kept() -> None:
    """A count that could not be sent is kept, even if its group is gone."""
    limiter = RateLimiter(1, 0, Clock())
    limiter.drop("gone", 2)
    limiter.restore(3)

    assert limiter.drain() == {OTHER_KINDS: 5}


def test_cache_of_file_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code compiled at run time has a new file name each time."""
    monkeypatch.setattr(grouping, "_known", {})
    monkeypatch.setattr(grouping, "_MAX_FILES", 1)

    assert [grouping.is_in_app(f"made {number}", "shop") for number in range(2)] == [True, True]
    assert len(grouping._known) == 1


def test_forked_child_counts_from_zero() -> None:
    """The parent reports what was suppressed before; the child inherits the tokens."""
    limiter = RateLimiter(1, 0, Clock())
    limiter.acquire("a"), limiter.acquire("a")
    limiter.after_fork()

    assert (limiter.drain(), limiter.stats()["failures"], limiter.acquire("a")) == ({}, 0, None)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(0, 3)), max_size=80),
    st.integers(0, 3),
    st.integers(0, 200),
)
def test_delivered_and_suppressed_are_the_failures(
    failures: list[tuple[int, float]], burst: int, rate: int
) -> None:
    """Delivered + carried + drained = failures, exactly, at any times."""
    clock = Clock()
    limiter = RateLimiter(burst, rate, clock)
    delivered = carried = 0
    for group, wait in failures:
        clock.now += wait
        suppressed = limiter.acquire(group)
        if suppressed is not None:
            delivered, carried = delivered + 1, carried + suppressed

    stats = limiter.stats()
    assert delivered + carried + sum(limiter.drain().values()) == len(failures)
    assert (stats["delivered"], stats["delivered"] + stats["suppressed"]) == (
        delivered,
        len(failures),
    )


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 3)), max_size=80), st.integers(1, 4))
def test_full_table_loses_no_count(failures: list[tuple[int, float]], most: int) -> None:
    """With more groups than the table holds, the sum is exact and the size bounded."""
    clock = Clock()
    limiter = RateLimiter(1, 60, clock)
    delivered = carried = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rate_limit, "MAX_KINDS", most)
        for group, wait in failures:
            clock.now += wait
            suppressed = limiter.acquire(group)
            if suppressed is not None:
                delivered, carried = delivered + 1, carried + suppressed
            assert len(limiter._buckets) <= most

    stats = limiter.stats()
    assert delivered + carried + sum(limiter.drain().values()) == len(failures)
    assert (stats["delivered"], stats["suppressed"]) == (delivered, len(failures) - delivered)


@given(st.lists(st.integers(0, NEW_KINDS - 1), max_size=80), st.integers(0, 3))
def test_first_failure_of_a_group_always_passes(groups: list[int], burst: int) -> None:
    """The first failure of each group passes, whatever the other groups do."""
    limiter, seen = RateLimiter(burst, 0, Clock()), set()
    for group in groups:
        if group not in seen:
            assert limiter.acquire(group) == 0
        else:
            limiter.acquire(group)
        seen.add(group)


@pytest.mark.parametrize("groups", [1, 7])
def test_counts_are_exact_with_threads(groups: int) -> None:
    """Four threads at once lose no count."""
    limiter = RateLimiter(5, 600)
    totals: list[int] = []

    def fail() -> None:
        total = 0
        for number in range(2000):
            suppressed = limiter.acquire(number % groups)
            total += 0 if suppressed is None else 1 + suppressed
        totals.append(total)

    threads = [threading.Thread(target=fail) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(totals) + sum(limiter.drain().values()) == 8000


def test_log_records_leave_a_share_to_failures() -> None:
    """A library that logs many kinds of errors does not hide four failures of one kind."""
    limiter = RateLimiter(20, 60, Clock())
    logged = [limiter.acquire(f"line {n % 5}", is_failure=False) for n in range(2000)]
    made_anew = [limiter.acquire(f"id {n}", is_failure=False) for n in range(2000)]

    assert [limiter.acquire("a") for _ in range(4)] == [0] * 4
    assert len([each for each in logged + made_anew if each is not None]) == 40 + 20

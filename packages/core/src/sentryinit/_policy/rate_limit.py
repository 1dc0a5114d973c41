"""The storm guard: one token bucket for each kind of failure, and one for all kinds (F3).

Counts exactly: failures = delivered + suppressed + dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

from sentryinit._locks import RenewedLock

# All kinds together may use this many times what one kind may use.
ALL_KINDS = 3
# The reserve for the first failure of a new kind: events at once, and events a minute.
NEW_KINDS = 30
# The share of both that log records, and what the application captures, leave for failures.
KEPT = 1 / 3
# Bounds the memory if each failure is a new kind.
MAX_KINDS = 1000
OTHER_KINDS = "other kinds"
Clock = Callable[[], float]


class Carried(NamedTuple):
    """What an event tells of: failures (1 or 0), and suppressed ones, by kind or label."""

    failures: int
    # Any: a mapping of texts is none of what is hashable.
    suppressed: Mapping[Any, int]


NOTHING = Carried(0, {})


def carried(key: Hashable, suppressed: int) -> Carried:
    """Return what the event of a failure of the kind *key* tells of."""
    return Carried(1, {key: suppressed} if suppressed else {})


class _Bucket:
    __slots__ = ("label", "rate", "refilled", "size", "suppressed", "tokens")

    def __init__(self, size: float, rate: float, now: float) -> None:
        self.tokens = self.size = size
        self.rate, self.refilled = rate, now
        self.suppressed, self.label = 0, OTHER_KINDS

    def refill(self, now: float, kept: float = 0) -> bool:
        """Add the tokens since the last refill; return True if there is one beside those *kept*."""
        tokens = self.tokens + (now - self.refilled) * self.rate
        self.tokens = tokens if tokens < self.size else self.size  # noqa: FURB136 # min() is a call
        self.refilled = now
        return tokens >= 1 + kept


class RateLimiter:
    """Lets *burst* failures of one kind pass at once, and *per_minute* after that.

    All kinds together may use three times as much. The first failure of a kind passes beyond that,
    up to 30 at once and 30 a minute. *on*: whether anything is limited at all.
    """

    def __init__(
        self, burst: int, per_minute: float, clock: Clock = time.monotonic, *, on: bool = True
    ) -> None:
        # With a bucket of size 0 not even the first failure would be visible.
        self._burst, self._rate = max(burst, 1), per_minute / 60
        self._clock, self._on, self._lock = clock, on, RenewedLock()
        self._buckets: dict[Hashable, _Bucket] = {}
        self._all = _Bucket(self._burst * ALL_KINDS, self._rate * ALL_KINDS, clock())
        # Counts the suppressed failures of kinds without a bucket as well.
        self._new = _Bucket(NEW_KINDS, NEW_KINDS / 60, clock())
        self.after_fork()

    def after_fork(self) -> None:
        """Start to count at 0: the parent process delivers what it has counted."""
        self._failures = self._suppressed = self._dropped = 0
        for bucket in (*self._buckets.values(), self._new):
            bucket.suppressed = 0

    def acquire(self, key: Hashable, *, is_failure: bool = True) -> int | None:
        """Return how many failures of *key* were suppressed before this one; None: suppress it.

        What is no failure of a request or program, such as a log record, leaves a third for those.
        """
        now, kept = self._clock(), 0 if is_failure else KEPT
        with self._lock:
            self._failures += 1
            if not self._on:
                return 0
            bucket = self._buckets.get(key)
            if bucket is None:
                return self._acquire_first(key, now, kept)
            if bucket.refill(now) and self._all.refill(now, self._all.size * kept):
                bucket.tokens -= 1
                self._all.tokens -= 1
                suppressed, bucket.suppressed = bucket.suppressed, 0
                return suppressed
            bucket.suppressed += 1
            self._suppressed += 1
            return None

    def _acquire_first(self, key: Hashable, now: float, kept: float) -> int | None:
        # A rare new error in the middle of a storm is the one that people need to see.
        both = self._all, self._new
        source = next((b for b in both if b.refill(now, b.size * kept)), None)
        if source is None:
            self._new.suppressed += 1
            self._suppressed += 1
            return None
        source.tokens -= 1
        if len(self._buckets) >= MAX_KINDS:
            oldest = next(iter(self._buckets))
            self._new.suppressed += self._buckets.pop(oldest).suppressed
        bucket = self._buckets[key] = _Bucket(self._burst, self._rate, now)
        bucket.tokens -= 1
        return 0

    def is_limited(self, key: Hashable) -> bool:
        """Return True if a failure of *key* would be suppressed now. Takes no token."""
        bucket = self._buckets.get(key) if self._on else None
        if bucket is None:
            return False
        now = self._clock()
        with self._lock:
            return not (bucket.refill(now) and self._all.refill(now))

    def set_label(self, key: Hashable, label: str) -> None:
        """Set the name of *key* for the summary event."""
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket.label = label

    def drop(self, key: Hashable, suppressed: int) -> None:
        """Count a failure that passed and gave no event; take the count *suppressed* back."""
        with self._lock:
            self._dropped += 1
        self.restore(suppressed, key)

    def restore(self, suppressed: int, key: Hashable = OTHER_KINDS) -> None:
        """Take back the count *suppressed*: the event that carried it was not sent.

        *key*: the kind, or its label, as a summary has it.
        """
        with self._lock:
            labelled = (bucket for bucket in self._buckets.values() if bucket.label == key)
            bucket = self._buckets.get(key) or next(labelled, self._new)
            bucket.suppressed += suppressed

    def has_untold(self) -> bool:
        """Return True if failures were suppressed that no event has counted yet."""
        return self._new.suppressed > 0 or any(b.suppressed for b in list(self._buckets.values()))

    def drain(self) -> dict[str, int]:
        """Return the suppressed failures that no event has counted, by label; reset them."""
        counts: dict[str, int] = {}
        with self._lock:
            for bucket in (*self._buckets.values(), self._new):
                if bucket.suppressed:
                    counts[bucket.label] = counts.get(bucket.label, 0) + bucket.suppressed
                    bucket.suppressed = 0
        return counts

    def stats(self) -> dict[str, int]:
        """Return the counts since the start of the process."""
        with self._lock:
            return {
                "failures": self._failures,
                "delivered": self._failures - self._suppressed - self._dropped,
                "suppressed": self._suppressed,
                "dropped": self._dropped,
            }

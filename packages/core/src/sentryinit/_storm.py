"""The storm guard: a token bucket for each kind of failure and one for all of them.

Pure: knows nothing of ``sentry_sdk``. Delivered + suppressed = failures, exactly.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable

# One for all kinds holds this many times what one kind may use.
ALL = 5
# An attacker who makes each failure a new kind shares one bucket from here on.
MOST_KINDS = 1000
OTHER = ("other kinds",)


class _Bucket:
    __slots__ = ("filled", "suppressed", "tokens")

    def __init__(self, tokens: float, now: float) -> None:
        self.tokens, self.filled, self.suppressed = tokens, now, 0

    def fill(self, most: float, per_second: float, now: float) -> bool:
        """Add what came in since the last time; tell whether there is a token."""
        self.tokens = min(most, self.tokens + (now - self.filled) * per_second)
        self.filled = now
        return self.tokens >= 1


class Storm:
    """Lets *burst* failures of a kind through at once and *per_minute* after that."""

    def __init__(
        self, burst: int, per_minute: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        # With room for none, not even a first failure would be visible.
        self._burst, self._rate, self._clock = max(burst, 1), per_minute / 60, clock
        self._lock = threading.Lock()
        self._kinds: dict[Hashable, _Bucket] = {}
        self._all = _Bucket(self._burst * ALL, clock())

    def take(self, kind: Hashable) -> int | None:
        """Return how many of *kind* were held back before this one; None: hold it too."""
        now = self._clock()
        with self._lock:
            bucket = self._kinds.get(kind)
            first = bucket is None
            if bucket is None:
                if len(self._kinds) >= MOST_KINDS:
                    kind, first = OTHER, False
                bucket = self._kinds.setdefault(kind, _Bucket(self._burst, now))
            mine = bucket.fill(self._burst, self._rate, now)
            everybody = self._all.fill(self._burst * ALL, self._rate * ALL, now)
            # The first of its kind is always seen, however loud the others are.
            if not (mine and (everybody or first)):
                bucket.suppressed += 1
                return None
            bucket.tokens -= 1
            self._all.tokens = max(self._all.tokens - 1, 0)
            held, bucket.suppressed = bucket.suppressed, 0
            return held

    def drain(self) -> dict[Hashable, int]:
        """Return the counts that no event has carried yet, and forget them."""
        with self._lock:
            held = {kind: b.suppressed for kind, b in self._kinds.items() if b.suppressed}
            for bucket in self._kinds.values():
                bucket.suppressed = 0
        return held

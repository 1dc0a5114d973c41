"""The storm guard: a token bucket for each kind of failure and one for all of them.

Pure: knows nothing of ``sentry_sdk``. Delivered + suppressed + dropped = failures, exactly.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Hashable
from types import TracebackType

# All kinds together may use this many times what one may use.
ALL = 3
# Beside it, for the first of a kind: that many at once, and that many a minute.
NEW = 30
# An attacker who makes each failure a new kind gets no more memory than this.
MOST_KINDS = 1000
OTHER = "other kinds"


_LIBRARY = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120 # a prefix of file names, which are texts
_PACKAGES = f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}"
_known: dict[str, bool] = {}


def place(stack: TracebackType | None) -> TracebackType | None:
    """Return the innermost frame of the application in *stack*; the innermost, if there is none."""
    frames = []
    while stack is not None:
        frames.append(stack)
        stack = stack.tb_next
    for frame in reversed(frames):
        if _is_applications(frame.tb_frame.f_code.co_filename):
            return frame
    return frames[-1] if frames else None


def _is_applications(file: str) -> bool:
    known = _known.get(file)
    if known is None:
        known = not (
            file.startswith((_LIBRARY, "<frozen")) or any(part in file for part in _PACKAGES)
        )
        # Code that is made at run time has names without end.
        if len(_known) < MOST_KINDS:
            _known[file] = known
    return known


def kind_of(exc: BaseException, stack: TracebackType | None) -> Hashable:
    """Return the kind of *exc*: its class, and where the application was."""
    frame = place(stack)
    if frame is None:
        return type(exc), None
    code = frame.tb_frame.f_code
    # Not the line: Python looks that up, and this is on the way of each failure of a storm.
    return type(exc), code.co_filename, code.co_firstlineno, frame.tb_lasti


def label_of(exc: BaseException, stack: TracebackType | None) -> str:
    """Return what people call the kind of *exc*."""
    frame, name = place(stack), f"{type(exc).__module__}.{type(exc).__qualname__}"
    if frame is None:
        return name
    file = os.path.basename(frame.tb_frame.f_code.co_filename)  # noqa: PTH119 # likewise
    return f"{name} ({file}:{frame.tb_lineno})"


class _Bucket:
    __slots__ = ("filled", "label", "most", "rate", "suppressed", "tokens")

    def __init__(self, most: float, rate: float, now: float) -> None:
        self.tokens = self.most = most
        self.rate, self.filled = rate, now
        self.suppressed, self.label = 0, OTHER

    def fill(self, now: float) -> bool:
        """Add what came in since the last time; tell whether there is a token."""
        tokens = self.tokens + (now - self.filled) * self.rate
        self.tokens = tokens if tokens < self.most else self.most  # noqa: FURB136 # a call more
        self.filled = now
        return tokens >= 1


class Storm:
    """Lets *burst* failures of a kind through at once and *per_minute* after that.

    All kinds together have three times as much. The first of a kind passes beyond that as well,
    up to 30 at once and 30 a minute. *on*: whether anything is held back at all.
    """

    def __init__(
        self,
        burst: int,
        per_minute: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        on: bool = True,
    ) -> None:
        # With room for none, not even a first failure would be visible.
        self._burst, self._rate = max(burst, 1), per_minute / 60
        self._clock, self._on = clock, on
        self._kinds: dict[Hashable, _Bucket] = {}
        self._all = _Bucket(self._burst * ALL, self._rate * ALL, clock())
        self._new = _Bucket(NEW, NEW / 60, clock())
        self.forget()

    def forget(self) -> None:
        """Begin to count anew: what a process had counted when it forked, it delivers itself."""
        # Re-entrant: a signal handler may run, and report, in the midst of it. And a new one: a
        # fork may have copied the old one while another thread held it.
        self._lock = threading.RLock()
        self._failures = self._suppressed = self._dropped = self._others = 0
        for bucket in self._kinds.values():
            bucket.suppressed = 0

    def take(self, kind: Hashable) -> int | None:
        """Return how many of *kind* were held back before this one; None: hold it too."""
        now = self._clock()
        with self._lock:
            self._failures += 1
            if not self._on:
                return 0
            bucket = self._kinds.get(kind)
            if bucket is None:
                return self._first(kind, now)
            if bucket.fill(now) and self._all.fill(now):
                bucket.tokens -= 1
                self._all.tokens -= 1
                held, bucket.suppressed = bucket.suppressed, 0
                return held
            bucket.suppressed += 1
            self._suppressed += 1
            return None

    def _first(self, kind: Hashable, now: float) -> int | None:
        # A rare new error in the midst of a storm is the one to see.
        paying = next((b for b in (self._all, self._new) if b.fill(now)), None)
        if paying is None:
            self._others += 1
            self._suppressed += 1
            return None
        paying.tokens -= 1
        if len(self._kinds) >= MOST_KINDS:
            oldest = next(iter(self._kinds))
            self._others += self._kinds.pop(oldest).suppressed
        bucket = self._kinds[kind] = _Bucket(self._burst, self._rate, now)
        bucket.tokens -= 1
        return 0

    def would_hold(self, kind: Hashable) -> bool:
        """Tell whether *kind*, of which some have passed, would be held back now. Takes nothing."""
        bucket = self._kinds.get(kind) if self._on else None
        if bucket is None:
            return False
        now = self._clock()
        with self._lock:
            return not (bucket.fill(now) and self._all.fill(now))

    def passed(self, kind: Hashable, label: str) -> None:
        """Remember what *kind* is called: one of it has become an event."""
        bucket = self._kinds.get(kind)
        if bucket is not None:
            bucket.label = label

    def drop(self, kind: Hashable, held: int) -> None:
        """Take note that what passed became no event, and so does not carry the count *held*."""
        with self._lock:
            self._dropped += 1
        self.give_back(held, kind)

    def give_back(self, held: int, kind: Hashable = OTHER) -> None:
        """Take back a count that was given out: what was to carry it has not left."""
        with self._lock:
            bucket = self._kinds.get(kind)
            if bucket is None:
                self._others += held
            else:
                bucket.suppressed += held

    def drain(self) -> dict[str, int]:
        """Return the counts that no event has carried yet, by label, and forget them."""
        held: dict[str, int] = {}
        with self._lock:
            for bucket in self._kinds.values():
                if bucket.suppressed:
                    held[bucket.label] = held.get(bucket.label, 0) + bucket.suppressed
                    bucket.suppressed = 0
            if self._others:
                held[OTHER] = held.get(OTHER, 0) + self._others
                self._others = 0
        return held

    def stats(self) -> dict[str, int]:
        """Return what has been counted since the start of the process."""
        with self._lock:
            return {
                "failures": self._failures,
                "delivered": self._failures - self._suppressed - self._dropped,
                "suppressed": self._suppressed,
                "dropped": self._dropped,
            }

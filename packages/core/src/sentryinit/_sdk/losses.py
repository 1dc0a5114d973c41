"""What became of each event that was queued: counts, log lines, and counts that come back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable
from typing import Any

from sentryinit._locks import RenewedLock
from sentryinit._policy.rate_limit import NOTHING, Carried

log = logging.getLogger("sentryinit")

# Why an event was lost, by the reason of sentry-sdk, or by the status of the backend.
REASONS = {
    "full_queue": "the queue is full",
    "network": "the backend cannot be reached",
    "self_rate_limits": "the backend has asked to wait, with HTTP 429",
}
_HINTS = {
    "401": "check the key in the DSN",
    "403": "check the key in the DSN",
    "404": "check the host and the project number in the DSN",
    "413": "the backend takes no event of this size",
    "429": "the backend takes no more for now",
}
# The counts in stats() by reason; any other status is a refusal.
_CAUSES = {
    "full_queue": "lost_queue_full",
    "network": "lost_network",
    "self_rate_limits": "lost_rate_limited",
    "status_429": "lost_rate_limited",
}
# The same in words, for the lines with all of them.
CAUSES = {
    "lost_queue_full": "the queue was full",
    "lost_network": "the backend could not be reached",
    "lost_refused": "the backend refused them",
    "lost_rate_limited": "the backend had asked to wait",
    "lost_at_exit": "they still waited at the end",
}
# Seconds between two log lines of one kind.
LOG_INTERVAL = 60


class Waiting:
    """An event that is queued or being sent; *is_given_up*: the last flush did not wait for it."""

    __slots__ = ("carried", "is_given_up")

    def __init__(self, carried: Carried) -> None:
        self.carried, self.is_given_up = carried, False

    @property
    def untold(self) -> int:
        """Return how many failures the backend does not know without this event."""
        return self.carried.failures + sum(self.carried.suppressed.values())


class Losses:
    """Counts the failures that the backend is not told of, by cause (F3), and logs them (H3).

    *give_back* takes the suppressed count of a lost event, for the next one. Logs a loss at once,
    later ones together; and the sum when an event arrives again, and at the end.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, RenewedLock()
        self.give_back: Callable[[int, Hashable], object] = lambda _count, _key: None
        self.after_fork()

    def after_fork(self) -> None:
        """Start to count at 0: what waits here is sent by the parent process."""
        self._counts = dict.fromkeys(CAUSES, 0)
        self._waiting: dict[Waiting, None] = {}
        self._given_up = self.arrived = 0
        self._next_log = self._next_sum = 0.0
        # The number of losses in the last line of each kind.
        self._logged = self._summed = 0

    def add(self, carried: Carried | None) -> Waiting:
        """Note that an event which tells of *carried* is queued; None: it tells of no failure."""
        waiting = Waiting(carried or NOTHING)
        if carried is not None:
            self._waiting[waiting] = None
        return waiting

    def settle(self, waiting: Waiting, reason: str | None = None) -> None:
        """Note that *waiting* was delivered, or was lost for *reason*."""
        failures, suppressed = waiting.carried
        with self._lock:
            self._waiting.pop(waiting, None)
            if waiting.is_given_up:
                self._given_up -= waiting.untold
                if reason is None:
                    self._logged -= waiting.untold
                else:  # nothing will tell them any more
                    self._counts["lost_at_exit"] += sum(suppressed.values())
                    suppressed = {}
        if reason is None:
            self.arrived += 1
            self._log_sum("events arrive again")
            return
        self.count(reason, failures)
        for key, count in suppressed.items():
            self.give_back(count, key)

    def count(self, reason: str, failures: int = 1) -> None:
        """Count *failures* that were lost for *reason*, and log them."""
        with self._lock:
            self._counts[_CAUSES.get(reason, "lost_refused")] += failures
            total, now = self.lost, self._clock()
            new = total - self._logged
            is_logged = new > 0 and now >= self._next_log
            if is_logged:
                self._logged, self._next_log = total, now + LOG_INTERVAL
                if total == 1:
                    self._summed = 1  # this line has the sum
        if is_logged:
            what = "1 event" if new == 1 else f"{new} events not delivered; the last was"
            log.warning("%s %s", what, _why(reason))
        else:
            log.debug("1 %s %s", "event" if failures else "item", _why(reason))

    @property
    def lost(self) -> int:
        """Return how many failures the backend is not told of."""
        return sum(self._counts.values()) + self._given_up

    def end(self, untold: int) -> None:
        """Give up what waits, and *untold* suppressed failures; log the sum: the process ends."""
        with self._lock:
            self._counts["lost_at_exit"] += untold
            for waiting in self._waiting.copy():
                self._given_up += 0 if waiting.is_given_up else waiting.untold
                waiting.is_given_up = True
            self._next_sum = 0.0
        self._log_sum("the last flush is over")

    def _log_sum(self, when: str) -> None:
        """Log all losses, if the last such line had another number and is a minute old."""
        with self._lock:
            counts, now = self.stats(), self._clock()
            lost = counts.pop("lost")
            if lost in {0, self._summed} or now < self._next_sum:
                return
            self._logged = self._summed = lost
            self._next_sum = now + LOG_INTERVAL
        causes = (f"{counts[name]} because {why}" for name, why in CAUSES.items() if counts[name])
        log.warning("%s; %d failures are lost since the start: %s", when, lost, ", ".join(causes))

    def stats(self) -> dict[str, int]:
        """Return the counts: ``lost``, and each cause."""
        counts = {"lost": self.lost, **self._counts}
        counts["lost_at_exit"] += self._given_up
        return counts


def watch(transport: Any) -> Losses:
    """Return the counts of *transport*; one of the application is counted by the SDK's own hook.

    One without ``on_dropped_event``, which this replaces on the instance, is not counted.
    """
    losses = getattr(transport, "losses", None)
    if isinstance(losses, Losses):
        return losses
    losses, original = Losses(), getattr(transport, "on_dropped_event", None)

    def dropped(reason: str) -> Any:
        losses.count(reason)
        return original(reason)  # type: ignore[misc] # there is one, or this is not called

    if original is not None:
        transport.on_dropped_event = dropped
    return losses


def _why(reason: str) -> str:
    status = reason.removeprefix("status_")
    if status == reason:
        return f"lost: {REASONS.get(reason, reason)}"
    hint = _HINTS.get(status, "the backend has an error" if status.startswith("5") else "")
    return f"rejected with HTTP {status}{hint and ': '}{hint}"

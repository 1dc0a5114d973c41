"""How counts are told: the summary of the storm guard, and what the SDK's transport loses.

Pure: knows nothing of ``sentry_sdk``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

log = logging.getLogger("sentryinit")

# A summary names so many kinds, and says how many more there were.
MOST_NAMED = 50
# Seconds between two lines on what is lost: a backend that is down is down for each event.
QUIET = 60


def summary(service: str, counts: Mapping[str, int]) -> dict[str, Any]:
    """Return the event that tells of *counts*, failures held back by kind."""
    total = sum(counts.values())
    text = f"{total} failures held back by the storm guard"
    return {
        "level": "warning",
        "logentry": {"message": text, "formatted": text},
        "fingerprint": ["sentryinit", service, "suppressed"],
        "contexts": {"sentryinit": {"suppressed": total, "kinds": loudest(counts)}},
    }


def loudest(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of the loudest kinds, and those of all others in one."""
    ranked = sorted(counts.items(), key=lambda pair: pair[1], reverse=True)
    named, others = dict(ranked[:MOST_NAMED]), ranked[MOST_NAMED:]
    if others:
        named[f"{len(others)} more"] = sum(count for _kind, count in others)
    return named


class Losses:
    """Counts what *transport* drops: a full queue, a network that is down, a backend's refusal.

    The first is logged at once, later ones together. ``on_dropped_event`` is there for that, on the
    instance; a transport without it is not counted.
    """

    def __init__(self, transport: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.forget()
        self._usual = getattr(transport, "on_dropped_event", None)
        if self._usual is not None:
            transport.on_dropped_event = self._one_more

    def forget(self) -> None:
        """Begin to count anew, in a forked process."""
        self.count = self._told = 0
        self._quiet = 0.0

    def _one_more(self, reason: str) -> Any:
        self.count += 1
        now = self._clock()
        if now >= self._quiet:
            untold, self._told, self._quiet = self.count - self._told, self.count, now + QUIET
            log.warning("lost on the way to the backend: %s, the last one by %s", untold, reason)
        return self._usual(reason)  # type: ignore[misc] # there is one, or this is not called

"""Bounded waiting for a condition that another thread makes true."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# Far longer than any condition takes; reaching it is a failure with the reason as message.
DEADLINE = 25.0


def wait_until(
    changed: threading.Condition, ready: Callable[[], bool], missing: Callable[[], str]
) -> None:
    """Return when *ready()* is true; it is called whenever *changed* is notified.

    The caller must hold *changed*. Raises ``AssertionError`` with *missing()* after ``DEADLINE``.
    """
    if not changed.wait_for(ready, DEADLINE):
        raise AssertionError(f"after {DEADLINE:.0f} s: {missing()}")


def poll(ready: Callable[[], bool], missing: str, seconds: float = DEADLINE) -> None:
    """Return when *ready()* is true, for processes and ports, which cannot notify."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, f"after {seconds:.0f} s: {missing}"
        time.sleep(0.01)

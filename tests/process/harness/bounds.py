"""Waiting with an end: for a condition that another thread makes true."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# Far beyond what anything here takes: reaching it is a failure, with the reason in the message.
DEADLINE = 25.0


def wait_until(
    changed: threading.Condition, ready: Callable[[], bool], missing: Callable[[], str]
) -> None:
    """Return once *ready()* holds; it is looked at whenever *changed* is notified.

    The caller holds *changed*. Raises ``AssertionError`` with *missing()* after ``DEADLINE``.
    """
    if not changed.wait_for(ready, DEADLINE):
        raise AssertionError(f"after {DEADLINE:.0f} s: {missing()}")


def poll(ready: Callable[[], bool], missing: str) -> None:
    """Return once *ready()* holds, for what cannot notify: processes and their ports."""
    end = time.monotonic() + DEADLINE
    while not ready():
        assert time.monotonic() < end, f"after {DEADLINE:.0f} s: {missing}"
        time.sleep(0.01)

"""What a forked process starts anew (H2)."""

from __future__ import annotations

import os

from sentryinit._process import escapes
from sentryinit._state import STATE

_is_watching = False


def watch_forks() -> None:
    """Start anew in each child that Python forks; where no hook runs, the reporter notices."""
    global _is_watching  # noqa: PLW0603 # such a hook cannot be removed
    if not _is_watching:
        _is_watching = True
        # A platform without fork has no such function.
        getattr(os, "register_at_fork", dict)(after_in_child=start_anew)


def start_anew() -> None:
    """Start with an empty queue, new threads and locks, and counters at 0."""
    if STATE.reporter is not None:
        STATE.reporter.after_fork()
        # The child may be one of multiprocessing, which was imported after init.
        escapes.watch_children()

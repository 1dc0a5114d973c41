"""What a forked process starts anew (H2)."""

from __future__ import annotations

import os

from sentryinit._process import escapes
from sentryinit._state import STATE

_pid = os.getpid()
_is_watching = False


def watch_forks() -> None:
    """Start anew in each child that ``os.fork()`` makes."""
    global _is_watching  # noqa: PLW0603 # a hook cannot be removed
    if not _is_watching:
        _is_watching = True
        # A platform without fork has no such function.
        getattr(os, "register_at_fork", dict)(after_in_child=start_anew)


def check_process() -> None:
    """Start anew if this process is another one: forks in C code may run no hooks of Python."""
    if os.getpid() != _pid:
        start_anew()


def start_anew() -> None:
    """Start with an empty queue, new threads and locks, and counters at 0."""
    global _pid  # noqa: PLW0603 # one process at a time
    _pid = os.getpid()
    if STATE.reporter is not None:
        # With a reporter, sentry_sdk is imported already.
        from sentryinit._boundary.deadlines import DEADLINES
        from sentryinit._sdk import transport

        DEADLINES.after_fork()
        STATE.reporter.after_fork()
        transport.reset_transport()
        escapes.watch_children()

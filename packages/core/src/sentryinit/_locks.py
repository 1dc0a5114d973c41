"""Locks that survive a fork, and gevent's patches."""

from __future__ import annotations

import os
import threading
from typing import Any


class RenewedLock:
    """A re-entrant lock; where a lock from before would block for ever, it is a new one.

    In a forked process: another thread may have held the copied lock. After gevent has patched
    ``threading``, as it does in a worker of ``gunicorn --preload``: a lock of the operating system
    blocks all greenlets, also the one that holds it. Re-entrant: a signal handler may report a
    failure in the middle of another.
    """

    __slots__ = ("_locks", "_taken")

    def __init__(self) -> None:
        self._locks: dict[tuple[int, object], Any] = {}
        # The locks that are held now; changed only by who holds the last one.
        self._taken: list[Any] = []

    def __enter__(self) -> None:
        key = os.getpid(), threading.Lock
        # setdefault() is atomic: two threads get the same lock.
        lock = self._locks.get(key) or self._locks.setdefault(key, threading.RLock())
        lock.acquire()
        self._taken.append(lock)

    def __exit__(self, *_: object) -> None:
        self._taken.pop().release()

"""Functions that are called after a time, unless somebody else has taken their turn."""

from __future__ import annotations

import contextlib
import functools
import logging
import sched
import threading
import time
from collections.abc import Callable

from sentryinit._locks import RenewedLock

log = logging.getLogger("sentryinit")

# A function, until somebody takes it out to call it: pop() is atomic.
Turn = list[Callable[[], object]]


class Deadlines:
    """Calls functions after a time, in one thread, which starts with the first of them."""

    def __init__(self) -> None:
        self._lock = RenewedLock()
        self.after_fork()

    def after_fork(self) -> None:
        """Start anew: the thread is in the parent process, which calls what waits there."""
        self._scheduler = sched.scheduler(time.monotonic, delayfunc=lambda _seconds: None)
        self._wake: threading.Event | None = None

    def add(self, seconds: float, function: Callable[[], object]) -> Turn:
        """Call *function* after *seconds*, unless it is taken out of the list that is returned."""
        turn: Turn = [function]
        self._scheduler.enter(seconds, 0, call, (turn,))
        # Without a thread, where none can start, it is called when it is taken, or by call_all().
        with self._lock, contextlib.suppress(RuntimeError):
            if self._wake is None:
                # Not earlier: gevent may replace the module's classes after the import.
                wake = threading.Event()
                run = functools.partial(_run, self._scheduler, wake)
                threading.Thread(target=run, name="sentryinit-records", daemon=True).start()
                self._wake = wake
            self._wake.set()
        return turn

    def waiting(self) -> bool:
        """Return True if a function waits for its time."""
        return any(event.argument[0] for event in self._scheduler.queue)

    def call_all(self) -> None:
        """Call now what waits: the process may end."""
        for event in self._scheduler.queue:
            call(*event.argument)


def take(turn: Turn) -> Turn:
    """Take the function out of *turn*, and return it in a turn of its own; else an empty one."""
    try:
        return [turn.pop()]
    except IndexError:
        return []


def call(turn: Turn) -> None:
    """Call the function in *turn*, if it is still there."""
    try:
        for function in take(turn):
            function()
    except Exception as error:  # noqa: BLE001 # the thread must go on, and a flush must not raise
        log.warning("sending a log record failed: %s", type(error).__name__)


def _run(scheduler: sched.scheduler, wake: threading.Event) -> None:
    while True:
        # Before run(): what is added during it is either seen or wakes this thread.
        wake.clear()
        wake.wait(scheduler.run(blocking=False))


DEADLINES = Deadlines()

"""What is on its way to the backend: flushes, counts, and a new start after a fork."""

from __future__ import annotations

import logging
import math
import os
import time

from sentryinit._boundary.deadlines import DEADLINES
from sentryinit._boundary.records import UNDECIDED, end_requests
from sentryinit._config.settings import Settings
from sentryinit._events import build
from sentryinit._locks import RenewedLock
from sentryinit._policy.rate_limit import Carried, RateLimiter
from sentryinit._policy.verdict import COUNTERS, Reason
from sentryinit._sdk import scopes
from sentryinit._sdk.client import Client
from sentryinit._sdk.hooks import CARRIED_KEY
from sentryinit._sdk.transport import reset_transport

log = logging.getLogger("sentryinit")

# Seconds in which a flush that ran out and the next one are of the same end.
SAME_END = 60


class Delivery:
    """The queue of *client* with all counts; *limiter* is the storm guard before it."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self._settings, self._client = settings, client
        self._counts_lock = RenewedLock()
        self.limiter = RateLimiter(
            settings.storm_burst, settings.storm_per_minute, on=settings.storm_guard
        )
        client.lost.give_back = self.limiter.restore
        self._start()

    def _start(self) -> None:
        self._counts = dict.fromkeys(COUNTERS.values(), 0)
        self._pid = os.getpid()
        # Of the flush that ran out: the time that it left, until when that counts, and how many
        # events had arrived.
        self._rest, self._rest_until, self._arrived = 0.0, -math.inf, 0

    def count(self, reason: Reason) -> None:
        """Count why a failure has no event, if that is not counted elsewhere."""
        counter = COUNTERS.get(reason)
        if counter is not None:
            with self._counts_lock:
                self._counts[counter] += 1

    def stats(self) -> dict[str, int]:
        """Return the counts since the start of the process."""
        return {**self.limiter.stats(), **self._client.lost.stats(), **self._counts}

    def waiting(self) -> bool:
        """Return True if a flush would send something."""
        self.check_process()
        records = DEADLINES.waiting() or UNDECIDED
        return bool(records or self._client.waiting() or self.limiter.has_untold())

    def flush(self, *, last: bool = False) -> None:
        """Send what is queued and the suppressed counts, for at most ``flush_timeout`` seconds.

        *last*: the process ends. If the flush before ran out, this one has only what that left,
        unless the process has gone on: an event has arrived since, or a minute is over. What cannot
        be sent is then counted and logged.
        """
        now, timeout, lost = time.monotonic(), self._settings.flush_timeout, self._client.lost
        is_rest = last and now < self._rest_until and lost.arrived == self._arrived
        until = now + (self._rest if is_rest else timeout)
        if last:
            end_requests()
        try:
            self._flush(until)
            if last and self.limiter.has_untold():
                self._flush(until)  # what was lost meanwhile has given its count back
        finally:
            # Also if the handler of a signal raises in the middle of it.
            now = time.monotonic()
            self._rest, self._arrived = max(0.0, until - now), lost.arrived
            self._rest_until = now + SAME_END if self._client.waiting() else -math.inf
        if last:
            lost.end(sum(self.limiter.drain().values()))
            self._client.options["shutdown_timeout"] = self._rest

    def _flush(self, until: float) -> None:
        self.check_process()
        self.send_summary()
        try:
            self._client.flush(round(max(0.0, until - time.monotonic()), 3))
        except Exception as error:  # noqa: BLE001 # a fault of ours must not reach the application
            log.warning("flush failed: %s", type(error).__name__)

    def send_summary(self) -> None:
        """Send the log records that wait, and the suppressed failures that no event has counted."""
        DEADLINES.call_all()
        counts = self.limiter.drain()
        if not counts:
            return
        event_id = None
        try:
            event = build.summary_event(self._settings, counts)
            # With no scope of a request: this thread may have served one.
            hint = {CARRIED_KEY: Carried(0, counts)}
            event_id = scopes.run_in_scope(None, self._client.capture_event, event, hint)
        except Exception as error:  # noqa: BLE001 # a fault of ours must not reach the application
            log.warning("a summary could not be sent: %s", type(error).__name__)
        if event_id is None:
            for label, count in counts.items():
                self.limiter.restore(count, label)

    def check_process(self) -> None:
        """Start anew in a forked process where no hook of Python ran, as with some of uWSGI's."""
        if self._pid != os.getpid():
            self.after_fork()

    def after_fork(self) -> None:
        """Start anew: the parent process sends what is queued, and tells what it has counted."""
        self._start()
        DEADLINES.after_fork()
        UNDECIDED.clear()
        self.limiter.after_fork()
        self._client.lost.after_fork()
        reset_transport()

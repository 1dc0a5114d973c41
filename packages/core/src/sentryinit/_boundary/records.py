"""The log records of a request: events wait for its decision, others may be breadcrumbs."""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterator

from sentryinit._boundary.deadlines import DEADLINES, take
from sentryinit._policy.log_records import FrozenRecord, is_about

# More deferred records than these are a storm, and not one error that was logged twice.
MAX_DEFERRED = 10


class DeferredRecord:
    """A log record that waits until its request is decided, but not longer than a time (C2)."""

    __slots__ = ("_is_claimed", "_turn", "record", "release")

    def __init__(self, record: FrozenRecord, seconds: float, release: Callable[[], None]) -> None:
        self.record, self.release, self._is_claimed = record, release, False
        self._turn = DEADLINES.add(seconds, release)

    def claim(self) -> bool:
        """Return True if the request has it: it was not released alone, and will not be."""
        with contextlib.suppress(IndexError):
            self._turn.pop()
            self._is_claimed = True
        return self._is_claimed

    def release_alone(self) -> None:
        """Release it now, unless that was done, or the request has it."""
        take(self._turn)


class RequestRecords:
    """The part of a capture that keeps log records."""

    # The dictionary is for what few requests have; see Capture.
    __slots__ = ("__dict__", "has_activity", "status")
    # True once anything was seen that asks for more than a status and an end.
    has_activity: bool
    status: int | None
    # Until it is decided what they are about (C2).
    deferred: tuple[DeferredRecord, ...] = ()
    # The last ones below ERROR, unformatted (F1).
    recent_records: deque[logging.LogRecord] | tuple[()] = ()
    ignores_records: bool = False

    def defer(self, record: FrozenRecord, seconds: float, send: Callable[[], None]) -> None:
        """Keep *record* until the request is decided, for *seconds* at most, then *send* it.

        It is not sent if it is about what is reported otherwise.
        """

        def release() -> None:
            if not self.is_known(record):
                send()

        self.has_activity = True
        self.deferred += (DeferredRecord(record, seconds, release),)
        if len(self.deferred) > MAX_DEFERRED:
            oldest, self.deferred = self.deferred[0], self.deferred[1:]
            oldest.release_alone()

    def claim_records(self) -> list[FrozenRecord]:
        """Stop the time of the deferred records, and return those that have not been sent."""
        self.deferred = tuple(deferred for deferred in self.deferred if deferred.claim())
        return [deferred.record for deferred in self.deferred]

    def _release_records(self) -> None:
        """Make events of the deferred records that are not about what is reported otherwise."""
        self.claim_records()
        deferred, self.deferred = self.deferred, ()
        for each in deferred:
            each.release()

    def is_known(self, record: FrozenRecord) -> bool:
        """Return True if *record* is about what is reported otherwise, or not at all."""
        raise NotImplementedError

    def keep_record(self, record: logging.LogRecord, most: int) -> None:
        """Keep *record*, below ERROR, as one of the *most* last ones."""
        if not self.recent_records:
            self.recent_records, self.has_activity = deque(maxlen=most), True
        self.recent_records.append(record)

    def records_about(self, failure: BaseException | None) -> list[FrozenRecord]:
        """Return the deferred records that are about *failure*."""
        return [each.record for each in self.deferred if is_about(each.record, failure)]

    @contextlib.contextmanager
    def ignore_log_records(self) -> Iterator[None]:
        """Ignore records at ERROR inside the block: the framework's own, about this request.

        After the status is sent nothing is ignored, as nothing is deferred then.
        """
        self.ignores_records = self.status is None
        try:
            yield
        finally:
            self.ignores_records = False

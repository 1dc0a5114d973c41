"""The log records of a request: those at ERROR wait for its decision, others may be breadcrumbs."""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Iterator

from sentryinit._policy.log_records import is_about

# More deferred records than these are a storm, and not one error that was logged twice.
MAX_DEFERRED = 10


class RequestRecords:
    """The part of a capture that keeps log records."""

    # The dictionary is for what few requests have; see Capture.
    __slots__ = ("__dict__", "has_activity", "status")
    # True once anything was seen that asks for more than a status and an end.
    has_activity: bool
    status: int | None
    # At ERROR or above, until it is decided what they are about (C2).
    deferred: tuple[logging.LogRecord, ...] = ()
    # The last ones below ERROR, unformatted (F1).
    recent_records: deque[logging.LogRecord] | tuple[()] = ()
    ignores_records: bool = False

    def defer(self, record: logging.LogRecord) -> logging.LogRecord | None:
        """Keep *record* until the request is decided; return a record that is due now instead."""
        self.has_activity = True
        self.deferred += (record,)
        if len(self.deferred) <= MAX_DEFERRED:
            return None
        overdue, self.deferred = self.deferred[0], self.deferred[1:]
        return overdue

    def keep_record(self, record: logging.LogRecord, most: int) -> None:
        """Keep *record*, below ERROR, as one of the *most* last ones."""
        if not self.recent_records:
            self.recent_records, self.has_activity = deque(maxlen=most), True
        self.recent_records.append(record)

    def records_about(self, failure: BaseException | None) -> list[logging.LogRecord]:
        """Return the deferred records that are about *failure*."""
        return [record for record in self.deferred if is_about(record, failure)]

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

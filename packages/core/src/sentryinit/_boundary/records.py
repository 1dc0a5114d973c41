"""The log records of a request: events wait for its decision, others may be breadcrumbs."""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any
from weakref import WeakSet

from sentryinit._boundary.deadlines import DEADLINES, Turn, call, take
from sentryinit._boundary.facts import Facts
from sentryinit._policy import exceptions
from sentryinit._policy.log_records import (
    FrozenRecord,
    exception_of,
    exceptions_in,
    has_names,
    has_text_of,
    is_about,
    names_in_traceback,
)
from sentryinit._policy.verdict import Reason
from sentryinit._state import STATE

log = logging.getLogger("sentryinit")

# More deferred records than these are a storm, and not one error that was logged twice.
MAX_DEFERRED = 10
# A record that waits until its request is decided, perhaps not longer than a time (C2).
Deferred = tuple[FrozenRecord, Turn]

# Those of failures, such as "500 Internal Server Error".
_STATUS_LINES = {each.value: f"{each.value} {each.phrase}" for each in HTTPStatus if each >= 500}

# What texts have that are about the exceptions that boundaries decided on last: some servers log
# a text only. Whether a request in this context was decided.
_TOLD: deque[tuple[str, ...]] = deque(maxlen=100)
_IS_DECIDED: ContextVar[bool] = ContextVar("sentryinit_decided", default=False)


def note_decided(exc: BaseException | None) -> None:
    """Remember that a boundary has decided on *exc*, or on a response."""
    _IS_DECIDED.set(True)
    if exc is not None:
        exceptions.mark_decided(exc)
        names = names_in_traceback(exc)
        if names and names not in _TOLD:
            _TOLD.append(names)


def was_told(record: FrozenRecord) -> bool:
    """Return True if a boundary has decided on what a server's text says."""
    if "Traceback" in record.text:
        return any(has_names(record.searched, names) for names in _TOLD)
    is_decided = _IS_DECIDED.get()
    _IS_DECIDED.set(False)
    return is_decided


def explain_record(record: logging.LogRecord, reason: Reason) -> None:
    """Log why *record* is no event of its own."""
    where = record.name or "bind", record.filename, record.lineno
    log.debug("no event of its own for the log record of %s (%s:%s): %s", *where, reason.value)


# Requests with records that wait without a limit of time. A forked process leaves them to its
# parent (H2).
UNDECIDED: WeakSet[RequestRecords] = WeakSet()


def end_requests() -> None:
    """Make events of what waits without a limit: the process ends, and with it these requests."""
    for capture in list(UNDECIDED):
        capture.has_failed = True
        capture._release_records()  # noqa: SLF001 # of this module


class RequestRecords:
    """The part of a capture that keeps log records."""

    # The dictionary is for what few requests have; see Capture.
    __slots__ = ("__dict__", "has_activity", "status")
    # True once anything was seen that asks for more than a status and an end.
    has_activity: bool
    status: int | None
    # Until it is decided what they are about (C2).
    deferred: tuple[Deferred, ...] = ()
    # The last ones below ERROR, unformatted (F1).
    recent_records: deque[logging.LogRecord] | tuple[()] = ()
    ignores_records: bool = False
    # False until a failure is seen; a job, which nobody answers, counts as failed from its start.
    has_failed: bool = False
    # As in Capture.
    adapter: Facts[Any]
    seen_exception: BaseException | None
    _failures: tuple[BaseException | None, ...]
    _for_nobody: bool

    def already_reported(self, exc: BaseException) -> bool:
        """Return True if *exc* is on an event of this request: see Capture."""
        raise NotImplementedError

    def defer(
        self, record: FrozenRecord, seconds: float | None, send: Callable[[], None] | None
    ) -> None:
        """Keep *record* until the request is decided, for *seconds* at most, then *send* it.

        It is not sent if it is about what is reported otherwise. *seconds* is None: it waits
        without a limit, and is sent only if the request has failed. *send* is None: it never is.
        """

        def release() -> None:
            if self._is_known(record):
                explain_record(record, Reason.KNOWN_RECORD)
            elif send is None or (seconds is None and not self.has_failed):
                # No event of its own, by log_events: a breadcrumb.
                self.keep_record(record, STATE.settings.log_breadcrumbs if STATE.settings else 0)
                explain_record(record, Reason.LOG_EVENTS)
            else:
                send()

        self.has_activity = True
        turn: Turn = [release] if seconds is None else DEADLINES.add(seconds, release)
        if seconds is None:
            UNDECIDED.add(self)
        self.deferred += ((record, turn),)
        if self.status is not None:
            call(turn)  # sent by another thread meanwhile: nobody may look at it any more
        if len(self.deferred) > MAX_DEFERRED:
            # One with an exception may still be the reason; a text is a breadcrumb in any case.
            texts = (each for each in self.deferred if exception_of(each[0]) is None)
            oldest = next(texts if seconds is None else iter(()), self.deferred[0])
            self.deferred = tuple(each for each in self.deferred if each is not oldest)
            call(oldest[1])

    def claim_records(self) -> list[BaseException]:
        """Keep the deferred records that have not been sent, and return their exceptions.

        They are not sent alone any more. If none has an exception, a text may tell of one.
        """
        claimed = ((record, take(turn)) for record, turn in self.deferred)
        self.deferred = tuple(deferred for deferred in claimed if deferred[1])
        records = [record for record, _turn in self.deferred]
        logged = [exc for exc in map(exception_of, records) if exc is not None]
        told = (each.handled for each in records if has_text_of(each, each.handled))
        return logged or [exc for exc in told if exc is not None]

    def exceptions_in_records(self) -> list[Exception]:
        """Return what the records of this request carry, those below ERROR included.

        Not what an end of the application's own left behind: a generator that it has closed, or a
        program that it has called (``SystemExit``).
        """
        found = [e for record, _turn in self.deferred for e in (*record.exceptions, record.handled)]
        found += [e for record in self.recent_records for e in exceptions_in(record, None)]
        ends = GeneratorExit, SystemExit
        links = ((exc, exceptions.iter_chain(exc)) for exc in found if isinstance(exc, Exception))
        return [exc for exc, chain in links if not any(isinstance(each, ends) for each in chain)]

    def _release_records(self) -> None:
        """Make events of the deferred records that are not about what is reported otherwise."""
        deferred, self.deferred = self.deferred, ()
        UNDECIDED.discard(self)
        for _record, turn in deferred:
            call(turn)

    def _is_known(self, record: FrozenRecord) -> bool:
        """Return True if *record* is about what is reported otherwise, or not at all."""
        error, status, shown = exception_of(record), self.status or 0, self.seen_exception
        # One exception may have been logged twice, or captured as well.
        if error is not None and self.already_reported(error):
            return True
        if any(self._is_about(record, failure) for failure in self._failures):
            return True
        if self._for_nobody and error is None and has_names(record.searched, (str(status),)):
            return True
        carried = record.exceptions
        if error is None and shown is not None and has_text_of(record, shown):
            carried = *carried, shown
        wanted = status < 500 and STATE.settings is not None and STATE.settings.report_logged_4xx
        return not wanted and self.adapter.is_response(carried, status, shown)

    def _is_about(self, record: FrozenRecord, failure: BaseException | None) -> bool:
        """Return True if *record* is about *failure*, or says the status line of its response."""
        line = _STATUS_LINES.get(self.status or 0)
        says_it = line is not None and exception_of(record) is None and line in record.text
        return says_it or is_about(record, failure)

    def keep_record(self, record: logging.LogRecord, most: int) -> None:
        """Keep *record*, below ERROR, as one of the *most* last ones."""
        if not self.recent_records:
            self.recent_records, self.has_activity = deque(maxlen=most), True
        self.recent_records.append(record)

    def breadcrumbs_for(self, failure: BaseException | None) -> list[FrozenRecord]:
        """Return the deferred records whose texts belong on the event of *failure*.

        A record about it that has an exception says what the event says.
        """
        never_alone = STATE.settings is not None and STATE.settings.log_events == "none"
        return [
            record
            for record, _turn in self.deferred
            if (exception_of(record) is None if self._is_about(record, failure) else never_alone)
        ]

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

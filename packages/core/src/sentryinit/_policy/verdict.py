"""The one decision: what of a failure is reported, and if nothing is, why."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import NamedTuple

from sentryinit._policy.exceptions import shares_exception
from sentryinit._policy.ignore_rules import IgnoreRules


class Reason(enum.Enum):
    """Why a failure, or a log record, gives no event; the value is what the log says at DEBUG."""

    ABORTED = "the client, the server or a caller gave up"
    CLIENT_GONE = "the client had disconnected before the response"
    HANDLED = "the exception was handled: the response is below 500"
    IGNORED_ERROR = "ignore_errors or ignore_messages"
    IGNORED_MESSAGE = "ignore_messages"
    IGNORED_STATUS = "ignore_statuses"
    IGNORED_PATH = "ignore_paths"
    DUPLICATE = "it is on an event already"
    RATE_LIMITED = "held back by the storm guard"
    BEFORE_SEND = "before_send dropped it"
    PROCESSOR = "an event processor of the application dropped it"
    SAMPLED = "sample_rate or error_sampler dropped it"
    CLOSED = "the client of sentry_sdk was closed"
    ASKED = "whoever asked for the result of the job got the exception"
    IGNORED_LOGGER = "ignore_loggers"
    LOG_EVENTS = "log_events"
    KNOWN_RECORD = "it is about a failure or response that was decided on"
    SAME_RECORD = "another handler has passed it on already"


# The keys of ``stats()`` that count failures without an event.
COUNTERS = {
    Reason.ABORTED: "aborted",
    Reason.CLIENT_GONE: "aborted",
    Reason.DUPLICATE: "duplicates",
    Reason.IGNORED_ERROR: "ignored",
    Reason.IGNORED_MESSAGE: "ignored",
    Reason.IGNORED_STATUS: "ignored",
    Reason.IGNORED_PATH: "ignored",
}


class Seen(NamedTuple):
    """What is known of one failure.

    *escaped*: what left the application, with *escaped_status*, what the client gets. *shown*: what
    a hook of the framework showed before a 5xx, with *handled* and *status*. *logged*: the last
    exception whose traceback or text was logged. *captured*: the application captured one itself.
    *aborted*: *escaped* is an abort. *client_gone*: a response without an exception was made for a
    client that was gone. *is_reported* asks whether an exception is on an event; *path*
    and *title* describe the request, if needed.
    """

    escaped: BaseException | None = None
    shown: BaseException | None = None
    logged: BaseException | None = None
    captured: bool = False
    handled: bool = False
    status: int | None = None
    escaped_status: int | None = None
    aborted: bool = False
    client_gone: bool = False
    is_reported: Callable[[BaseException], bool] = lambda _exc: False
    path: Callable[[], str] | None = None
    title: Callable[[], str] | None = None


class Verdict(NamedTuple):
    """What to report: *exception*, or if that is None the response *status*.

    *reason* says why nothing is reported; None if it is.
    """

    exception: BaseException | None
    handled: bool
    status: int | None
    reason: Reason | None = None

    @property
    def is_failure(self) -> bool:
        """False if the client, the server or a caller gave up."""
        return self.reason not in {Reason.ABORTED, Reason.CLIENT_GONE}

    @property
    def decided(self) -> tuple[BaseException | None, ...]:
        """What log records may be about: an exception, or None for a response without one."""
        return (self.exception,) if self.exception is not None or self.explains_records else ()

    @property
    def explains_records(self) -> bool:
        """True if log records without exception belong to the failure, and are no events (C2)."""
        return self.reason in {None, Reason.IGNORED_PATH, Reason.RATE_LIMITED}


def decide(seen: Seen, rules: IgnoreRules) -> Verdict:
    """Return what to report of *seen*, or why nothing is reported."""
    evidence = _evidence(seen)
    return evidence._replace(reason=_reason(seen, evidence, rules))


def _evidence(seen: Seen) -> Verdict:
    """Return what the failure is about (A4 to A8)."""
    # An unrelated exception on the way out of a 5xx is a consequence: the first one counts.
    first = seen.shown
    if seen.escaped is not None and (first is None or shares_exception(seen.escaped, [first])):
        return Verdict(seen.escaped, handled=False, status=seen.escaped_status)
    return Verdict(seen.logged if first is None else first, seen.handled, seen.status)


def _reason(seen: Seen, evidence: Verdict, rules: IgnoreRules) -> Reason | None:
    exc = evidence.exception
    if seen.aborted:
        return Reason.ABORTED
    if exc is None and seen.client_gone:
        return Reason.CLIENT_GONE
    # An exception that the application captured itself says more than the status.
    if seen.captured if exc is None else seen.is_reported(exc):
        return Reason.DUPLICATE
    if rules.paths and seen.path and rules.ignores_path(seen.path()):
        return Reason.IGNORED_PATH
    if exc is None and rules.messages and seen.title and rules.ignores_message(seen.title()):
        return Reason.IGNORED_MESSAGE
    # An exception that nobody handled is a bug, whatever its status (B6).
    if (exc is None or evidence.handled) and rules.ignores_status(evidence.status):
        return Reason.IGNORED_STATUS
    return Reason.IGNORED_ERROR if exc is not None and rules.ignores_error(exc) else None

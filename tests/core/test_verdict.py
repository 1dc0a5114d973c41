"""The decision on a failure, and what an operator is told where it gives no event."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
import sentry_sdk

import sentryinit
from sentryinit import adapters, testing
from sentryinit._policy.ignore_rules import IgnoreRules
from sentryinit._policy.verdict import COUNTERS, Reason, Seen, decide

Begin = Callable[..., adapters.Capture[Any]]
FIRST, SECOND = ValueError("first"), KeyError("second")


def caused_by(cause: BaseException) -> BaseException:
    """Return an exception that was raised from *cause*."""
    error = RuntimeError("third")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("seen", "exception", "handled", "status"),
    [
        (Seen(status=503), None, False, 503),
        (Seen(escaped=FIRST, escaped_status=500), FIRST, False, 500),
        (Seen(shown=FIRST, handled=True, status=503), FIRST, True, 503),
        (Seen(logged=FIRST, handled=True, status=503), FIRST, True, 503),
        (Seen(shown=FIRST, logged=SECOND, handled=True, status=503), FIRST, True, 503),
        (Seen(escaped=SECOND, shown=FIRST, handled=True, status=503), FIRST, True, 503),
        (Seen(escaped=FIRST, shown=FIRST, status=503, escaped_status=500), FIRST, False, 500),
        (Seen(escaped=FIRST, logged=SECOND, escaped_status=500), FIRST, False, 500),
    ],
    ids=[
        "status",
        "escaped",
        "shown",
        "logged",
        "shown-before-logged",
        "unrelated-consequence",
        "same-exception",
        "escaped-before-logged",
    ],
)
def test_evidence(seen: Seen, exception: object, handled: bool, status: int) -> None:
    """The verdict is about the first exception that explains the failure, else the status."""
    verdict = decide(seen, IgnoreRules())

    assert verdict.exception is exception
    assert (verdict.handled, verdict.status, verdict.reason) == (handled, status, None)


def test_consequence_of_the_shown_exception_is_the_evidence() -> None:
    """An exception that escapes and comes from the shown one says more than that one."""
    error = caused_by(FIRST)
    verdict = decide(
        Seen(escaped=error, shown=FIRST, status=503, escaped_status=500), IgnoreRules()
    )

    assert (verdict.exception, verdict.handled) == (error, False)


RULES = IgnoreRules(
    errors=(KeyError,),
    messages=(re.compile("HTTP 503 GET /busy"),),
    statuses=(range(502, 503),),
    paths=("/health*",),
)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (Seen(escaped=FIRST, aborted=True), Reason.ABORTED),
        (Seen(escaped=FIRST, is_reported=lambda exc: exc is FIRST), Reason.DUPLICATE),
        (Seen(captured=True, status=503), Reason.DUPLICATE),
        (Seen(escaped=SECOND), Reason.IGNORED_ERROR),
        (Seen(escaped=caused_by(SECOND)), Reason.IGNORED_ERROR),
        (Seen(escaped=FIRST, path=lambda: "/healthz"), Reason.IGNORED_PATH),
        (Seen(status=503, path=lambda: "/healthz"), Reason.IGNORED_PATH),
        (Seen(status=502), Reason.IGNORED_STATUS),
        (Seen(shown=FIRST, handled=True, status=502), Reason.IGNORED_STATUS),
        (Seen(status=503, title=lambda: "HTTP 503 GET /busy"), Reason.IGNORED_MESSAGE),
        (Seen(escaped=FIRST, escaped_status=502), None),
        (Seen(status=503, title=lambda: "HTTP 503 GET /", path=lambda: "/"), None),
    ],
)
def test_reason_for_no_event(seen: Seen, reason: Reason | None) -> None:
    """The reason is a value; an unhandled exception is a bug whatever its status (B6)."""
    assert decide(seen, RULES).reason is reason


def test_request_is_described_only_for_rules_that_ask() -> None:
    """Without ignored paths and messages the decision describes no request (F3)."""

    def describe() -> str:
        raise AssertionError

    verdict = decide(Seen(status=503, path=describe, title=describe), IgnoreRules())

    assert verdict.reason is None


def fail(capture: adapters.Capture[Any]) -> None:
    capture.exception_escaped(ValueError("x"))


def handle(capture: adapters.Capture[Any]) -> None:
    capture.exception_seen(ValueError("x"))
    capture.response_started(404)


def hang_up(capture: adapters.Capture[Any]) -> None:
    capture.exception_escaped(GeneratorExit())


def answer_nobody(capture: adapters.Capture[Any]) -> None:
    capture.client_gone = True
    capture.response_started(503)


def answer(capture: adapters.Capture[Any]) -> None:
    capture.response_started(503)


def capture_it_first(capture: adapters.Capture[Any]) -> None:
    error = ValueError("x")
    sentry_sdk.capture_exception(error)
    capture.exception_escaped(error)


def fail_twice(capture: adapters.Capture[Any]) -> None:
    for _ in range(2):
        fail(capture.after_response("request"))


@pytest.mark.parametrize(
    ("failing", "options", "reason", "what"),
    [
        (handle, {}, Reason.HANDLED, "ValueError (test, status 404)"),
        (hang_up, {}, Reason.ABORTED, "GeneratorExit (test, status not sent)"),
        (answer_nobody, {}, Reason.CLIENT_GONE, "a response or message (test, status 503)"),
        (fail, {"ignore_errors": [ValueError]}, Reason.IGNORED_ERROR, "ValueError"),
        (fail, {"ignore_paths": ["/orders/*"]}, Reason.IGNORED_PATH, "ValueError"),
        (answer, {"ignore_statuses": [503]}, Reason.IGNORED_STATUS, "a response or message"),
        (answer, {"ignore_messages": ["HTTP"]}, Reason.IGNORED_MESSAGE, "a response or message"),
        (capture_it_first, {}, Reason.DUPLICATE, "ValueError"),
        (
            fail_twice,
            {"storm_guard": True, "storm_burst": 1, "storm_per_minute": 0},
            Reason.RATE_LIMITED,
            "ValueError",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Reason) else None,
)
def test_operator_learns_why_there_is_no_event(
    begin: Begin,
    caplog: pytest.LogCaptureFixture,
    failing: Callable[..., None],
    options: dict[str, Any],
    reason: Reason,
    what: str,
) -> None:
    """One line at DEBUG names the failure and the reason, and ``stats()`` counts it."""
    caplog.set_level(logging.DEBUG, "sentryinit")
    with testing.capture("shop", **options) as box:
        capture = begin()
        failing(capture)
        capture.close()
        stats = sentryinit.stats()
    lines = [r.getMessage() for r in caplog.records if r.levelno == logging.DEBUG]

    assert [line for line in lines if line.endswith(f": {reason.value}")] == lines
    assert len(lines) == 1
    assert lines[0].startswith(f"no event for {what}")
    assert len(box.events) == (reason in {Reason.DUPLICATE, Reason.RATE_LIMITED})
    if reason in COUNTERS:
        assert stats[COUNTERS[reason]] == 1

"""At DEBUG one line says why a failure, or a log record, gave no event."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope, Item
from sentry_sdk.transport import HttpTransport

import sentryinit
from conftest import DSN
from sentryinit import adapters, testing
from sentryinit._policy.verdict import Reason
from sentryinit._sdk import losses
from sentryinit._sdk.testing import disconnect
from sentryinit._state import STATE

Begin = Callable[..., adapters.Capture[Any]]
log = logging.getLogger("shop")


@pytest.fixture(autouse=True)
def debug(caplog: pytest.LogCaptureFixture) -> None:
    """Hear everything that sentryinit says."""
    caplog.set_level(logging.DEBUG, "sentryinit")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return the lines at DEBUG of sentryinit."""
    return lambda: [
        record.getMessage()
        for record in caplog.records
        if record.name == "sentryinit" and record.levelno == logging.DEBUG
    ]


def fail(begin: Begin) -> None:
    """Have a request fail."""
    capture = begin()
    capture.exception_escaped(ValueError("x"))
    capture.close()


def drop(*_: Any) -> None:
    """Drop everything."""


def never(*_: Any) -> float:
    return 0


# -- hooks and sampling ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"before_send": drop}, Reason.BEFORE_SEND),
        ({"sample_rate": 0.0}, Reason.SAMPLED),
        ({"error_sampler": never}, Reason.SAMPLED),
    ],
)
def test_failure_that_is_dropped(
    begin: Begin, lines: Callable[[], list[str]], options: dict[str, Any], reason: Reason
) -> None:
    """A hook, or sampling, has dropped the event of a request."""
    with testing.capture("shop", **options) as box:
        fail(begin)
        assert sentryinit.stats()["dropped"] == 1

    assert box.events == []
    assert lines() == [f"no event for ValueError (test, status not sent): {reason.value}"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"before_send": drop}, Reason.BEFORE_SEND),
        ({"error_sampler": never}, Reason.SAMPLED),
        ({"ignore_errors": ["ValueError"]}, Reason.IGNORED_ERROR),
    ],
)
@pytest.mark.parametrize(
    "act",
    [
        lambda: sentry_sdk.capture_exception(ValueError("x")),
        lambda: log.error("failed", exc_info=ValueError("x")),
    ],
    ids=["captured", "logged"],
)
def test_what_is_captured_or_logged_and_dropped(
    act: Callable[[], object],
    lines: Callable[[], list[str]],
    options: dict[str, Any],
    reason: Reason,
) -> None:
    """One line too, outside of requests."""
    with testing.capture("shop", **options) as box:
        act()

    assert box.events == []
    assert lines() == [f"no event for ValueError (outside of requests): {reason.value}"]


def test_event_processor(
    begin: Begin, mailbox: testing.Mailbox, lines: Callable[[], list[str]]
) -> None:
    """An event processor of the application has dropped it."""
    capture = begin()
    sentry_sdk.get_isolation_scope().add_event_processor(drop)
    capture.exception_escaped(ValueError("x"))
    capture.close()

    assert mailbox.events == []
    assert len(lines()) == 1
    assert lines()[0].endswith(Reason.PROCESSOR.value)


def test_closed_client(begin: Begin, lines: Callable[[], list[str]]) -> None:
    """The application has closed the client."""
    with testing.capture("shop"):
        sentry_sdk.get_client().close()
        fail(begin)

    assert len(lines()) == 1
    assert lines()[0].endswith(Reason.CLOSED.value)


def test_event_that_leaves_has_no_line(
    begin: Begin, mailbox: testing.Mailbox, lines: Callable[[], list[str]]
) -> None:
    """Where there is an event there is no line."""
    fail(begin)
    sentry_sdk.capture_message("x")
    log.error("x")

    assert len(mailbox.events) == 3
    assert lines() == []


def test_check_in_that_is_dropped_is_no_failure(lines: Callable[[], list[str]]) -> None:
    """A check-in is no failure, and has no line."""
    with testing.capture("shop", before_send=drop):
        sentry_sdk.crons.capture_checkin("job", status="ok")

    assert lines() == []


# -- requests --------------------------------------------------------------------------------------


def test_exception_that_is_handled_after_the_status(
    begin: Begin, mailbox: testing.Mailbox, lines: Callable[[], list[str]]
) -> None:
    """In a stream or a WebSocket the status is sent already."""
    capture = begin()
    capture.response_started(101)
    capture.exception_seen(ValueError("x"))
    capture.close()

    assert mailbox.events == []
    reason = Reason.HANDLED.value
    assert lines() == [f"no event for ValueError (test, status 101): {reason}"]


def test_websocket_that_closes_for_another_reason(
    begin: Begin, mailbox: testing.Mailbox, lines: Callable[[], list[str]]
) -> None:
    """A10: a close code that is no error of the server."""
    capture = begin()
    capture.response_started(101)
    capture.close_sent(1008, ValueError("x"))
    capture.close()

    assert mailbox.events == []
    assert [line.partition(" (")[0] for line in lines()] == ["no event for ValueError"]


def test_abort_has_one_line(
    begin: Begin, mailbox: testing.Mailbox, lines: Callable[[], list[str]]
) -> None:
    """An abort that a hook has shown before is one line."""
    capture, abort = begin(), GeneratorExit()
    capture.exception_seen(abort)
    capture.exception_escaped(abort)
    capture.close()

    assert mailbox.events == []
    assert [line.rpartition(": ")[2] for line in lines()] == [Reason.ABORTED.value]


def test_internal_errors_are_limited(lines: Callable[[], list[str]], said: Any) -> None:
    """Faults of ours are a kind of failure, and the storm guard holds them back."""
    with testing.capture("shop", storm_guard=True, storm_burst=1, storm_per_minute=0) as box:
        for _ in range(2):
            assert STATE.reporter is not None
            STATE.reporter.internal_error(ZeroDivisionError(), ValueError("x"))

    assert len(box.events) == 1
    reason = Reason.RATE_LIMITED.value
    assert lines() == [f"no event for ValueError (outside of requests): {reason}"]
    said()


def test_job_whose_result_somebody_asked_for(
    begin: Begin, mailbox: testing.Mailbox, lines: Callable[[], list[str]]
) -> None:
    """The request has handled the exception of its job."""
    capture = begin()
    with ThreadPoolExecutor() as pool, pytest.raises(ValueError, match="x"):
        pool.submit(sentryinit.bind(int), "x").result()
    capture.response_started(200)
    capture.close()

    assert mailbox.events == []
    assert [line.rpartition(": ")[2] for line in lines()] == [Reason.ASKED.value]


# -- log records -----------------------------------------------------------------------------------


def record_lines(found: list[str], reason: Reason) -> list[str]:
    """Return those of *found* that say *reason* of a record."""
    of_records = (line for line in found if line.startswith("no event of its own"))
    return [line for line in of_records if line.endswith(f": {reason.value}")]


def test_ignored_logger(lines: Callable[[], list[str]]) -> None:
    """The logger, the place and the setting are named; the text is not."""
    with testing.capture("shop", ignore_loggers=["shop"]) as box:
        log.error("customer Ada has failed")

    assert box.events == []
    (line,) = lines()
    assert line.startswith("no event of its own for the log record of shop (test_explained.py:")
    assert line.endswith(": ignore_loggers")


def test_record_about_the_failure(
    begin: Begin, mailbox: testing.Mailbox, lines: Callable[[], list[str]]
) -> None:
    """C2: the failure is one event, and the record is none."""
    capture, error = begin(), ValueError("x")
    log.error("failed", exc_info=error)
    capture.exception_escaped(error)
    capture.close()

    assert len(mailbox.events) == 1
    assert record_lines(lines(), Reason.KNOWN_RECORD) == lines()
    assert len(lines()) == 1


def test_record_of_a_server(
    begin: Begin, mailbox: testing.Mailbox, lines: Callable[[], list[str]]
) -> None:
    """C2: it has no line: its boundary is going to tell, or it is about the server itself."""
    capture = begin()
    logging.getLogger("uvicorn.error").error("Exception in ASGI application")
    capture.close()
    logging.getLogger("gunicorn.error").error("Worker was sent SIGTERM!")
    logging.getLogger("gunicorn.error").info("Booting worker")

    assert mailbox.events == []
    assert [line for line in lines() if "log record" in line] == []


def test_record_of_the_framework(
    begin: Begin, mailbox: testing.Mailbox, lines: Callable[[], list[str]]
) -> None:
    """What a framework logs of a failure is no event, and has no line: the boundary tells."""
    with begin().ignore_log_records():
        log.error("failed")
        log.info("fine")

    assert mailbox.events == []
    assert [line for line in lines() if "log record" in line] == []


def test_own_records_are_not_explained(lines: Callable[[], list[str]]) -> None:
    """With log_level="DEBUG" our own lines are no events; no line is about such a line."""
    with testing.capture("shop", log_level="DEBUG", ignore_loggers=["noisy"]):
        logging.getLogger("sentryinit").debug("x")
        logging.getLogger("uvicorn.access").error("GET /")
        logging.getLogger("noisy").error("x")

    assert [line for line in lines() if line != "x"] == record_lines(lines(), Reason.IGNORED_LOGGER)
    assert len(lines()) == 2


# -- the transport ---------------------------------------------------------------------------------


def test_item_that_is_no_error(mailbox: testing.Mailbox, lines: Callable[[], list[str]]) -> None:
    """G2: what is no error does not leave."""
    envelope = Envelope(items=[Item(payload=b"{}", type="session")])
    client: Any = sentry_sdk.get_client()
    client.transport.capture_envelope(envelope)

    assert mailbox.envelopes == []
    assert lines() == ["an item of type session does not leave: it is no error"]


@pytest.fixture
def clean() -> Iterator[None]:
    """Run the test before any ``init``, and restore what there was."""
    restore = STATE.reset()
    yield
    disconnect()
    restore()


@pytest.mark.parametrize(
    ("lose", "why"),
    [
        ("full_queue", "lost: the queue is full"),
        ("network", "lost: the backend cannot be reached"),
        ("self_rate_limits", "lost: the backend has asked to wait, with HTTP 429"),
        ("status_401", "rejected with HTTP 401: check the key in the DSN"),
        ("status_500", "rejected with HTTP 500: the backend has an error"),
    ],
)
@pytest.mark.usefixtures("clean")
def test_each_lost_event_has_a_line(
    lose: str, why: str, lines: Callable[[], list[str]], said: Any
) -> None:
    """The first is a warning, and the next ones wait for a minute; at DEBUG each has its line."""
    sentryinit.init("shop", dsn=DSN)
    client: Any = sentry_sdk.get_client()
    for _ in range(3):
        client.transport.losses.count(lose)

    assert said() == [f"1 event {why}"]
    assert lines() == [f"1 event {why}"] * 2
    assert sentryinit.stats()["lost"] == 3


@pytest.mark.usefixtures("clean")
def test_full_queue_is_seen(
    begin: Begin, lines: Callable[[], list[str]], said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that find no place in the queue of sentry-sdk are lost, one line each."""
    release = threading.Event()
    monkeypatch.setattr(HttpTransport, "_send_envelope", lambda *_: release.wait(20))
    sentryinit.init("shop", dsn=DSN, transport_queue_size=1)
    for _ in range(6):
        fail(begin)
    told = len(lines()) + len(said())
    lost = sentryinit.stats()["lost"]
    release.set()
    sentryinit.flush()

    assert said() == [
        f"events arrive again; {lost} failures are lost since the start: "
        f"{lost} because the queue was full"
    ]
    assert lost >= 4
    assert told == lost
    assert losses.LOG_INTERVAL == 60

"""One request: what is reported of it, what is held, and what is said once."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
import sentry_sdk

from sentryinit import adapters, testing, wsgi
from sentryinit._boundary.records import MAX_DEFERRED
from sentryinit._policy.log_records import is_about

log = logging.getLogger("shop")
Begin = Callable[..., adapters.Capture[Any]]
Titles = Callable[[testing.Mailbox], list[str]]


class Answer(Exception):
    """A framework's own exception that is a 503."""


def status_of(exc: BaseException) -> int | None:
    return 503 if isinstance(exc, Answer) else None


class Falsy(Exception):
    """Is false, as a collection of errors that happens to be empty."""

    def __len__(self) -> int:
        return 0


class Hostile(Exception):
    """Cannot be compared."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not comparable")

    __hash__ = Exception.__hash__


class Frozen(Exception):
    """Takes no attributes."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("__sentryinit"):
            raise AttributeError(name)
        super().__setattr__(name, value)


class Permissive(Exception):
    """Has every attribute that it is asked for, as a proxy has."""

    def __getattr__(self, name: str) -> str:
        if name.startswith("__sentryinit"):
            return "something"
        raise AttributeError(name)


def raised(exc: BaseException) -> BaseException:
    """Give *exc* a traceback."""
    try:
        raise exc
    except BaseException as caught:
        return caught


def tag(event: dict[str, Any]) -> str | None:
    return event["tags"].get("status_code")


def crumbs(event: dict[str, Any]) -> list[str]:
    return [crumb["message"] for crumb in event.get("breadcrumbs", {}).get("values", [])]


def handled(event: dict[str, Any]) -> bool:
    return bool(event["exception"]["values"][-1]["mechanism"]["handled"])


# -- the decision --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [101, 200, 204, 301, 404, 499])
def test_a_good_answer(begin: Begin, mailbox: testing.Mailbox, status: int) -> None:
    """An answer below 500 is nothing to report."""
    capture = begin()
    capture.response_started(status)
    capture.close()

    assert mailbox.events == []


def test_an_error_that_was_dealt_with(begin: Begin, mailbox: testing.Mailbox) -> None:
    """An exception that ended in an answer below 500 has been handled."""
    capture = begin()
    capture.exception_seen(raised(ValueError()))
    capture.response_started(404)
    capture.close()

    assert mailbox.events == []


@pytest.mark.parametrize("status", [500, 503, 599])
def test_a_failing_answer(begin: Begin, mailbox: testing.Mailbox, status: int) -> None:
    """A 5xx without an exception is one event, which says what was answered to what."""
    capture = begin()
    capture.response_started(status)
    capture.close()

    (event,) = mailbox.events
    assert event["logentry"]["formatted"] == f"HTTP {status} GET /orders/17"
    assert tag(event) == str(status)
    assert event["level"] == "error"
    assert event["contexts"]["response"] == {"status_code": status}
    assert event["fingerprint"] == [
        "sentryinit",
        "shop",
        "GET",
        "/orders/{order_id}",
        str(status),
    ]


def test_a_status_beyond_5xx(begin: Begin, mailbox: testing.Mailbox) -> None:
    """A number beyond 599 is no server error that anybody knows."""
    capture = begin()
    capture.response_started(600)
    capture.close()

    assert mailbox.events == []


def test_a_5xx_that_is_taken_back(begin: Begin, mailbox: testing.Mailbox) -> None:
    """A status that is replaced before it is reported counts for nothing."""
    capture = begin()
    capture.response_started(500)
    capture.response_started(200)
    capture.close()

    assert mailbox.events == []


def test_an_escaped_exception(begin: Begin, mailbox: testing.Mailbox) -> None:
    """What crosses the boundary is one event: the adapter's mechanism, unhandled, status 500."""
    capture = begin()
    capture.exception_escaped(raised(ValueError("x")))
    capture.close()

    (event,) = mailbox.events
    mechanism = event["exception"]["values"][-1]["mechanism"]
    assert (mechanism["type"], mechanism["handled"]) == ("test", False)
    assert tag(event) == "500"
    assert event["level"] == "error"
    assert event["transaction"] == "/orders/{order_id}"
    assert event["transaction_info"] == {"source": "route"}
    assert event["request"] == {
        "method": "GET",
        "url": "http://shop.test/orders/17",
        "headers": {},
    }


def test_the_status_that_went_out(begin: Begin, mailbox: testing.Mailbox) -> None:
    """After the status went out, an exception does not change it."""
    capture = begin()
    capture.response_started(200)
    capture.exception_escaped(raised(ValueError()))

    assert [tag(event) for event in mailbox.events] == ["200"]


def test_the_status_that_the_client_gets(begin: Begin, mailbox: testing.Mailbox) -> None:
    """An adapter that knows better says so."""
    capture = begin()
    capture.response_started(200)
    capture.exception_escaped(raised(ValueError()), 500)

    assert [tag(event) for event in mailbox.events] == ["500"]


def test_a_noted_exception_is_the_evidence(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """A 5xx with an exception seen inside is one event of that exception, handled."""
    capture = begin()
    capture.exception_seen(raised(ValueError()))
    capture.response_started(500)
    capture.close()

    assert (titles(mailbox), handled(mailbox.events[0])) == (["ValueError"], True)


def test_a_noted_exception_that_nobody_handled(begin: Begin, mailbox: testing.Mailbox) -> None:
    """An adapter may know that nobody did."""
    capture = begin()
    capture.exception_seen(raised(ValueError()), handled=False)
    capture.response_started(500)
    capture.close()

    assert handled(mailbox.events[0]) is False


def test_a_stack_that_is_taken_off_later(begin: Begin, mailbox: testing.Mailbox) -> None:
    """The stack is that of the moment when the exception was seen."""
    error, capture = raised(ValueError()), begin()
    capture.exception_seen(error)
    error.__traceback__ = None
    capture.response_started(500)
    capture.close()

    frames = mailbox.events[0]["exception"]["values"][0]["stacktrace"]["frames"]
    assert frames[-1]["function"] == "raised"


def test_an_answer_by_exception(begin: Begin, mailbox: testing.Mailbox, titles: Titles) -> None:
    """A framework's HTTP exception is an answer."""
    capture = begin(status_of=status_of)
    capture.exception_seen(raised(Answer()))
    capture.response_started(503)
    capture.close()

    assert titles(mailbox) == ["HTTP 503 GET /orders/17"]


def test_an_answer_by_exception_with_a_reason(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """What the HTTP exception was raised from is the evidence."""
    answer = Answer()
    answer.__cause__ = raised(ValueError())
    capture = begin(status_of=status_of)
    capture.exception_seen(raised(answer))
    capture.response_started(503)
    capture.close()

    assert (titles(mailbox), handled(mailbox.events[0])) == (["ValueError"], True)


def test_the_error_first_then_what_broke_on_the_way_out(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """What the 5xx was for came first; another error after it is not the request's."""
    capture = begin()
    capture.exception_seen(raised(ValueError()))
    capture.response_started(500)
    capture.exception_escaped(raised(KeyError()))

    assert titles(mailbox) == ["ValueError"]


def test_the_same_error_noted_and_escaped(begin: Begin, mailbox: testing.Mailbox) -> None:
    """An exception that was answered with a 500 and goes on was handled by nobody."""
    capture, error = begin(), raised(ValueError())
    capture.exception_seen(error)
    capture.response_started(500)
    capture.exception_escaped(error)

    assert [handled(event) for event in mailbox.events] == [False]


def test_an_error_raised_from_the_noted_one(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """An error that was raised from the noted one tells of both."""
    capture, first, second = begin(), raised(ValueError()), KeyError()
    second.__cause__ = first
    capture.exception_seen(first)
    capture.response_started(500)
    capture.exception_escaped(raised(second))

    assert titles(mailbox) == ["KeyError"]


def test_one_event_a_request(begin: Begin, mailbox: testing.Mailbox, titles: Titles) -> None:
    """The first failure counts."""
    capture = begin()
    capture.exception_escaped(raised(ValueError()))
    capture.response_started(500)
    capture.exception_escaped(raised(KeyError()))
    capture.close()

    assert titles(mailbox) == ["ValueError"]


def test_nothing_after_the_end(begin: Begin, mailbox: testing.Mailbox) -> None:
    """A request that is over reports nothing more, and closing it again does nothing."""
    capture = begin()
    capture.close()
    capture.exception_escaped(raised(ValueError()))
    capture.close()

    assert mailbox.events == []


def test_what_a_request_holds_is_let_go(begin: Begin, mailbox: testing.Mailbox) -> None:
    """A task that outlives a request does not keep it."""
    capture = begin()
    capture.exception_escaped(raised(ValueError()))
    capture.close()

    assert capture.closed
    assert (capture.seen_exception, capture._reported, capture.deferred) == (None, (), ())


def test_nobody_is_current_after_the_end(begin: Begin, mailbox: testing.Mailbox) -> None:
    """What happens later in this context belongs to no request."""
    capture = begin()
    before = adapters.current_capture()
    capture.close()

    assert (before is capture, adapters.current_capture()) == (True, None)


def test_nobody_is_current_at_first(mailbox: testing.Mailbox) -> None:
    """Outside of requests there is none."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(adapters.current_capture()))
    thread.start()
    thread.join()

    assert found == [None]


def test_the_event_id(begin: Begin, mailbox: testing.Mailbox) -> None:
    """An adapter can tell a client which event is theirs."""
    capture = begin()
    capture.exception_escaped(raised(ValueError()))

    assert capture.event_id == mailbox.events[0]["event_id"]


def test_the_event_id_of_a_status(begin: Begin, mailbox: testing.Mailbox) -> None:
    """For an answer without exception as well."""
    capture = begin()
    capture.response_started(503)
    capture.handler_done()

    assert capture.event_id == mailbox.events[0]["event_id"]


def test_an_exit_is_fatal(
    begin: Begin, mailbox: testing.Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that ends the process is one fatal event, sent at once."""
    flushed: list[float] = []
    monkeypatch.setattr(sentry_sdk, "flush", lambda *, timeout: flushed.append(timeout))
    begin().exception_escaped(raised(SystemExit(3)))

    assert [event["level"] for event in mailbox.events] == ["fatal"]
    assert flushed == [2.0]


def test_an_exception_that_is_false(begin: Begin, mailbox: testing.Mailbox, titles: Titles) -> None:
    """An exception with a length of 0 is one all the same."""
    capture = begin()
    capture.exception_seen(raised(Falsy()))
    capture.response_started(500)
    capture.close()

    assert titles(mailbox) == ["Falsy"]


# -- aborts --------------------------------------------------------------------------------------


def test_an_abort(begin: Begin, mailbox: testing.Mailbox) -> None:
    """A cancellation is nobody's failure."""
    begin().exception_escaped(raised(asyncio.CancelledError()))

    assert mailbox.events == []


def test_a_5xx_for_an_abort(begin: Begin, mailbox: testing.Mailbox) -> None:
    """Nor is what a framework answers to one."""
    capture = begin(aborts=(ConnectionError,))
    capture.exception_seen(raised(ConnectionResetError()))
    capture.response_started(500)
    capture.close()

    assert mailbox.events == []


def test_a_5xx_for_nobody(begin: Begin, mailbox: testing.Mailbox) -> None:
    """An answer to a client that has left is no failure."""
    capture = begin()
    capture.client_gone = True
    capture.response_started(500)
    capture.close()

    assert mailbox.events == []


def test_a_5xx_for_a_client_that_the_adapter_knows_is_gone(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """An adapter may look at the connection."""
    capture = begin(client_gone=lambda request: True)
    capture.response_started(500)
    capture.close()

    assert mailbox.events == []


def test_an_error_for_nobody(begin: Begin, mailbox: testing.Mailbox, titles: Titles) -> None:
    """An application's own error is news, whoever waits for the answer."""
    capture = begin()
    capture.client_gone = True
    capture.exception_escaped(raised(ValueError()))

    assert titles(mailbox) == ["ValueError"]


def test_a_log_line_about_an_abort(begin: Begin, mailbox: testing.Mailbox) -> None:
    """An abort that was logged as an error is an abort."""
    capture, error = begin(aborts=(ConnectionError,)), raised(ConnectionResetError("by peer"))
    log.error("lost", exc_info=error)
    capture.exception_escaped(error)
    capture.close()

    assert mailbox.events == []


def test_a_log_line_about_an_abort_without_its_exception(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """Nor is its text any news."""
    capture, error = begin(aborts=(ConnectionError,)), raised(ConnectionResetError("by peer"))
    log.error("lost: %s", error)
    capture.exception_escaped(error)
    capture.close()

    assert mailbox.events == []


# -- held records --------------------------------------------------------------------------------


def test_a_logged_error_waits(begin: Begin, mailbox: testing.Mailbox) -> None:
    """Until a request is decided, nobody knows what a logged error is."""
    begin()
    log.error("broken")

    assert mailbox.events == []


@pytest.mark.parametrize("status", [200, 404])
def test_a_logged_error_of_a_good_answer(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles, status: int
) -> None:
    """It is an event once the answer goes out."""
    capture = begin()
    log.error("broken")
    capture.response_started(status)

    assert titles(mailbox) == ["broken"]


def test_a_logged_error_of_a_request_without_an_answer(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """It is an event at the latest when the request is over."""
    capture = begin()
    log.error("broken")
    capture.close()

    assert titles(mailbox) == ["broken"]


def test_a_logged_error_after_the_answer(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """Once the status is out, nothing waits."""
    begin().response_started(200)
    log.error("broken")

    assert titles(mailbox) == ["broken"]


def test_a_logged_error_outside_of_requests(mailbox: testing.Mailbox, titles: Titles) -> None:
    """Elsewhere nothing waits."""
    log.error("broken")

    assert titles(mailbox) == ["broken"]


def test_a_warning_is_no_event(begin: Begin, mailbox: testing.Mailbox) -> None:
    """Only errors are reported."""
    capture = begin()
    log.warning("odd")
    capture.close()

    assert mailbox.events == []


def test_the_time_of_a_held_record(begin: Begin, mailbox: testing.Mailbox) -> None:
    """The moment that counts is when it was logged."""
    capture = begin()
    record = logging.makeLogRecord(
        {"name": "shop", "levelno": 40, "levelname": "ERROR", "msg": "broken", "created": 1.7e9}
    )
    log.handle(record)
    capture.close()

    assert mailbox.events[0]["timestamp"] == 1.7e9


def test_a_held_record_belongs_to_its_request(begin: Begin, mailbox: testing.Mailbox) -> None:
    """It has the route and tags of the request as they are when it is sent."""
    capture = begin()
    log.error("broken")
    sentry_sdk.set_tag("order", "17")
    capture.close()

    (event,) = mailbox.events
    assert (event["transaction"], event["tags"]["order"]) == ("/orders/{order_id}", "17")


def test_held_records_are_bounded(begin: Begin, mailbox: testing.Mailbox, titles: Titles) -> None:
    """More than ten are a storm: the oldest goes out for each new one."""
    begin()
    for number in range(MAX_DEFERRED + 2):
        log.error("broken %d", number)

    assert titles(mailbox) == ["broken 0", "broken 1"]


def test_no_held_record_is_lost(begin: Begin, mailbox: testing.Mailbox, titles: Titles) -> None:
    """All of them leave when the request ends well."""
    capture = begin()
    for number in range(MAX_DEFERRED + 2):
        log.error("broken %d", number)
    capture.response_started(200)

    assert titles(mailbox) == [f"broken {number}" for number in range(12)]


def test_logged_with_the_exception(begin: Begin, mailbox: testing.Mailbox, titles: Titles) -> None:
    """Logged and raised is one event, and ours: unhandled."""
    capture, error = begin(), raised(ValueError("x"))
    log.error("broken", exc_info=error)
    capture.exception_escaped(error)
    capture.close()

    assert (titles(mailbox), handled(mailbox.events[0])) == (["ValueError"], False)


def test_logged_without_the_exception(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """The text of the record is kept, as a breadcrumb of the event."""
    capture, error = begin(), raised(ValueError("out of stock"))
    log.error("cannot order: %s", error)
    capture.exception_escaped(error)
    capture.close()

    assert titles(mailbox) == ["ValueError"]
    assert crumbs(mailbox.events[0]) == ["cannot order: out of stock"]


def test_a_record_as_a_breadcrumb(begin: Begin, mailbox: testing.Mailbox) -> None:
    """It says which logger, which level (one that backends know), and that it was a record."""
    capture = begin()
    log.critical("down")
    capture.response_started(503)
    capture.close()

    (crumb,) = mailbox.events[0]["breadcrumbs"]["values"]
    assert (crumb["type"], crumb["level"], crumb["category"]) == ("log", "fatal", "shop")


def test_logged_and_answered(begin: Begin, mailbox: testing.Mailbox, titles: Titles) -> None:
    """An error that was logged and answered with a 5xx is one event: the exception, handled."""
    capture = begin()
    log.error("broken", exc_info=raised(ValueError()))
    capture.response_started(500)
    capture.close()

    assert (titles(mailbox), handled(mailbox.events[0])) == (["ValueError"], True)


def test_a_text_logged_and_answered(begin: Begin, mailbox: testing.Mailbox, titles: Titles) -> None:
    """A text that was logged before a 5xx is its reason, not another event."""
    capture = begin()
    log.error("no database")
    capture.response_started(503)
    capture.close()

    assert titles(mailbox) == ["HTTP 503 GET /orders/17"]
    assert crumbs(mailbox.events[0]) == ["no database"]


def test_another_error_logged(begin: Begin, mailbox: testing.Mailbox, titles: Titles) -> None:
    """A logged error that is not the request's failure is news of its own."""
    capture = begin()
    log.error("other", exc_info=raised(KeyError("k")))
    capture.exception_escaped(raised(ValueError("x")))
    capture.close()

    assert sorted(titles(mailbox)) == ["KeyError", "ValueError"]


def test_another_text_logged(begin: Begin, mailbox: testing.Mailbox, titles: Titles) -> None:
    """A text that does not mention the failure is news of its own."""
    capture = begin()
    log.error("the cache is cold")
    capture.exception_escaped(raised(ValueError("x y z")))
    capture.close()

    assert sorted(titles(mailbox)) == ["ValueError", "the cache is cold"]


def test_an_exception_logged_twice(begin: Begin, mailbox: testing.Mailbox, titles: Titles) -> None:
    """In a request that ends well, it is one event."""
    capture, error = begin(), raised(ValueError())
    log.error("once", exc_info=error)
    log.error("twice", exc_info=error)
    capture.response_started(200)

    assert titles(mailbox) == ["ValueError"]


def test_the_latest_logged_error_is_the_evidence(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """Of two logged errors before a 500 the later one is what it was for; the other is news."""
    capture = begin()
    log.error("first", exc_info=raised(KeyError()))
    log.error("second", exc_info=raised(ValueError()))
    capture.response_started(500)
    capture.close()

    assert {
        title: handled(e) for title, e in zip(titles(mailbox), mailbox.events, strict=True)
    } == {
        "ValueError": True,
        "KeyError": True,
    }


@pytest.mark.parametrize(
    ("record", "error", "tells"),
    [
        ({"msg": "x"}, None, True),
        ({"msg": "x", "exc_info": (ValueError, ValueError(), None)}, None, False),
        ({"msg": "x", "exc_info": (None, None, None)}, None, True),
        ({"msg": ""}, ValueError(), False),
        ({"msg": "odd"}, ValueError("odd"), True),
        ({"msg": "an %s", "args": ("odd",)}, ValueError("odd"), True),
        ({"msg": "an odd thing"}, ValueError("even"), False),
        ({"msg": "%(a)s", "args": {"a": "odd"}}, ValueError("odd"), True),
    ],
)
def test_what_a_record_tells_of(
    record: Any, error: BaseException | None, tells: bool
) -> None:  # a column of the table
    """A record tells of an error by exception, argument or text; of an answer, if by none."""
    assert is_about(logging.makeLogRecord(record), error) is tells


def test_a_record_whose_argument_is_the_error() -> None:
    """The object itself tells, whatever its text is."""
    error = ValueError()

    assert is_about(logging.makeLogRecord({"msg": "%r", "args": (error,)}), error)


def test_a_record_that_is_the_error() -> None:
    """`log.error(exc)` has it as the message."""
    error = ValueError()

    assert is_about(logging.makeLogRecord({"msg": error}), error)


def test_a_record_of_a_cause() -> None:
    """A record of what the failure came from tells of it."""
    cause, error = KeyError(), ValueError()
    error.__cause__ = cause

    assert is_about(logging.makeLogRecord({"msg": "x", "exc_info": (KeyError, cause, None)}), error)


@pytest.fixture
def wrong_call(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A log call whose arguments do not fit, which logging itself shrugs off."""
    monkeypatch.setattr(logging, "raiseExceptions", False)
    # pytest's own handlers do not shrug.
    monkeypatch.setattr(log, "propagate", False)
    return lambda: log.error("%d items", "many")


def test_a_wrong_log_call_before_a_failure(
    begin: Begin, mailbox: testing.Mailbox, wrong_call: Callable[[], None]
) -> None:
    """A record that cannot be formatted costs the failure nothing."""
    capture = begin()
    wrong_call()
    capture.exception_escaped(raised(ValueError("x")))
    capture.close()

    found = [event for event in mailbox.events if "exception" in event]
    assert [tag(event) for event in found] == ["500"]
    assert [event["exception"]["values"][0]["value"] for event in found] == ["x"]


def test_a_wrong_log_call_beside_another(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles, wrong_call: Callable[[], None]
) -> None:
    """Nor does it cost the record of another error."""
    capture = begin()
    wrong_call()
    log.error("the cache is cold")
    capture.exception_escaped(raised(ValueError("x")))
    capture.close()

    assert "the cache is cold" in [
        event.get("logentry", {}).get("message") for event in mailbox.events
    ]


def test_a_wrong_log_call_of_a_good_answer(
    begin: Begin, mailbox: testing.Mailbox, wrong_call: Callable[[], None]
) -> None:
    """Where nothing failed, it raises nothing at the request."""
    capture = begin()
    wrong_call()
    capture.response_started(200)
    capture.close()

    assert len(mailbox.events) <= 1


# -- captured by the application -----------------------------------------------------------------


def test_captured_and_raised(begin: Begin, mailbox: testing.Mailbox) -> None:
    """An exception that the handler captured itself and raised is one event."""
    capture, error = begin(), raised(ValueError())
    sentry_sdk.capture_exception(error)
    capture.exception_escaped(error)
    capture.close()

    assert len(mailbox.events) == 1


def test_captured_and_raised_from(begin: Begin, mailbox: testing.Mailbox) -> None:
    """So is one from which another was raised."""
    capture, error, other = begin(), raised(ValueError()), KeyError()
    sentry_sdk.capture_exception(error)
    other.__cause__ = error
    capture.exception_escaped(raised(other))
    capture.close()

    assert len(mailbox.events) == 1


def test_captured_and_answered(begin: Begin, mailbox: testing.Mailbox, titles: Titles) -> None:
    """An exception that the handler captured itself says more than the 503 it answered."""
    capture = begin()
    sentry_sdk.capture_exception(raised(ValueError()))
    capture.response_started(503)
    capture.close()

    assert titles(mailbox) == ["ValueError"]


def test_captured_twice(begin: Begin, mailbox: testing.Mailbox) -> None:
    """One exception captured twice in a request is one event."""
    begin()
    error = raised(ValueError())
    sentry_sdk.capture_exception(error)
    sentry_sdk.capture_exception(error)

    assert len(mailbox.events) == 1


def test_captured_in_a_thread(begin: Begin, mailbox: testing.Mailbox) -> None:
    """Captured in a worker thread that knows no request, then raised: one event."""
    capture, error = begin(), raised(ValueError())
    thread = threading.Thread(target=sentry_sdk.capture_exception, args=(error,))
    thread.start()
    thread.join()
    capture.exception_escaped(error)

    assert len(mailbox.events) == 1


def test_an_instance_of_three_requests(begin: Begin, mailbox: testing.Mailbox) -> None:
    """One exception object that three requests raise is three events."""
    error = raised(ValueError())
    for _ in range(3):
        capture = begin()
        capture.exception_escaped(error)
        capture.close()

    assert len(mailbox.events) == 3


def test_an_instance_captured_in_a_thread_and_raised_by_two_requests(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """What the thread reported was the first request's; the second has a failure of its own."""
    error = raised(ValueError())
    thread = threading.Thread(target=sentry_sdk.capture_exception, args=(error,))
    thread.start()
    thread.join()
    for _ in range(2):
        capture = begin()
        capture.exception_escaped(error)
        capture.close()

    assert len(mailbox.events) == 2


def test_an_exception_that_takes_no_mark(begin: Begin, mailbox: testing.Mailbox) -> None:
    """A class that takes no attributes is reported as others are, once in its request."""
    capture, error = begin(), raised(Frozen())
    sentry_sdk.capture_exception(error)
    capture.exception_escaped(error)

    assert len(mailbox.events) == 1


def test_an_exception_that_has_every_attribute(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """A class that answers to any name has not been seen because of that."""
    begin()
    sentry_sdk.capture_exception(raised(Permissive()))

    assert titles(mailbox) == ["Permissive"]


def test_the_sdk_s_own_integration_is_silent_in_a_request(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """What an integration of the SDK says of a request, the boundary says itself."""
    capture, error = begin(), raised(ValueError())
    event, hint = sentry_sdk.utils.event_from_exception(
        error, mechanism={"type": "flask", "handled": False}
    )
    sentry_sdk.capture_event(event, hint)
    capture.exception_escaped(error)

    mechanisms = [e["exception"]["values"][-1]["mechanism"]["type"] for e in mailbox.events]
    assert mechanisms == ["test"]


@pytest.mark.parametrize("name", ["test", "teahouse"], ids=["of-the-request", "of-another"])
def test_the_sdk_s_integration_with_an_adapter_s_name_is_silent_in_a_request(
    begin: Begin, mailbox: testing.Mailbox, name: str
) -> None:
    """An integration is known by the name of an adapter: no list has to have the framework."""
    adapters.ensure_initialized("teahouse")
    capture, error = begin(), raised(ValueError())
    event, hint = sentry_sdk.utils.event_from_exception(
        error, mechanism={"type": name, "handled": False}
    )
    sentry_sdk.capture_event(event, hint)
    assert mailbox.events == []
    capture.exception_escaped(error)

    assert len(mailbox.events) == 1


# -- trace ---------------------------------------------------------------------------------------


def test_events_of_a_request_share_a_trace(begin: Begin, mailbox: testing.Mailbox) -> None:
    """What a request captures itself and what the boundary reports belong together."""
    capture = begin()
    sentry_sdk.capture_message("a")
    capture.exception_escaped(raised(ValueError()))

    assert len({event["contexts"]["trace"]["trace_id"] for event in mailbox.events}) == 1


def test_requests_have_a_trace_each(begin: Begin, mailbox: testing.Mailbox) -> None:
    """Two requests have nothing in common."""
    for _ in range(2):
        begin().exception_escaped(raised(ValueError()))

    assert len({event["contexts"]["trace"]["trace_id"] for event in mailbox.events}) == 2


# -- whatever breaks -----------------------------------------------------------------------------


def broken(*_: object) -> Any:
    raise ZeroDivisionError


def test_a_description_that_fails(begin: Begin, mailbox: testing.Mailbox, said: Any) -> None:
    """The event goes out without the request; one line says why."""
    begin(describe=broken).exception_escaped(raised(ValueError()))

    (event,) = mailbox.events
    assert (event["request"], event["transaction"], tag(event)) == ({}, "<unknown>", "500")
    assert said() == ["describing a request failed: ZeroDivisionError"]


@pytest.mark.parametrize("fact", ["client_gone", "server", "status_of"])
def test_a_fact_that_fails_for_an_exception(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles, said: Any, fact: str
) -> None:
    """An adapter's mistake costs no event, and no request."""
    capture = begin(**{fact: broken})
    capture.exception_escaped(raised(ValueError()))
    capture.close()

    assert titles(mailbox) == ["ValueError"]
    said()


@pytest.mark.parametrize("fact", ["client_gone", "server", "status_of"])
def test_a_fact_that_fails_for_an_answer(
    begin: Begin, mailbox: testing.Mailbox, said: Any, fact: str
) -> None:
    """The same for an answer."""
    capture = begin(**{fact: broken})
    capture.exception_seen(raised(ValueError()))
    capture.response_started(500)
    capture.close()

    assert len(mailbox.events) == 1
    said()


def test_an_exception_that_cannot_be_compared(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles, said: Any
) -> None:
    """An exception's own __eq__ is not asked, and so costs nothing."""
    capture, error = begin(), raised(Hostile())
    log.error("broken", exc_info=raised(ValueError()))
    capture.exception_escaped(error)
    capture.close()

    assert (sorted(titles(mailbox)), said()) == (["Hostile", "ValueError"], [])


@pytest.mark.parametrize("status", ["", "fine", "5xx"])
def test_a_status_that_is_none(mailbox: testing.Mailbox, said: Any, status: Any) -> None:
    """What is no status reaches the server as it is: it is the one to complain."""
    got = []

    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, [])
        return []

    wsgi.SentryInitMiddleware(app)({}, lambda line, _headers: got.append(line))  # type: ignore[arg-type] # as far as it is needed

    assert (got, mailbox.events, said()) == ([status], [], [])

"""One request: what is reported, which log records are deferred, and what is one event."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import sentry_sdk

import sentryinit
from sentryinit import adapters, testing, wsgi
from sentryinit._boundary.records import MAX_DEFERRED
from sentryinit._policy.log_records import freeze, is_about

log = logging.getLogger("shop")
Begin = Callable[..., adapters.Capture[Any]]
Titles = Callable[[testing.Mailbox], list[str]]


class HTTPError(Exception):
    """A framework's own exception for a 503."""


class Missing(Exception):
    """A framework's own exception for a 404."""


def status_of(exc: BaseException) -> int | None:
    if isinstance(exc, Missing):
        return 404
    return 503 if isinstance(exc, HTTPError) else None


class Disconnect(Exception):
    """A framework's own exception for a client that disconnected."""


class Falsy(Exception):
    """Is false, like an empty collection of errors."""

    def __len__(self) -> int:
        return 0


class Hostile(Exception):
    """Raises when it is compared."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not comparable")

    __hash__ = Exception.__hash__


class Frozen(Exception):
    """Accepts no attributes."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("__sentryinit"):
            raise AttributeError(name)
        super().__setattr__(name, value)


class Permissive(Exception):
    """Has every attribute, as a proxy has."""

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


def breadcrumbs(event: dict[str, Any]) -> list[str]:
    return [crumb["message"] for crumb in event.get("breadcrumbs", {}).get("values", [])]


def handled(event: dict[str, Any]) -> bool:
    return bool(event["exception"]["values"][-1]["mechanism"]["handled"])


# -- the decision ----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_before", [True, False])
def test_client_that_leaves_after_the_5xx_is_no_reason_for_it(
    begin: Begin, mailbox: testing.Mailbox, *, is_before: bool
) -> None:
    """What was logged of a client that was lost before the 5xx counts, and nothing later (B4)."""
    capture, lost = begin(aborts=(Disconnect,)), raised(Disconnect())
    if is_before:
        log.warning("cannot read", exc_info=lost)
    capture.response_started(503)
    if not is_before:
        log.warning("cannot send the rest", exc_info=lost)
    capture.close()

    assert len(mailbox.events) == (not is_before)


@pytest.mark.parametrize("status", [101, 200, 204, 301, 404, 499])
def test_status_below_500_is_no_event(begin: Begin, mailbox: testing.Mailbox, status: int) -> None:
    """A response below 500 is not reported."""
    capture = begin()
    capture.response_started(status)
    capture.close()

    assert mailbox.events == []


def test_exception_answered_below_500_is_no_event(begin: Begin, mailbox: testing.Mailbox) -> None:
    """An exception that led to a response below 500 counts as handled."""
    capture = begin()
    capture.exception_seen(raised(ValueError()))
    capture.response_started(404)
    capture.close()

    assert mailbox.events == []


@pytest.mark.parametrize("status", [500, 503, 599])
def test_5xx_without_exception_is_one_event(
    begin: Begin, mailbox: testing.Mailbox, status: int
) -> None:
    """A 5xx without an exception is one event with status, method and route."""
    capture = begin()
    capture.response_started(status)
    capture.close()

    (event,) = mailbox.events
    assert event["logentry"]["formatted"] == f"HTTP {status} GET /orders/{{order_id}}"
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


def test_status_above_599_is_no_event(begin: Begin, mailbox: testing.Mailbox) -> None:
    """A number above 599 is not a server error."""
    capture = begin()
    capture.response_started(600)
    capture.close()

    assert mailbox.events == []


def test_5xx_replaced_before_it_is_reported_is_no_event(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """A 5xx that is replaced before it is reported does not count."""
    capture = begin()
    capture.response_started(500)
    capture.response_started(200)
    capture.close()

    assert mailbox.events == []


def test_escaped_exception_is_one_unhandled_event(begin: Begin, mailbox: testing.Mailbox) -> None:
    """An escaped exception is one event with the adapter's mechanism, unhandled, status 500."""
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


def test_escaped_exception_keeps_the_status_that_was_sent(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """An exception after the status was sent does not change the status."""
    capture = begin()
    capture.response_started(200)
    capture.exception_escaped(raised(ValueError()))

    assert [tag(event) for event in mailbox.events] == ["200"]


def test_escaped_exception_takes_the_status_that_the_adapter_gives(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """The status that the adapter gives replaces the one that was seen."""
    capture = begin()
    capture.response_started(200)
    capture.exception_escaped(raised(ValueError()), 500)

    assert [tag(event) for event in mailbox.events] == ["500"]


def test_5xx_with_a_seen_exception_is_its_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """A 5xx with an exception seen before is one event of that exception, handled."""
    capture = begin()
    capture.exception_seen(raised(ValueError()))
    capture.response_started(500)
    capture.close()

    assert (titles(mailbox), handled(mailbox.events[0])) == (["ValueError"], True)


def test_seen_exception_can_be_unhandled(begin: Begin, mailbox: testing.Mailbox) -> None:
    """With handled=False the event says that the exception was unhandled."""
    capture = begin()
    capture.exception_seen(raised(ValueError()), handled=False)
    capture.response_started(500)
    capture.close()

    assert handled(mailbox.events[0]) is False


def test_traceback_is_kept_from_when_the_exception_was_seen(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """The event has the traceback of the moment when the exception was seen."""
    error, capture = raised(ValueError()), begin()
    capture.exception_seen(error)
    error.__traceback__ = None
    capture.response_started(500)
    capture.close()

    frames = mailbox.events[0]["exception"]["values"][0]["stacktrace"]["frames"]
    assert frames[-1]["function"] == "raised"


def test_http_exception_is_a_status_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """A framework's HTTP exception counts as a response."""
    capture = begin(status_of=status_of)
    capture.exception_seen(raised(HTTPError()))
    capture.response_started(503)
    capture.close()

    assert titles(mailbox) == ["HTTP 503 GET /orders/{order_id}"]


def test_cause_of_an_http_exception_is_the_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """The exception that the HTTP exception was raised from is reported."""
    answer = HTTPError()
    answer.__cause__ = raised(ValueError())
    capture = begin(status_of=status_of)
    capture.exception_seen(raised(answer))
    capture.response_started(503)
    capture.close()

    assert (titles(mailbox), handled(mailbox.events[0])) == (["ValueError"], True)


def test_4xx_exception_that_is_answered_5xx_is_its_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """A6: an HTTP exception below 500 is not the 5xx that a handler made of it."""
    capture = begin(status_of=status_of)
    capture.exception_seen(raised(Missing()))
    capture.response_started(503)
    capture.close()

    assert titles(mailbox) == ["Missing"]
    assert handled(mailbox.events[0])


def test_4xx_exception_behind_a_5xx_one_is_no_reason(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """A5: what is behind a response is evidence only if it is a real error."""
    capture, error = begin(status_of=status_of), HTTPError()
    error.__cause__ = Missing()
    capture.exception_seen(raised(error))
    capture.response_started(503)
    capture.close()

    assert titles(mailbox) == ["HTTP 503 GET /orders/{order_id}"]


def test_first_exception_is_reported_after_its_5xx(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """The exception behind the 5xx is reported, not a later one."""
    capture = begin()
    capture.exception_seen(raised(ValueError()))
    capture.response_started(500)
    capture.exception_escaped(raised(KeyError()))

    assert titles(mailbox) == ["ValueError"]


def test_exception_seen_and_escaped_is_unhandled(begin: Begin, mailbox: testing.Mailbox) -> None:
    """An exception that was answered with a 500 and then escaped is unhandled."""
    capture, error = begin(), raised(ValueError())
    capture.exception_seen(error)
    capture.response_started(500)
    capture.exception_escaped(error)

    assert [handled(event) for event in mailbox.events] == [False]


def test_escaped_exception_with_the_seen_one_as_cause_is_reported(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """An exception raised from the seen one is reported, with both in its chain."""
    capture, first, second = begin(), raised(ValueError()), KeyError()
    second.__cause__ = first
    capture.exception_seen(first)
    capture.response_started(500)
    capture.exception_escaped(raised(second))

    assert titles(mailbox) == ["KeyError"]


def test_exception_that_escapes_after_an_unhandled_one_is_a_consequence(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """A2: what the framework showed as unhandled is the reason, also if nothing was sent."""
    capture = begin()
    capture.exception_seen(KeyError("tea"), handled=False)
    capture.exception_escaped(RuntimeError("no response"), 504)
    capture.close()

    (event,) = mailbox.events
    assert event["exception"]["values"][-1]["type"] == "KeyError"
    assert (tag(event), handled(event)) == ("504", False)


def test_exception_that_escapes_after_a_handled_one_is_the_failure(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """A2: an exception that was handled explains nothing."""
    capture = begin()
    capture.exception_seen(KeyError("tea"))
    capture.exception_escaped(RuntimeError("a bug"))
    capture.close()

    (event,) = mailbox.events
    assert event["exception"]["values"][-1]["type"] == "RuntimeError"


def test_exception_that_escapes_after_an_unhandled_abort_is_no_event(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """B3: it exists only because the client has left."""
    capture = begin(aborts=(Disconnect,))
    capture.exception_seen(Disconnect(), handled=False)
    capture.exception_escaped(RuntimeError("no response"))
    capture.close()

    assert mailbox.events == []


def test_only_the_first_failure_of_a_request_is_reported(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """A request gives one event, for its first failure."""
    capture = begin()
    capture.exception_escaped(raised(ValueError()))
    capture.response_started(500)
    capture.exception_escaped(raised(KeyError()))
    capture.close()

    assert titles(mailbox) == ["ValueError"]


def test_closed_capture_reports_nothing(begin: Begin, mailbox: testing.Mailbox) -> None:
    """A closed capture reports nothing, and closing it again has no effect."""
    capture = begin()
    capture.close()
    capture.exception_escaped(raised(ValueError()))
    capture.close()

    assert mailbox.events == []


def test_closed_capture_keeps_no_references(begin: Begin, mailbox: testing.Mailbox) -> None:
    """A task that outlives its request does not keep the exceptions of the request alive."""
    capture = begin()
    capture.exception_escaped(raised(ValueError()))
    capture.close()

    assert capture.closed
    assert (capture.seen_exception, capture._reported, capture.deferred) == (None, (), ())


def test_no_current_capture_after_close(begin: Begin, mailbox: testing.Mailbox) -> None:
    """After close() the context has no current capture."""
    capture = begin()
    before = adapters.current_capture()
    capture.close()

    assert (before is capture, adapters.current_capture()) == (True, None)


def test_no_current_capture_outside_requests(mailbox: testing.Mailbox) -> None:
    """A new thread has no current capture."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(adapters.current_capture()))
    thread.start()
    thread.join()

    assert found == [None]


def test_event_id_of_an_escaped_exception(begin: Begin, mailbox: testing.Mailbox) -> None:
    """The capture has the id of the event, for the client."""
    capture = begin()
    capture.exception_escaped(raised(ValueError()))

    assert capture.event_id == mailbox.events[0]["event_id"]


def test_event_id_of_a_status_event(begin: Begin, mailbox: testing.Mailbox) -> None:
    """The capture has the id of an event without exception as well."""
    capture = begin()
    capture.response_started(503)
    capture.handler_done()

    assert capture.event_id == mailbox.events[0]["event_id"]


def test_exit_with_an_error_code_is_fatal_and_flushed(
    begin: Begin, mailbox: testing.Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SystemExit with an error code is one fatal event, sent at once."""
    flushed: list[float] = []
    monkeypatch.setattr(sentry_sdk, "flush", lambda *, timeout: flushed.append(timeout))
    begin().exception_escaped(raised(SystemExit(3)))

    assert [event["level"] for event in mailbox.events] == ["fatal"]
    assert flushed == [2.0]


def test_exception_with_length_zero_is_reported(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """An exception whose truth value is False is reported like any other."""
    capture = begin()
    capture.exception_seen(raised(Falsy()))
    capture.response_started(500)
    capture.close()

    assert titles(mailbox) == ["Falsy"]


# -- aborts ----------------------------------------------------------------------------------------


def cancelled_task(report: Callable[[BaseException], None], *, own: bool) -> None:
    """Cancel a task, *own* or another one that it awaits; report what is raised in it."""

    async def work() -> None:
        other = asyncio.ensure_future(asyncio.Event().wait())
        asyncio.get_running_loop().call_soon((task if own else other).cancel)
        try:
            await other
        except asyncio.CancelledError as exc:
            report(exc)

    async def main() -> None:
        nonlocal task
        task = asyncio.ensure_future(work())
        await task

    task: asyncio.Task[None]
    asyncio.run(main())


def test_cancellation_is_no_event(begin: Begin, mailbox: testing.Mailbox) -> None:
    """A request whose own task is cancelled is an abort, not a failure."""
    cancelled_task(begin().exception_escaped, own=True)

    assert mailbox.events == []


def test_cancellation_of_another_task_is_an_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """B1: a task that the request awaits was cancelled, and nobody cancelled the request."""
    cancelled_task(begin().exception_escaped, own=False)

    # Before Python 3.11 a task does not say whether it was cancelled itself.
    assert titles(mailbox) == (["CancelledError"] if sys.version_info >= (3, 11) else [])


def test_cancellation_without_an_event_loop_is_an_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """B1: no WSGI server cancels a request."""
    begin().exception_escaped(raised(asyncio.CancelledError()))

    assert titles(mailbox) == ["CancelledError"]


def test_cancellation_for_a_gone_client_is_no_event(begin: Begin, mailbox: testing.Mailbox) -> None:
    """B1: a framework cancels its own child task when the client disconnects."""
    capture = begin()
    capture.client_gone = True
    cancelled_task(capture.exception_escaped, own=False)

    assert mailbox.events == []


def test_5xx_after_an_abort_is_no_event(begin: Begin, mailbox: testing.Mailbox) -> None:
    """The 5xx that a framework sends for an abort is not reported."""
    capture = begin(aborts=(ConnectionError,))
    capture.exception_seen(raised(ConnectionResetError()))
    capture.response_started(500)
    capture.close()

    assert mailbox.events == []


def test_5xx_after_the_client_left_is_no_event(begin: Begin, mailbox: testing.Mailbox) -> None:
    """A 5xx is not reported if the client is gone."""
    capture = begin()
    capture.client_gone = True
    capture.response_started(500)
    capture.close()

    assert mailbox.events == []


def test_adapter_can_tell_that_the_client_is_gone(begin: Begin, mailbox: testing.Mailbox) -> None:
    """The adapter's client_gone function is asked."""
    capture = begin(client_gone=lambda request: True)
    capture.response_started(500)
    capture.close()

    assert mailbox.events == []


def test_application_error_after_the_client_left_is_an_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """An application's own exception is reported, even if the client is gone."""
    capture = begin()
    capture.client_gone = True
    capture.exception_escaped(raised(ValueError()))

    assert titles(mailbox) == ["ValueError"]


def test_5xx_after_an_application_error_is_an_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """B4: the application's own exception is reported, though the client did not wait for it."""
    capture = begin()
    capture.client_gone = True
    capture.exception_seen(raised(ValueError()))
    capture.response_started(500)
    capture.close()

    assert titles(mailbox) == ["ValueError"]


def test_logged_abort_is_no_evidence_for_a_5xx(begin: Begin, mailbox: testing.Mailbox) -> None:
    """B4: after its except block a handler answers 500 for an abort that it has logged."""
    capture, error = begin(aborts=(ConnectionError,)), raised(ConnectionResetError("reset by peer"))
    log.error("upload failed: reset by peer", exc_info=error)
    log.error("upload failed: reset by peer")
    capture.response_started(500)
    capture.close()

    assert mailbox.events == []


def test_logged_failure_beside_an_abort_is_the_evidence(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """A6: an exception of the application that was logged is the evidence, also before an abort."""
    capture = begin(aborts=(ConnectionError,))
    log.error("cannot order", exc_info=raised(Hostile("no stock")))
    log.error("lost", exc_info=raised(ConnectionResetError("by peer")))
    capture.response_started(500)
    capture.close()

    assert titles(mailbox) == ["Hostile"]


def test_record_with_an_abort_is_no_event(begin: Begin, mailbox: testing.Mailbox) -> None:
    """A log record that carries an abort is not reported."""
    capture, error = begin(aborts=(ConnectionError,)), raised(ConnectionResetError("by peer"))
    log.error("lost", exc_info=error)
    capture.exception_escaped(error)
    capture.close()

    assert mailbox.events == []


def test_record_that_mentions_an_abort_is_no_event(begin: Begin, mailbox: testing.Mailbox) -> None:
    """A log record that only names the abort in its text is not reported either."""
    capture, error = begin(aborts=(ConnectionError,)), raised(ConnectionResetError("by peer"))
    log.error("lost: %s", error)
    capture.exception_escaped(error)
    capture.close()

    assert mailbox.events == []


# -- deferred records ------------------------------------------------------------------------------


def test_error_record_is_deferred_in_a_request(begin: Begin, mailbox: testing.Mailbox) -> None:
    """An ERROR record is deferred until the outcome of the request is known."""
    begin()
    log.error("broken")

    assert mailbox.events == []


@pytest.mark.parametrize("status", [200, 404])
def test_deferred_record_is_sent_when_a_good_response_starts(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles, status: int
) -> None:
    """The record becomes an event when a response below 500 starts."""
    capture = begin()
    log.error("broken")
    capture.response_started(status)

    assert titles(mailbox) == ["broken"]


def test_deferred_record_is_sent_at_close(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """Without a response, the record becomes an event when the capture closes."""
    capture = begin()
    log.error("broken")
    capture.close()

    assert titles(mailbox) == ["broken"]


def test_record_after_the_response_started_is_sent_at_once(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """After the status was sent, no record is deferred."""
    begin().response_started(200)
    log.error("broken")

    assert titles(mailbox) == ["broken"]


def test_record_outside_requests_is_sent_at_once(mailbox: testing.Mailbox, titles: Titles) -> None:
    """Outside of requests no record is deferred."""
    log.error("broken")

    assert titles(mailbox) == ["broken"]


def test_warning_record_is_no_event(begin: Begin, mailbox: testing.Mailbox) -> None:
    """Only records from ERROR up become events."""
    capture = begin()
    log.warning("odd")
    capture.close()

    assert mailbox.events == []


def test_deferred_record_has_the_time_when_it_was_logged(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """The event has the time of the log record."""
    capture = begin()
    record = logging.makeLogRecord(
        {"name": "shop", "levelno": 40, "levelname": "ERROR", "msg": "broken", "created": 1.7e9}
    )
    log.handle(record)
    capture.close()

    assert mailbox.events[0]["timestamp"] == 1.7e9


def test_deferred_record_has_the_data_of_its_request(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """The event has the route, and the tags that were set when it was logged."""
    capture = begin()
    sentry_sdk.set_tag("order", "17")
    log.error("broken")
    sentry_sdk.set_tag("order", "18")
    capture.close()

    (event,) = mailbox.events
    assert (event["transaction"], event["tags"]["order"]) == ("/orders/{order_id}", "17")


def test_oldest_deferred_record_is_sent_when_the_limit_is_reached(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """Above the limit, the oldest record is sent for each new one."""
    begin()
    for number in range(MAX_DEFERRED + 2):
        log.error("broken %d", number)

    assert titles(mailbox) == ["broken 0", "broken 1"]


def test_no_deferred_record_is_lost(begin: Begin, mailbox: testing.Mailbox, titles: Titles) -> None:
    """All records become events if the request ends well."""
    capture = begin()
    for number in range(MAX_DEFERRED + 2):
        log.error("broken %d", number)
    capture.response_started(200)

    assert titles(mailbox) == [f"broken {number}" for number in range(12)]


def test_exception_logged_and_escaped_is_one_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """An exception that is logged and then escapes is one unhandled event."""
    capture, error = begin(), raised(ValueError("x"))
    log.error("broken", exc_info=error)
    capture.exception_escaped(error)
    capture.close()

    assert (titles(mailbox), handled(mailbox.events[0])) == (["ValueError"], False)


def test_record_about_the_failure_becomes_a_breadcrumb(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """A record that names the exception in its text is a breadcrumb of its event."""
    capture, error = begin(), raised(ValueError("out of stock"))
    log.error("cannot order: %s", error)
    capture.exception_escaped(error)
    capture.close()

    assert titles(mailbox) == ["ValueError"]
    assert breadcrumbs(mailbox.events[0]) == ["cannot order: out of stock"]


def test_breadcrumb_of_a_record_has_type_level_and_logger(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """The breadcrumb has a level that backends know, the logger's name and the type "log"."""
    capture = begin()
    log.critical("down")
    capture.response_started(503)
    capture.close()

    (crumb,) = mailbox.events[0]["breadcrumbs"]["values"]
    assert (crumb["type"], crumb["level"], crumb["category"]) == ("log", "fatal", "shop")


def test_logged_exception_with_a_5xx_is_one_handled_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """A logged exception and a 5xx are one event: the exception, handled."""
    capture = begin()
    log.error("broken", exc_info=raised(ValueError()))
    capture.response_started(500)
    capture.close()

    assert (titles(mailbox), handled(mailbox.events[0])) == (["ValueError"], True)


def test_logged_text_with_a_5xx_is_a_breadcrumb(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """A text logged before a 5xx is a breadcrumb of the status event."""
    capture = begin()
    log.error("no database")
    capture.response_started(503)
    capture.close()

    assert titles(mailbox) == ["HTTP 503 GET /orders/{order_id}"]
    assert breadcrumbs(mailbox.events[0]) == ["no database"]


def test_unrelated_logged_exception_is_its_own_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """A logged exception that is not the request's failure is a second event."""
    capture = begin()
    log.error("other", exc_info=raised(KeyError("k")))
    capture.exception_escaped(raised(ValueError("x")))
    capture.close()

    assert sorted(titles(mailbox)) == ["KeyError", "ValueError"]


def test_unrelated_logged_text_is_its_own_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """A text that does not mention the failure is a second event."""
    capture = begin()
    log.error("the cache is cold")
    capture.exception_escaped(raised(ValueError("x y z")))
    capture.close()

    assert sorted(titles(mailbox)) == ["ValueError", "the cache is cold"]


def test_exception_logged_twice_is_one_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """In a request that ends well, an exception logged twice is one event."""
    capture, error = begin(), raised(ValueError())
    log.error("once", exc_info=error)
    log.error("twice", exc_info=error)
    capture.response_started(200)

    assert titles(mailbox) == ["ValueError"]


def test_last_logged_exception_is_the_handled_one_of_a_500(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """Of two exceptions logged before a 500, the last is its cause; both are reported."""
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
        ({"msg": "an %s", "args": ("odd",)}, ValueError("odd"), False),
        ({"msg": "an %s", "args": ("odd thing",)}, ValueError("odd thing"), True),
        ({"msg": "no odd thing: 3"}, ValueError("odd thing"), True),
        ({"msg": "an odd things"}, ValueError("odd thing"), False),
        ({"msg": "warehouse 10 does not answer"}, KeyError(1), False),
        ({"msg": "warehouse 1 does not answer"}, KeyError(1), False),
        ({"msg": "an odd thing"}, ValueError("even"), False),
        ({"msg": "a %(a)s", "args": {"a": "sold tea"}}, ValueError("sold tea"), True),
    ],
)
def test_is_about(
    record: Any, error: BaseException | None, tells: bool
) -> None:  # a column of the table
    """A record is about an error by exception, argument or text, else about a status."""
    assert is_about(freeze(logging.makeLogRecord(record), None), error) is tells


def test_long_text_is_found_at_once() -> None:
    """A pattern of megabytes would take seconds to compile, and a gigabyte of memory."""
    text = "no stock " * 500_000
    failure, told = ValueError(text), {"msg": f"failed: {text}"}
    start = time.process_time()

    for record, error in ((told, failure), ({"msg": text}, ValueError(f"failed: {text}"))):
        assert is_about(freeze(logging.makeLogRecord(record), None), error)

    assert time.process_time() - start < 0.3


def test_record_with_the_error_as_argument_is_about_it() -> None:
    """A record whose argument is the exception object is about it, whatever its text."""
    error = ValueError()

    assert is_about(freeze(logging.makeLogRecord({"msg": "%r", "args": (error,)}), None), error)


def test_record_with_the_error_as_message_is_about_it() -> None:
    """``log.error(exc)`` makes the exception the message."""
    error = ValueError()

    assert is_about(freeze(logging.makeLogRecord({"msg": error}), None), error)


def test_record_with_the_cause_is_about_the_error() -> None:
    """A record with the cause of a failure is about the failure."""
    cause, error = KeyError(), ValueError()
    error.__cause__ = cause

    record = logging.makeLogRecord({"msg": "x", "exc_info": (KeyError, cause, None)})
    assert is_about(freeze(record, None), error)


@pytest.fixture
def wrong_call(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A log call with arguments that do not fit; raiseExceptions is off."""
    monkeypatch.setattr(logging, "raiseExceptions", False)
    # pytest's own handlers raise.
    monkeypatch.setattr(log, "propagate", False)
    return lambda: log.error("%d items", "many")


def test_unformattable_record_does_not_affect_the_failure(
    begin: Begin, mailbox: testing.Mailbox, wrong_call: Callable[[], None]
) -> None:
    """A record that cannot be formatted does not change the event of the failure."""
    capture = begin()
    wrong_call()
    capture.exception_escaped(raised(ValueError("x")))
    capture.close()

    found = [event for event in mailbox.events if "exception" in event]
    assert [tag(event) for event in found] == ["500"]
    assert [event["exception"]["values"][0]["value"] for event in found] == ["x"]


def test_unformattable_record_does_not_affect_other_records(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles, wrong_call: Callable[[], None]
) -> None:
    """A record that cannot be formatted does not lose another record."""
    capture = begin()
    wrong_call()
    log.error("the cache is cold")
    capture.exception_escaped(raised(ValueError("x")))
    capture.close()

    assert "the cache is cold" in [
        event.get("logentry", {}).get("message") for event in mailbox.events
    ]


def test_unformattable_record_does_not_raise_in_the_request(
    begin: Begin, mailbox: testing.Mailbox, wrong_call: Callable[[], None]
) -> None:
    """A record that cannot be formatted raises no exception in the request."""
    capture = begin()
    wrong_call()
    capture.response_started(200)
    capture.close()

    assert len(mailbox.events) <= 1


# -- captured by the application -------------------------------------------------------------------


def test_exception_captured_and_escaped_is_one_event(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """An exception that the handler captured and then raised is one event."""
    capture, error = begin(), raised(ValueError())
    sentry_sdk.capture_exception(error)
    capture.exception_escaped(error)
    capture.close()

    assert len(mailbox.events) == 1


def test_exception_raised_from_a_captured_one_is_one_event(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """An exception raised from a captured one is not reported again."""
    capture, error, other = begin(), raised(ValueError()), KeyError()
    sentry_sdk.capture_exception(error)
    other.__cause__ = error
    capture.exception_escaped(raised(other))
    capture.close()

    assert len(mailbox.events) == 1


def test_captured_exception_with_a_503_is_one_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """If the handler captured an exception, its 503 is not reported as well."""
    capture = begin()
    sentry_sdk.capture_exception(raised(ValueError()))
    capture.response_started(503)
    capture.close()

    assert titles(mailbox) == ["ValueError"]


def test_exception_captured_twice_in_a_request_is_one_event(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """A second capture of the same exception in a request is dropped."""
    begin()
    error = raised(ValueError())
    sentry_sdk.capture_exception(error)
    sentry_sdk.capture_exception(error)

    assert len(mailbox.events) == 1


def test_exception_captured_in_a_thread_and_escaped_is_one_event(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """A capture in a worker thread without a request counts for the request."""
    capture, error = begin(), raised(ValueError())
    thread = threading.Thread(target=sentry_sdk.capture_exception, args=(error,))
    thread.start()
    thread.join()
    capture.exception_escaped(error)

    assert len(mailbox.events) == 1


def test_one_exception_object_in_three_requests_is_three_events(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """Each request reports the exception object that it raises."""
    error = raised(ValueError())
    for _ in range(3):
        capture = begin()
        capture.exception_escaped(error)
        capture.close()

    assert len(mailbox.events) == 3


def test_capture_in_a_thread_counts_for_one_request_only(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """The event of the thread counts for the first request; the second one sends its own."""
    error = raised(ValueError())
    thread = threading.Thread(target=sentry_sdk.capture_exception, args=(error,))
    thread.start()
    thread.join()
    for _ in range(2):
        capture = begin()
        capture.exception_escaped(error)
        capture.close()

    assert len(mailbox.events) == 2


def test_exception_without_attributes_is_one_event(begin: Begin, mailbox: testing.Mailbox) -> None:
    """An exception that accepts no attributes is reported once in its request."""
    capture, error = begin(), raised(Frozen())
    sentry_sdk.capture_exception(error)
    capture.exception_escaped(error)

    assert len(mailbox.events) == 1


def test_exception_with_every_attribute_is_reported(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """An exception that has any attribute is not taken for one already captured."""
    begin()
    sentry_sdk.capture_exception(raised(Permissive()))

    assert titles(mailbox) == ["Permissive"]


def test_event_of_an_sdk_integration_is_dropped_in_a_request(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """In a request, the boundary's event replaces that of an SDK integration."""
    capture, error = begin(), raised(ValueError())
    event, hint = sentry_sdk.utils.event_from_exception(
        error, mechanism={"type": "flask", "handled": False}
    )
    sentry_sdk.capture_event(event, hint)
    capture.exception_escaped(error)

    mechanisms = [e["exception"]["values"][-1]["mechanism"]["type"] for e in mailbox.events]
    assert mechanisms == ["test"]


@pytest.mark.parametrize("name", ["test", "teahouse"], ids=["of-the-request", "of-another"])
def test_integration_with_an_adapter_s_name_is_dropped_in_a_request(
    begin: Begin, mailbox: testing.Mailbox, name: str
) -> None:
    """An integration with the name of any adapter is recognised; there is no list of frameworks."""
    adapters.ensure_initialized("teahouse")
    capture, error = begin(), raised(ValueError())
    event, hint = sentry_sdk.utils.event_from_exception(
        error, mechanism={"type": name, "handled": False}
    )
    sentry_sdk.capture_event(event, hint)
    assert mailbox.events == []
    capture.exception_escaped(error)

    assert len(mailbox.events) == 1


# -- trace -----------------------------------------------------------------------------------------


def test_events_of_a_request_share_a_trace(begin: Begin, mailbox: testing.Mailbox) -> None:
    """All events of a request have the same trace id."""
    capture = begin()
    sentry_sdk.capture_message("a")
    capture.exception_escaped(raised(ValueError()))

    assert len({event["contexts"]["trace"]["trace_id"] for event in mailbox.events}) == 1


def test_each_request_has_its_own_trace(begin: Begin, mailbox: testing.Mailbox) -> None:
    """Two requests have different trace ids."""
    for _ in range(2):
        begin().exception_escaped(raised(ValueError()))

    assert len({event["contexts"]["trace"]["trace_id"] for event in mailbox.events}) == 2


# -- internal errors -------------------------------------------------------------------------------


def broken(*_: object) -> Any:
    raise ZeroDivisionError


def test_failing_describe_sends_the_event_without_request(
    begin: Begin, mailbox: testing.Mailbox, said: Any
) -> None:
    """If describe() raises, the event has no request section, and one line is logged."""
    begin(describe=broken).exception_escaped(raised(ValueError()))

    (event,) = mailbox.events
    assert (event["request"], event["transaction"], tag(event)) == ({}, "<unknown>", "500")
    assert said() == ["describing a request failed: ZeroDivisionError"]


@pytest.mark.parametrize("fact", ["client_gone", "server", "status_of"])
def test_failing_adapter_fact_loses_no_exception_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles, said: Any, fact: str
) -> None:
    """If a function of the adapter raises, the exception is still reported."""
    capture = begin(**{fact: broken})
    capture.exception_escaped(raised(ValueError()))
    capture.close()

    assert titles(mailbox) == ["ValueError"]
    said()


@pytest.mark.parametrize("fact", ["client_gone", "server", "status_of"])
def test_failing_adapter_fact_loses_no_status_event(
    begin: Begin, mailbox: testing.Mailbox, said: Any, fact: str
) -> None:
    """If a function of the adapter raises, the 5xx is still reported."""
    capture = begin(**{fact: broken})
    capture.exception_seen(raised(ValueError()))
    capture.response_started(500)
    capture.close()

    assert len(mailbox.events) == 1
    said()


def test_exceptions_are_compared_by_identity(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles, said: Any
) -> None:
    """The __eq__ method of an exception is never called."""
    capture, error = begin(), raised(Hostile())
    log.error("broken", exc_info=raised(ValueError()))
    capture.exception_escaped(error)
    capture.close()

    assert (sorted(titles(mailbox)), said()) == (["Hostile", "ValueError"], [])


@pytest.mark.parametrize("status", ["", "fine", "5xx"])
def test_invalid_status_line_is_passed_to_the_server(
    mailbox: testing.Mailbox, said: Any, status: Any
) -> None:
    """A status line without a number is passed on unchanged, and is no event."""
    got = []

    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, [])
        return []

    wsgi.SentryInitMiddleware(app)({}, lambda line, _headers: got.append(line))  # type: ignore[arg-type] # as far as it is needed

    assert (got, mailbox.events, said()) == ([status], [], [])


class Unreadable(Exception):
    """An exception whose class raises when it is asked for."""

    @property
    def __class__(self) -> type:  # type: ignore[override] # see above
        raise LookupError("no class")


def test_exception_that_cannot_be_decided_on_is_sent_in_minimal_form(
    begin: Begin, mailbox: testing.Mailbox, said: Any
) -> None:
    """E2: the event has the tag of a fault of ours."""
    capture = begin()
    capture.exception_escaped(Unreadable())
    capture.close()

    (event,) = mailbox.events
    assert event["tags"]["report_error"] == "true"
    assert {text.rpartition(": ")[2] for text in said()} == {"LookupError"}


def test_error_logged_behind_an_answered_4xx_is_an_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """C2: a record about what an HTTP exception came from is not about that exception."""
    capture = begin(status_of=lambda exc: 404 if isinstance(exc, LookupError) else None)
    try:
        raise Hostile("no database")
    except Hostile as error:
        log.error("cannot look it up: %s", error)  # noqa: TRY400 # this is the case
        try:
            raise LookupError("no such order")
        except LookupError as response:
            capture.exception_seen(response)
    capture.response_started(404)
    capture.close()

    assert titles(mailbox) == ["cannot look it up: no database"]


def test_error_logged_in_the_handling_of_the_failure_is_an_event(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles
) -> None:
    """C2: two errors with one context are two."""
    capture = begin()
    try:
        raise Hostile("no stock")
    except Hostile as error:
        try:
            raise LookupError("cannot roll back")
        except LookupError:
            log.exception("cannot roll back")
        capture.exception_escaped(error)
    capture.close()

    assert sorted(titles(mailbox)) == ["Hostile", "LookupError"]


def test_exception_whose_id_was_asked_for_is_the_evidence(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """A6: Code without a hook asks in its ``except`` block, and responds with 500 after it."""
    for status in (500, 200):
        capture, asked = begin(), None
        try:
            raise LookupError("no price")
        except LookupError:
            asked = sentryinit.event_id()
        assert sentryinit.event_id() == asked
        capture.response_started(status)
        capture.close()
        if status == 500:
            first = asked

    (event,) = mailbox.events
    assert event["event_id"] == first
    assert event["exception"]["values"][-1]["type"] == "LookupError"

"""Cases of clauses C1, C2 and F3 about log records: what is one event, and what an event says."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration

import sentryinit
from sentryinit_testkit import _events, behaviours
from sentryinit_testkit._contract import Contract, requires
from sentryinit_testkit._driver import ROUTE, Behaviour, Request, ResponseSpec
from sentryinit_testkit._harness import Harness
from sentryinit_testkit._server import Call

log: logging.Logger = behaviours.log
LATER = 60.0


class SilentError(Exception):
    """An exception without a text."""


def _fail() -> NoReturn:
    raise SilentError


def _log_as_text() -> None:
    log.error("cannot order:\n" + traceback.format_exc())  # noqa: G003 # many applications do this


def _log_as_json() -> None:
    log.error(json.dumps({"event": "cannot order", "exception": traceback.format_exc()}))


def _log_as_dictionary() -> None:
    # As structlog does, for its ProcessorFormatter.
    log.error({"event": "cannot order", "exc_info": True})


def _log_as_frames() -> None:
    # As structlog's dict_tracebacks.
    stack = traceback.extract_tb(sys.exc_info()[2])
    frames = [{"lineno": frame.lineno, "name": frame.name} for frame in stack]
    log.error(json.dumps({"exc_type": "SilentError", "exc_value": "", "frames": frames}))


def _log_loudly() -> None:
    log.error("cannot order", exc_info=True)  # noqa: LOG014 # its caller handles the exception


class Basket:
    """An object whose text changes, and is not to be had once its session is closed."""

    def __init__(self) -> None:
        self.items: list[str] = ["tea"]
        self.is_open: bool = True

    def __str__(self) -> str:
        if not self.is_open:
            raise RuntimeError("the session is closed")
        return f"basket {self.items}"

    __repr__ = __str__


def _logs_errors(status: int) -> Behaviour:
    """Return a behaviour that logs a text and an exception, and answers *status*."""

    def answer(_request: Request) -> ResponseSpec:
        log.error("no rates for tea")
        try:
            _fail()
        except SilentError:
            log.exception("cannot order")
        return ResponseSpec(status)

    return answer


def _logs_own_answer(status: int, *, cause: bool = False) -> Behaviour:
    """Return a behaviour that logs the framework's HTTP exception, and answers with it."""

    def behaviour(request: Request) -> ResponseSpec:
        error = request.abort(status)
        try:
            try:
                if cause:
                    behaviours.fails()
            except behaviours.ShopError as reason:
                raise error from reason
            raise error
        except type(error):
            log.exception("the answer is an error")
            raise

    return behaviour


def _await(condition: Callable[[], Any], seconds: float = 10.0) -> bool:
    """Wait in the handler, without letting the event loop run."""
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return bool(condition())


def _crumbs(event: dict[str, Any]) -> list[str]:
    """Return the texts that the application has logged at ERROR, of the breadcrumbs of *event*."""
    crumbs = event["breadcrumbs"]["values"]
    return [each["message"] for each in crumbs if each.get("level") == "error"]


def _lose_future(error: BaseException) -> None:
    """Let the garbage collector find a future whose exception nobody has looked at."""
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    future.set_exception(error)
    del future
    gc.collect()
    loop.close()


class LogRecords(Contract):
    """Clauses C1, C2, F1 and F3, for what is logged."""

    @pytest.mark.parametrize(
        "log_it",
        [_log_loudly, _log_as_text, _log_as_json, _log_as_dictionary, _log_as_frames],
    )
    def test_c2_traceback_in_any_format_is_one_event(
        self, harness: Harness, log_it: Callable[[], None]
    ) -> None:
        """C2: An exception that is logged with its traceback, in any format, then raised: one."""

        def fail(_request: Request) -> ResponseSpec:
            try:
                _fail()
            except SilentError:
                log_it()
                raise

        harness.serve(fail)
        assert _events.mechanism(harness.our_event()) == (harness.driver.name, False)
        assert _events.tags(harness.event())["status_code"] == "500"

    @pytest.mark.parametrize("log_it", [_log_as_text, _log_as_json, _log_as_dictionary])
    def test_c2_traceback_in_any_format_explains_a_500(
        self, harness: Harness, log_it: Callable[[], None]
    ) -> None:
        """C2: An exception whose traceback is in a text, then answered 500: the exception."""

        def fail(_request: Request) -> ResponseSpec:
            try:
                _fail()
            except SilentError:
                log_it()
            return ResponseSpec(500)

        harness.serve(fail)
        assert _events.types(harness.our_event()) == ["SilentError"]

    @pytest.mark.parametrize("level", [logging.WARNING, logging.ERROR, logging.CRITICAL])
    def test_c2_integration_of_the_application_is_one_event(
        self, harness: Harness, level: int
    ) -> None:
        """C2: With a LoggingIntegration of the application, whatever its level: one event."""
        harness.start(integrations=[LoggingIntegration(level=None, event_level=level)])

        def fail(_request: Request) -> ResponseSpec:
            try:
                behaviours.fails()
            except behaviours.ShopError as error:
                log.log(level, "cannot order", exc_info=error)
                log.log(level, "cannot order: %s", error)
                raise

        harness.serve(fail)
        assert _events.mechanism(harness.our_event()) == (harness.driver.name, False)

    def test_c2_integration_of_the_application_with_a_503_is_one_event(
        self, harness: Harness
    ) -> None:
        """C2: With a LoggingIntegration of the application, an error and a 503: one event."""
        harness.start(integrations=[LoggingIntegration()])

        def answer(_request: Request) -> ResponseSpec:
            log.error("no database")
            return ResponseSpec(503)

        harness.serve(answer)
        assert harness.our_event()["tags"]["status_code"] == "503"

    @pytest.mark.parametrize("text", ["warehouse 10 does not answer", "warehouse 1 is slow"])
    def test_c2_short_text_is_found_in_no_record(self, harness: Harness, text: str) -> None:
        """C2: A record with the short text of an exception in it is not about the exception."""

        def fail(_request: Request) -> ResponseSpec:
            log.error(text)
            raise KeyError(1)

        harness.serve(fail)
        assert sorted(harness.titles) == ["KeyError: 1", text]

    def test_c2_text_of_the_handled_exception_explains_a_500(self, harness: Harness) -> None:
        """C2: A handler logs the text of its exception, and answers after its except block."""

        def answer(_request: Request) -> ResponseSpec:
            try:
                behaviours.fails()
            except behaviours.ShopError as error:
                log.error("cannot order: %s", error)  # noqa: TRY400 # the case
            return ResponseSpec(500)

        harness.serve(answer)
        event = harness.our_event()
        assert _events.types(event) == ["ShopError"]
        assert _crumbs(event) == ["cannot order: no stock"]

    def test_c2_exception_explains_a_500_more_than_a_text(self, harness: Harness) -> None:
        """C2: A handler logs an exception, and then the text of another one that it has become."""

        def answer(_request: Request) -> ResponseSpec:
            try:
                try:
                    behaviours.fails()
                except behaviours.ShopError as error:
                    log.exception("cannot order")
                    raise RuntimeError(f"the shop has {error}") from error
            except RuntimeError as error:
                log.error("cannot answer: %s", error)  # noqa: TRY400 # the case
            return ResponseSpec(503)

        harness.serve(answer)
        assert _events.types(harness.our_event()) == ["ShopError"]

    def test_c2_text_of_its_own_explains_no_500(self, harness: Harness) -> None:
        """C2: What is logged in an except block need not be about its exception."""

        def answer(_request: Request) -> ResponseSpec:
            try:
                behaviours.fails()
            except behaviours.ShopError:
                log.error("the bank is closed")  # noqa: TRY400 # the case
            return ResponseSpec(500)

        harness.serve(answer)
        assert "exception" not in harness.our_event()

    def test_c2_traceback_counts_more_than_the_handled_exception(self, harness: Harness) -> None:
        """C2: A record has the traceback of another exception than the one that is handled."""
        other = behaviours.UpstreamError("no answer of the bank")

        def answer(_request: Request) -> ResponseSpec:
            try:
                behaviours.fails()
            except behaviours.ShopError as error:
                log.error("cannot order: %s", error, exc_info=other)  # noqa: TRY400 # the case
            return ResponseSpec(500)

        harness.serve(answer)
        assert _events.types(harness.our_event()) == ["UpstreamError"]

    def test_c2_exception_with_the_status_line_is_an_event(self, harness: Harness) -> None:
        """C2: A record that has an exception of its own says more than what was answered."""

        def answer(_request: Request) -> ResponseSpec:
            try:
                behaviours.fails()
            except behaviours.ShopError:
                log.exception("the bank says 503 Service Unavailable")
            try:
                behaviours.lose_upstream()
            except behaviours.UpstreamError:
                log.exception("cannot order")
            return ResponseSpec(503)

        harness.serve(answer)
        assert len(harness.events) == 2

    def test_c2_text_that_the_failure_repeats_is_one_event(self, harness: Harness) -> None:
        """C2: A handler logs its errors, and raises one exception with all their texts."""
        texts = ["the tea is out of stock", "the shop is closed"]

        def fail(_request: Request) -> NoReturn:
            for text in texts:
                log.error(text)
            raise behaviours.ShopError("\n".join(texts))

        harness.serve(fail)
        assert _crumbs(harness.our_event()) == texts

    def test_c2_text_with_the_status_line_is_one_event(self, harness: Harness) -> None:
        """C2: A handler logs an exception, and what it answers: the failure is one event."""
        line = "GET /orders in 1.003 seconds: 503 Service Unavailable"

        def answer(_request: Request) -> ResponseSpec:
            try:
                behaviours.fails()
            except behaviours.ShopError:
                log.exception("cannot order")
            log.error(line)
            log.error("502 Bad Gateway")
            return ResponseSpec(503)

        harness.serve(answer)
        ours, other = sorted(harness.events, key=lambda event: "logentry" in event)
        assert _events.types(ours) == ["ShopError"]
        assert _crumbs(ours) == [line]
        assert other["logentry"]["formatted"] == "502 Bad Gateway"

    @pytest.mark.parametrize("answer", [behaviours.fails, behaviours.answers(503)])
    def test_f1_records_below_error_are_breadcrumbs_of_the_failure(
        self, harness: Harness, answer: Behaviour
    ) -> None:
        """F1: What a failed request has logged below ERROR is on its event, formatted then."""

        def behave(request: Request) -> ResponseSpec:
            log.warning("shelf %d is empty", 7)
            return answer(request)  # type: ignore[return-value] # it is not asynchronous

        harness.serve(behave)
        crumbs = harness.our_event()["breadcrumbs"]["values"]
        assert ("warning", "shelf 7 is empty") in [(c["level"], c["message"]) for c in crumbs]

    def test_c2_record_says_what_it_said_when_it_was_logged(self, harness: Harness) -> None:
        """C2: The text, the parameters and the extra data are those of the moment."""

        def answer(_request: Request) -> ResponseSpec:
            items, basket = ["tea"], Basket()
            log.error("cannot pack %s, %s", items, basket, extra={"basket": basket, "left": items})
            items.clear()
            basket.is_open = False
            return ResponseSpec()

        harness.serve(answer)
        event = harness.one_event()
        assert _events.message(event) == "cannot pack ['tea'], basket ['tea']"
        entry = event["logentry"]
        assert (entry["message"], entry["params"]) == (
            "cannot pack %s, %s",
            ["['tea']", "basket ['tea']"],
        )
        assert event["extra"] == {"basket": "basket ['tea']", "left": ["tea"]}

    def test_c2_other_handlers_get_the_record_itself(self, harness: Harness) -> None:
        """C2: What other handlers get is the record, with its arguments."""
        seen: list[logging.LogRecord] = []
        handler = logging.Handler()
        handler.emit = seen.append  # type: ignore[method-assign,assignment] # it is all that this one does
        items = ["tea"]

        def answer(_request: Request) -> ResponseSpec:
            log.addHandler(handler)
            log.error("cannot pack %s", items)
            log.removeHandler(handler)
            return ResponseSpec()

        harness.serve(answer)
        assert len(harness.events) == 1
        (record,) = seen
        assert type(record) is logging.LogRecord
        assert isinstance(record.args, tuple)
        assert record.args[0] is items

    def test_c2_record_has_the_tags_of_its_moment(self, harness: Harness) -> None:
        """C2: The tags are those of the moment: in a loop, or in a scope of its own."""

        def answer(_request: Request) -> ResponseSpec:
            log.error("before")
            for item in ("tea", "cups"):
                sentry_sdk.set_tag("item", item)
                log.error("no %s", item)
            for scope in (sentry_sdk.new_scope, sentry_sdk.isolation_scope):
                with scope() as own:
                    own.set_tag("item", scope.__name__)
                    log.error("in %s", scope.__name__)
            sentry_sdk.set_tag("item", "last")
            return ResponseSpec()

        harness.serve(answer)
        found = {
            str(_events.message(event)): _events.tags(event).get("item") for event in harness.events
        }
        assert found == {
            "before": None,
            "no tea": "tea",
            "no cups": "cups",
            "in new_scope": "new_scope",
            "in isolation_scope": "isolation_scope",
        }

    def test_c2_record_of_a_long_request_is_sent_alone(self, harness: Harness) -> None:
        """C2: A record waits for a time, also while the handler blocks its thread or loop."""
        harness.start(log_record_timeout=0.05)
        seen: list[bool] = []

        def wait(_request: Request) -> ResponseSpec:
            log.error("out of %s", "stock")
            seen.append(_await(lambda: harness.events))
            return ResponseSpec()

        harness.serve(wait)
        assert seen == [True]
        event = harness.one_event()
        assert _events.message(event) == "out of stock"
        assert event["request"]["method"] == "GET"

    @pytest.mark.parametrize("status", [200, 303, 404])
    def test_c2_failed_ignores_what_a_good_request_logs(
        self, harness: Harness, status: int
    ) -> None:
        """C2: With ``log_events="failed"`` no record of a request below 500 is an event."""
        harness.start(log_events="failed")

        assert harness.serve(_logs_errors(status)).status == status
        harness.flush()
        harness.no_event()

    def test_c2_failed_wants_what_a_failed_request_logs(self, harness: Harness) -> None:
        """C2: With ``log_events="failed"`` the records of a request that fails are events."""
        harness.start(log_events="failed")

        def fail(_request: Request) -> ResponseSpec:
            log.error("no rates for tea")
            return behaviours.fails()

        harness.serve(fail)
        assert sorted(harness.titles) == ["ShopError: no stock", "no rates for tea"]

    def test_c2_failed_makes_breadcrumbs_of_the_5xx(self, harness: Harness) -> None:
        """C2: With ``log_events="failed"`` a record without an exception explains the 5xx."""
        harness.start(log_events="failed")

        def answer(_request: Request) -> ResponseSpec:
            log.error("no rates for tea")
            return ResponseSpec(503)

        harness.serve(answer)
        assert _crumbs(harness.our_event()) == ["no rates for tea"]

    @pytest.mark.parametrize("fails", [False, True])
    def test_c2_failed_waits_without_a_limit(self, harness: Harness, *, fails: bool) -> None:
        """C2: With ``log_events="failed"`` a record waits for the end, also through a flush."""
        harness.start(log_events="failed", log_record_timeout=0.01)
        seen: list[list[str]] = []

        def wait(_request: Request) -> ResponseSpec:
            log.error("no rates for tea")
            _await(lambda: harness.events, 0.1)
            harness.flush()
            seen.append(harness.titles)
            return behaviours.fails() if fails else ResponseSpec()

        harness.serve(wait)
        expected = ["ShopError: no stock", "no rates for tea"] if fails else []
        assert (seen, sorted(harness.titles)) == ([[]], expected)

    def test_c2_failed_keeps_the_last_ten(self, harness: Harness) -> None:
        """C2: With ``log_events="failed"`` the oldest of more than ten is only a breadcrumb."""
        harness.start(log_events="failed")

        def fail(_request: Request) -> ResponseSpec:
            for number in range(12):
                log.error("shelf %d is empty", number)
            return behaviours.fails()

        harness.serve(fail)
        # Starlette 0.37's BaseHTTPMiddleware raises a group.
        (event,) = (each for each in harness.events if _events.types(each)[-1:] == ["ShopError"])
        assert _crumbs(event) == ["shelf 0 is empty", "shelf 1 is empty"]
        assert len(harness.events) == 11

    @pytest.mark.parametrize("log_events", ["failed", "none"])
    def test_c2_reason_is_kept_among_many_records(self, harness: Harness, log_events: str) -> None:
        """C2: A logged exception stays the reason of a 5xx, however many texts come after it."""
        harness.start(log_events=log_events)

        def answer(_request: Request) -> ResponseSpec:
            try:
                _fail()
            except SilentError:
                log.exception("cannot order")
            for number in range(12):
                log.error("shelf %d is empty", number)
            return ResponseSpec(500)

        harness.serve(answer)
        (event,) = (each for each in harness.events if _events.types(each))
        assert _events.types(event) == ["SilentError"]

    def test_c2_failed_ignores_what_a_stream_logs(self, harness: Harness) -> None:
        """C2: With ``log_events="failed"`` a record after the status is a breadcrumb."""
        harness.start(log_events="failed")

        def rows() -> Iterator[bytes]:
            yield b"one"
            log.error("no rates for tea")
            behaviours.fails()

        harness.serve(lambda _: ResponseSpec(stream=rows()))
        assert _crumbs(harness.our_event()) == ["no rates for tea"]

    def test_b1_failed_ignores_what_an_abort_has_logged(self, harness: Harness) -> None:
        """B1: With ``log_events="failed"`` no record of a request that was aborted is an event."""
        harness.start(log_events="failed")

        def abort(_request: Request) -> ResponseSpec:
            log.error("no rates for tea")
            raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            harness.serve(abort)
        harness.no_event()

    @pytest.mark.parametrize(("log_events", "count"), [("all", 1), ("failed", 1), ("none", 0)])
    def test_c2_log_events_outside_of_requests(
        self, harness: Harness, log_events: str, count: int
    ) -> None:
        """C2: A record outside of requests is an event, unless ``log_events`` is ``none``."""
        harness.start(log_events=log_events)
        harness.serve()
        log.error("no rates for tea")
        assert harness.titles == ["no rates for tea"] * count

    @pytest.mark.parametrize("status", [200, 503])
    def test_c2_none_makes_no_event_of_a_record(self, harness: Harness, status: int) -> None:
        """C2: With ``log_events="none"`` a record is a breadcrumb, and evidence."""
        harness.start(log_events="none")

        harness.serve(_logs_errors(status))
        if status < 500:
            harness.no_event()
            return
        assert _events.types(harness.our_event()) == ["SilentError"]
        assert _crumbs(harness.event()) == ["no rates for tea"]

    def test_c2_none_keeps_the_text_of_another_exception(self, harness: Harness) -> None:
        """C2: With ``log_events="none"`` the record of another error is a breadcrumb, too."""
        harness.start(log_events="none")

        def fail(_request: Request) -> ResponseSpec:
            try:
                _fail()
            except SilentError:
                log.exception("cannot order")
            return behaviours.fails()

        harness.serve(fail)
        assert _events.types(harness.our_event())[-1:] == ["ShopError"]
        assert _crumbs(harness.event()) == ["cannot order"]

    def test_c1_exception_that_was_sent_alone_is_one_event(self, harness: Harness) -> None:
        """C1: An exception whose record was sent alone, then raised: one event."""
        harness.start(log_record_timeout=0.05)

        def fail(_request: Request) -> ResponseSpec:
            try:
                behaviours.fails()
            except behaviours.ShopError:
                log.exception("cannot order")
                assert _await(lambda: harness.events)
                raise

        harness.serve(fail)
        assert harness.titles == ["ShopError: no stock"]

    def test_c2_record_is_sent_at_once_if_nothing_is_to_wait(self, harness: Harness) -> None:
        """C2: With ``log_record_timeout=0`` a record is an event at once."""
        harness.start(log_record_timeout=0)
        seen: list[list[str]] = []

        def answer(_request: Request) -> ResponseSpec:
            log.error("out of stock")
            seen.append(harness.titles)
            return ResponseSpec()

        harness.serve(answer)
        assert (seen, harness.titles) == ([["out of stock"]], ["out of stock"])

    def test_c2_flush_sends_what_waits(self, harness: Harness) -> None:
        """C2: A flush sends the records that wait: the process may end."""
        harness.start(log_record_timeout=LATER)
        seen: list[list[str]] = []

        def answer(_request: Request) -> ResponseSpec:
            log.error("out of stock")
            harness.flush()
            seen.append(harness.titles)
            return ResponseSpec()

        harness.serve(answer)
        assert (seen, harness.titles) == ([["out of stock"]], ["out of stock"])

    def test_c2_event_loop_logs_for_no_request(self, harness: Harness) -> None:
        """C2: What the event loop or the garbage collector logs belongs to no request."""

        def fail(_request: Request) -> ResponseSpec:
            sentry_sdk.set_tag("order", "17")
            _lose_future(SilentError())
            behaviours.fails()

        harness.serve(fail)
        assert sorted(harness.titles) == ["ShopError: no stock", "SilentError: "]
        (event,) = (each for each in harness.events if "SilentError" in _events.types(each))
        assert "request" not in event
        assert event["transaction"] not in {ROUTE, _events.UNKNOWN}
        assert _events.tags(event) == {"service": "shop"}

    @requires("abort")
    def test_c2_logged_own_5xx_is_one_status_event(self, harness: Harness) -> None:
        """C2: The framework's HTTP exception, logged with its traceback: the status (A5)."""
        harness.serve(_logs_own_answer(503))
        assert str(_events.message(harness.our_event())).startswith("HTTP 503 ")

    @requires("abort")
    def test_c2_logged_own_5xx_with_a_cause_is_one_event_of_it(self, harness: Harness) -> None:
        """C2: The framework's HTTP exception, logged, with an error as its cause: the error."""
        harness.serve(_logs_own_answer(503, cause=True))
        assert _events.types(harness.our_event()) == ["ShopError"]

    @requires("abort")
    def test_c2_logged_own_4xx_is_no_event(self, harness: Harness) -> None:
        """C2: A record about the exception that is the 4xx response is no event (A1)."""
        assert harness.serve(_logs_own_answer(404)).status == 404
        harness.no_event()

    @requires("abort")
    def test_c2_logged_own_4xx_is_an_event_if_wanted(self, harness: Harness) -> None:
        """C2: With ``report_logged_4xx`` a record about the 4xx response is an event."""
        harness.start(report_logged_4xx=True)
        assert harness.serve(_logs_own_answer(404)).status == 404
        assert harness.one_event()["logger"] == "shop"

    @requires("abort")
    def test_c2_logged_error_behind_a_4xx_is_an_event(self, harness: Harness) -> None:
        """C2: The application's own exception, logged and turned into a 4xx, stays an event."""

        def turn(request: Request) -> ResponseSpec:
            try:
                behaviours.fails()
            except behaviours.ShopError as error:
                log.exception("cannot order")
                raise request.abort(404) from error

        assert harness.serve(turn).status == 404
        assert _events.types(harness.one_event()) == ["ShopError"]

    def test_f3_records_are_limited(self, harness: Harness) -> None:
        """F3: A library's errors in good requests do not push out the few failures among them."""
        harness.start(storm_guard=True)
        numbers: Iterator[int] = iter(range(400))
        library = logging.getLogger("shop.library")

        def answer(_request: Request) -> ResponseSpec:
            number = next(numbers)
            library.error(f"pool {number} is full")
            return behaviours.fails() if number % 100 == 99 else ResponseSpec()

        app = harness.app(answer)
        for _ in range(40):
            harness.server.serve(app, *[Call()] * 10)
        failures = [title for title in harness.titles if title == "ShopError: no stock"]
        assert len(failures) == 4
        assert len(harness.events) < 100
        harness.flush()
        stats = sentryinit.stats()
        assert stats["failures"] == 404
        assert stats["failures"] == stats["delivered"] + stats["suppressed"] + stats["dropped"]
        counted = [event["contexts"].get("sentryinit", {}) for event in harness.events]
        assert sum(each.get("suppressed", 0) for each in counted) == stats["suppressed"] > 0

    def test_f3_record_about_the_failure_is_not_counted_again(self, harness: Harness) -> None:
        """F3: A record that is about the failure is counted with it, once."""
        harness.start(storm_guard=True, storm_burst=1, storm_per_minute=0)

        def fail(_request: Request) -> ResponseSpec:
            try:
                behaviours.fails()
            except behaviours.ShopError as error:
                log.exception("cannot order")
                log.error("cannot order: %s", error)  # noqa: TRY400 # that is the case
                raise

        harness.server.serve(harness.app(fail), *[Call()] * 3)
        found = {name: sentryinit.stats()[name] for name in ("failures", "delivered", "suppressed")}
        assert found == {"failures": 3, "delivered": 1, "suppressed": 2}

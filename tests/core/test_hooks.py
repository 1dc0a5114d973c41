"""The SDK's hooks: they run after the user's hooks, and none of them loses an event."""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.crons import capture_checkin

import sentryinit
from sentryinit import _reporter as reporter
from sentryinit import adapters, testing
from sentryinit._events import build
from sentryinit._policy.grouping import app_frame
from sentryinit._policy.rate_limit import RateLimiter
from sentryinit._sdk import client_options, hooks
from sentryinit._state import STATE

log = logging.getLogger("shop")
Begin = Callable[..., adapters.Capture[Any]]
Titles = Callable[[testing.Mailbox], list[str]]
TOKEN = "tok-5f1c9a"


def raised(exc: BaseException) -> BaseException:
    """Return *exc* with a traceback."""
    try:
        raise exc
    except BaseException as caught:
        return caught


def broken(*_: object, **__: object) -> Any:
    raise ZeroDivisionError


class Unreadable:
    """An object without a text."""

    def __init__(self, failure: type[BaseException] = ZeroDivisionError) -> None:
        self.failure = failure

    def __str__(self) -> str:
        raise self.failure


class UnreadableError(Exception):
    """An exception without a text."""

    def __str__(self) -> str:
        raise self.args[0]


class UnreadableMapping(Mapping[Any, Any]):
    """A mapping that cannot be read."""

    def __init__(self, failure: type[BaseException] = ZeroDivisionError) -> None:
        self.failure = failure

    def __getitem__(self, key: object) -> Any:
        raise self.failure

    def __iter__(self) -> Any:
        raise self.failure

    def __len__(self) -> int:
        return 1


PLACE = f"(tests/core/test_hooks.py:{broken.__code__.co_firstlineno + 1})"


def without_handlers(patch: pytest.MonkeyPatch) -> None:
    """Keep pytest's handlers away: they raise where logging prints that it cannot format."""
    patch.setattr(log, "propagate", False)
    patch.setattr(log, "handlers", [logging.NullHandler()])


# -- the user's hooks ------------------------------------------------------------------------------


def test_before_send_gets_the_complete_event(begin: Begin) -> None:
    """before_send gets the complete event, before it is masked."""
    seen: list[Any] = []
    with testing.capture("shop", before_send=lambda event, hint: seen.append(event)):
        begin().exception_escaped(raised(ValueError()))

    assert (seen[0]["tags"]["status_code"], seen[0]["transaction"]) == ("500", "/orders/{order_id}")


def test_before_send_can_drop_an_event(begin: Begin) -> None:
    """If before_send returns None, the event is dropped."""
    with testing.capture("shop", before_send=lambda event, hint: None) as box:
        begin().exception_escaped(raised(ValueError()))

    assert box.events == []


def test_before_send_can_change_an_event() -> None:
    """The event that before_send returns is sent."""
    with testing.capture("shop", before_send=lambda e, h: {**e, "dist": "7"}) as box:
        sentry_sdk.capture_message("a")

    assert box.events[0]["dist"] == "7"


def test_event_is_masked_after_before_send() -> None:
    """A secret that before_send adds is masked."""

    def hook(event: Any, hint: Any) -> Any:
        event["extra"] = {"password": "hunter2", "note": f"with {TOKEN}"}
        return event

    with testing.capture("shop", before_send=hook, debug_token=TOKEN) as box:
        sentry_sdk.capture_message("a")

    assert box.events[0]["extra"] == {"password": "[secret]", "note": "with [secret]"}


def test_failing_before_send_sends_a_fallback_event(begin: Begin, said: Any) -> None:
    """If before_send raises, a fallback event without details is sent, and one line is logged."""
    with testing.capture("shop", before_send=broken) as box:
        begin().exception_escaped(raised(ValueError("hunter2")))

    (event,) = box.events
    assert event["tags"] == {
        "service": "shop",
        "status_code": "500",
        "route": "/orders/{order_id}",
        "before_send_error": "true",
    }
    assert event["exception"]["values"][0]["value"] == "details withheld"
    assert said() == [f"before_send failed: ZeroDivisionError {PLACE}"]


@pytest.mark.parametrize("result", [True, "text", [], {}, 5])
def test_invalid_result_of_before_send_loses_no_event(
    begin: Begin, said: Any, result: object
) -> None:
    """If before_send returns something else, the event is sent and the request does not fail."""
    with testing.capture("shop", before_send=lambda event, hint: result) as box:
        begin().exception_escaped(raised(ValueError()))

    assert [event["tags"]["service"] for event in box.events] == ["shop"]
    assert len(said()) == 1


def test_invalid_result_of_before_send_does_not_raise_in_the_application(said: Any) -> None:
    """The application's own capture call does not raise."""
    with testing.capture("shop", before_send=lambda event, hint: True) as box:
        sentry_sdk.capture_message("a")

    assert len(box.events) == 1
    said()


@pytest.mark.parametrize("made", [{"message": "b"}, {"message": "b", "level": None}])
def test_event_that_before_send_makes_anew_keeps_its_level(made: Any) -> None:
    """G3: without a level, a backend takes it for an error."""
    with testing.capture("shop", before_send=lambda event, hint: made) as box:
        sentry_sdk.capture_message("a", level="info")

    assert [event["level"] for event in box.events] == ["info"]


def test_before_send_that_empties_the_event_and_fails(said: Any) -> None:
    """If before_send empties the event and raises, a fallback event is sent."""

    def hook(event: Any, hint: Any) -> Any:
        event.clear()
        raise ZeroDivisionError

    with testing.capture("shop", before_send=hook) as box:
        sentry_sdk.capture_message("a")

    assert len(box.events) == 1
    said()


def test_before_breadcrumb_can_change_or_drop_a_breadcrumb() -> None:
    """The user's before_breadcrumb can change or drop a breadcrumb."""

    def hook(crumb: Any, hint: Any) -> Any:
        return None if crumb["message"] == "no" else {**crumb, "message": "changed"}

    with testing.capture("shop", before_breadcrumb=hook) as box:
        sentry_sdk.add_breadcrumb(message="yes")
        sentry_sdk.add_breadcrumb(message="no")
        sentry_sdk.capture_message("a")

    breadcrumbs = box.events[0]["breadcrumbs"]["values"]
    assert [crumb["message"] for crumb in breadcrumbs] == ["changed"]


def test_failing_before_breadcrumb_drops_the_breadcrumb(said: Any) -> None:
    """If before_breadcrumb raises, the breadcrumb is dropped and the event is sent."""
    with testing.capture("shop", before_breadcrumb=broken) as box:
        sentry_sdk.add_breadcrumb(message="hunter2")
        sentry_sdk.capture_message("a")

    assert box.events[0].get("breadcrumbs", {}).get("values", []) == []
    # Once for each place, not for each breadcrumb.
    assert said() == [f"before_breadcrumb failed: ZeroDivisionError {PLACE}"]


@pytest.mark.parametrize("made", [None, "scrubbed", ["scrubbed"], {}, {"message": object()}])
def test_before_breadcrumb_gets_log_records(made: Any, caplog: pytest.LogCaptureFixture) -> None:
    """F1: it gets the breadcrumb of each record, also of one about the failure; none loses it."""
    caplog.set_level(logging.INFO, "shop")
    seen: list[tuple[str, str]] = []

    def hook(crumb: Any, hint: Any) -> Any:
        seen.append((crumb["message"], hint["log_record"].levelname))
        crumb["message"] = "changed"
        return made if crumb["level"] == "info" else crumb

    capture = testing.capture("shop", before_breadcrumb=hook)
    with contextlib.suppress(LookupError), capture as box, sentryinit.job("bill"):
        log.info("paid by %s", "Ann")
        log.error("Ann: no price today")
        raise LookupError("no price today")

    assert seen == [("paid by Ann", "INFO"), ("Ann: no price today", "ERROR")]
    (event,) = box.events
    crumbs = event["breadcrumbs"]["values"]
    assert len(crumbs) == 1 + isinstance(made, dict)
    assert crumbs[-1]["message"] == "changed"
    assert all(crumb["timestamp"] for crumb in crumbs)


def test_before_breadcrumb_gets_no_breadcrumb_of_the_self_test() -> None:
    """The breadcrumb of the scope's self-test does not reach the user's hook."""
    seen: list[str] = []

    def hook(crumb: Any, hint: Any) -> Any:
        seen.append(crumb["message"])
        return crumb

    with testing.capture("shop", before_breadcrumb=hook):
        sentry_sdk.add_breadcrumb(message="theirs")

    assert seen == ["theirs"]


ODD = (None, [], "x", 7, ["x", None, [1]], {"values": [None, 5]}, {"trace": None}, object())
SECTIONS = (
    "breadcrumbs contexts event_id exception extra level logentry request tags threads timestamp "
    "type user".split()
)


@pytest.mark.parametrize("section", SECTIONS)
def test_no_section_that_a_hook_breaks_loses_an_event(section: str) -> None:
    """Whatever is in a section: the event arrives, with the id that the call returns."""
    odd: list[Any] = []

    def hook(event: Any, hint: Any) -> Any:
        return {**event, section: odd[-1]}

    for value in ODD:
        odd.append(value)
        with testing.capture("shop", before_send=hook) as box:
            returned = sentry_sdk.capture_exception(raised(ValueError()))

        assert [event["event_id"] for event in box.events] == [returned], value


@pytest.mark.parametrize("made", [{"message": "mine"}, {"type": "transaction", "message": "mine"}])
def test_new_event_of_a_hook_is_sent(made: dict[str, Any]) -> None:
    """An event that before_send makes anew has the id of the one that it replaces."""
    with testing.capture("shop", before_send=lambda event, hint: dict(made)) as box:
        returned = sentry_sdk.capture_message("a")

    (event,) = box.events
    assert (event["logentry"]["formatted"], event["event_id"]) == ("mine", returned)
    assert event["timestamp"]


@pytest.mark.parametrize("made", [{"a": 1}, Unreadable()])
def test_new_check_in_of_a_hook_is_sent(made: Any, said: Any) -> None:
    """The SDK needs an id there as well."""
    with testing.capture("shop", before_send=lambda event, hint: made) as box:
        capture_checkin(monitor_slug="a", status="ok")

    assert len(box.envelopes) == 1
    said()


@pytest.mark.parametrize("section", ["exception", "threads", "event_id"])
@pytest.mark.parametrize("value", [None, "x", {"values": 5}])
def test_no_section_that_a_processor_breaks_loses_an_event(
    section: str, value: object, said: Any, mailbox: testing.Mailbox
) -> None:
    """The SDK itself fails on some, before any hook: a fallback event is sent."""
    with sentry_sdk.new_scope() as scope:
        scope.add_event_processor(lambda event, hint: {**event, section: value})  # type: ignore[arg-type,return-value,misc] # such a processor
        returned = sentry_sdk.capture_message("a")

    assert [event["event_id"] for event in mailbox.events] == [returned]
    said()


@pytest.mark.parametrize("value", ["x", uuid.UUID(int=7), 7])
def test_an_invalid_id_becomes_a_valid_one(value: Any, mailbox: testing.Mailbox) -> None:
    """It is the one that the call returns."""
    returned = sentry_sdk.capture_event({"message": "a", "event_id": value})

    assert [event["event_id"] for event in mailbox.events] == [returned]
    assert len(returned or "") == 32


# -- objects of the application that fail ----------------------------------------------------------


@pytest.mark.parametrize("failure", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_object_without_a_text_loses_no_event(
    failure: type[BaseException],
    mailbox: testing.Mailbox,
    titles: Titles,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A ``__str__`` that raises, whatever it raises, reaches nobody; the template is the text."""
    without_handlers(monkeypatch)
    broken = Unreadable(failure)
    log.error("sold %s", broken)
    log.error("sold %(a)s", {"a": broken})
    log.error("sold %(b)s", UnreadableMapping())
    log.error("sold", extra={"a": broken, "b": {broken: 1}})
    sentry_sdk.capture_exception(raised(UnreadableError(failure)))
    log.error("sold %s", broken, exc_info=raised(UnreadableError(failure)))

    templates = [event.get("logentry", {}).get("message") for event in mailbox.events]
    assert templates == ["sold %s", "sold %(a)s", "sold %(b)s", "sold", None, "sold %s"]
    assert titles(mailbox)[-2:] == ["UnreadableError", "UnreadableError"]


@pytest.mark.parametrize(
    ("template", "values"), [("%s %s", (1,)), ("%d", ("x",)), ("%(a)s", ({},))]
)
def test_log_record_that_cannot_be_formatted_is_an_event(
    template: str,
    values: tuple[Any, ...],
    mailbox: testing.Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its text is the template."""
    without_handlers(monkeypatch)
    log.error(template, *values)
    log.error(template, *values, exc_info=raised(ValueError()))

    assert [event["logentry"]["formatted"] for event in mailbox.events] == [template] * 2


@pytest.mark.parametrize("failure", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_object_of_a_hook_that_fails_loses_no_event(failure: type[BaseException]) -> None:
    """Only its own place on the event is without a text."""
    broken, mapping = Unreadable(failure), UnreadableMapping(failure)
    parts = {"extra": {"a": broken, broken: mapping, "b": "kept"}, "tags": {"a": broken}}
    parts |= {"level": broken, "contexts": mapping, "user": mapping, "request": mapping}
    with testing.capture("shop", before_send=lambda e, h: {**e, **parts}) as box:
        sentry_sdk.capture_message("text")

    (event,) = box.events
    assert (event["logentry"]["formatted"], event["extra"]["b"]) == ("text", "kept")
    assert event["extra"]["a"] == "<Unreadable without a text>"


@pytest.mark.parametrize("failure", [SystemExit, KeyboardInterrupt])
def test_hook_that_ends_the_process_does_not_lose_the_event(
    failure: type[BaseException], said: Any
) -> None:
    """It fails like any other hook."""

    def ends(event: Any, hint: Any) -> Any:
        raise failure

    with testing.capture("shop", before_send=ends) as box:
        sentry_sdk.capture_message("a")

    assert box.events[0]["tags"]["before_send_error"] == "true"
    said()


# -- our hooks -------------------------------------------------------------------------------------


def test_failing_enrichment_sends_the_event_without_details(
    begin: Begin, mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a part of the event cannot be built, the event is sent without it."""
    monkeypatch.setattr(build, "request_section", broken)
    begin().exception_escaped(raised(ValueError("hunter2")))

    (event,) = mailbox.events
    assert event["tags"]["report_error"] == "true"
    assert b"hunter2" not in b"".join(mailbox.envelopes)
    assert event["exception"]["values"][0]["stacktrace"]["frames"]
    assert said() == ["an event could not be built: ZeroDivisionError"]


def test_failing_redaction_sends_a_fallback_event(
    mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If an event cannot be masked, a fallback event is sent and one line is logged."""
    monkeypatch.setattr("sentryinit._redaction.redactor.Walker", broken)
    sentry_sdk.capture_message("hunter2")

    (event,) = mailbox.events
    assert event["tags"] == {"service": "shop", "redaction_error": "true"}
    assert b"hunter2" not in b"".join(mailbox.envelopes)
    assert said() == ["masking an event failed: ZeroDivisionError"]


def test_failing_redaction_of_a_check_in_sends_a_fallback_event(
    mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application gets no exception, and a fallback event is sent."""
    monkeypatch.setattr("sentryinit._redaction.redactor.Walker", broken)
    capture_checkin(monitor_slug="hunter2", status="ok")

    assert mailbox.events[0]["tags"] == {"redaction_error": "true"}
    assert b"hunter2" not in b"".join(mailbox.envelopes)
    assert said() == ["masking an item failed: ZeroDivisionError"]


def test_describe_that_returns_none_sends_the_event_without_request(
    begin: Begin, said: Any
) -> None:
    """If describe() returns None, the event has no request section."""
    with testing.capture("shop") as box:
        begin(describe=lambda request: None)
        sentry_sdk.capture_message("hunter2")

    assert box.events[0]["tags"] == {"service": "shop", "route": "<unknown>"}
    assert box.events[0]["transaction"] == "<unknown>"
    assert not box.events[0].get("request")
    assert said() == ["describing a request failed: TypeError"]


def test_deeply_nested_event_is_truncated() -> None:
    """Deep nesting is cut off, and the event says so."""

    def hook(event: Any, hint: Any) -> Any:
        deep: Any = "hunter2"
        for _ in range(5000):
            deep = [deep]
        return {**event, "extra": {"deep": deep}}

    with testing.capture("shop", before_send=hook) as box:
        sentry_sdk.capture_message("a")

    assert b"hunter2" not in box.envelopes[0]
    assert box.events[0]["contexts"]["sentryinit"] == {"cut": True}


def test_exception_event_that_cannot_be_built_is_a_fallback_event(
    begin: Begin, mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the event of an exception cannot be built, a fallback event is sent, with one log line."""
    monkeypatch.setattr(reporter, "exception_event", broken)
    begin().exception_escaped(raised(ValueError("hunter2")))

    (event,) = mailbox.events
    assert event["exception"]["values"][0]["type"] == "ValueError"
    assert event["tags"] == {"service": "shop", "report_error": "true"}
    assert b"hunter2" not in b"".join(mailbox.envelopes)
    assert said() == ["an event could not be built: ZeroDivisionError"]


def test_status_event_that_cannot_be_built_is_a_fallback_event(
    begin: Begin, mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the event of a 5xx cannot be built, a fallback event is sent."""
    monkeypatch.setattr(reporter.Reporter, "_of_status", broken)
    capture = begin()
    capture.response_started(503)
    capture.close()

    assert [event["tags"] for event in mailbox.events] == [
        {"service": "shop", "report_error": "true"}
    ]
    assert said() == ["an event could not be built: ZeroDivisionError"]


def test_fallback_event_of_a_with_block_keeps_the_exception(
    mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exception that leaves a ``with init()`` block is not replaced by an internal error."""
    monkeypatch.setattr(reporter, "exception_event", broken)
    with pytest.raises(ValueError, match="x"), sentryinit.init():
        raise ValueError("x")

    assert [event["tags"]["report_error"] for event in mailbox.events] == ["true"]
    assert said() == ["an event could not be built: ZeroDivisionError"]


def test_failing_fallback_does_not_raise(
    begin: Begin, mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the fallback event fails as well, the request does not fail and one line is logged."""
    monkeypatch.setattr(sentry_sdk, "capture_event", broken)
    begin().exception_escaped(raised(ValueError()))

    assert mailbox.events == []
    assert said() == ["an event could not be built: ZeroDivisionError"]


def test_failing_flush_does_not_raise(
    mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the SDK's flush raises, one line is logged."""
    monkeypatch.setattr(sentry_sdk, "flush", broken)
    sentryinit.init()()

    assert said() == ["flush failed: ZeroDivisionError"]


def test_failing_decision_does_not_raise(
    begin: Begin, mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the decision raises, the request does not fail and one line is logged."""
    monkeypatch.setattr(adapters.Capture, "_release_records", broken)
    capture = begin()
    log.error("broken")
    capture.handler_done()

    assert said() == ["deciding on a failure failed: ZeroDivisionError"]
    capture.deferred = ()


# -- ignore lists ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "exc"),
    [
        ({"ignore_errors": ["LookupError"]}, KeyError()),
        ({"ignore_errors": [LookupError]}, KeyError()),
        ({"ignore_messages": ["^KeyError: 'sold out'$"]}, KeyError("sold out")),
        ({"ignore_paths": ["/orders/*"]}, KeyError()),
    ],
)
def test_ignored_exception_is_no_event(begin: Begin, options: Any, exc: BaseException) -> None:
    """An exception that an ignore list matches, by class, text or path, is not reported."""
    with testing.capture("shop", **options) as box:
        begin().exception_escaped(raised(exc))

    assert box.events == []


@pytest.mark.parametrize(
    "options",
    [
        {"ignore_statuses": [503]},
        {"ignore_messages": ["HTTP 503"]},
        {"ignore_paths": ["/orders/17"]},
    ],
)
def test_ignored_status_is_no_event(begin: Begin, options: Any) -> None:
    """A 5xx that an ignore list matches, by status, text or path, is not reported."""
    with testing.capture("shop", **options) as box:
        capture = begin()
        capture.response_started(503)
        capture.close()

    assert box.events == []


def test_record_before_an_ignored_status_is_an_event(begin: Begin, titles: Titles) -> None:
    """A record logged before an ignored 5xx is still reported."""
    with testing.capture("shop", ignore_statuses=[503]) as box:
        capture = begin()
        log.error("no database")
        capture.response_started(503)
        capture.close()

    assert titles(box) == ["no database"]


def test_handled_exception_with_an_ignored_status_is_no_event(begin: Begin) -> None:
    """A handled exception with an ignored status is not reported."""
    with testing.capture("shop", ignore_statuses=[503]) as box:
        capture = begin()
        capture.exception_seen(raised(ValueError()))
        capture.response_started(503)
        capture.close()

    assert box.events == []


def test_unhandled_exception_with_an_ignored_status_is_an_event(
    begin: Begin, titles: Titles
) -> None:
    """An unhandled exception is reported, whatever its status."""
    with testing.capture("shop", ignore_statuses=[500]) as box:
        begin().exception_escaped(raised(ValueError()))

    assert titles(box) == ["ValueError"]


def test_ignore_errors_applies_to_the_application_s_captures() -> None:
    """An ignored exception that the application captures is dropped."""
    with testing.capture("shop", ignore_errors=[KeyError]) as box:
        sentry_sdk.capture_exception(raised(KeyError()))

    assert box.events == []


def test_ignore_messages_applies_to_the_application_s_messages() -> None:
    """Ignored messages and log records of the application are dropped."""
    with testing.capture("shop", ignore_messages=["^sold out"]) as box:
        sentry_sdk.capture_message("sold out: 17")
        log.error("sold out: %d", 18)

    assert box.events == []


def test_ignore_messages_searches_the_formatted_record() -> None:
    """The pattern is searched in the log message with its arguments."""
    with testing.capture("shop", ignore_messages=["sold out: 18$"]) as box:
        log.error("sold out: %d", 18)

    assert box.events == []


@pytest.mark.parametrize("exc", [KeyboardInterrupt(), GeneratorExit(), SystemExit(0)])
def test_captured_abort_is_no_event(mailbox: testing.Mailbox, exc: BaseException) -> None:
    """An abort that the application captures is dropped."""
    sentry_sdk.capture_exception(raised(exc))

    assert mailbox.events == []


# -- the rate limit --------------------------------------------------------------------------------


def fail(begin: Begin, times: int) -> None:
    for _ in range(times):
        capture = begin()
        capture.exception_escaped(raised(ValueError()))
        capture.close()


def test_failures_beyond_the_burst_are_not_sent(begin: Begin) -> None:
    """Failures beyond the burst are suppressed."""
    with testing.capture("shop", storm_guard=True, storm_burst=2, storm_per_minute=0) as box:
        fail(begin, 5)

        assert len(box.events) == 2


def test_flush_sends_a_summary_of_suppressed_failures(begin: Begin) -> None:
    """A flush sends one summary event with the suppressed failures of each group."""
    with testing.capture("shop", storm_guard=True, storm_burst=2, storm_per_minute=0) as box:
        fail(begin, 5)
        box.clear()
        sentryinit.init()()

        (event,) = box.events
    line = raised.__code__.co_firstlineno + 3
    assert event["logentry"]["formatted"] == "failures held back by the storm guard"
    assert event["tags"] == {"service": "shop", "suppressed": "3"}
    assert event["contexts"]["sentryinit"] == {
        "suppressed": 3,
        "kinds": {f"builtins.ValueError (test_hooks.py:{line})": 3},
    }
    assert (event["level"], event["fingerprint"]) == (
        "warning",
        ["sentryinit", "shop", "suppressed"],
    )


def test_summary_names_status_groups_by_method_and_route(begin: Begin) -> None:
    """A group of status events is named by status, method and route."""
    with testing.capture("shop", storm_guard=True, storm_burst=1, storm_per_minute=0) as box:
        for _ in range(3):
            capture = begin()
            capture.response_started(503)
            capture.close()
        box.clear()
        sentryinit.init()()

        kinds = box.events[0]["contexts"]["sentryinit"]["kinds"]
    assert kinds == {"HTTP 503 GET /orders/{order_id}": 2}


def test_summary_is_sent_once(begin: Begin) -> None:
    """A second flush sends no summary if nothing was suppressed since."""
    with testing.capture("shop", storm_guard=True, storm_burst=1, storm_per_minute=0) as box:
        fail(begin, 3)
        sentryinit.init()()
        box.clear()
        sentryinit.init()()

        assert box.events == []


def test_failing_summary_does_not_raise(
    begin: Begin, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the summary cannot be sent, flush() does not raise and one line is logged."""
    with testing.capture("shop", storm_guard=True, storm_burst=1, storm_per_minute=0):
        fail(begin, 2)
        monkeypatch.setattr(sentry_sdk, "capture_event", broken)
        sentryinit.init()()

    assert said() == ["a summary could not be sent: ZeroDivisionError"]


def test_next_event_of_a_group_carries_the_suppressed_count(begin: Begin) -> None:
    """The next event of a group has the number of failures suppressed before it."""
    now = [0.0]
    with testing.capture("shop", storm_guard=True) as box:
        assert STATE.reporter is not None
        STATE.reporter._limiter = RateLimiter(1, 60, lambda: now[0])
        fail(begin, 4)
        now[0] += 1
        fail(begin, 1)

    counts = [event["contexts"].get("sentryinit") for event in box.events]
    assert counts == [None, {"suppressed": 3}]


@pytest.mark.parametrize("hook", [broken, lambda _event, _hint: {"message": "new"}])
def test_hook_that_leaves_nothing_keeps_the_suppressed_count(hook: Any, said: Any) -> None:
    """What a hook returns, or the fallback event if it raises, has the count; so has a summary."""
    with testing.capture("shop", before_send=hook, storm_guard=True, storm_burst=1) as box:
        for _ in range(4):
            sentry_sdk.capture_message("a")
        sentryinit.flush()

    assert [event["contexts"].get("sentryinit") for event in box.events[1:]] == [{"suppressed": 3}]
    assert box.events[1]["tags"]["suppressed"] == "3"
    said()


def test_events_without_a_message_are_kinds_by_their_exceptions() -> None:
    """Events that the application makes by hand are not one kind."""
    with testing.capture("shop", storm_guard=True, storm_burst=1, storm_per_minute=0) as box:
        for name in ("KeyError", "KeyError", "ValueError"):
            values = [{"type": name, "value": "order 7"}]
            sentry_sdk.capture_event({"level": "error", "exception": {"values": values}})

    assert [event["exception"]["values"][0]["type"] for event in box.events] == [
        "KeyError",
        "ValueError",
    ]


def test_same_class_from_another_line_is_another_group(begin: Begin) -> None:
    """The same exception class from another line is another group."""
    with testing.capture("shop", storm_guard=True, storm_burst=1, storm_per_minute=0) as box:
        for _ in range(2):
            begin().exception_escaped(raised(ValueError()))
            try:
                int("x")
            except ValueError as error:
                begin().exception_escaped(error)

    assert len(box.events) == 2


def test_exception_without_traceback_has_a_group(begin: Begin) -> None:
    """Exceptions that were never raised form a group."""
    with testing.capture("shop", storm_guard=True, storm_burst=1, storm_per_minute=0) as box:
        begin().exception_escaped(ValueError())
        begin().exception_escaped(ValueError())

    assert len(box.events) == 1


def test_app_frame_skips_installed_packages(tmp_path: Any) -> None:
    """The frame that groups an exception is the last one of the application."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    inner: dict[str, Any] = {}
    exec(compile("def fail(): 1 / 0", str(folder / "lib.py"), "exec"), inner)  # noqa: S102 # a frame of such a file
    outer = {"fail": inner["fail"]}
    exec(compile("def view():\n    fail()", "/app/views.py", "exec"), outer)  # noqa: S102 # likewise
    stack = None
    try:
        outer["view"]()
    except ZeroDivisionError as error:
        stack = error.__traceback__
    assert stack is not None

    found, is_app = app_frame(stack)
    assert found is not None
    assert is_app
    assert (found.tb_frame.f_code.co_filename, found.tb_lineno) == ("/app/views.py", 2)


# -- the rest of an event --------------------------------------------------------------------------


def test_the_service_is_on_every_event(mailbox: testing.Mailbox) -> None:
    """Every event has the service tag, also those that the application captures."""
    sentry_sdk.capture_message("a")

    assert mailbox.events[0]["tags"] == {"service": "shop"}


def test_the_service_cannot_be_overwritten(mailbox: testing.Mailbox) -> None:
    """A "service" tag of the application does not replace ours."""
    sentry_sdk.set_tag("service", "another")
    sentry_sdk.capture_message("a")

    assert mailbox.events[0]["tags"]["service"] == "shop"


def test_an_unknown_release_is_left_out(mailbox: testing.Mailbox) -> None:
    """Without a release the event has no release key."""
    sentry_sdk.capture_message("a")

    assert "release" not in mailbox.events[0]


def test_release_is_on_the_event() -> None:
    """A configured release is on the event."""
    with testing.capture("shop", release="1.2") as box:
        sentry_sdk.capture_message("a")

    assert box.events[0]["release"] == "1.2"


@pytest.mark.parametrize("scope", ["get_isolation_scope", "get_current_scope"])
@pytest.mark.parametrize("level", ["fatal", "warning", "debug"])
def test_level_of_a_scope_is_that_of_a_failure(
    begin: Begin, mailbox: testing.Mailbox, scope: str, level: str
) -> None:
    """A level that the application has set on a scope is kept (D8)."""
    for failing in (
        lambda c: c.exception_escaped(raised(ValueError())),
        lambda c: c.response_started(503),
    ):
        capture = begin()
        getattr(sentry_sdk, scope)().set_level(level)
        failing(capture)
        capture.close()

    assert [event["level"] for event in mailbox.events] == [level, level]


def test_level_of_the_start_up_is_that_of_every_event(begin: Begin) -> None:
    """A level that was set at start-up is on every event, as all else that was set there (D6)."""
    with testing.capture("shop") as box:
        sentry_sdk.set_level("warning")
        capture = begin()
        capture.response_started(503)
        capture.close()

    assert box.events[0]["level"] == "warning"


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({}, ""),
        ({"message": "a"}, "a"),
        ({"logentry": {"message": "b"}}, "b"),
        ({"logentry": {"message": "b %s", "formatted": "b c"}}, "b c"),
        ({"logentry": None, "message": None}, ""),
    ],
)
def test_the_text_of_an_event(event: Any, text: str) -> None:
    """Message patterns are searched in this text."""
    assert hooks._text(event, {}) == text


@pytest.mark.parametrize(
    ("event", "theirs"),
    [
        ({}, False),
        ({"exception": None}, False),
        ({"exception": {"values": []}}, False),
        ({"exception": {"values": [{"mechanism": None}]}}, False),
        ({"exception": {"values": [{"mechanism": {"type": "logging"}}]}}, False),
        ({"exception": {"values": [{"mechanism": {"type": "django"}}]}}, True),
    ],
)
def test_events_of_the_sdk_s_integrations(
    event: Any, theirs: bool
) -> None:  # a column of the table
    """They are recognised by the mechanism of the outermost exception."""
    assert hooks._is_frameworks(event) is theirs


def test_drop() -> None:
    """Transactions, logs and metrics are dropped."""
    assert client_options.drop({"anything": 1}, {}) is None

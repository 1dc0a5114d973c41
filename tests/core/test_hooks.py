"""What the SDK's client calls on whatever leaves: ours are last, and none loses an event."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.crons import capture_checkin

import sentryinit
from sentryinit import _reporter as _report
from sentryinit import adapters, testing
from sentryinit._events import build as _build
from sentryinit._policy.grouping import app_frame
from sentryinit._policy.rate_limit import RateLimiter
from sentryinit._sdk import hooks as _hooks
from sentryinit._state import STATE

log = logging.getLogger("shop")
Begin = Callable[..., adapters.Capture[Any]]
Titles = Callable[[testing.Mailbox], list[str]]
TOKEN = "tok-5f1c9a"


def raised(exc: BaseException) -> BaseException:
    """Give *exc* a traceback."""
    try:
        raise exc
    except BaseException as caught:
        return caught


def broken(*_: object, **__: object) -> Any:
    raise ZeroDivisionError


# -- the user's hooks ----------------------------------------------------------------------------


def test_the_user_s_hook_sees_the_finished_event(begin: Begin) -> None:
    """before_send gets what would leave, but for the masks."""
    seen: list[Any] = []
    with testing.capture("shop", before_send=lambda event, hint: seen.append(event)):
        begin().exception_escaped(raised(ValueError()))

    assert (seen[0]["tags"]["status_code"], seen[0]["transaction"]) == ("500", "/orders/{order_id}")


def test_the_user_s_hook_drops(begin: Begin) -> None:
    """None from before_send drops the event, as the SDK's documentation says."""
    with testing.capture("shop", before_send=lambda event, hint: None) as box:
        begin().exception_escaped(raised(ValueError()))

    assert box.events == []


def test_the_user_s_hook_changes() -> None:
    """What before_send makes of an event leaves."""
    with testing.capture("shop", before_send=lambda e, h: {**e, "dist": "7"}) as box:
        sentry_sdk.capture_message("a")

    assert box.events[0]["dist"] == "7"


def test_masking_comes_after_the_user_s_hook() -> None:
    """A hook cannot put a secret in by accident."""

    def hook(event: Any, hint: Any) -> Any:
        event["extra"] = {"password": "hunter2", "note": f"with {TOKEN}"}
        return event

    with testing.capture("shop", before_send=hook, debug_token=TOKEN) as box:
        sentry_sdk.capture_message("a")

    assert box.events[0]["extra"] == {"password": "[secret]", "note": "with [secret]"}


def test_a_hook_that_fails(begin: Begin, said: Any) -> None:
    """What it would have taken out is not known: a minimal event goes out, and one line."""
    with testing.capture("shop", before_send=broken) as box:
        begin().exception_escaped(raised(ValueError("hunter2")))

    (event,) = box.events
    assert event["tags"] == {"service": "shop", "status_code": "500", "before_send_error": "true"}
    assert event["exception"]["values"][0]["value"] == "details withheld"
    assert said() == ["before_send failed: ZeroDivisionError"]


@pytest.mark.parametrize("result", [True, "text", [], {}, 5])
def test_a_hook_that_returns_no_event(begin: Begin, said: Any, result: object) -> None:
    """A hook that returns something else does not lose the event, nor break the request."""
    with testing.capture("shop", before_send=lambda event, hint: result) as box:
        begin().exception_escaped(raised(ValueError()))

    assert [event["tags"]["service"] for event in box.events] == ["shop"]
    assert len(said()) == 1


def test_a_hook_that_returns_no_event_harms_no_application(said: Any) -> None:
    """Nor does the application's own call of the SDK raise because of it."""
    with testing.capture("shop", before_send=lambda event, hint: True) as box:
        sentry_sdk.capture_message("a")

    assert len(box.events) == 1
    said()


def test_a_hook_that_breaks_the_event_and_fails(said: Any) -> None:
    """A hook may have emptied the event before it failed."""

    def hook(event: Any, hint: Any) -> Any:
        event.clear()
        raise ZeroDivisionError

    with testing.capture("shop", before_send=hook) as box:
        sentry_sdk.capture_message("a")

    assert len(box.events) == 1
    said()


def test_before_breadcrumb() -> None:
    """The user's hook on breadcrumbs may change or drop them."""

    def hook(crumb: Any, hint: Any) -> Any:
        return None if crumb["message"] == "no" else {**crumb, "message": "changed"}

    with testing.capture("shop", before_breadcrumb=hook) as box:
        sentry_sdk.add_breadcrumb(message="yes")
        sentry_sdk.add_breadcrumb(message="no")
        sentry_sdk.capture_message("a")

    crumbs = box.events[0]["breadcrumbs"]["values"]
    assert [crumb["message"] for crumb in crumbs] == ["changed"]


def test_before_breadcrumb_that_fails(said: Any) -> None:
    """What it would have taken out is not known: the crumb is lost, the event is not."""
    with testing.capture("shop", before_breadcrumb=broken) as box:
        sentry_sdk.add_breadcrumb(message="hunter2")
        sentry_sdk.capture_message("a")

    assert box.events[0].get("breadcrumbs", {}).get("values", []) == []
    assert set(said()) == {"before_breadcrumb failed: ZeroDivisionError"}


def test_before_breadcrumb_sees_the_application_s_only() -> None:
    """The self-test of the scope has a breadcrumb, which is none of the user's business."""
    seen: list[str] = []

    def hook(crumb: Any, hint: Any) -> Any:
        seen.append(crumb["message"])
        return crumb

    with testing.capture("shop", before_breadcrumb=hook):
        sentry_sdk.add_breadcrumb(message="theirs")

    assert seen == ["theirs"]


# -- ours ----------------------------------------------------------------------------------------


def test_completing_that_fails(
    begin: Begin, mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours costs the details, not the event."""
    monkeypatch.setattr(_build, "request_section", broken)
    begin().exception_escaped(raised(ValueError("hunter2")))

    (event,) = mailbox.events
    assert event["tags"]["report_error"] == "true"
    assert b"hunter2" not in b"".join(mailbox.envelopes)
    assert event["exception"]["values"][0]["stacktrace"]["frames"]
    assert said() == ["an event could not be built: ZeroDivisionError"]


def test_masking_that_fails(
    mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that cannot be masked leaves in minimal form, and says why."""
    monkeypatch.setattr("sentryinit._redaction.redactor.Walker", broken)
    sentry_sdk.capture_message("hunter2")

    (event,) = mailbox.events
    assert event["tags"] == {"service": "shop", "redaction_error": "true"}
    assert b"hunter2" not in b"".join(mailbox.envelopes)
    assert said() == ["masking an event failed: ZeroDivisionError"]


def test_masking_a_check_in_that_fails(
    mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application gets no exception, and a fallback event is sent."""
    monkeypatch.setattr("sentryinit._redaction.redactor.Walker", broken)
    capture_checkin(monitor_slug="hunter2", status="ok")

    assert mailbox.events[0]["tags"] == {"redaction_error": "true"}
    assert b"hunter2" not in b"".join(mailbox.envelopes)
    assert said() == ["masking an item failed: ZeroDivisionError"]


def test_an_adapter_whose_description_is_none(begin: Begin, said: Any) -> None:
    """The event is sent without the details of the request."""
    with testing.capture("shop") as box:
        begin(describe=lambda request: None)
        sentry_sdk.capture_message("hunter2")

    assert box.events[0]["tags"] == {"service": "shop"}
    assert not box.events[0].get("request")
    assert said() == ["describing a request failed: TypeError"]


def test_an_event_nested_too_deep() -> None:
    """What a hook nests without end is cut where nobody looks any more, and the event says so."""

    def hook(event: Any, hint: Any) -> Any:
        deep: Any = "hunter2"
        for _ in range(5000):
            deep = [deep]
        return {**event, "extra": {"deep": deep}}

    with testing.capture("shop", before_send=hook) as box:
        sentry_sdk.capture_message("a")

    assert b"hunter2" not in box.envelopes[0]
    assert box.events[0]["contexts"]["sentryinit"] == {"cut": True}


def test_an_exception_of_ours_that_cannot_be_built(
    begin: Begin, mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last resort: an event that needs nothing which can break, and one line."""
    monkeypatch.setattr(_report, "exception_event", broken)
    begin().exception_escaped(raised(ValueError("hunter2")))

    (event,) = mailbox.events
    assert event["exception"]["values"][0]["type"] == "ValueError"
    assert event["tags"] == {"service": "shop", "report_error": "true"}
    assert b"hunter2" not in b"".join(mailbox.envelopes)
    assert said() == ["an event could not be built: ZeroDivisionError"]


def test_an_answer_that_cannot_be_reported(
    begin: Begin, mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer without exception has a last resort as well."""
    monkeypatch.setattr(_report.Reporter, "_of_status", broken)
    capture = begin()
    capture.response_started(503)
    capture.close()

    assert [event["tags"] for event in mailbox.events] == [
        {"service": "shop", "report_error": "true"}
    ]
    assert said() == ["an event could not be built: ZeroDivisionError"]


def test_an_escaped_exception_that_cannot_be_reported(
    mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What leaves a `with init()` has a last resort, and is not replaced by our own error."""
    monkeypatch.setattr(_report, "exception_event", broken)
    with pytest.raises(ValueError, match="x"), sentryinit.init():
        raise ValueError("x")

    assert [event["tags"]["report_error"] for event in mailbox.events] == ["true"]
    assert said() == ["an event could not be built: ZeroDivisionError"]


def test_when_nothing_works(
    begin: Begin, mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If not even the last resort works, the request goes on and one line is all there is."""
    monkeypatch.setattr(sentry_sdk, "capture_event", broken)
    begin().exception_escaped(raised(ValueError()))

    assert mailbox.events == []
    assert said() == ["an event could not be built: ZeroDivisionError"]


def test_a_flush_that_fails(
    mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flushing happens on the way out: it raises nothing."""
    monkeypatch.setattr(sentry_sdk, "flush", broken)
    sentryinit.init()()

    assert said() == ["flush failed: ZeroDivisionError"]


def test_a_decision_that_fails(
    begin: Begin, mailbox: testing.Mailbox, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever breaks while deciding, the request goes on."""
    monkeypatch.setattr(adapters.Capture, "_release_records", broken)
    capture = begin()
    log.error("broken")
    capture.handler_done()

    assert said() == ["deciding on a failure failed: ZeroDivisionError"]
    capture.deferred = ()


# -- ignore lists --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "exc"),
    [
        ({"ignore_errors": ["LookupError"]}, KeyError()),
        ({"ignore_errors": [LookupError]}, KeyError()),
        ({"ignore_messages": ["^KeyError: 'sold out'$"]}, KeyError("sold out")),
        ({"ignore_paths": ["/orders/*"]}, KeyError()),
    ],
)
def test_an_ignored_failure(begin: Begin, options: Any, exc: BaseException) -> None:
    """An exception on a list, or of a path on one, is no event."""
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
def test_an_ignored_answer(begin: Begin, options: Any) -> None:
    """An answer by its status, its text or its path."""
    with testing.capture("shop", **options) as box:
        capture = begin()
        capture.response_started(503)
        capture.close()

    assert box.events == []


def test_a_record_of_an_ignored_answer(begin: Begin, titles: Titles) -> None:
    """What was logged before an ignored answer is still news."""
    with testing.capture("shop", ignore_statuses=[503]) as box:
        capture = begin()
        log.error("no database")
        capture.response_started(503)
        capture.close()

    assert titles(box) == ["no database"]


def test_a_handled_exception_answered_with_an_ignored_status(begin: Begin) -> None:
    """An ignored status silences the exception that was answered with it."""
    with testing.capture("shop", ignore_statuses=[503]) as box:
        capture = begin()
        capture.exception_seen(raised(ValueError()))
        capture.response_started(503)
        capture.close()

    assert box.events == []


def test_an_unhandled_exception_and_an_ignored_status(begin: Begin, titles: Titles) -> None:
    """It never silences what nobody handled."""
    with testing.capture("shop", ignore_statuses=[500]) as box:
        begin().exception_escaped(raised(ValueError()))

    assert titles(box) == ["ValueError"]


def test_an_ignored_error_that_the_application_captures() -> None:
    """The list holds for events of the application's own as well."""
    with testing.capture("shop", ignore_errors=[KeyError]) as box:
        sentry_sdk.capture_exception(raised(KeyError()))

    assert box.events == []


def test_an_ignored_message_that_the_application_captures() -> None:
    """And for its messages and log lines."""
    with testing.capture("shop", ignore_messages=["^sold out"]) as box:
        sentry_sdk.capture_message("sold out: 17")
        log.error("sold out: %d", 18)

    assert box.events == []


def test_a_pattern_is_searched_in_the_formatted_text() -> None:
    """A log line is what it says, with its arguments in it."""
    with testing.capture("shop", ignore_messages=["sold out: 18$"]) as box:
        log.error("sold out: %d", 18)

    assert box.events == []


@pytest.mark.parametrize("exc", [KeyboardInterrupt(), GeneratorExit(), SystemExit(0)])
def test_an_abort_that_the_application_captures(
    mailbox: testing.Mailbox, exc: BaseException
) -> None:
    """An abort is never reported, whoever asks."""
    sentry_sdk.capture_exception(raised(exc))

    assert mailbox.events == []


# -- the storm guard -----------------------------------------------------------------------------


def fail(begin: Begin, times: int) -> None:
    for _ in range(times):
        capture = begin()
        capture.exception_escaped(raised(ValueError()))
        capture.close()


def test_a_limiter(begin: Begin) -> None:
    """Beyond the burst nothing leaves."""
    with testing.capture("shop", storm_guard=True, storm_burst=2, storm_per_minute=0) as box:
        fail(begin, 5)

        assert len(box.events) == 2


def test_the_count_of_a_storm_leaves_with_a_flush(begin: Begin) -> None:
    """What was held back is a summary at the next flush, by kind."""
    with testing.capture("shop", storm_guard=True, storm_burst=2, storm_per_minute=0) as box:
        fail(begin, 5)
        box.clear()
        sentryinit.init()()

        (event,) = box.events
    line = raised.__code__.co_firstlineno + 3
    assert event["logentry"]["formatted"] == "3 failures held back by the storm guard"
    assert event["contexts"]["sentryinit"] == {
        "suppressed": 3,
        "kinds": {f"builtins.ValueError (test_hooks.py:{line})": 3},
    }
    assert (event["level"], event["fingerprint"]) == (
        "warning",
        ["sentryinit", "shop", "suppressed"],
    )


def test_the_count_of_a_storm_of_answers(begin: Begin) -> None:
    """Answers are named by method, route and status."""
    with testing.capture("shop", storm_guard=True, storm_burst=1, storm_per_minute=0) as box:
        for _ in range(3):
            capture = begin()
            capture.response_started(503)
            capture.close()
        box.clear()
        sentryinit.init()()

        kinds = box.events[0]["contexts"]["sentryinit"]["kinds"]
    assert kinds == {"HTTP 503 GET /orders/{order_id}": 2}


def test_a_summary_is_sent_once(begin: Begin) -> None:
    """A second flush has nothing to say."""
    with testing.capture("shop", storm_guard=True, storm_burst=1, storm_per_minute=0) as box:
        fail(begin, 3)
        sentryinit.init()()
        box.clear()
        sentryinit.init()()

        assert box.events == []


def test_a_summary_that_cannot_be_sent(
    begin: Begin, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It raises nothing at whoever flushes."""
    with testing.capture("shop", storm_guard=True, storm_burst=1, storm_per_minute=0):
        fail(begin, 2)
        monkeypatch.setattr(sentry_sdk, "capture_event", broken)
        sentryinit.init()()

    assert said() == ["a summary could not be sent: ZeroDivisionError"]


def test_the_count_rides_on_the_next_event(begin: Begin) -> None:
    """The next of its kind that passes says how many did not."""
    now = [0.0]
    with testing.capture("shop", storm_guard=True) as box:
        assert STATE.reporter is not None
        STATE.reporter._limiter = RateLimiter(1, 60, lambda: now[0])
        fail(begin, 4)
        now[0] += 1
        fail(begin, 1)

    counts = [event["contexts"].get("sentryinit") for event in box.events]
    assert counts == [None, {"suppressed": 3}]


def test_kinds_are_told_apart_by_place(begin: Begin) -> None:
    """The same class from another line is another kind."""
    with testing.capture("shop", storm_guard=True, storm_burst=1, storm_per_minute=0) as box:
        for _ in range(2):
            begin().exception_escaped(raised(ValueError()))
            try:
                int("x")
            except ValueError as error:
                begin().exception_escaped(error)

    assert len(box.events) == 2


def test_a_failure_without_a_stack(begin: Begin) -> None:
    """An exception that was never raised has a kind as well."""
    with testing.capture("shop", storm_guard=True, storm_burst=1, storm_per_minute=0) as box:
        begin().exception_escaped(ValueError())
        begin().exception_escaped(ValueError())

    assert len(box.events) == 1


def test_the_place_is_the_application_s(tmp_path: Any) -> None:
    """Frames of installed packages below the application's do not count."""
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

    found = app_frame(stack)
    assert found is not None
    assert (found.tb_frame.f_code.co_filename, found.tb_lineno) == ("/app/views.py", 2)


# -- the rest of an event ------------------------------------------------------------------------


def test_the_service_is_on_every_event(mailbox: testing.Mailbox) -> None:
    """Whoever captured it."""
    sentry_sdk.capture_message("a")

    assert mailbox.events[0]["tags"] == {"service": "shop"}


def test_the_service_cannot_be_overwritten(mailbox: testing.Mailbox) -> None:
    """A tag of the application's by that name does not hide where an event is from."""
    sentry_sdk.set_tag("service", "another")
    sentry_sdk.capture_message("a")

    assert mailbox.events[0]["tags"]["service"] == "shop"


def test_an_unknown_release_is_left_out(mailbox: testing.Mailbox) -> None:
    """A backend would take an empty one for a release."""
    sentry_sdk.capture_message("a")

    assert "release" not in mailbox.events[0]


def test_a_known_release() -> None:
    """A release that is configured is on the event."""
    with testing.capture("shop", release="1.2") as box:
        sentry_sdk.capture_message("a")

    assert box.events[0]["release"] == "1.2"


def test_the_level_of_a_scope_does_not_hide_a_failure(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """A level that the application set on its scope is not that of its failure."""
    capture = begin()
    sentry_sdk.set_level("debug")
    capture.exception_escaped(raised(ValueError()))

    assert mailbox.events[0]["level"] == "error"


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
    """What a message pattern is searched in."""
    assert _hooks._text(event, {}) == text


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
    """They are known by the mechanism of the outermost exception."""
    assert _hooks._is_frameworks(event) is theirs


def test_dropping() -> None:
    """Transactions, logs and metrics are not errors."""
    assert _hooks.drop({"anything": 1}, {}) is None

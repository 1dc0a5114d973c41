"""``sentryinit.testing``: captured events, counted work, and nothing left behind."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sentry_sdk

import sentryinit
from sentryinit import adapters, testing
from sentryinit._sdk.testing import PutTransport, disconnect
from sentryinit._state import STATE

pytest_plugins = ["pytester"]

Begin = Callable[..., adapters.Capture[Any]]

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup
else:
    from builtins import ExceptionGroup

Titles = Callable[[testing.Mailbox], list[str]]


def test_capturing_events(titles: Titles) -> None:
    """The mailbox has what is reported inside the block, oldest first."""
    with testing.capture() as box:
        sentry_sdk.capture_message("one")
        sentry_sdk.capture_message("two")

    assert titles(box) == ["one", "two"]


def test_the_service_of_a_capture() -> None:
    """The default service is ``test-service``."""
    with testing.capture() as box:
        sentry_sdk.capture_message("one")

    assert box.events[0]["tags"]["service"] == "test-service"


def test_options_of_a_capture() -> None:
    """``capture()`` takes the options of ``init()``."""
    with testing.capture("shop", environment="staging", release="7") as box:
        sentry_sdk.capture_message("one")

    event = box.events[0]
    assert (event["tags"]["service"], event["environment"], event["release"]) == (
        "shop",
        "staging",
        "7",
    )


def test_a_wrong_option_raises() -> None:
    """``capture()`` raises for an unknown option, as ``init()`` does."""
    with (
        pytest.raises(TypeError, match="unknown option enviroment"),
        testing.capture(enviroment="x"),
    ):
        pass


def test_a_wrong_option_leaves_nothing() -> None:
    """After an unknown option, reporting is as it was before."""
    with pytest.raises(TypeError), testing.capture(enviroment="x"):
        pass

    assert (STATE.settings, STATE.reporter) == (None, None)


def test_the_storm_guard_is_off(begin: Any) -> None:
    """Every failure gives an event: the storm guard is off."""
    with testing.capture(storm_burst=1, storm_per_minute=0) as box:
        for _ in range(5):
            begin().exception_escaped(ValueError())

    assert len(box.events) == 5


def test_the_envelopes() -> None:
    """An envelope is the bytes that would be sent: header, item header, event."""
    with testing.capture() as box:
        sentry_sdk.capture_message("one")

    (envelope,) = box.envelopes
    header, item, event = envelope.split(b"\n")[:3]
    assert json.loads(item)["type"] == "event"
    assert json.loads(header)["event_id"] == json.loads(event)["event_id"]


def test_events_are_those_of_the_envelopes() -> None:
    """Items that are no events are left out."""
    box = testing.Mailbox()
    box.put(b'{}\n{"type":"session"}\n{"a":1}\n{"type":"event"}\n{"b":2}\n')

    assert box.events == [{"b": 2}]


def test_forgetting() -> None:
    """``clear()`` removes what was captured so far."""
    with testing.capture() as box:
        sentry_sdk.capture_message("one")
        box.clear()
        sentry_sdk.capture_message("two")

    assert len(box.events) == 1


def test_the_lists_are_copies() -> None:
    """A returned list does not change later."""
    with testing.capture() as box:
        before = box.envelopes
        sentry_sdk.capture_message("one")

    assert before == []


def test_words_of_the_test_s_own_are_not_masked() -> None:
    """The key of the DSN of tests does not occur in texts by accident, so none is masked."""
    text = "key of the secret test at invalid sentryinit 1 https"
    with testing.capture() as box:
        sentry_sdk.capture_message(text)

    assert box.events[0]["logentry"]["formatted"] == text


def test_reporting_is_off_again() -> None:
    """After the block, reporting is off again."""
    with testing.capture():
        pass

    assert (STATE.settings, STATE.reporter, sentry_sdk.is_initialized()) == (None, None, False)


def test_reporting_is_off_again_after_a_failure() -> None:
    """After a block that raises, reporting is off again."""
    with pytest.raises(ValueError, match="x"), testing.capture():
        raise ValueError("x")

    assert (STATE.settings, STATE.reporter) == (None, None)


def test_what_leaves_the_block_is_not_reported() -> None:
    """An exception that leaves the block gives no event."""
    with pytest.raises(ValueError, match="x"), testing.capture() as box:
        raise ValueError("x")

    assert box.events == []


def test_start_up_tags_end_with_the_block() -> None:
    """A tag of one test is not on the events of the next."""
    with testing.capture():
        sentry_sdk.set_tag("a", "b")
        sentry_sdk.get_global_scope().set_tag("c", "d")
        sentry_sdk.get_current_scope().set_tag("e", "f")
    with testing.capture() as box:
        sentry_sdk.capture_message("one")

    assert box.events[0]["tags"] == {"service": "test-service"}


def test_after_an_init_that_was_off() -> None:
    """If ``init()`` found no DSN, a capture is on inside the block, and off after it."""
    try:
        sentryinit.init("shop")
        with testing.capture("other") as box:
            sentry_sdk.capture_message("one")

        assert box.events[0]["tags"]["service"] == "other"
        assert (STATE.settings is not None, STATE.reporter) == (True, None)
    finally:
        STATE.reset()


def test_where_reporting_is_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A capture is on where the environment disables reporting, and if ``init()`` was disabled."""
    monkeypatch.setenv("SENTRYINIT_ENABLED", "false")
    try:
        sentryinit.init("shop", dsn=testing.DSN)
        with testing.capture("shop") as box:
            sentry_sdk.capture_message("one")

        assert len(box.events) == 1
        with testing.capture("shop", enabled=False):
            assert STATE.reporter is None
    finally:
        STATE.reset()


def test_a_capture_in_a_capture(titles: Titles) -> None:
    """An inner capture gets the events inside its block, the outer one those after it."""
    with testing.capture("shop") as outer:
        sentry_sdk.capture_message("one")
        with testing.capture() as inner:
            sentry_sdk.capture_message("two")
        sentry_sdk.capture_message("three")

    assert (titles(outer), titles(inner)) == (["one", "three"], ["two"])


def test_a_capture_in_a_capture_uses_its_client() -> None:
    """An inner capture has the service of the outer one."""
    with testing.capture("shop"), testing.capture() as inner:
        sentry_sdk.capture_message("two")

    assert inner.events[0]["tags"]["service"] == "shop"


def test_options_where_reporting_is_on() -> None:
    """Options of an inner capture raise: they would have no effect."""
    with (
        testing.capture("shop"),
        pytest.raises(RuntimeError, match="takes no options then"),
        testing.capture(environment="x"),
    ):
        pass


def test_a_capture_in_a_capture_that_fails(titles: Titles) -> None:
    """After an inner block that raises, the outer capture gets the events."""
    with testing.capture("shop") as outer:
        with pytest.raises(ValueError, match="x"), testing.capture():
            raise ValueError("x")
        sentry_sdk.capture_message("one")

    assert titles(outer) == ["one"]


def test_the_fixture(pytester: pytest.Pytester) -> None:
    """The core installs the fixture: reporting is on in the test, and off in the next one."""
    pytester.makepyfile(
        """
        import sentry_sdk

        def test_one(sentryinit_mailbox):
            sentry_sdk.capture_message("one")
            assert len(sentryinit_mailbox.events) == 1

        def test_two():
            assert not sentry_sdk.is_initialized()

        def test_three(sentryinit_mailbox):
            assert sentryinit_mailbox.events == []
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=3)


def test_the_fixture_is_listed(pytester: pytest.Pytester) -> None:
    """``pytest --fixtures`` lists the fixture with its purpose."""
    result = pytester.runpytest_inprocess("--fixtures", "-p", "no:cacheprovider")

    result.stdout.fnmatch_lines(["sentryinit_mailbox*", "*what the test's code reports*"])


# -- for authors of adapters ---------------------------------------------------------------------


def test_good_request_is_no_work(begin: Begin, mailbox: testing.Mailbox) -> None:
    """A good request is not described, forks no scope, builds and masks no event."""
    with testing.count_work() as work:
        capture = begin()
        capture.response_started(200)
        capture.close()

    assert work == testing.Work()


def test_described_requests_are_counted(mailbox: testing.Mailbox) -> None:
    """Each RequestInfo counts, whoever makes it."""
    with testing.count_work() as work:
        for _ in range(2):
            adapters.RequestInfo("GET", "http", "shop.test", "/")

    assert work == testing.Work(requests_described=2)


def test_forked_scopes_are_counted(begin: Begin, mailbox: testing.Mailbox) -> None:
    """The fork that a request gets when its scope is touched counts, and any other fork."""
    with testing.count_work() as work:
        begin()
        sentry_sdk.set_tag("a", "b")
        sentry_sdk.set_tag("c", "d")
        assert work.scopes_forked == 1
        sentry_sdk.get_current_scope().fork()

    assert work == testing.Work(scopes_forked=2)


@pytest.mark.parametrize(
    "fail",
    [
        lambda capture: capture.exception_escaped(ValueError()),
        lambda capture: capture.exception_escaped(
            ExceptionGroup("two", [ValueError(), KeyError()])
        ),
        lambda capture: capture.response_started(503),
    ],
    ids=["exception", "group", "status"],
)
def test_event_of_a_failure_is_counted(
    begin: Begin, mailbox: testing.Mailbox, fail: Callable[[Any], None]
) -> None:
    """The event of a failed request is described, built and masked once, in one fork."""
    with testing.count_work() as work:
        capture = begin()
        fail(capture)
        capture.close()

    assert len(mailbox.events) == 1
    assert work == testing.Work(1, 1, 1, 1)


@pytest.mark.parametrize(
    "send",
    [
        lambda: sentry_sdk.capture_message("one"),
        lambda: sentry_sdk.capture_exception(ValueError()),
        lambda: logging.getLogger("shop").error("one"),
    ],
    ids=["message", "exception", "log"],
)
def test_event_of_the_application_is_counted(
    mailbox: testing.Mailbox, send: Callable[[], object]
) -> None:
    """An event that the application sends itself counts as well."""
    with testing.count_work() as work:
        send()

    assert (work.events_built, work.events_masked, len(mailbox.events)) == (1, 1, 1)


def test_event_that_is_not_sent_is_counted(begin: Begin) -> None:
    """What is built and then dropped by the user's hook was built."""
    with testing.capture("shop", before_send=lambda *_: None), testing.count_work() as work:
        begin().exception_escaped(ValueError())

    assert (work.events_built, work.events_masked) == (1, 0)


def test_work_of_other_threads_is_counted(begin: Begin, mailbox: testing.Mailbox) -> None:
    """The counts are those of all threads, also of one that was there before."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        with testing.count_work() as work:
            pool.submit(lambda: begin().exception_escaped(ValueError())).result()

    assert (work.events_built, work.events_masked) == (1, 1)


def test_counting_ends_with_the_block(begin: Begin, mailbox: testing.Mailbox) -> None:
    """After the block, also after one that failed, nothing is counted and nothing is patched."""
    before = [vars(kind) | {} for kind in (adapters.RequestInfo, sentry_sdk.Scope)]
    with pytest.raises(ValueError, match="x"), testing.count_work() as work:
        raise ValueError("x")
    begin().exception_escaped(ValueError())

    assert work == testing.Work()
    assert [vars(kind) | {} for kind in (adapters.RequestInfo, sentry_sdk.Scope)] == before


def test_failing_redaction_sends_a_fallback_event(
    begin: Begin, mailbox: testing.Mailbox, said: Callable[[], list[str]]
) -> None:
    """Masking fails inside the block: the event says so, and has no text of the application."""
    with testing.failing_redaction():
        begin().exception_escaped(ValueError("c4nary"))
    begin().exception_escaped(ValueError("plain"))

    first, second = mailbox.events
    assert first["tags"]["redaction_error"] == "true"
    assert "c4nary" not in json.dumps(first)
    assert "redaction_error" not in second["tags"]
    assert len(said()) == 1


def test_client_of_before_is_back_at_the_end(said: Any) -> None:
    """A ``conftest.py`` may have called ``sentry_sdk.init()`` for its own tests."""
    transport = PutTransport(list[bytes]().append)
    options = {"default_integrations": False, "auto_enabling_integrations": False}
    sentry_sdk.init(dsn="https://key@backend.invalid/1", transport=transport, **options)
    before = sentry_sdk.get_client()
    with testing.capture("shop"):
        assert sentry_sdk.get_client() is not before

    assert sentry_sdk.get_client() is before
    assert len(said()) == 1
    disconnect()

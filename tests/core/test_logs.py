"""Log records below ERROR: kept for the breadcrumbs of an event, and not passed to the SDK."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration

from sentryinit import adapters, testing
from sentryinit._sdk.log_handler import _FILTER

Begin = Callable[..., adapters.Capture[Any]]

log = logging.getLogger("shop.orders")


@pytest.fixture(autouse=True)
def _level() -> Iterator[None]:
    log.setLevel(logging.DEBUG)
    yield
    log.setLevel(logging.NOTSET)


def crumbs(event: dict[str, Any]) -> list[str]:
    return [crumb["message"] for crumb in event.get("breadcrumbs", {}).get("values", [])]


class Basket:
    """Counts how often it is formatted."""

    formatted = 0

    def __str__(self) -> str:
        Basket.formatted += 1
        return "a basket"


def test_the_last_lines_are_on_the_event(begin: Begin, mailbox: testing.Mailbox) -> None:
    """The last records from INFO on become breadcrumbs, in order."""
    capture = begin()
    log.debug("too quiet")
    log.info("sold %s of %s", 3, "tea")
    log.warning("low")
    capture.exception_escaped(ValueError())

    assert crumbs(mailbox.events[0]) == ["sold 3 of tea", "low"]
    first = mailbox.events[0]["breadcrumbs"]["values"][0]
    assert (first["type"], first["level"], first["category"]) == ("log", "info", "shop.orders")


def test_as_many_as_is_asked_for(begin: Begin) -> None:
    """``log_breadcrumbs`` limits the number of records; 0 keeps none."""
    for kept, expected in ((2, ["line 3", "line 4"]), (0, [])):
        with testing.capture("shop", log_breadcrumbs=kept) as box:
            capture = begin()
            for number in range(5):
                log.info("line %s", number)
            capture.exception_escaped(ValueError())
            capture.close()

        assert crumbs(box.events[0]) == expected


def test_nothing_is_formatted_for_a_good_request(
    begin: Begin, mailbox: testing.Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records are formatted only when an event is built."""
    # pytest formats what reaches the root logger.
    monkeypatch.setattr(log, "propagate", False)
    monkeypatch.setattr(Basket, "formatted", 0)
    capture = begin()
    log.info("sold %s", Basket())
    capture.response_started(200)
    capture.close()
    assert Basket.formatted == 0

    capture = begin()
    log.info("sold %s", Basket())
    capture.exception_escaped(ValueError())

    assert Basket.formatted == 1


def test_a_request_that_is_over_keeps_no_lines(begin: Begin, mailbox: testing.Mailbox) -> None:
    """A closed capture keeps no records and takes no more."""
    capture = begin()
    log.info("sold")
    capture.close()
    assert not capture.recent_records

    log.info("late")
    assert not capture.recent_records


def test_outside_of_requests_nothing_is_kept(mailbox: testing.Mailbox) -> None:
    """A record outside of a request becomes no breadcrumb."""
    log.info("starting")
    sentry_sdk.capture_message("a")

    assert crumbs(mailbox.events[0]) == []


def test_lines_of_another_request_stay_there(begin: Begin, mailbox: testing.Mailbox) -> None:
    """Each request has its own records."""
    first = begin()
    log.info("first")
    first.close()
    second = begin()
    log.info("second")
    second.exception_escaped(ValueError())

    assert crumbs(mailbox.events[0]) == ["second"]


def test_what_the_application_captures_has_the_lines_too(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """An event that the application captures has the records of its request."""
    begin()
    log.info("sold")
    sentry_sdk.add_breadcrumb(message="by hand")
    sentry_sdk.capture_message("a")

    assert sorted(crumbs(mailbox.events[0])) == ["by hand", "sold"]


def test_our_own_lines_are_not_kept(
    begin: Begin, mailbox: testing.Mailbox, said: Callable[[], list[str]]
) -> None:
    """Records of the logger ``sentryinit`` become no breadcrumbs."""
    capture = begin()
    logging.getLogger("sentryinit").warning("x")
    capture.exception_escaped(ValueError())

    assert (crumbs(mailbox.events[0]), said()) == ([], ["x"])


def test_records_below_error_do_not_reach_the_sdk(
    mailbox: testing.Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records below ERROR do not reach the SDK, which would do nothing with them."""
    asked: list[object] = []
    usual = sentry_sdk.get_client
    monkeypatch.setattr(sentry_sdk, "get_client", lambda: asked.append(1) or usual())
    log.info("quiet")
    log.warning("quiet")
    assert asked == []

    log.error("loud")
    assert len(mailbox.events) == 1


def test_an_integration_of_the_application_gets_every_record() -> None:
    """A LoggingIntegration of the application gets all records."""
    with testing.capture(
        "shop", integrations=[LoggingIntegration(level=logging.INFO, event_level=None)]
    ) as box:
        log.info("sold")
        sentry_sdk.capture_message("a")
    assert crumbs(box.events[0]) == ["sold"]

    with testing.capture("shop"):
        assert _FILTER.level == logging.ERROR


def test_a_client_that_was_there_before(child: Callable[..., Any]) -> None:
    """If the SDK was set up before, it keeps its patch of the logging, and nothing breaks."""
    done = child(
        "import sentry_sdk\n"
        "sentry_sdk.init(DSN, default_integrations=True, auto_enabling_integrations=False)\n"
        "plain = logging.Logger.callHandlers\n"
        "sentryinit.init('shop', dsn=DSN, transport=Pipe())\n"
        "print(logging.Logger.callHandlers is plain)\n"
        "logging.getLogger('shop').error('loud')\n"
    )

    assert (done.code, done.lines, done.titles) == (0, ["True"], ["loud"])


def test_a_logger_that_an_adapter_names_makes_no_event(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """What a logger of the framework says at ERROR only repeats what the adapter reports."""
    adapters.ensure_initialized("teahouse", loggers=["teahouse.kitchen", "teahouse.door.*"])
    capture = begin()
    logging.getLogger("teahouse.kitchen").error("500 on /orders/17")
    logging.getLogger("teahouse.door.front").error("500 on /orders/17")
    logging.getLogger("teahouse.menu").error("no such tea")
    capture.response_started(200)
    capture.close()

    assert [event["logger"] for event in mailbox.events] == ["teahouse.menu"]


@pytest.mark.parametrize("log_events", ["all", "none"])
def test_record_is_one_breadcrumb(begin: Begin, log_events: str) -> None:
    """A LoggingIntegration of the application makes breadcrumbs of the same records."""
    integrations = [LoggingIntegration(level=logging.INFO, event_level=logging.ERROR)]
    with testing.capture(log_events=log_events, integrations=integrations) as box:
        capture = begin()
        logging.getLogger("shop").error("no rates", extra={"shelf": 7})
        capture.response_started(503)
        capture.close()
        (event,) = box.events

    (crumb,) = event["breadcrumbs"]["values"]
    assert (crumb["message"], crumb["data"]["shelf"]) == ("no rates", 7)

"""The static tags of the setting (D2)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.crons import capture_checkin

import sentryinit
from sentryinit import adapters, testing
from sentryinit._state import STATE

Begin = Callable[..., adapters.Capture[Any]]


def reported(way: Callable[[], object], **tags: Any) -> dict[str, Any]:
    """Return the tags of the event that *way* leads to."""
    with testing.capture("shop", tags=tags) as box:
        way()
        sentryinit.init("shop")()
    (event,) = box.events
    return dict(event["tags"])


WAYS: dict[str, Callable[[], object]] = {
    "message": lambda: sentry_sdk.capture_message("x"),
    "captured": lambda: sentry_sdk.capture_exception(ValueError("x")),
    "record": lambda: logging.getLogger("shop").error("no stock"),
    "unhandled": lambda: STATE.reporter and STATE.reporter.capture_unhandled(ValueError(), "main"),
    "event": lambda: sentry_sdk.capture_event({"message": "x", "level": "error"}),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_events_outside_of_requests_have_the_tags(way: Callable[[], object]) -> None:
    """An event of no request has the tags."""
    assert reported(way, region="eu", shard=3) == {"service": "shop", "region": "eu", "shard": "3"}


@pytest.mark.parametrize("scope", ["global", "isolation", "current"])
def test_tags_of_the_application_win(scope: str) -> None:
    """A tag that the application sets on any scope is not replaced."""

    def way() -> None:
        getattr(sentry_sdk, f"get_{scope}_scope")().set_tag("region", "us")
        sentry_sdk.capture_message("x")

    assert reported(way, region="eu", team="orders") == {
        "service": "shop",
        "region": "us",
        "team": "orders",
    }


def test_tags_of_a_single_event_win() -> None:
    """A tag of one event is not replaced."""

    def way() -> None:
        sentry_sdk.capture_event({"message": "x", "tags": {"region": "us"}})

    assert reported(way, region="eu")["region"] == "us"


def test_service_wins() -> None:
    """No tag replaces the service."""
    assert reported(WAYS["message"], service="other") == {"service": "shop"}


def test_tags_are_masked_and_truncated() -> None:
    """A static tag is masked and truncated like any other."""
    found = reported(
        WAYS["message"], api_token="hunter2", host="203.0.113.9", long="word " * 100, empty=""
    )

    assert (found["api_token"], found["host"]) == ("[secret]", "[ip]")
    assert len(found["long"]) <= 200
    assert "empty" not in found


def test_a_check_in_has_no_tags() -> None:
    """A check-in is no event."""
    with testing.capture("shop", tags={"region": "eu"}) as box:
        capture_checkin("job", status="ok")

    assert b"region" not in b"".join(box.envelopes)


def test_a_fallback_event_has_no_static_tags(said: Any) -> None:
    """What is not masked does not leave."""
    with testing.capture("shop", tags={"region": "eu"}) as box, testing.failing_redaction():
        sentry_sdk.capture_message("x")

    assert box.events[0]["tags"] == {"service": "shop", "redaction_error": "true"}
    assert len(said()) == 1


def test_tags_end_with_the_block() -> None:
    """The tags of a test are not those of the next one."""
    assert "region" in reported(WAYS["message"], region="eu")
    assert reported(WAYS["message"]) == {"service": "shop"}

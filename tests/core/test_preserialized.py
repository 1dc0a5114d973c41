"""Events of ours, which the SDK's serialiser hands on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.serializer import serialize

from sentryinit import adapters, testing
from sentryinit._sdk.exceptions import PreSerializedEvent

Begin = Callable[..., adapters.Capture[Any]]

OPTIONS = {"max_value_length": 10, "include_local_variables": False}
LONG = "x" * 20


def built(**parts: Any) -> dict[str, Any]:
    return {
        "level": "error",
        "tags": {},
        "contexts": {},
        "breadcrumbs": {"values": []},
        **parts,
    }


def serialized(event: dict[str, Any]) -> dict[str, Any]:
    return serialize(event, max_value_length=OPTIONS["max_value_length"])


def test_our_parts_are_not_serialized() -> None:
    """The serialiser takes our parts as they are, of any size."""
    crumb = {"message": LONG, "timestamp": datetime(2026, 11, 25, tzinfo=timezone.utc)}
    parts = built(
        logentry={"message": LONG},
        fingerprint=[LONG],
        contexts={"trace": {"trace_id": LONG}},
        breadcrumbs={"values": [crumb]},
    )
    event = serialized(PreSerializedEvent(parts, OPTIONS))

    assert event["logentry"] == {"message": LONG}
    assert event["fingerprint"] == [LONG]
    assert event["contexts"] == {"trace": {"trace_id": LONG}}
    assert event["breadcrumbs"]["values"] == [
        {"message": LONG, "timestamp": "2026-11-25T00:00:00.000000Z"}
    ]


@pytest.mark.parametrize(
    "part",
    [
        {"tags": {"a": LONG}},
        {"extra": {"a": object, "b": list(range(50)), "c": {"d": {"e": {"f": {"g": {"h": 1}}}}}}},
        {"contexts": {"shop": {"when": datetime(2026, 11, 25, tzinfo=timezone.utc)}}},
        {"breadcrumbs": {"values": [{"message": LONG}]}},
        {"user": {"id": b"ann"}},
        {"message": LONG},
        {"level": None},
    ],
    ids=str,
)
def test_parts_of_the_application_are_serialized(part: dict[str, Any]) -> None:
    """What scopes and processors add is serialised as in an event that is not ours."""
    event = PreSerializedEvent(built(contexts={"trace": {"trace_id": "1"}}), OPTIONS)
    for name, value in part.items():
        added = {**event[name], **value} if isinstance(event.get(name), dict) else value
        event[name] = added
    ours = serialized(event)
    del ours["timestamp"], event["timestamp"]
    theirs = serialized(dict(event))

    assert ours == theirs


def test_the_time_is_written_as_the_sdk_writes_it(begin: Begin, mailbox: testing.Mailbox) -> None:
    """So that backends, and hooks, see one notation."""
    begin().exception_escaped(ValueError())
    sentry_sdk.capture_message("a")
    times = [datetime.fromisoformat(event["timestamp"][:-1]) for event in mailbox.events]

    assert {event["timestamp"][-1] for event in mailbox.events} == {"Z"}
    assert abs((times[1] - times[0]).total_seconds()) < 60


def test_the_sdk_is_named_as_it_names_itself(begin: Begin, mailbox: testing.Mailbox) -> None:
    """Our events and those of the application say the same of what sent them."""
    begin().exception_escaped(ValueError())
    sentry_sdk.capture_message("a")
    ours, theirs = [event["sdk"] for event in mailbox.events]

    assert ours == theirs


def test_an_event_that_a_processor_of_the_application_made(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """It is serialised as ever, but for the parts of it that are ready."""
    long = "x" * 9000
    sentry_sdk.get_isolation_scope()
    for failing in (
        lambda c: c.exception_escaped(ValueError("v")),
        lambda c: c.response_started(503),
    ):
        capture = begin()
        sentry_sdk.get_isolation_scope().add_event_processor(
            lambda event, hint: {**event, "extra": {"long": long}}
        )
        failing(capture)
        capture.close()
    raised, answered = mailbox.events

    assert (len(raised["extra"]["long"]), raised["exception"]["values"][0]["value"]) == (8192, "v")
    assert answered["fingerprint"][-1] == "503"


def test_locals_are_trimmed(begin: Begin) -> None:
    """Where locals are asked for, the serialiser sees them."""

    def fail() -> None:
        huge = "x" * 500
        raise ValueError(huge[:1])

    with testing.capture("shop", collect=["locals"], max_value_length=100) as box:
        try:
            fail()
        except ValueError as error:
            begin().exception_escaped(error)
    frame = box.events[0]["exception"]["values"][0]["stacktrace"]["frames"][-1]

    assert len(frame["vars"]["huge"]) <= 100

"""Parts of events that the SDK's serialiser takes unchanged."""

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


def test_preserialized_parts_are_kept() -> None:
    """The serialiser takes our parts unchanged, whatever their size."""
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
    """Data of scopes and event processors is serialised as in any other event."""
    event = PreSerializedEvent(built(contexts={"trace": {"trace_id": "1"}}), OPTIONS)
    for name, value in part.items():
        added = {**event[name], **value} if isinstance(event.get(name), dict) else value
        event[name] = added
    ours = serialized(event)
    del ours["timestamp"], event["timestamp"]
    theirs = serialized(dict(event))

    assert ours == theirs


def test_timestamp_has_the_sdk_s_format(begin: Begin, mailbox: testing.Mailbox) -> None:
    """The timestamp has the format of the SDK."""
    begin().exception_escaped(ValueError())
    sentry_sdk.capture_message("a")
    times = [datetime.fromisoformat(event["timestamp"][:-1]) for event in mailbox.events]

    assert {event["timestamp"][-1] for event in mailbox.events} == {"Z"}
    assert abs((times[1] - times[0]).total_seconds()) < 60


def test_sdk_section_is_that_of_the_sdk(begin: Begin, mailbox: testing.Mailbox) -> None:
    """Our events name the SDK as the application's own events do."""
    begin().exception_escaped(ValueError())
    sentry_sdk.capture_message("a")
    ours, theirs = [event["sdk"] for event in mailbox.events]

    assert ours == theirs


def test_event_replaced_by_a_processor_is_serialized(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """An event that an event processor makes is serialised, except for preserialised parts."""
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


def test_local_variables_are_truncated(begin: Begin) -> None:
    """With collect=["locals"], the serialiser truncates the variables."""

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

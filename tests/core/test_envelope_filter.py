"""The envelope filter masks events that no hook has seen, and drops every other item."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope, Item, PayloadRef

from sentryinit import testing
from sentryinit._redaction.redactor import Redactor
from sentryinit._sdk.envelopes import EnvelopeFilter, install_filter

MAIL = "ann@shop.example"


def send(*items: Item, **headers: Any) -> list[Envelope]:
    sent: list[Envelope] = []
    EnvelopeFilter(Redactor(), sent.append)(Envelope(headers=headers, items=list(items)))
    return sent


def item(kind: str, payload: Any, **headers: Any) -> Item:
    return Item(payload=PayloadRef(json=payload), type=kind, headers=headers)


@pytest.mark.parametrize(
    "kind",
    "attachment feedback log nel otel_span profile profile_chunk replay_event replay_recording "
    "replay_video session sessions span statsd trace_metric transaction user_report "
    "unheard_of".split(),
)
def test_items_other_than_events_are_dropped(kind: str) -> None:
    """Items of every other type, known or not, are dropped."""
    assert send(item(kind, {"a": MAIL}), Item(payload=MAIL.encode(), type=kind)) == []


def test_event_is_masked_and_its_attachments_are_dropped() -> None:
    """The event is masked; attachments and unknown headers are dropped."""
    (envelope,) = send(
        item("attachment", {}, filename=MAIL),
        item("event", {"message": MAIL, "event_id": "e" * 32}, note=MAIL),
        event_id="e" * 32,
        trace={"user": MAIL},
    )

    assert MAIL.encode() not in envelope.serialize()
    assert envelope.headers == {"event_id": "e" * 32}
    (only,) = envelope.items
    assert only.payload.json["logentry"]["formatted"] == "[email]"


def test_event_is_the_first_item() -> None:
    """The event comes first, because a backend may stop at an unknown item."""
    reports = item("client_report", {"discarded_events": [{"reason": "queue", "quantity": 3}]})
    (envelope,) = send(reports, item("event", {"message": "a"}))

    assert [only.type for only in envelope.items] == ["event", "client_report"]


def test_invalid_event_id_is_replaced_in_the_envelope_header() -> None:
    """The envelope header has the id of the masked event."""
    (envelope,) = send(item("event", {"event_id": MAIL}), event_id=MAIL)

    assert envelope.headers["event_id"] == envelope.items[0].payload.json["event_id"]
    assert MAIL.encode() not in envelope.serialize()


@pytest.mark.parametrize("payload", [None, [MAIL], MAIL])
def test_event_that_is_no_mapping_is_dropped(payload: Any) -> None:
    """A payload of another type is dropped."""
    assert send(item("event", payload)) == []


def test_masked_event_is_not_masked_again() -> None:
    """An event that is already masked passes unchanged."""
    masked = Redactor().event({"message": MAIL})
    (envelope,) = send(item("event", masked))

    assert envelope.items[0].payload.json is masked


def broken(*_: object, **__: object) -> Any:
    raise ZeroDivisionError


def test_failing_redaction_sends_fallbacks(said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """If redaction raises, a fallback event and an empty check-in are sent, without secrets."""
    monkeypatch.setattr("sentryinit._redaction.redactor.Walker", broken)
    sent = send(item("event", {"message": MAIL}), item("check_in", {"a": MAIL}))

    assert MAIL.encode() not in sent[0].serialize()
    assert sent[0].items[0].payload.json["tags"] == {"redaction_error": "true"}
    assert said() == [f"masking an {w} failed: ZeroDivisionError" for w in ("event", "item")]


def test_filter_is_installed_once_on_the_transport(mailbox: testing.Mailbox) -> None:
    """Every envelope of the client's transport passes the filter once."""
    transport: Any = sentry_sdk.get_client().transport
    install_filter(Redactor(), transport, None)
    transport.capture_envelope(Envelope(items=[item("event", {"message": MAIL})]))
    transport.capture_envelope(Envelope(items=[item("session", {"did": MAIL})]))

    assert json.loads(mailbox.envelopes[0].split(b"\n")[2])["logentry"]["message"] == "[email]"
    assert len(mailbox.envelopes) == 1


def test_capture_of_a_running_client_is_filtered(mailbox: testing.Mailbox) -> None:
    """Envelopes that a test captures from an existing client pass the filter."""
    with testing.capture() as box:
        transport: Any = sentry_sdk.get_client().transport
        transport.capture_envelope(Envelope(items=[item("event", {"message": MAIL})]))

    assert MAIL.encode() not in box.envelopes[0]

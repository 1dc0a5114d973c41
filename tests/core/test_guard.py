"""What no hook has seen is masked at the transport, or stopped."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope, Item, PayloadRef

from sentryinit import testing
from sentryinit._redaction.redactor import Redactor
from sentryinit._sdk.transport import EnvelopeFilter, install_filter

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
def test_what_is_no_error_is_stopped(kind: str) -> None:
    """Whatever kinds of items there are, or will be: nothing of them leaves."""
    assert send(item(kind, {"a": MAIL}), Item(payload=MAIL.encode(), type=kind)) == []


def test_an_event_that_no_hook_has_seen() -> None:
    """It is masked; what is with it does not leave, nor does what stands in the heads."""
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


def test_an_event_goes_first() -> None:
    """A backend may stop at the first item that it does not know."""
    reports = item("client_report", {"discarded_events": [{"reason": "queue", "quantity": 3}]})
    (envelope,) = send(reports, item("event", {"message": "a"}))

    assert [only.type for only in envelope.items] == ["event", "client_report"]


def test_an_id_that_is_none() -> None:
    """The head of the envelope has the id that the event has."""
    (envelope,) = send(item("event", {"event_id": MAIL}), event_id=MAIL)

    assert envelope.headers["event_id"] == envelope.items[0].payload.json["event_id"]
    assert MAIL.encode() not in envelope.serialize()


@pytest.mark.parametrize("payload", [None, [MAIL], MAIL])
def test_an_event_that_is_no_mapping(payload: Any) -> None:
    """It is no event."""
    assert send(item("event", payload)) == []


def test_what_has_been_masked_is_not_masked_again() -> None:
    """The second look costs nothing."""
    masked = Redactor().event({"message": MAIL})
    (envelope,) = send(item("event", masked))

    assert envelope.items[0].payload.json is masked


def broken(*_: object, **__: object) -> Any:
    raise ZeroDivisionError


def test_a_mask_that_fails(said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fallback event, and a check-in without content: neither lost nor unmasked."""
    monkeypatch.setattr("sentryinit._redaction.redactor.Walker", broken)
    sent = send(item("event", {"message": MAIL}), item("check_in", {"a": MAIL}))

    assert MAIL.encode() not in sent[0].serialize()
    assert sent[0].items[0].payload.json["tags"] == {"redaction_error": "true"}
    assert said() == [f"masking an {w} failed: ZeroDivisionError" for w in ("event", "item")]


def test_the_transport_of_the_client(mailbox: testing.Mailbox) -> None:
    """Whatever is given to the client's transport passes the guard, once."""
    transport: Any = sentry_sdk.get_client().transport
    install_filter(Redactor(), transport, None)
    transport.capture_envelope(Envelope(items=[item("event", {"message": MAIL})]))
    transport.capture_envelope(Envelope(items=[item("session", {"did": MAIL})]))

    assert json.loads(mailbox.envelopes[0].split(b"\n")[2])["logentry"]["message"] == "[email]"
    assert len(mailbox.envelopes) == 1


def test_a_diverted_transport(mailbox: testing.Mailbox) -> None:
    """What a test captures from a client that is there has passed the guard as well."""
    with testing.capture() as box:
        transport: Any = sentry_sdk.get_client().transport
        transport.capture_envelope(Envelope(items=[item("event", {"message": MAIL})]))

    assert MAIL.encode() not in box.envelopes[0]

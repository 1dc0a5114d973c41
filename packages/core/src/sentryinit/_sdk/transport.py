"""The last place before anything leaves: what no hook has seen is masked here, or stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sentry_sdk.envelope import Envelope, Item, PayloadRef

from sentryinit._redaction.redactor import Masked, Redactor

# All else is no error, or nothing that can be masked: attachments, sessions, profiles, spans,
# transactions, logs, metrics, replays, and kinds that are yet to come.
_PASS = frozenset({"event", "check_in", "client_report"})
# The head of an envelope says where a trace is sampled, in an application's words.
_HEADERS = frozenset({"event_id", "sent_at"})


class Guard:
    """Stands before the ``capture_envelope`` of a transport: *send*."""

    def __init__(self, redactor: Redactor, send: Callable[[Envelope], Any]) -> None:
        self.redactor, self._send = redactor, send

    def __call__(self, envelope: Envelope) -> None:
        """Send what may leave of *envelope*."""
        items = [item for item in map(self._checked, envelope.items) if item is not None]
        # A backend that does not know one kind may stop at it: the event goes first.
        items.sort(key=lambda item: item.type != "event")
        if items:
            headers = {key: envelope.headers[key] for key in _HEADERS & envelope.headers.keys()}
            event = items[0].payload.json if items[0].type == "event" else None
            if event and "event_id" in headers:
                headers["event_id"] = event.get("event_id", headers["event_id"])
            self._send(Envelope(headers=headers, items=items))

    def before(self, send: Callable[[Envelope], Any]) -> Guard:
        """Return a guard as this one before another *send*."""
        return Guard(self.redactor, send)

    def _checked(self, item: Item) -> Item | None:
        kind, payload = item.type, item.payload.json
        if kind not in _PASS or not isinstance(payload, Mapping):
            return None
        if not isinstance(payload, Masked):
            mask = self.redactor.event if kind == "event" else self.redactor.item
            payload = mask(payload)
        return Item(payload=PayloadRef(json=payload), type=kind)


def protect(redactor: Redactor, *senders: Any) -> None:
    """Put a guard before each of *senders*: a transport, a viewer; None is nobody."""
    for sender in senders:
        if sender is not None:
            send = getattr(sender.capture_envelope, "_send", sender.capture_envelope)
            # On the instance: whatever sends for this client comes by here, and no other's does.
            sender.capture_envelope = Guard(redactor, send)

"""The envelope filter: nothing leaves that no hook has seen (G2)."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sentry_sdk.envelope import Envelope, Item, PayloadRef
from urllib3.util import ssl_ as urllib3_ssl

from sentryinit._redaction.redactor import Masked, Redactor
from sentryinit._sdk.transport import reset_transport

log = logging.getLogger("sentryinit")

# All others are no errors, or cannot be masked, such as attachments and types of later releases.
_ALLOWED_ITEMS = frozenset({"event", "check_in", "client_report"})
# The others say how a trace is sampled, in words of the application.
_ALLOWED_HEADERS = frozenset({"event_id", "sent_at"})


class EnvelopeFilter:
    """Replaces a transport's ``capture_envelope``, which is *send*."""

    def __init__(self, redactor: Redactor, send: Callable[[Envelope], Any]) -> None:
        self.redactor, self._send = redactor, send
        self._lock_class = threading.Lock

    def __call__(self, envelope: Envelope) -> None:
        """Send what may leave of *envelope*; mask what no hook has seen (G2)."""
        if self._lock_class is not threading.Lock:
            # gevent has patched the process since: the locks of the transport block all greenlets.
            self._lock_class = threading.Lock
            # With the class of before, gevent's methods call themselves for ever: no event would
            # leave over HTTPS (github.com/gevent/gevent/issues/1016).
            urllib3_ssl.SSLContext = ssl.SSLContext  # type: ignore[assignment] # None without ssl
            reset_transport()
        items = [item for item in map(self._filtered, envelope.items) if item is not None]
        # The event goes first: a backend may stop at an item that it does not know.
        items.sort(key=lambda item: item.type != "event")
        if items:
            names = _ALLOWED_HEADERS & envelope.headers.keys()
            headers = {name: envelope.headers[name] for name in names}
            event = items[0].payload.json if items[0].type == "event" else None
            if event and "event_id" in headers:
                headers["event_id"] = event.get("event_id", headers["event_id"])
            self._send(Envelope(headers=headers, items=items))

    def _filtered(self, item: Item) -> Item | None:
        payload = item.payload.json
        if item.type not in _ALLOWED_ITEMS or not isinstance(payload, Mapping):
            log.debug("an item of type %s does not leave: it is no error", item.type)
            return None
        if not isinstance(payload, Masked):
            mask = self.redactor.event if item.type == "event" else self.redactor.item
            payload = mask(payload)
        return Item(payload=PayloadRef(json=payload), type=item.type)


def install_filter(redactor: Redactor, *senders: Any) -> None:
    """Put an envelope filter in front of *senders*, transport and Spotlight; None is no sender."""
    for sender in senders:
        if sender is not None:
            send = getattr(sender.capture_envelope, "_send", sender.capture_envelope)
            # On the instance: everything that this client sends comes through here.
            sender.capture_envelope = EnvelopeFilter(redactor, send)

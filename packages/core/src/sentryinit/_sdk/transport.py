"""The envelope filter, lost events, and the transport after a fork."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import sentry_sdk
from sentry_sdk.envelope import Envelope, Item, PayloadRef
from sentry_sdk.transport import BaseHttpTransport
from urllib3.util import ssl_ as urllib3_ssl

from sentryinit._redaction.redactor import Masked, Redactor

log = logging.getLogger("sentryinit")

# All others are no errors, or cannot be masked, such as attachments and types of later releases.
_ALLOWED_ITEMS = frozenset({"event", "check_in", "client_report"})
# The others say how a trace is sampled, in words of the application.
_ALLOWED_HEADERS = frozenset({"event_id", "sent_at"})
# Why an event was lost, by the reason of sentry-sdk, or by the status of the backend.
REASONS = {
    "full_queue": "the queue is full",
    "network": "the backend cannot be reached",
    "self_rate_limits": "the backend has asked to wait, with HTTP 429",
}
_HINTS = {
    "401": "check the key in the DSN",
    "403": "check the key in the DSN",
    "404": "check the host and the project number in the DSN",
    "413": "the backend takes no event of this size",
    "429": "the backend takes no more for now",
}
# Seconds between two log lines about lost events.
LOG_INTERVAL = 60


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


class LostEvents:
    """Counts the events that *transport* loses: queue full, network down, refused by the backend.

    Logs the first at once, later ones together. A transport without ``on_dropped_event``, which
    this replaces on the instance, is not counted.
    """

    def __init__(self, transport: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.after_fork()
        self._original = getattr(transport, "on_dropped_event", None)
        if self._original is not None:
            transport.on_dropped_event = self._count_one

    def after_fork(self) -> None:
        """Start to count at 0."""
        self.count = self._logged = 0
        self._next_log = 0.0

    def _count_one(self, reason: str) -> Any:
        self.count += 1
        now = self._clock()
        if now >= self._next_log:
            new = self.count - self._logged
            self._logged, self._next_log = self.count, now + LOG_INTERVAL
            what = "1 event" if new == 1 else f"{new} events not delivered; the last was"
            log.warning("%s %s", what, _why(reason))
        else:
            log.debug("1 event %s", _why(reason))
        return self._original(reason)  # type: ignore[misc] # there is one, or this is not called


def _why(reason: str) -> str:
    status = reason.removeprefix("status_")
    if status == reason:
        return f"lost: {REASONS.get(reason, reason)}"
    hint = _HINTS.get(status, "the backend has an error" if status.startswith("5") else "")
    return f"rejected with HTTP {status}{hint and ': '}{hint}"


def reset_transport() -> None:
    """Give the transport a new queue, a thread, locks and connections (H2).

    In a forked process, where the parent sends what is queued: a lock may have been copied while
    another thread held it, and a connection must not have two writers.
    """
    transport = sentry_sdk.get_client().transport
    if isinstance(transport, BaseHttpTransport):
        # In place: our filter and counter are on the object. The base class: a class of the
        # application may take other arguments.
        BaseHttpTransport.__init__(transport, transport.options)


def waiting(transport: Any) -> int:
    """Return how many envelopes of *transport* are queued or being sent; 0 if it has no queue."""
    queue = getattr(getattr(transport, "_worker", None), "_queue", None)
    return getattr(queue, "unfinished_tasks", 0)


def close(timeout: float) -> None:
    """Send what is queued, for at most *timeout* seconds, and take the client away."""
    sentry_sdk.get_client().close(timeout=timeout)
    sentry_sdk.get_global_scope().set_client(None)

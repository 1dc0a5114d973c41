"""For the tests of applications: see what would be sent, without sending it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

from sentryinit import _init
from sentryinit._state import STATE

__all__ = ["DSN", "Mailbox", "capture"]

# A name that no resolver knows, should anything ever try.
DSN = "https://5e9b0ac1f4de47d08c63b2a7915fd30e@sentryinit.invalid/1"


class Mailbox:
    """What left the process: *envelopes* as bytes, *events* as parsed from them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._envelopes: list[bytes] = []

    @property
    def envelopes(self) -> list[bytes]:
        """The envelopes as they would go over the wire, oldest first."""
        with self._lock:
            return list(self._envelopes)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The error events in the envelopes, oldest first."""
        return [event for envelope in self.envelopes for event in _events(envelope)]

    def clear(self) -> None:
        """Forget what came so far."""
        with self._lock:
            self._envelopes.clear()

    def put(self, envelope: bytes) -> None:
        """Take one more serialised envelope."""
        with self._lock:
            self._envelopes.append(envelope)


def _events(envelope: bytes) -> Iterator[dict[str, Any]]:
    lines = envelope.split(b"\n")
    for header, payload in zip(lines[1::2], lines[2::2], strict=False):
        if json.loads(header)["type"] == "event":
            yield json.loads(payload)


@contextlib.contextmanager
def capture(service: str | None = None, **options: Any) -> Iterator[Mailbox]:
    """Capture what is reported inside the block in the :class:`Mailbox` that it yields.

    Build the application inside the block: without a DSN, middleware is not installed. If ``init``
    has run with a DSN, its client is used as it is and only its transport is replaced; *options*
    of :func:`sentryinit.init` are then refused with ``RuntimeError``. The storm guard is off
    unless asked for. Without *service*, it is what the application calls ``init`` with inside the
    block, or else ``test-service``.
    """
    from sentryinit._sdk import testing as _testing

    mailbox = Mailbox()
    if STATE.reporter is not None:
        if options or service is not None:
            raise RuntimeError("init() has run with a DSN: capture() takes no options then")
        with _testing.diverted(mailbox):
            yield mailbox
        return
    restore = STATE.reset()
    given = {"dsn": DSN, "storm_guard": False, "transport": _testing.transport(mailbox), **options}
    try:
        _init.init(service or _init.TEST_SERVICE, **given)
        yield mailbox
    finally:
        _testing.disconnect()
        restore()

"""Tools for tests: capture what would be sent, without sending it.

Applications need :func:`capture`; the tests of adapters, :func:`count_work` and
:func:`failing_redaction` too.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sentryinit import _init
from sentryinit._boundary.current import CURRENT
from sentryinit._state import STATE

__all__ = ["DSN", "Mailbox", "Work", "capture", "count_work", "failing_redaction"]

# A name under .invalid does not resolve (RFC 2606): a test cannot send by accident.
DSN = "https://5e9b0ac1f4de47d08c63b2a7915fd30e@sentryinit.invalid/1"


class Mailbox:
    """Holds what would have left the process: *envelopes* as bytes, *events* parsed from them."""

    def __init__(self) -> None:
        # Without a lock: append(), copy() and clear() of a list are atomic.
        self._envelopes: list[bytes] = []

    @property
    def envelopes(self) -> list[bytes]:
        """Return the envelopes as they would be sent, oldest first."""
        return self._envelopes.copy()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return the error events in the envelopes, oldest first."""
        return [event for envelope in self.envelopes for event in _events(envelope)]

    def clear(self) -> None:
        """Remove all envelopes."""
        self._envelopes.clear()

    def put(self, envelope: bytes) -> None:
        """Add one serialised envelope."""
        self._envelopes.append(envelope)


def _events(envelope: bytes) -> Iterator[dict[str, Any]]:
    lines = envelope.split(b"\n")
    for header, payload in zip(lines[1::2], lines[2::2], strict=False):
        if json.loads(header)["type"] == "event":
            yield json.loads(payload)


@contextlib.contextmanager
def capture(service: str | None = None, **options: Any) -> Iterator[Mailbox]:
    """Capture what is reported inside the block, in the :class:`Mailbox` that it yields.

    Build the application inside the block: without a DSN, the middleware is not installed.
    *options* are those of :func:`sentryinit.init`. If ``init`` has already run with a DSN, its
    client stays and only its transport is replaced; *options* then raise ``RuntimeError``.
    The storm guard is off by default. The default *service* is the one that the application gives
    to ``init`` inside the block, or else ``test-service``.
    """
    from sentryinit._sdk import testing as _testing  # sentry_sdk is imported only if it is used

    mailbox = Mailbox()
    # An earlier test may have left a response open, and with it its request in this context.
    CURRENT.set(None)
    if STATE.reporter is not None:
        if options or service is not None:
            raise RuntimeError("init() has run with a DSN: capture() takes no options then")
        with _testing.diverted(mailbox.put):
            yield mailbox
        return
    restore, restore_client = STATE.reset(), _testing.keep_client()
    transport = _testing.PutTransport(mailbox.put)
    usual = {"dsn": DSN, "enabled": True, "storm_guard": False, "transport": transport}
    try:
        _init.init(service or _init.TEST_SERVICE, **{**usual, **options})
        yield mailbox
    finally:
        _testing.disconnect()
        restore()
        restore_client()


@dataclass
class Work:
    """Counts the expensive steps of reporting: see :func:`count_work`."""

    requests_described: int = 0
    """How many :class:`sentryinit.adapters.RequestInfo` were made."""
    scopes_forked: int = 0
    """How many scopes of ``sentry_sdk`` were forked."""
    events_built: int = 0
    """How many events were built, for a failure or by ``sentry_sdk.capture_message()`` etc."""
    events_masked: int = 0
    """How many events were redacted."""


@contextlib.contextmanager
def count_work() -> Iterator[Work]:
    """Count the expensive steps that happen while the block runs, in all threads.

    A good request takes none of them (F1 in the capture contract)::

        with count_work() as work:
            client.get("/orders/17")
        assert work == Work()
    """
    from sentryinit._sdk import testing as _testing  # sentry_sdk is imported only if it is used

    work = Work()
    with _testing.counting(work):
        yield work


@contextlib.contextmanager
def failing_redaction() -> Iterator[None]:
    """Make the redaction of events raise inside the block.

    The core then logs a warning and sends a fallback event, which has the tag ``redaction_error``
    and no text of the application (G3 in the capture contract).
    """
    from sentryinit._sdk import testing as _testing  # sentry_sdk is imported only if it is used

    with _testing.failing_redaction():
        yield

"""The part of :mod:`sentryinit.testing` that needs ``sentry_sdk``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from sentryinit._sdk.transport import EnvelopeFilter

if TYPE_CHECKING:
    from sentryinit.testing import Mailbox


class _MailboxTransport(Transport):
    def __init__(self, mailbox: Mailbox) -> None:
        super().__init__()
        self._mailbox = mailbox

    def capture_envelope(self, envelope: Envelope) -> None:
        self._mailbox.put(envelope.serialize())


def transport(mailbox: Mailbox) -> Transport:
    """Return a transport that puts envelopes into *mailbox*."""
    return _MailboxTransport(mailbox)


@contextlib.contextmanager
def diverted(mailbox: Mailbox) -> Iterator[None]:
    """Send what the active client has into *mailbox* for a while."""
    client = sentry_sdk.get_client()
    usual = client.transport
    client.transport = transport(mailbox)
    guard = getattr(usual, "capture_envelope", None)
    if isinstance(guard, EnvelopeFilter):
        # What would be stopped on its way out is not to be seen here either.
        client.transport.capture_envelope = guard.in_front_of(client.transport.capture_envelope)  # type: ignore[method-assign] # as install_filter() does
    try:
        yield
    finally:
        client.transport = usual


def disconnect() -> None:
    """Take the client away again, and what was set on the start-up scopes."""
    sentry_sdk.get_client().close(timeout=0)
    sentry_sdk.get_global_scope().set_client(None)
    for scope in (
        sentry_sdk.get_global_scope(),
        sentry_sdk.get_isolation_scope(),
        sentry_sdk.get_current_scope(),
    ):
        scope.clear()

"""The part of :mod:`sentryinit.testing` that needs ``sentry_sdk``.

This is the only module that patches the core's internals. ``tests/core/test_testing.py`` proves
that each count counts, so that a renamed internal fails a test.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator
from typing import Any, Protocol

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.scope import Scope
from sentry_sdk.transport import Transport

from sentryinit._boundary.request_info import RequestInfo
from sentryinit._redaction import redactor
from sentryinit._sdk.transport import EnvelopeFilter


class Mailbox(Protocol):
    """What receives the envelopes; see :class:`sentryinit.testing.Mailbox`."""

    def put(self, envelope: bytes, /) -> None: ...


_lock = threading.Lock()


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
    """Send the active client's envelopes into *mailbox* while the block runs."""
    client = sentry_sdk.get_client()
    usual = client.transport
    client.transport = transport(mailbox)
    installed = getattr(usual, "capture_envelope", None)
    if isinstance(installed, EnvelopeFilter):
        # Keep the filter of the usual transport: what it stops must not be seen here either.
        client.transport.capture_envelope = installed.in_front_of(client.transport.capture_envelope)  # type: ignore[method-assign] # as install_filter() does
    try:
        yield
    finally:
        client.transport = usual


def disconnect() -> None:
    """Remove the client, and what was set on the scopes at start-up."""
    sentry_sdk.get_client().close(timeout=0)
    sentry_sdk.get_global_scope().set_client(None)
    for scope in (
        sentry_sdk.get_global_scope(),
        sentry_sdk.get_isolation_scope(),
        sentry_sdk.get_current_scope(),
    ):
        scope.clear()


@contextlib.contextmanager
def _patched(*patches: tuple[Any, str, Any]) -> Iterator[None]:
    """Replace attributes, each given as owner, name and value, while the block runs."""
    originals = [getattr(owner, name) for owner, name, _ in patches]
    for owner, name, value in patches:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for (owner, name, _), original in zip(patches, originals, strict=True):
            setattr(owner, name, original)


@contextlib.contextmanager
def counting(work: object) -> Iterator[None]:
    """Count in *work* what happens while the block runs, in all threads."""

    def counted(owner: Any, name: str, count: str) -> tuple[Any, str, Any]:
        original = getattr(owner, name)

        @functools.wraps(original)
        def wrapper(*args: Any, **options: Any) -> Any:
            # To build an event, sentry-sdk merges the scopes into a copy of the global one.
            if args[0] is not sentry_sdk.get_global_scope():
                with _lock:
                    setattr(work, count, getattr(work, count) + 1)
            return original(*args, **options)

        return owner, name, wrapper

    with _patched(
        counted(RequestInfo, "__init__", "requests_described"),
        counted(Scope, "__copy__", "scopes_forked"),
        counted(sentry_sdk.Client, "capture_event", "events_built"),
        counted(redactor.Redactor, "event", "events_masked"),
    ):
        yield


@contextlib.contextmanager
def broken_redaction() -> Iterator[None]:
    """Make the redaction of events raise while the block runs."""

    def fails(*_: object) -> Any:
        raise ZeroDivisionError("redaction is broken")

    with _patched((redactor, "Walker", fails)):
        yield

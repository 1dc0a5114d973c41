"""The part of :mod:`sentryinit.testing` that needs ``sentry_sdk``.

No other module patches the core's internals. ``tests/core/test_testing.py`` proves that each count
counts.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.scope import Scope
from sentry_sdk.transport import Transport

from sentryinit._boundary.request_info import RequestInfo
from sentryinit._redaction import redactor
from sentryinit._sdk.envelopes import EnvelopeFilter, install_filter
from sentryinit._state import no_op

# Methods, and the names under which their calls are counted.
_COUNTED: tuple[tuple[type, str, str], ...] = (
    (RequestInfo, "__init__", "requests_described"),
    (Scope, "__copy__", "scopes_forked"),
    (sentry_sdk.Client, "capture_event", "events_built"),
    (redactor.Redactor, "event", "events_masked"),
)
_lock = threading.Lock()


class PutTransport(Transport):
    """Calls *put* with each envelope as bytes."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        super().__init__()
        self._put = put

    def capture_envelope(self, envelope: Envelope) -> None:
        """Put *envelope* and do not send it."""
        self._put(envelope.serialize())


@contextlib.contextmanager
def diverted(put: Callable[[bytes], None]) -> Iterator[None]:
    """Call *put* with the envelopes of the active client while the block runs."""
    client = sentry_sdk.get_client()
    installed = getattr(client.transport, "capture_envelope", None)
    transport = PutTransport(put)
    if isinstance(installed, EnvelopeFilter):
        # What the filter of the usual transport stops must not be seen here either.
        install_filter(installed.redactor, transport)
    with _patched(client, "transport", transport):
        yield


@contextlib.contextmanager
def diverting(put: Callable[[bytes], None]) -> Iterator[None]:
    """Call *put* with what any client that is made while the block runs would send.

    Also a client that is not ours, one with a transport of its own, and one of Spotlight.
    """
    import sentry_sdk.client
    import sentry_sdk.spotlight

    def make_transport(options: dict[str, Any]) -> Transport | None:
        return PutTransport(put) if options["dsn"] else None

    def send(*_: object, **__: object) -> None:
        """Replace what sends over HTTP: an application may make a transport itself."""

    # A base class since sentry-sdk 2.25.
    base = getattr(sentry_sdk.transport, "BaseHttpTransport", sentry_sdk.transport.HttpTransport)
    with (
        _patched(sentry_sdk.client, "make_transport", make_transport),
        _patched(sentry_sdk.spotlight.SpotlightClient, "capture_envelope", no_op),
        _patched(base, "_send_request", send),
    ):
        yield


def keep_client() -> Callable[[], None]:
    """Return a function that restores the client of now, such as that of a ``conftest.py``."""
    scope = sentry_sdk.get_global_scope()
    # One of ours, which has a method of its own, was left there by another test.
    is_ours = "capture_event" in vars(scope.client)
    return functools.partial(scope.set_client, None if is_ours else scope.client)


def disconnect() -> None:
    """Remove the client, and what was set on the scopes at start-up."""
    sentry_sdk.get_client().close(timeout=0)
    sentry_sdk.get_global_scope().set_client(None)
    sentry_sdk.get_global_scope().clear()
    sentry_sdk.get_isolation_scope().clear()
    sentry_sdk.get_current_scope().clear()


@contextlib.contextmanager
def _patched(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Replace an attribute while the block runs."""
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


@contextlib.contextmanager
def counting(work: object) -> Iterator[None]:
    """Count in *work* what happens while the block runs, in all threads."""

    def counted(original: Callable[..., Any], count: str) -> Callable[..., Any]:
        @functools.wraps(original)
        def wrapper(*args: Any, **options: Any) -> Any:
            # To build an event, sentry-sdk merges the scopes into a copy of the global one.
            if args[0] is not sentry_sdk.get_global_scope():
                with _lock:
                    setattr(work, count, getattr(work, count) + 1)
            return original(*args, **options)

        return wrapper

    with contextlib.ExitStack() as patches:
        for owner, name, count in _COUNTED:
            method = counted(getattr(owner, name), count)
            patches.enter_context(_patched(owner, name, method))
        yield


def failing_redaction() -> contextlib.AbstractContextManager[None]:
    """Make the redaction of events raise while the block runs."""

    def fails(*_: object) -> Any:
        raise ZeroDivisionError("redaction is broken")

    return _patched(redactor, "Walker", fails)

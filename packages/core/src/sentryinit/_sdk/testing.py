"""The part of :mod:`sentryinit.testing` that needs ``sentry_sdk``.

This is the only module that patches the core's internals. ``tests/core/test_testing.py`` proves
that each count counts, so that a renamed internal fails a test.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.scope import Scope
from sentry_sdk.transport import Transport

from sentryinit._boundary.request_info import RequestInfo
from sentryinit._redaction.redactor import Redactor
from sentryinit._sdk.exceptions import event_from
from sentryinit._sdk.hooks import OURS
from sentryinit._sdk.transport import Guard

if TYPE_CHECKING:
    from sentryinit.testing import Mailbox, Work

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
    guard = getattr(usual, "capture_envelope", None)
    if isinstance(guard, Guard):
        # Keep the filter of the usual transport: what it stops must not be seen here either.
        client.transport.capture_envelope = guard.before(client.transport.capture_envelope)  # type: ignore[method-assign] # as protect() does
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
def _replaced(owner: Any, name: str, make: Callable[[Any], Any]) -> Iterator[None]:
    """Replace the attribute *name* of *owner* by ``make(usual)`` while the block runs."""
    usual = getattr(owner, name)
    setattr(owner, name, make(usual))
    try:
        yield
    finally:
        setattr(owner, name, usual)


@contextlib.contextmanager
def counting(work: Work) -> Iterator[None]:
    """Count in *work* what happens while the block runs, in all threads."""

    def counted(count: str, applies: Callable[..., bool] = lambda *_: True) -> Any:
        def wrap(usual: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(usual)
            def wrapper(*args: Any, **options: Any) -> Any:
                if applies(*args, *options.values()):
                    with _lock:
                        setattr(work, count, getattr(work, count) + 1)
                return usual(*args, **options)

            return wrapper

        return wrap

    with contextlib.ExitStack() as stack:

        def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
            stack.enter_context(_replaced(owner, name, make))

        replace(RequestInfo, "__init__", counted("requests_described"))
        replace(Scope, "__copy__", counted("scopes_forked", _is_fork))
        replace(Redactor, "event", counted("events_masked"))
        replace(sentry_sdk.Client, "capture_event", counted("events_built", _is_built_here))
        build = counted("events_built")(event_from)
        for module in _modules_with(event_from):
            replace(module, event_from.__name__, lambda _usual: build)
        yield


def _modules_with(function: Callable[..., Any]) -> list[Any]:
    """Return the modules of the core that define *function* or import it by name."""
    ours = [module for name, module in sys.modules.items() if name.startswith("sentryinit.")]
    return [module for module in ours if vars(module).get(function.__name__) is function]


def _is_fork(scope: Scope) -> bool:
    # To build an event, the SDK merges the scopes into a copy of the global one.
    return scope is not sentry_sdk.get_global_scope()


def _is_built_here(_client: object, event: Any, hint: Any = None, *_: object) -> bool:
    # The exception events of the core have been counted by event_from(), also if one is not sent.
    return not ("exception" in event and OURS in (hint or {}))


@contextlib.contextmanager
def broken_redaction() -> Iterator[None]:
    """Make the redaction of events raise while the block runs."""

    def fails(*_: object) -> Any:
        raise ZeroDivisionError("redaction is broken")

    with _replaced(Redactor, "event", lambda _usual: fails):
        yield

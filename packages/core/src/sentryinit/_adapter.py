"""The facts of a framework, and how its requests begin."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextvars import Token
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sentryinit._capture import CURRENT, Capture
from sentryinit._request import RequestInfo
from sentryinit._state import STATE

R = TypeVar("R")

MISSING = Token.MISSING


def _no_status(exc: BaseException) -> int | None:  # noqa: ARG001 # the default of a callback
    return None


def _not_gone(request: Any) -> bool:  # noqa: ARG001 # the default of a callback
    return False


def _no_server(request: Any) -> tuple[object, ...]:  # noqa: ARG001 # the default of a callback
    return ()


def interrupt(inner: Capture[Any], outer: Capture[Any]) -> None:
    """Have *outer* go on after *inner*: its handler asks an application in its own context."""
    # There is a request, so reporting is on, and sentry_sdk imported.
    from sentryinit._scope import keep

    back = keep()

    def resume() -> None:
        if CURRENT.get() is inner:
            CURRENT.set(outer)
            back()

    # It is to be closed by its method.
    inner.busy, inner.resume = True, resume


@dataclass(frozen=True)
class Adapter(Generic[R]):
    """The facts of a framework, for requests of type ``R``.

    *name*: the mechanism of its events. *describe*: runs only when an event is being built.
    *status_of*: the status of an exception that is a response, else None. *aborts*: its classes
    for a client that went away. *server*: the server's callables and streams, to tell its errors
    from the application's own. *gone*: whether the client's connection is known to be closed.
    *endpoint*: what stands for method and route in the storm guard, at the cost of a look: with it,
    an answer that is held back is not described.
    """

    name: str
    describe: Callable[[R], RequestInfo]
    status_of: Callable[[BaseException], int | None] = _no_status
    aborts: tuple[type[BaseException], ...] = ()
    server: Callable[[R], tuple[object, ...]] = _no_server
    gone: Callable[[R], bool] = _not_gone
    endpoint: Callable[[R], Hashable] | None = None

    def open(self, request: R) -> Capture[R]:
        """Begin *request*: until ``close()``, what happens in this context belongs to it."""
        capture: Capture[R] = Capture()
        capture.adapter, capture.request = self, request
        capture.busy = capture.closed = False
        capture.status = None
        # The token has it: asking for what is current would be a call more.
        outer = CURRENT.set(capture).old_value
        if not (outer is MISSING or outer.closed):
            interrupt(capture, outer)
        if STATE.isolation() is not STATE.untouched:
            STATE.isolate(STATE.untouched)
        if STATE.current() is not None:
            STATE.set_current(None)
        return capture

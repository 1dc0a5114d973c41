"""The facts of a framework, and how its requests begin."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, MutableMapping
from contextvars import Token
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, overload

from sentryinit._boundary.capture import CURRENT, OVER, Capture
from sentryinit._boundary.request_info import RequestInfo
from sentryinit._state import STATE

R = TypeVar("R")

MISSING = Token.MISSING
# Where the capture of a request is, in its environ or scope.
CARRIED = "sentryinit.capture"


def _no_status(exc: BaseException) -> int | None:  # noqa: ARG001 # the default of a callback
    return None


def _no_server(request: Any) -> tuple[object, ...]:  # noqa: ARG001 # the default of a callback
    return ()


def interrupt(inner: Capture[Any], outer: Capture[Any]) -> None:
    """Have *outer* go on after *inner*: its handler asks an application in its own context."""
    # There is a request, so reporting is on, and sentry_sdk imported.
    from sentryinit._sdk.scopes import keep

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
    gone: Callable[[R], bool] | None = None
    endpoint: Callable[[R], Hashable] | None = None

    @overload
    def open(self, request: R) -> Capture[R]: ...
    @overload
    def open(self, request: R, carrier: MutableMapping[str, Any]) -> Capture[R] | None: ...

    def open(self, request: R, carrier: Any = None) -> Any:
        """Begin *request*: until ``close()``, what happens in this context belongs to it.

        *carrier*, where several boundaries may be on the way of a request, is what all of them see:
        the environ or scope. None, if one further out has begun it: that one reports, with what
        this one knows of the framework.
        """
        further_out = None if carrier is None else carrier.get(CARRIED)
        if further_out is not None and further_out.request is not OVER:
            return _inside(self, request, further_out)
        capture: Capture[R] = Capture()
        capture.adapter, capture.request = self, request
        capture.busy, capture.status = False, None
        if carrier is not None:
            carrier[CARRIED] = capture
        # The token has it: asking for what is current would be a call more.
        outer = CURRENT.set(capture).old_value
        if outer is not MISSING and outer.request is not OVER:
            interrupt(capture, outer)
        if STATE.isolation() is not STATE.untouched:
            STATE.isolate(STATE.untouched)
        if STATE.current() is not None:
            STATE.set_current(None)
        return capture


def _inside(adapter: Adapter[Any], request: Any, outer: Capture[Any]) -> None:
    if adapter.name != outer.adapter.name:
        outer.adapter = _nested(adapter, outer.adapter)
        outer.request = request, outer.request


@functools.lru_cache(maxsize=16)
def _nested(inner: Adapter[Any], outer: Adapter[Any]) -> Adapter[Any]:
    """Return the facts of a pair of requests: *outer* knows the server, *inner* the framework."""
    return replace(
        inner,
        describe=_of(0, inner.describe),
        endpoint=_of(0, inner.endpoint) if inner.endpoint else None,
        server=_of(1, outer.server),
        gone=_of(1, outer.gone) if outer.gone else None,
    )


def _of(which: int, fact: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda pair: fact(pair[which])

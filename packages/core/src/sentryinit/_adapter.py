"""The facts of a framework, and how its requests begin."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sentryinit._capture import CURRENT, Capture
from sentryinit._request import RequestInfo
from sentryinit._state import STATE

R = TypeVar("R")

_new = object.__new__


def _no_status(exc: BaseException) -> int | None:  # noqa: ARG001 # the default of a callback
    return None


def _not_gone(request: Any) -> bool:  # noqa: ARG001 # the default of a callback
    return False


def _no_server(request: Any) -> tuple[object, ...]:  # noqa: ARG001 # the default of a callback
    return ()


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

    def open(self, request: R, kind: Callable[[], Capture[R]] = Capture) -> Capture[R]:
        """Begin *request*: until ``close()``, what happens in this context belongs to it."""
        capture = kind()
        capture.adapter, capture.request = self, request
        capture.busy = capture.closed = False
        capture.status = None
        CURRENT.set(capture)
        if STATE.lazily is None:
            STATE.begin()
        else:
            # What STATE.begin() does, without a call.
            isolate, scope, current_scope = STATE.lazily
            isolate(_new(scope))
            if current_scope.get() is not None:
                current_scope.set(None)
        return capture

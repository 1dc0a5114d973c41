"""What an adapter states about its framework."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sentryinit._boundary.request_info import UNDESCRIBED, RequestInfo
from sentryinit._policy.exceptions import unwrap_response

log = logging.getLogger("sentryinit")

R = TypeVar("R")
T = TypeVar("T")


def _no_status(exc: BaseException) -> int | None:  # noqa: ARG001 # the default of a callback
    return None


def _no_server(request: Any) -> tuple[object, ...]:  # noqa: ARG001 # the default of a callback
    return ()


@dataclass(frozen=True)
class Facts(Generic[R]):
    """The facts of a framework, for requests of type ``R``.

    *name*: the mechanism of its events. *describe*: runs only when an event is built.
    *status_of*: the status of an exception that is a response, else None. *aborts*: its exception
    classes for a client that disconnected. *server*: the server's callables and streams, to tell
    the server's errors from the application's (B2). *client_gone*: whether the client's connection
    is known to be closed. *endpoint*: what identifies method and route, cheap and hashable: with
    it, a response that the storm guard suppresses is not described. *generic*: the adapter knows no
    framework, so that any other one knows more of a request.
    """

    name: str
    describe: Callable[[R], RequestInfo]
    status_of: Callable[[BaseException], int | None] = _no_status
    aborts: tuple[type[BaseException], ...] = ()
    server: Callable[[R], tuple[object, ...]] = _no_server
    client_gone: Callable[[R], bool] | None = None
    endpoint: Callable[[R], Hashable] | None = None
    generic: bool = False

    def request_info(self, request: R) -> RequestInfo:
        """Return the description of *request*; an empty one if the adapter fails."""

        def described(request: R) -> RequestInfo:
            info = self.describe(request)
            if not isinstance(info, RequestInfo):
                raise TypeError
            return info

        return ask(described, request, UNDESCRIBED, "describing a request")

    def real_error(self, exc: BaseException) -> BaseException | None:
        """Return the error behind *exc*, if that is a response; else *exc*."""
        return unwrap_response(exc, lambda link: ask(self.status_of, link, None))


def ask(fact: Callable[[Any], T], of: Any, default: T, what: str = "a fact of the adapter") -> T:
    """Return ``fact(of)``, or *default* if it raises: it reads objects of other people."""
    try:
        return fact(of)
    except Exception as error:  # noqa: BLE001 # neither the event nor the request may be lost
        log.warning("%s failed: %s", what, type(error).__name__)
        return default

"""What an adapter states about its framework."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sentryinit._boundary.request_info import UNDESCRIBED, RequestInfo

log = logging.getLogger("sentryinit")

# A request, as the framework has it.
R = TypeVar("R")
T = TypeVar("T")


@dataclass(frozen=True)
class Facts(Generic[R]):
    """The facts of a framework, for requests of type ``R``.

    *name*: the mechanism of its events. *describe*: runs only when an event is built.
    *status_of*: the status of an exception that is a response, else None. *aborts*: its exception
    classes for a client that disconnected. *server*: the server's callables and streams, to tell
    the server's errors from the application's (B2). *client_gone*: whether the client's connection
    is known to be closed. *endpoint*: what identifies method and route, cheap and hashable: with
    it, a response that the storm guard suppresses is not described. *generic*: the adapter knows no
    framework, so that any other one knows more of a request. *sockets*: its classes of a WebSocket,
    whose own errors mean nothing once the client is gone (B3). *user*: the user of the request, as
    :func:`describe_user` returns it; runs only when an event is built, and must not query (D5).
    """

    name: str
    describe: Callable[[R], RequestInfo]
    status_of: Callable[[BaseException], int | None] | None = None
    aborts: tuple[type[BaseException], ...] = ()
    server: Callable[[R], tuple[object, ...]] | None = None
    client_gone: Callable[[R], bool] | None = None
    endpoint: Callable[[R], Hashable] | None = None
    generic: bool = False
    sockets: tuple[type, ...] = ()
    user: Callable[[R], Mapping[str, str]] | None = None

    def request_info(self, request: R) -> RequestInfo:
        """Return the description of *request*; an empty one if the adapter fails."""

        def described(request: R) -> RequestInfo:
            info = self.describe(request)
            if not isinstance(info, RequestInfo):
                raise TypeError
            return info

        return ask(described, request, UNDESCRIBED, "describing a request")

    def is_response(
        self, found: Iterable[BaseException], status: int, shown: BaseException | None
    ) -> bool:
        """Return True if one of *found*, the framework's own, is the response of *status*.

        *shown*: the exception that a hook of the framework showed last.
        """
        known = [(exc, ask(self.status_of, exc, None)) for exc in found if status]
        return any(own == status or (own is not None and exc is shown) for exc, own in known)


def ask(
    fact: Callable[[Any], T] | None, of: Any, default: T, what: str = "a fact of the adapter"
) -> T:
    """Return ``fact(of)``; *default* if there is no fact, or if it raises."""
    try:
        return default if fact is None else fact(of)
    except Exception as error:  # noqa: BLE001 # neither the event nor the request may be lost
        log.warning("%s failed: %s", what, type(error).__name__)
        return default

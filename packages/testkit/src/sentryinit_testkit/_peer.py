"""The other side of an application: a client's call, a server's view of the exchange."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass, field
from typing import Any, Protocol

from sentryinit_testkit._driver import PATH

HOST = "shop.example"
CLIENT = "203.0.113.9"


@dataclass(frozen=True)
class Call:
    """One request, and how client and server behave in it.

    *client*: ``stays``; ``resets`` (the server's reading fails); ``leaves`` (half a body, then
    nothing). *takes*: chunks of the response after which the client is gone. *cancel*: the server
    cancels the task once it is set. *logs*: the server logs what reaches it, as servers do.
    """

    method: str = "GET"
    path: str = PATH
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    client: str = "stays"
    takes: int | None = None
    cancel: asyncio.Event | None = None
    logs: bool = False
    spec_version: str = "2.4"

    @property
    def all_headers(self) -> list[tuple[str, str]]:
        """Return the headers that the server passes on."""
        fixed = [("host", HOST), ("user-agent", "testkit"), ("accept", "*/*")]
        if self.body:
            fixed += [("content-length", str(len(self.body))), ("content-type", "text/plain")]
        return [*fixed, *self.headers]


@dataclass
class Exchange:
    """What went over the wire, and what reached the server.

    *error* is what the application raised at it. *status* is what the client got: the server's own
    500 if an error came before anything went out, None if the client got nothing.
    """

    status: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    error: BaseException | None = None
    taken: int = 0
    messages: list[dict[str, Any]] = field(default_factory=list)
    iterable: Any = None
    input_kept: bool = True
    complete: bool = False
    logged: bool = False
    journal: list[str] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        """Return what the client got of the response."""
        return b"".join(self.chunks)

    @property
    def answer(self) -> tuple[int | None, list[tuple[str, str]], bytes, bool]:
        """Return the bytes on the wire, as far as servers do not make them."""
        return self.status, self.headers, self.body, self.complete

    def fail(self, error: BaseException) -> None:
        """Note what reached the server; it answers 500 if it still can."""
        self.error = error
        self.complete = self.status is None
        if self.status is None:
            self.status, self.headers, self.chunks = 500, [], [b"the server's own page"]


class Peer(Protocol):
    """The server side of one protocol. *client*: the address that its client has."""

    client: str

    def serve(self, app: Any, *calls: Call) -> list[Exchange]:
        """Serve *calls* one after the other, as on one connection: one thread, one context."""

    def together(self, app: Any, *calls: Call) -> list[Exchange]:
        """Serve *calls* at the same time."""

    def websocket(self, app: Any, *texts: str) -> Exchange:
        """Open a WebSocket, send *texts*, and close it as the client."""

    def start(self, app: Any) -> Exchange:
        """Run the application's start-up and shutdown."""

    def outside(self, app: Any, meet: Any) -> Any:
        """Return *app* behind a component that runs ``meet()`` first: a reply, None, or a raise."""

    def close(self) -> None:
        """End what is left of the servers."""


def reset() -> ConnectionResetError:
    """Return what a socket raises when its other end is gone."""
    return ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

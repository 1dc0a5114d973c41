"""Types of the server side: a client's request, what came of it, and the server's protocol."""

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
    """One request, and how client and server behave while it is served.

    *client*: ``stays``, ``resets`` (it sends half of the body, and reading more raises), or
    ``leaves`` (it sends half of the body and disconnects). *disconnect_after*: the number of chunks
    of the response after which the client disconnects. *cancel*: the server cancels the request
    when this event is set. *server_logs*: the server logs the exception that reaches it.
    """

    method: str = "GET"
    path: str = PATH
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    client: str = "stays"
    disconnect_after: int | None = None
    cancel: asyncio.Event | None = None
    server_logs: bool = False
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
    """The result of one request: what was sent to the client, and what the server saw.

    *status* is what the client received: the server's own 500 if the application raised before
    anything was sent, None if the client received nothing. *error* is the exception that the
    application raised to the server. *body_bytes_read*: how much of the request's body the
    application has read. *journal*: the chunks in the order in which they were sent.
    """

    status: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    error: BaseException | None = None
    body_bytes_read: int = 0
    messages: list[dict[str, Any]] = field(default_factory=list)
    iterable: Any = None
    input_unchanged: bool = True
    complete: bool = False
    server_logs: bool = False
    journal: list[str] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        """Return what the client received of the body."""
        return b"".join(self.chunks)

    @property
    def wire_response(self) -> tuple[int | None, list[tuple[str, str]], bytes, bool]:
        """Return the response as sent: status, headers, body, and whether it is complete."""
        return self.status, self.headers, self.body, self.complete

    def fail(self, error: BaseException) -> None:
        """Record that *error* reached the server, which answers 500 if nothing was sent yet."""
        self.error = error
        self.complete = self.status is None
        if self.status is None:
            self.status, self.headers, self.chunks = 500, [], [b"the server's own page"]


class Server(Protocol):
    """The server of one protocol, and its client, whose address is *client*."""

    client: str

    def serve(self, app: Any, *calls: Call) -> list[Exchange]:
        """Serve *calls* one after the other, as on one connection: one thread, one context."""

    def serve_concurrently(self, app: Any, *calls: Call) -> list[Exchange]:
        """Serve *calls* at the same time."""

    def websocket(self, app: Any, *texts: str) -> Exchange:
        """Open a WebSocket, send *texts*, and close it from the client's side."""

    def run_lifespan(self, app: Any) -> Exchange:
        """Run the application's start-up and shutdown."""

    def wrap(self, app: Any, before: Any) -> Any:
        """Return *app* in a middleware that calls *before* first.

        *before* returns a :class:`~sentryinit_testkit.ResponseSpec` to answer with, returns None to
        go on, or raises.
        """

    def close(self) -> None:
        """Release what the server holds."""


def reset() -> ConnectionResetError:
    """Return the exception of a socket whose other end has disconnected."""
    return ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

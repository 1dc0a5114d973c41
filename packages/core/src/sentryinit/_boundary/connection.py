"""A request or WebSocket of ASGI, with the server's two callables, which are watched."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from sentryinit._boundary.capture import Capture
from sentryinit._boundary.debug_route import EVENT_ID_HEADER

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# The messages that send a status to the client.
_STARTS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
# Those that may be the last of a response.
_BODIES = frozenset(
    {
        "http.response.body",
        "http.response.pathsend",
        "http.response.zerocopysend",
        "websocket.close",
        "websocket.http.response.body",
    }
)


class Connection:
    """A request or WebSocket as a boundary gets it: the *scope*, and the server's two callables."""

    __slots__ = ("capture", "ended", "receive", "scope", "send")
    scope: Scope
    receive: Receive
    send: Send
    capture: Capture[Connection]
    # True once the application has sent the last part of its response, or has closed a WebSocket.
    ended: bool

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.receive, self.send, self.ended = scope, receive, send, False

    async def watched_receive(self) -> Message:
        """Receive a message, and note that the client has disconnected."""
        message = await self.receive()
        if message["type"] in {"http.disconnect", "websocket.disconnect"}:
            self.capture.client_gone = True
        return message

    # Not async: every message comes through here, and a plain function costs half.
    def watched_send(self, message: Message) -> Awaitable[None]:
        """Send *message*, and note the status."""
        if message["type"] in _STARTS:
            status, capture = message.get("status", 101), self.capture
            if status >= 500 or capture.has_activity or capture.status is not None:
                message = _started(capture, message, status)
            else:
                capture.status = status
        elif message["type"] in _BODIES and not message.get("more_body"):
            self.ended = True
        return self.send(message)

    async def watched_socket_send(self, message: Message) -> None:
        """Send *message* of a WebSocket; note also a close, and a client that is gone."""
        if message["type"] == "websocket.close":
            self.capture.close_sent(message.get("code", 1000), sys.exc_info()[1])
        try:
            await self.watched_send(message)
        except OSError:
            # ASGI 2.4: the client is gone. Later errors exist only because of that (B3).
            self.capture.client_gone = True
            raise


# It returns what the server's coroutine function returns. asgiref warns of what is not marked.
if sys.version_info >= (3, 12):
    inspect.markcoroutinefunction(Connection.watched_send)
else:
    vars(Connection)["watched_send"]._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined] # noqa: SLF001 # gone in 3.12


def _started(capture: Capture[Connection], message: Message, status: int) -> Message:
    """Tell *capture* of the status that is sent; return the message to send."""
    # An exception handler sends its response while it handles: the exception is still there.
    exc = sys.exc_info()[1]
    if capture.status is not None:
        if exc is not None and status >= 500:
            capture.exception_escaped(exc)
        return message  # the client has the first status, and the server refuses this one
    if exc is not None and capture.seen_exception is None:
        capture.exception_seen(exc)
    capture.response_started(status)
    if capture.event_id and capture.is_debug_panic:
        return {**message, "headers": [*message.get("headers", ()), event_id_header(capture)]}
    return message


def note_unfinished(connection: Connection) -> None:
    """Note that the application has returned in the middle of its response, or before it."""
    capture, kind = connection.capture, connection.scope["type"]
    if capture.status is None and kind in {"http", "websocket"}:
        capture.response_started(500)  # by the server
    elif kind == "http" and not capture.client_gone:
        capture.exception_escaped(RuntimeError("the application did not complete its response"))


def event_id_header(capture: Capture[Connection]) -> tuple[bytes, bytes]:
    return EVENT_ID_HEADER.lower().encode(), (capture.event_id or "none").encode()

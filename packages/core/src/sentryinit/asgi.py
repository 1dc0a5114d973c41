"""The middleware for any ASGI application, and its debug route.

An adapter for an ASGI framework uses the same middleware with facts of its own.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sentryinit import adapters
from sentryinit._boundary.debug_route import PATH
from sentryinit._policy.exceptions import was_captured
from sentryinit.adapters import EVENT_ID_HEADER, Adapter, Capture, DebugPanic, RequestInfo

__all__ = [
    "ADAPTER",
    "Connection",
    "SentryInitMiddleware",
    "check_debug_token",
    "debug_panic",
    "describe",
    "full_path",
    "server",
]

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from sentryinit._config.options import Options

log = logging.getLogger("sentryinit")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# The messages that send a status to the client, and those that end a lifespan.
_STARTS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_ENDS = frozenset(
    {"lifespan.startup.failed", "lifespan.shutdown.complete", "lifespan.shutdown.failed"}
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
        elif not message.get("more_body"):
            self.ended = True
        return self.send(message)


# It returns what the server's coroutine function returns. asgiref warns of what is not marked.
if sys.version_info >= (3, 12):
    inspect.markcoroutinefunction(Connection.watched_send)
else:
    vars(Connection)["watched_send"]._is_coroutine = asyncio.coroutines._is_coroutine  # noqa: SLF001 # as asgiref marks its own


def _headers(scope: Scope) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]


def describe(
    connection: Connection, route: str | None = None, secret_cookies: Iterable[str] = ()
) -> RequestInfo:
    """Return the description of a request from its scope; the rest is as in RequestInfo."""
    scope, headers = connection.scope, _headers(connection.scope)
    host, port = scope.get("server") or ("", None)
    client = scope.get("client")
    return RequestInfo(
        method=scope.get("method", "GET"),  # a WebSocket has none: its handshake is a GET
        scheme=scope.get("scheme", "http"),
        host=dict(reversed(headers)).get("host") or (f"{host}:{port}" if port else str(host)),
        path=quote(full_path(scope)) or "/",
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        client=client[0] if client else None,
        route=route,
        secret_cookies=secret_cookies,
    )


def full_path(scope: Scope) -> str:
    """Return the path with the prefix that the server, or a mount, removed.

    By the ASGI specification the path contains ``root_path``; older servers leave it out; a mounted
    application changes it.
    """
    path, root = scope["path"], scope.get("app_root_path", scope.get("root_path", ""))
    return str(path if path.startswith(root) else root + path)


def server(connection: Connection) -> tuple[object, ...]:
    """Return the server's callables, to tell the server's errors from the application's."""
    return connection.receive, connection.send


def _endpoint(connection: Connection) -> object:
    return connection.scope.get("method")


ADAPTER: Adapter[Connection] = Adapter(
    name="asgi", describe=describe, server=server, endpoint=_endpoint, generic=True
)


class SentryInitMiddleware:
    """Reports what *app* fails with; changes nothing of its responses.

    Covers HTTP, WebSocket and lifespan. Initialises from the environment if nobody has. Without a
    DSN, the call returns *app* itself.
    """

    adapter: Adapter[Connection] = ADAPTER
    _app: Application

    def __new__(cls, app: Application, **options: Unpack[Options]) -> Any:
        """Return a boundary around *app*, or *app* if reporting is off."""
        if not adapters.ensure_initialized(cls.adapter.name, None, options):
            return app.app if isinstance(app, _DebugRoute) else app
        boundary = super().__new__(cls)
        boundary._app = app
        return boundary

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan with the application."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        connection = Connection(scope, receive, send)
        capture = self.adapter.open(connection, scope)
        if capture is None:
            # An outer boundary reports this request.
            await self._app(scope, receive, send)
            return
        connection.capture = capture
        try:
            await self._app(scope, connection.watched_receive, connection.watched_send)
        except BaseException as exc:
            capture.exception_escaped(exc)
            if isinstance(exc, DebugPanic) and capture.status is None:
                await _answer_debug_panic(capture, send)
            raise
        else:
            if not connection.ended:
                _note_unfinished(connection)
        finally:
            capture.close()

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Report a start-up that fails, and flush at the end.

        uvicorn raises SIGTERM again after the shutdown, so that ``atexit`` never runs there.
        """
        name, received = self.adapter.name, False

        async def watched_receive() -> Message:
            nonlocal received
            message = await receive()
            received = True
            return message

        async def watched_send(message: Message) -> None:
            if message["type"] in _ENDS:
                adapters.shutdown(name, sys.exc_info()[1])
            await send(message)

        try:
            await self._app(scope, watched_receive, watched_send)
        except BaseException as exc:
            # A framework knows the lifespan, also if the boundary of its adapter is further inside.
            known = received or not self.adapter.generic or was_captured(exc)
            if known or not isinstance(exc, Exception):
                adapters.shutdown(name, exc)
                raise
            log.info(
                "%s at the start, before a message was received: the application seems to know "
                "no lifespan, and sentryinit responds to it",
                type(exc).__name__,
            )
            await _serve_lifespan(name, receive, send)


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
        return {**message, "headers": [*message.get("headers", ()), _event_id(capture)]}
    return message


def _note_unfinished(connection: Connection) -> None:
    """Note that the application has returned in the middle of its response, or before it."""
    capture, kind = connection.capture, connection.scope["type"]
    if capture.status is None and kind in {"http", "websocket"}:
        capture.response_started(500)  # by the server
    elif kind == "http" and not capture.client_gone:
        capture.exception_escaped(RuntimeError("the application did not complete its response"))


def _event_id(capture: Capture[Connection]) -> tuple[bytes, bytes]:
    return EVENT_ID_HEADER.lower().encode(), (capture.event_id or "none").encode()


async def _answer_debug_panic(capture: Capture[Connection], send: Send) -> None:
    """Answer for the debug route: the server's own 500 has no place for the event id."""
    body = b"Internal Server Error"
    length = (b"content-length", str(len(body)).encode())
    headers = [(b"content-type", b"text/plain"), length, _event_id(capture)]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _serve_lifespan(name: str, receive: Receive, send: Send) -> None:
    """Answer for an application that knows no lifespan, so that we learn when it ends."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    adapters.shutdown(name)
    await send({"type": "lifespan.shutdown.complete"})


class _DebugRoute:
    def __init__(self, app: Application, path: str) -> None:
        self.app, self._path = app, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Cheap for other requests: the application's part of the path is the end of it.
        maybe = scope["type"] == "http" and self._path.endswith(scope["path"])
        if maybe and full_path(scope) == self._path and check_debug_token(scope):
            raise DebugPanic
        await self.app(scope, receive, send)


def debug_panic(app: Application, path: str = PATH) -> Application:
    """Return *app* with the debug route at *path*; put ``SentryInitMiddleware`` around it.

    With the right token the route raises; otherwise *app* answers, with its own 404. Where
    reporting is off, the middleware removes the route.
    """
    return _DebugRoute(app, path)


def check_debug_token(scope: Scope) -> bool:
    """Return True if the request of *scope* has the right debug token."""
    return adapters.check_debug_token(
        _headers(scope), scope.get("query_string", b"").decode("latin-1")
    )

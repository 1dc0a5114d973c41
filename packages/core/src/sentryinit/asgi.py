"""The boundary for any ASGI application, and its debug route.

An adapter for an ASGI framework uses the same boundary, with a descriptor of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sentryinit._boundary.adapter import CARRIED
from sentryinit._boundary.capture import OVER
from sentryinit._boundary.debug_route import PATH
from sentryinit.adapters import (
    EVENT_ID_HEADER,
    TOKEN_HEADER,
    Adapter,
    Capture,
    DebugPanic,
    RequestInfo,
    ended,
    ensure,
    may_panic,
)

__all__ = [
    "ADAPTER",
    "Exchange",
    "SentryInitMiddleware",
    "debug_panic",
    "describe",
    "full_path",
    "has_token",
    "server",
]

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from sentryinit._config.options import Options

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_new = object.__new__
_ANSWERS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_ENDS = frozenset(
    {"lifespan.startup.failed", "lifespan.shutdown.complete", "lifespan.shutdown.failed"}
)


class Exchange:
    """A request as a boundary has it: the *scope*, and the server's two callables."""

    __slots__ = ("receive", "scope", "send")

    receive: Receive
    scope: Scope
    send: Send

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.receive, self.send = scope, receive, send


def describe(exchange: Exchange, route: str | None = None) -> RequestInfo:
    """Return the description of a request from its scope."""
    scope = exchange.scope
    headers = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
    ]
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
    )


def full_path(scope: Scope) -> str:
    """Return the path with the prefix that the server, or a mount, took off.

    ASGI has it in the path; older servers do not; and a mounted application changes ``root_path``.
    """
    path, root = scope["path"], scope.get("app_root_path", scope.get("root_path", ""))
    return str(path if path.startswith(root) else root + path)


def server(exchange: Exchange) -> tuple[object, ...]:
    """Return what in *exchange* is the server's, to tell its errors from the application's."""
    return exchange.receive, exchange.send


def endpoint(exchange: Exchange) -> object:
    """Return what stands for the route of a request where there are no routes."""
    return exchange.scope.get("method")


ADAPTER: Adapter[Exchange] = Adapter("asgi", describe, server=server, endpoint=endpoint)


class SentryInitMiddleware:
    """Reports what *app* fails with; changes nothing of what it answers.

    Covers HTTP, WebSocket and lifespan. Initialises from the environment if nobody has. Without a
    DSN, the call returns *app* itself.
    """

    adapter: Adapter[Exchange] = ADAPTER

    def __new__(cls, app: Application, **options: Unpack[Options]) -> Any:
        """Return a boundary around *app*, or *app* if reporting is off."""
        return object.__new__(cls) if ensure(cls.adapter.name, None, options) else _bare(app)

    def __init__(self, app: Application, **options: Unpack[Options]) -> None:  # noqa: ARG002 # of __new__
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, connection or lifespan with the application."""
        if scope["type"] == "lifespan":
            await _lifespan(self._app, self.adapter.name, scope, receive, send)
            return
        outer: Capture[Exchange] | None = scope.get(CARRIED)
        if outer is not None and outer.request is not OVER:
            # A boundary further out has this request; one that knows the framework knows more.
            if self.adapter is not ADAPTER:
                outer.adapter, outer.request.scope = self.adapter, scope
            await self._app(scope, receive, send)
            return
        wire = _new(_Wire)
        wire.scope, wire.receive, wire.send = scope, receive, send
        capture = wire.capture = scope[CARRIED] = self.adapter.open(wire)
        try:
            await self._app(scope, wire.hear, wire.say)
        except BaseException as exc:
            capture.raised(exc)
            if isinstance(exc, DebugPanic) and capture.status is None:
                await _panicked(capture, send)
            capture.close()
            raise
        if capture.busy:
            capture.close()
        else:
            capture.request = OVER  # what close() does, without a call


class _Wire(Exchange):
    """What stands between the server and the application; made without a call of __init__."""

    __slots__ = ("capture",)
    capture: Capture[Exchange]

    async def hear(self) -> Message:
        message = await self.receive()
        if message["type"] in {"http.disconnect", "websocket.disconnect"}:
            self.capture.gone = True
        return message

    # Not async: it is on the way of every message, and so the cheaper of the two.
    def say(self, message: Message) -> Awaitable[None]:
        if message["type"] in _ANSWERS:
            status, capture = message.get("status", 101), self.capture
            if status >= 500 or capture.busy:
                message = _answered(capture, message, status)
            else:
                capture.status = status
        return self.send(message)


def _answered(capture: Capture[Exchange], message: Message, status: int) -> Message:
    """Tell *capture* of the status that goes out; return the message to send."""
    if status >= 500:
        # An exception handler sends its answer while it handles: the exception is still there.
        exc = sys.exc_info()[1]
        if exc is not None and not capture.noted:
            capture.note(exc)
    capture.answer(status)
    if capture.event_id and capture.panicked:
        return {**message, "headers": [*message.get("headers", ()), _event_id(capture)]}
    return message


def _event_id(capture: Capture[Exchange]) -> tuple[bytes, bytes]:
    return EVENT_ID_HEADER.lower().encode(), (capture.event_id or "none").encode()


async def _panicked(capture: Capture[Exchange], send: Send) -> None:
    """Answer for the debug route: the server's own 500 has no place for the event id."""
    body = b"Internal Server Error"
    length = (b"content-length", str(len(body)).encode())
    headers = [(b"content-type", b"text/plain"), length, _event_id(capture)]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(
    app: Application, name: str, scope: Scope, receive: Receive, send: Send
) -> None:
    """Report a start-up that fails, and flush at the end.

    uvicorn raises SIGTERM anew after the shutdown, so that ``atexit`` never runs there.
    """
    begun = False

    async def watched_receive() -> Message:
        nonlocal begun
        message = await receive()
        begun = True
        return message

    async def watched_send(message: Message) -> None:
        if message["type"] in _ENDS:
            ended(name, sys.exc_info()[1])
        await send(message)

    try:
        await app(scope, watched_receive, watched_send)
    except BaseException as exc:
        # Raised before anything was received, it says that the application knows no lifespan.
        if begun or not isinstance(exc, Exception):
            ended(name, exc)
            raise
        await _stand_in(name, receive, send)


async def _stand_in(name: str, receive: Receive, send: Send) -> None:
    """Answer for an application that knows no lifespan, so that its end is not missed."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    ended(name)
    await send({"type": "lifespan.shutdown.complete"})


class _DebugRoute:
    def __init__(self, app: Application, path: str) -> None:
        self.app, self._path = app, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # What the server says of the path first, which is the end of it.
        maybe = scope["type"] == "http" and self._path.endswith(scope["path"])
        if maybe and full_path(scope) == self._path and has_token(scope):
            raise DebugPanic
        await self.app(scope, receive, send)


def _bare(app: Application) -> Application:
    return app.app if isinstance(app, _DebugRoute) else app


def debug_panic(app: Application, path: str = PATH) -> Application:
    """Return *app* with the debug route at *path*, for ``SentryInitMiddleware`` to go around.

    With the right token the route raises; otherwise *app* answers, with its own 404. Where
    reporting is off, the middleware leaves the route out as well.
    """
    return _DebugRoute(app, path)


def has_token(scope: Scope) -> bool:
    """Tell whether the request of *scope* carries the debug token."""
    sent = dict(scope["headers"]).get(TOKEN_HEADER.lower().encode(), b"")
    return may_panic(sent.decode("latin-1"), scope.get("query_string", b"").decode("latin-1"))

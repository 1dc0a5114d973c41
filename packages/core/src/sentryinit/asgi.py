"""The middleware for any ASGI application, and its debug route.

An adapter for an ASGI framework uses the same middleware with facts of its own.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sentryinit import adapters
from sentryinit._boundary.connection import (
    Connection,
    Message,
    Receive,
    Scope,
    Send,
    event_id_header,
    note_unfinished,
)
from sentryinit._boundary.debug_route import PATH
from sentryinit._policy.exceptions import was_captured
from sentryinit._serving.attribute import add_application
from sentryinit.adapters import Adapter, Capture, DebugPanic, RequestInfo

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
    from typing_extensions import Self, Unpack

    from sentryinit._config.options import Options

log: logging.Logger = logging.getLogger("sentryinit")

# Any: frameworks have types of their own for the three.
Application = Callable[[Any, Any, Any], Awaitable[None]]

# The messages that end a lifespan.
_ENDS = frozenset(
    {"lifespan.startup.failed", "lifespan.shutdown.complete", "lifespan.shutdown.failed"}
)


def _headers(scope: Scope) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]


def describe(
    connection: Connection,
    route: str | None = None,
    secret_cookies: Iterable[str] = (),
    origin: tuple[str, str] = ("", ""),
) -> RequestInfo:
    """Return the description of a request from its scope; the rest is as in RequestInfo.

    *origin*: scheme and host, where the framework knows more of them than the scope says.
    """
    scope, headers = connection.scope, _headers(connection.scope)
    host, port = scope.get("server") or ("", None)
    server_host = f"{host}:{port}" if port else str(host)
    client = scope.get("client")
    return RequestInfo(
        method=scope.get("method", "GET"),  # a WebSocket has none: its handshake is a GET
        scheme=origin[0] or scope.get("scheme", "http"),
        host=origin[1] or dict(reversed(headers)).get("host") or server_host,
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


def _user(connection: Connection) -> dict[str, str]:
    # AuthenticationMiddleware of Starlette has put it there, or that of another framework.
    user = connection.scope.get("user")
    return adapters.describe_user(user, ("identity", "id"), ("display_name", "username"))


ADAPTER: Adapter[Connection] = Adapter(
    name="asgi",
    describe=describe,
    # What an application without a framework raises for the message that its client is gone.
    aborts=(ConnectionError,),
    server=server,
    endpoint=_endpoint,
    generic=True,
    user=_user,
)


class SentryInitMiddleware:
    """Reports what *app* fails with; changes nothing of its responses.

    Covers HTTP, WebSocket and lifespan. Initialises from the environment if nobody has. Without a
    DSN, the call returns *app* itself.
    """

    adapter: Adapter[Connection] = ADAPTER
    _app: Application

    def __new__(cls, app: Application, **options: Unpack[Options]) -> Self:
        """Return a boundary around *app*, or *app* if reporting is off."""
        adapters.check_kind("SentryInitMiddleware(app): app", app, Callable, "an ASGI application")
        try:
            is_on = adapters.ensure_initialized(cls.adapter.name, None, options)
        except RuntimeError as error:
            if asyncio._get_running_loop() is None:  # noqa: SLF001 # the public function raises
                raise
            return _Failed(str(error))  # type: ignore[return-value] # an application, as the boundary is
        if not is_on:
            return app.app if isinstance(app, _DebugRoute) else app  # type: ignore[return-value] # an application, as the boundary is
        boundary = super().__new__(cls)
        boundary._app = app
        return boundary

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
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
        is_http = scope["type"] == "http"
        watched_send = connection.watched_send if is_http else connection.watched_socket_send
        try:
            await self._app(scope, connection.watched_receive, watched_send)
        except BaseException as exc:
            if self.page_follows(connection, exc):
                raise
            capture.exception_escaped(exc)
            if isinstance(exc, DebugPanic) and capture.status is None:
                await _answer_debug_panic(capture, send)
            capture.close()
            raise
        if not connection.ended:
            note_unfinished(connection)
        capture.close()

    def page_follows(self, connection: Connection, exc: BaseException) -> bool:  # noqa: ARG002 # for subclasses
        """Return True if code outside makes the page for *exc*, and then reports and closes."""
        return False

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Report a start-up that fails, and flush at the end.

        uvicorn raises SIGTERM again after the shutdown, so that ``atexit`` never runs there.
        """
        name, seen = self.adapter.name, set[str]()
        adapters.note_application(scope.get("app"))

        async def watched_receive() -> Message:
            message = await receive()
            seen.add(message["type"])
            return message

        async def watched_send(message: Message) -> None:
            if message["type"] in _ENDS:
                adapters.shutdown(name, sys.exc_info()[1])
            seen.add(message["type"])
            await send(message)

        try:
            await self._app(scope, watched_receive, watched_send)
        except BaseException as exc:
            # A framework knows the lifespan, also if the boundary of its adapter is further inside.
            known = seen or not self.adapter.generic or was_captured(exc)
            if known or not isinstance(exc, Exception):
                adapters.shutdown(name, exc)
                raise
            log.info(
                "%s at the start, before a message was received: the application seems to know "
                "no lifespan, and sentryinit responds to it",
                type(exc).__name__,
            )
        if not seen & _ENDS:
            await _serve_lifespan(name, seen, receive, send)


async def _answer_debug_panic(capture: Capture[Connection], send: Send) -> None:
    """Answer for the debug route: the server's own 500 has no place for the event id."""
    body = b"Internal Server Error"
    length = (b"content-length", str(len(body)).encode())
    headers = [(b"content-type", b"text/plain"), length, event_id_header(capture)]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _serve_lifespan(name: str, seen: Collection[str], receive: Receive, send: Send) -> None:
    """Answer what is left of a lifespan, so that we learn when it ends.

    *seen*: the messages that the application has received and sent.
    """
    for asked in ("lifespan.startup", "lifespan.shutdown"):
        if asked not in seen:
            await receive()
        if asked == "lifespan.shutdown":
            adapters.shutdown(name)
        if f"{asked}.complete" not in seen:
            await send({"type": f"{asked}.complete"})


class _Failed:
    """An application that cannot start: Starlette builds its middlewares at the lifespan.

    A server takes an exception there for an application without a lifespan, and goes on.
    """

    def __init__(self, error: str) -> None:
        self._error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.failed", "message": self._error})
        raise RuntimeError(self._error)


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
    query = scope.get("query_string", b"").decode("latin-1")
    return adapters.check_debug_token(_headers(scope), query)


if TYPE_CHECKING:
    application: Application
else:
    add_application(globals())

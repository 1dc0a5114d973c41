"""aiohttp, with handlers that end when their client leaves, and with handlers that do not."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar

from aiohttp import __version__, web

from sentryinit_aiohttp import debug_panic, setup
from sentryinit_testkit import (
    DEBUG_PATH,
    METHODS,
    MOUNT,
    ROUTE,
    SOCKET_PATH,
    Driver,
    HandledError,
    HttpPeer,
    Reply,
    Site,
)

VERSION = tuple(map(int, __version__.split(".")[:2]))
RAISED: list[BaseException] = []


async def respond(request: web.Request, reply: Reply) -> web.StreamResponse:
    """Answer *reply*."""
    options: Any = {"status": reply.status, "headers": list(reply.headers)}
    if reply.stream is not None:
        response = web.StreamResponse(**options)
        await response.prepare(request)
        async for chunk in reply.astream():
            await response.write(chunk)
        return response
    whole = web.Response(body=reply.body, **options)
    if reply.background is not None:
        await whole.prepare(request)
        await whole.write_eof()
        reply.background()
    return whole


@web.middleware
async def sorry(request: web.Request, handler: Any) -> Any:
    """Handle the application's own error."""
    try:
        return await handler(request)
    except HandledError as error:
        return await respond(request, error.reply)


def outside(app: web.Application, meet: Callable[[], Reply | None] = lambda: None) -> Any:
    """Return *app* behind a component that runs *meet*, and notes what reaches the server."""

    @web.middleware
    async def component(request: web.Request, handler: Any) -> Any:
        try:
            reply = meet()
            return await (respond(request, reply) if reply else handler(request))
        except BaseException as error:
            RAISED.append(error)
            raise

    app.middlewares.insert(0, component)
    return app


class AiohttpDriver(Driver):
    """Handlers run to their end, whether their client is there or not: aiohttp's default."""

    name = "aiohttp"
    protocol = "http"
    modules: ClassVar = ("sentryinit_aiohttp",)
    sdk_integrations: ClassVar = ("sentry_sdk.integrations.aiohttp:AioHttpIntegration",)
    # receive_str() raises a TypeError then, for which there is a class from 3.11 on.
    lacks = frozenset({"websocket-close"} if VERSION < (3, 11) else ())
    cancels: ClassVar = False

    def app(self, site: Site) -> Any:
        """Build the application."""

        async def order(request: web.Request) -> web.StreamResponse:
            return await respond(request, await site.arun(request.read))

        async def converse(request: web.Request) -> web.StreamResponse:
            websocket = web.WebSocketResponse()
            await websocket.prepare(request)
            await site.arun(websocket.receive_str)
            return websocket

        async def start(_app: web.Application) -> None:
            site.startup()

        app = web.Application(middlewares=[sorry])
        app.on_startup.append(start)
        app.add_routes([web.route(method, ROUTE, order) for method in METHODS])
        app.add_routes([web.get(SOCKET_PATH, converse)])
        if site.copies:
            app.add_routes([web.route("*", DEBUG_PATH, debug_panic)])
        for _ in range(site.copies):
            setup(app)
        if site.mounted is not None:
            app.add_subapp(MOUNT, site.mounted)
        return outside(app)

    def abort(self, status: int) -> BaseException:
        """Return the framework's exception."""
        kinds = [*web.HTTPClientError.__subclasses__(), *web.HTTPServerError.__subclasses__()]
        return next(kind for kind in kinds if kind.status_code == status)()

    def peer(self) -> HttpPeer:
        """Return a client, and a server for it."""
        return HttpPeer(self.serving, outside, RAISED)

    @contextlib.asynccontextmanager
    async def serving(self, app: web.Application, listening: socket.socket) -> AsyncIterator[None]:
        """Serve *app* on the socket."""
        options: Any = {"handler_cancellation": self.cancels, "shutdown_timeout": 0.1}
        runner = web.AppRunner(app, access_log=None, **options)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        yield
        await runner.cleanup()


class CancellingAiohttpDriver(AiohttpDriver):
    """Handlers are cancelled when their client leaves."""

    variant = "cancelling"
    cancels = True


DRIVERS = [AiohttpDriver(), CancellingAiohttpDriver()]

"""The application on aiohttp: its error handler is a middleware, as is the custom there."""

from __future__ import annotations

import contextlib
from typing import Any

from aiohttp import web

import sentryinit_testkit as testkit


async def respond(request: web.Request, reply: testkit.Reply) -> Any:
    """Answer *reply*."""
    kind, body = (web.StreamResponse, {}) if reply.stream else (web.Response, {"body": reply.body})
    response: Any = kind(status=reply.status, headers=list(reply.headers), **body)
    if reply.stream is not None or reply.background is not None:
        await response.prepare(request)
        async for chunk in reply.astream():
            await response.write(chunk)
    if reply.background is not None:
        await response.write_eof()
        reply.background()
    return response


@web.middleware
async def sorry(request: web.Request, handler: Any) -> Any:
    """Handle the application's own error."""
    try:
        return await handler(request)
    except testkit.HandledError as error:
        return await respond(request, error.reply)


def build(site: testkit.Site) -> web.Application:
    """Return the application before the adapter is in it."""

    async def order(request: web.Request) -> Any:
        return await respond(request, await site.arun(request.read))

    async def converse(request: web.Request) -> Any:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await site.arun(websocket.receive_str)
        return websocket

    async def start(_app: web.Application) -> None:
        site.startup()

    app = web.Application(middlewares=[sorry])
    app.on_startup.append(start)
    app.add_routes([web.route(method, testkit.ROUTE, order) for method in testkit.METHODS])
    app.add_routes([web.get(testkit.SOCKET_PATH, converse)])
    return app


@contextlib.asynccontextmanager
async def serving(app: web.Application, listening: Any, **options: Any) -> Any:
    """Serve *app* on the socket."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, **options)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    yield
    await runner.cleanup()

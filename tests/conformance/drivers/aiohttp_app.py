"""The application on aiohttp. Its error handler is a middleware, as is usual in aiohttp."""

from __future__ import annotations

import contextlib
from typing import Any

from aiohttp import web

import sentryinit_testkit as testkit


async def respond(request: web.Request, wanted: testkit.ResponseSpec) -> Any:
    """Return the response that is *wanted*."""
    kind: Any = web.StreamResponse if wanted.stream else web.Response
    body = {} if wanted.stream else {"body": wanted.body}
    response = kind(status=wanted.status, headers=list(wanted.headers), **body)
    if wanted.stream is not None or wanted.background is not None:
        await response.prepare(request)
        async for chunk in wanted.astream():
            await response.write(chunk)
    if wanted.background is not None:
        await response.write_eof()
        wanted.background()
    return response


@web.middleware
async def sorry(request: web.Request, handler: Any) -> Any:
    """Handle the application's own exception."""
    try:
        return await handler(request)
    except testkit.HandledError as error:
        return await respond(request, error.response)


def build(spec: testkit.AppSpec) -> web.Application:
    """Return the application before the adapter is in it."""

    async def order(request: web.Request) -> Any:
        return await respond(request, await spec.arun(request.read))

    async def converse(request: web.Request) -> Any:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await spec.arun(websocket.receive_str)
        return websocket

    async def start(_app: web.Application) -> None:
        spec.startup()

    app = web.Application(middlewares=[sorry])
    app.on_startup.append(start)
    orders = [web.route(method, testkit.ROUTE, order) for method in testkit.METHODS]
    app.add_routes([*orders, web.get(testkit.SOCKET_PATH, converse)])
    return app


@contextlib.asynccontextmanager
async def serving(app: web.Application, listening: Any, **options: Any) -> Any:
    """Serve *app* on the socket."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, **options)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    yield
    await runner.cleanup()

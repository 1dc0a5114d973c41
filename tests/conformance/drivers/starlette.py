"""Starlette, with endpoints of both kinds, and behind a ``BaseHTTPMiddleware``."""

from __future__ import annotations

from typing import Any, ClassVar

import anyio.from_thread
from starlette import __version__
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from sentryinit_starlette import SentryInitMiddleware, debug_panic
from sentryinit_testkit import (
    DEBUG_PATH,
    METHODS,
    MOUNT,
    ROUTE,
    SOCKET_PATH,
    Driver,
    HandledError,
    Reply,
    Site,
)

# Until then, what fails in a body or behind a BaseHTTPMiddleware comes out in a group of anyio's.
COLLAPSES = tuple(map(int, __version__.split(".")[:2])) >= (0, 46)
GROUPS = frozenset[str]() if COLLAPSES else frozenset({"stream-error"})


def respond(reply: Reply) -> Response:
    """Answer *reply*."""
    options: Any = {"background": reply.background and BackgroundTask(reply.background)}
    if reply.stream is not None:
        return StreamingResponse(reply.astream(), reply.status, dict(reply.headers), **options)
    return Response(reply.body, reply.status, dict(reply.headers), **options)


async def sorry(_request: Request, error: Any) -> Response:
    """Handle the application's own error."""
    return respond(error.reply)


class StarletteDriver(Driver):
    """Asynchronous endpoints."""

    name = "starlette"
    protocol = "asgi"
    modules: ClassVar = ("sentryinit_starlette",)
    sdk_integrations: ClassVar[tuple[str, ...]] = (
        "sentry_sdk.integrations.starlette:StarletteIntegration",
    )
    lacks = GROUPS

    def endpoint(self, site: Site) -> Any:
        """Return the endpoint."""

        async def order(request: Request) -> Response:
            return respond(await site.arun(request.body))

        return order

    def build(self, site: Site) -> Starlette:
        """Return the application before the adapter is in it."""
        app = Starlette(lifespan=site.lifespan, exception_handlers={HandledError: sorry})
        app.router.routes.append(Route(ROUTE, self.endpoint(site), methods=METHODS))
        return app

    def app(self, site: Site) -> Starlette:
        """Build the application."""

        async def socket(websocket: WebSocket) -> None:
            await websocket.accept()
            await site.arun(websocket.receive_text)

        app = self.build(site)
        app.router.routes.append(WebSocketRoute(SOCKET_PATH, socket))
        if site.mounted is not None:
            app.mount(MOUNT, site.mounted)
        if site.copies:
            app.add_route(DEBUG_PATH, debug_panic)
        for _ in range(site.copies):
            app.add_middleware(SentryInitMiddleware)
        return app

    def abort(self, status: int) -> BaseException:
        """Return the framework's exception."""
        return HTTPException(status)


class SyncStarletteDriver(StarletteDriver):
    """Synchronous endpoints, which run in threads."""

    variant = "sync"
    runs_in = "threads"
    lacks = GROUPS | {"cancellation"}

    def endpoint(self, site: Site) -> Any:
        """Return the endpoint."""

        def order(request: Request) -> Response:
            return respond(site.run(lambda: anyio.from_thread.run(request.body)))

        return order


class WrappedStarletteDriver(StarletteDriver):
    """Behind a ``BaseHTTPMiddleware``, which runs the rest in a child task."""

    variant = "wrapped"
    # What the child task makes of an exception is all that comes out of it: at the floor nothing
    # of what fails after the response, and a group around the error as its context.
    lacks = frozenset({"evidence", "raised-abort"}) | (
        frozenset() if COLLAPSES else frozenset({"background", "chain"})
    )

    def build(self, site: Site) -> Starlette:
        """Return the application with the middleware inside of ours."""
        app = super().build(site)
        app.add_middleware(BaseHTTPMiddleware, dispatch=lambda request, call: call(request))
        return app


DRIVERS = [StarletteDriver(), SyncStarletteDriver(), WrappedStarletteDriver()]

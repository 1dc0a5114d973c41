"""Falcon, with applications of both kinds."""

from __future__ import annotations

from typing import Any, ClassVar

import falcon
import falcon.asgi

from sentryinit_falcon import debug_panic, install
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


class Resource:
    """The one of all orders: *handle* is its responder."""

    def __init__(self, handle: Any) -> None:
        for method in METHODS:
            setattr(self, f"on_{method.lower()}", handle)


def respond(resp: Any, reply: Reply) -> None:
    """Answer *reply*."""
    resp.status, resp.data = reply.status, reply.body
    for name, value in reply.headers:
        resp.append_header(name, value)
    if reply.stream or reply.file:
        resp.data, resp.stream = None, reply.stream or reply.file


def sorry(_req: Any, resp: Any, error: Any, _params: Any) -> None:
    """Handle the application's own error."""
    respond(resp, error.reply)


class FalconDriver(Driver):
    """A WSGI application."""

    name = "falcon"
    modules: ClassVar = ("sentryinit_falcon",)
    sdk_integrations: ClassVar[tuple[str, ...]] = (
        "sentry_sdk.integrations.falcon:FalconIntegration",
    )

    def build(self, site: Site) -> Any:
        """Return the application before the adapter is in it."""

        def order(req: Any, resp: Any, order_id: str) -> None:
            respond(resp, site.run(req.bounded_stream.read))

        app = falcon.App()
        app.add_route(ROUTE, Resource(order))
        app.add_error_handler(HandledError, sorry)
        return app

    def app(self, site: Site) -> Any:
        """Build the application."""
        app = self.build(site)
        for _ in range(site.copies):
            install(app)
        if site.copies:
            app.add_sink(debug_panic, DEBUG_PATH)
        return app if site.mounted is None else self.dispatch(app, site.mounted)

    def dispatch(self, app: Any, mounted: Any) -> Any:
        """Return *app* with *mounted* beside it, as Falcon's users do it."""

        def serve(environ: Any, start_response: Any) -> Any:
            inner = environ["PATH_INFO"].startswith(MOUNT)
            if inner:
                environ["SCRIPT_NAME"], environ["PATH_INFO"] = (
                    MOUNT,
                    environ["PATH_INFO"][len(MOUNT) :],
                )
            return (mounted if inner else app)(environ, start_response)

        return serve

    def abort(self, status: int) -> BaseException:
        """Return the framework's exception."""
        return falcon.HTTPError(status)


class AsgiFalconDriver(FalconDriver):
    """An ASGI application."""

    variant = "asgi"
    protocol = "asgi"

    def build(self, site: Site) -> Any:
        """Return the application before the adapter is in it."""

        class Shop(Resource):
            async def on_websocket(self, req: Any, ws: Any) -> None:
                await ws.accept()
                await site.arun(ws.receive_text)

        class Component:
            async def process_startup(self, scope: Any, event: Any) -> None:
                site.startup()

        async def order(req: Any, resp: Any, order_id: str) -> None:
            reply = await site.arun(req.stream.read)
            respond(resp, reply)
            if reply.stream is not None:
                resp.stream = reply.astream()
            if reply.background is not None:
                resp.schedule_sync(reply.background)

        async def handle(req: Any, resp: Any, error: Any, params: Any) -> None:
            sorry(req, resp, error, params)

        app = falcon.asgi.App(middleware=[Component()])
        app.add_route(ROUTE, Resource(order))
        app.add_route(SOCKET_PATH, Shop(order))
        app.add_error_handler(HandledError, handle)
        return app

    def dispatch(self, app: Any, mounted: Any) -> Any:
        """Return *app* with *mounted* beside it, as Falcon's users do it."""

        async def serve(scope: Any, receive: Any, send: Any) -> None:
            inner = scope.get("path", "").startswith(MOUNT)
            if inner:
                scope = {**scope, "root_path": MOUNT, "path": scope["path"][len(MOUNT) :]}
            await (mounted if inner else app)(scope, receive, send)

        return serve


DRIVERS = [FalconDriver(), AsgiFalconDriver()]

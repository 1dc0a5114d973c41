"""Falcon, as an ASGI application."""

from __future__ import annotations

from typing import Any

import falcon.asgi

import sentryinit_testkit as testkit

from .falcon import FalconDriver, Resource, respond


async def sorry(_req: Any, resp: Any, error: Any, _params: Any) -> None:
    """Handle the application's own exception."""
    respond(resp, error.response)


class AsgiFalconDriver(FalconDriver):
    """Asynchronous responders."""

    variant, protocol = "asgi", "asgi"
    calls = 9  # the application receives a message; a component has two methods

    def build(self, spec: testkit.AppSpec) -> Any:
        """Return the application before the adapter is in it."""

        class Shop:
            async def process_startup(self, _scope: Any, _event: Any) -> None:
                spec.startup()

            async def on_websocket(self, _req: Any, ws: Any) -> None:
                await ws.accept()
                await spec.arun(ws.receive_text)

        async def order(req: Any, resp: Any, order_id: str) -> None:
            wanted = await spec.arun(req.stream.read)
            respond(resp, wanted)
            resp.stream = wanted.stream and wanted.astream()
            if wanted.background is not None:
                resp.schedule_sync(wanted.background)

        app = falcon.asgi.App(middleware=[Shop()])
        app.add_route(testkit.ROUTE, Resource(order))
        app.add_route(testkit.SOCKET_PATH, Shop())
        app.add_error_handler(testkit.HandledError, sorry)
        return app

    def mount(self, app: Any, mounted: Any) -> Any:
        """Return *app* and *mounted* as one application: Falcon cannot mount."""

        async def serve(scope: Any, receive: Any, send: Any) -> None:
            inner = scope["path"].removeprefix(testkit.MOUNT)
            chosen = app if inner == scope["path"] else mounted
            await chosen({**scope, "path": inner}, receive, send)

        return serve


DRIVERS = [AsgiFalconDriver()]

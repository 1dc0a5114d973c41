"""Starlette, with asynchronous endpoints."""

from __future__ import annotations

from typing import Any, ClassVar

from starlette import __version__
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

import sentryinit_testkit as testkit
from sentryinit_starlette import SentryInitMiddleware, debug_panic

VERSION = tuple(map(int, __version__.split(".")[:2]))
# Before 0.42, exceptions in a body are in a group of anyio.
GROUPS = frozenset({"stream-error"} if VERSION < (0, 42) else ())


def respond(wanted: testkit.ResponseSpec) -> Response:
    """Return the response that is *wanted*."""
    kind, body = (StreamingResponse, wanted.astream()) if wanted.stream else (Response, wanted.body)
    task = wanted.background and BackgroundTask(wanted.background)
    return kind(body, wanted.status, dict(wanted.headers), background=task)


async def sorry(_request: Any, error: Any) -> Response:
    """Handle the application's own exception."""
    return respond(error.response)


class StarletteDriver(testkit.Driver):
    """Asynchronous endpoints."""

    name, protocol, unsupported = "starlette", "asgi", GROUPS
    modules: ClassVar = ("sentryinit_starlette",)
    sdk_integrations: ClassVar = ("sentry_sdk.integrations.starlette:StarletteIntegration",)

    def endpoint(self, spec: testkit.AppSpec) -> Any:
        """Return the endpoint."""

        async def order(request: Any) -> Response:
            return respond(await spec.arun(request.body))

        return order

    def build(self, spec: testkit.AppSpec) -> Starlette:
        """Return the application before the adapter is in it."""
        app = Starlette(lifespan=spec.lifespan, exception_handlers={testkit.HandledError: sorry})
        app.add_route(testkit.ROUTE, self.endpoint(spec), methods=list(testkit.METHODS))
        return app

    def app(self, spec: testkit.AppSpec) -> Starlette:
        """Build the application."""

        async def socket(websocket: Any) -> None:
            await websocket.accept()
            await spec.arun(websocket.receive_text)

        app = self.build(spec)
        app.router.add_websocket_route(testkit.SOCKET_PATH, socket)
        if spec.mounted is not None:
            app.mount(testkit.MOUNT, spec.mounted)
        if spec.copies:
            app.add_route(testkit.DEBUG_PATH, debug_panic)
        # A class, as sentry-sdk's integration expects.
        inside = type("Inside", (), {"__new__": lambda _cls, app: spec.wrap(app)})
        for middleware in [inside, *[SentryInitMiddleware] * spec.copies]:
            app.add_middleware(middleware)
        return app

    def abort(self, status: int) -> BaseException:
        """Return the framework's exception."""
        return HTTPException(status)


DRIVERS = [StarletteDriver()]

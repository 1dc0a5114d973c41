"""Quart, with asynchronous views."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from hypercorn.middleware import DispatcherMiddleware
from quart import Quart, Response, request, websocket
from sentryinit_quart import SentryInit, debug_panic
from werkzeug.datastructures import Headers
from werkzeug.exceptions import default_exceptions

import sentryinit_testkit as testkit


def respond(app: Quart, wanted: testkit.ResponseSpec) -> Response:
    """Return the response that is *wanted*."""
    if wanted.background is not None:
        app.add_background_task(after_response, wanted.background)
    body = wanted.astream() if wanted.stream else wanted.body
    return Response(body, wanted.status, Headers(wanted.headers))


async def after_response(work: Any) -> None:
    """Run *work* once the response has started: Quart starts the task before."""
    await asyncio.sleep(0)
    work()


class QuartDriver(testkit.Driver):
    """Asynchronous views."""

    name, protocol = "quart", "asgi"
    unsupported: ClassVar = frozenset({"websocket-afterwards"})
    modules: ClassVar = ("sentryinit_quart",)
    sdk_integrations: ClassVar = ("sentry_sdk.integrations.quart:QuartIntegration",)
    calls = 10  # Quart sends three messages, and receives two

    def view(self, app: Quart, spec: testkit.AppSpec) -> Any:
        """Return the view function."""

        async def view(order_id: str) -> Response:  # Quart passes it by name
            return respond(app, await spec.arun(request.get_data))

        return view

    def app(self, spec: testkit.AppSpec) -> Quart:
        """Build the application."""
        app = Quart("shop")

        async def socket() -> None:
            await websocket.accept()
            await spec.arun(websocket.receive)

        async def sorry(error: testkit.HandledError) -> Response:
            return respond(app, error.response)

        app.add_url_rule(
            "/orders/<order_id>", "order", self.view(app, spec), methods=testkit.METHODS
        )
        app.add_websocket(testkit.SOCKET_PATH, "socket", socket)
        app.register_error_handler(testkit.HandledError, sorry)
        app.before_serving(spec.startup)
        if spec.mounted is not None:
            app.asgi_app = DispatcherMiddleware({testkit.MOUNT: spec.mounted, "": app.asgi_app})  # type: ignore[method-assign] # the documented way
        app.asgi_app = spec.wrap(app.asgi_app)  # type: ignore[method-assign] # the documented way
        for _ in range(spec.copies):
            SentryInit(app)
        if spec.copies:
            app.add_url_rule(testkit.DEBUG_PATH, view_func=debug_panic)
        return app

    def abort(self, status: int) -> BaseException:
        """Return what ``quart.abort`` raises."""
        return default_exceptions[status]()


DRIVERS = [QuartDriver()]

"""aiohttp, with handlers that are cancelled when the client disconnects, and without."""

from __future__ import annotations

import functools
from typing import Any, ClassVar

from aiohttp import __version__, web

import sentryinit_testkit as testkit
from sentryinit_aiohttp import debug_panic, setup

from .aiohttp_app import build, respond, serving

# Before 3.11, receive_str() raises a plain TypeError once the client has closed.
OLD = tuple(map(int, __version__.split(".")[:2])) < (3, 11)
RAISED: list[BaseException] = []


def wrap(app: web.Application, before: Any = lambda: None) -> Any:
    """Return *app*; its server runs *before* first, and records what the server gets.

    Not as a middleware: one outside of the adapter is a warning.
    """
    handle = app._handle

    async def observed(request: web.Request) -> Any:
        try:
            wanted = before()
            return await (respond(request, wanted) if wanted else handle(request))
        except BaseException as error:
            RAISED.append(error)
            raise

    # aiohttp discourages attributes on an application.
    object.__setattr__(app, "_handle", observed)
    return app


class AiohttpDriver(testkit.Driver):
    """Handlers run to their end also if the client disconnects: the default of aiohttp."""

    name, protocol, cancels = "aiohttp", "http", False
    unsupported = frozenset({"websocket-close"} if OLD else ())
    calls = 10  # with other middlewares, ours is installed at both ends; and there is a signal
    modules: ClassVar = ("sentryinit_aiohttp",)
    sdk_integrations: ClassVar = ("sentry_sdk.integrations.aiohttp:AioHttpIntegration",)

    def app(self, spec: testkit.AppSpec) -> Any:
        """Build the application."""
        app = build(spec)
        if spec.copies:
            app.add_routes([web.route("*", testkit.DEBUG_PATH, debug_panic)])
        for _ in range(spec.copies):
            setup(app)
        if spec.mounted is not None:
            app.add_subapp(testkit.MOUNT, spec.mounted)
        return wrap(app)

    def abort(self, status: int) -> BaseException:
        """Return the framework's exception."""
        kinds = [*web.HTTPClientError.__subclasses__(), *web.HTTPServerError.__subclasses__()]
        return next(kind for kind in kinds if kind.status_code == status)()

    def server(self) -> testkit.HttpServer:
        """Return a client, and a server for it."""
        serves = functools.partial(serving, handler_cancellation=self.cancels)
        return testkit.HttpServer(serves, wrap, RAISED)


class CancellingAiohttpDriver(AiohttpDriver):
    """Handlers are cancelled when the client disconnects."""

    variant, cancels = "cancelling", True


DRIVERS = [AiohttpDriver(), CancellingAiohttpDriver()]

"""aiohttp, with handlers that end when their client leaves, and with handlers that do not."""

from __future__ import annotations

import functools
from typing import Any, ClassVar

from aiohttp import __version__, web

import sentryinit_testkit as testkit
from sentryinit_aiohttp import debug_panic, setup

from .aiohttp_site import build, respond, serving

# Until then, receive_str() raises a plain TypeError once the peer has closed.
OLD = tuple(map(int, __version__.split(".")[:2])) < (3, 11)
RAISED: list[BaseException] = []


def outside(app: web.Application, meet: Any = lambda: None) -> Any:
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


class AiohttpDriver(testkit.Driver):
    """Handlers run to their end, whether their client is there or not: aiohttp's default."""

    name, protocol, cancels = "aiohttp", "http", False
    lacks = frozenset({"websocket-close"} if OLD else ())
    calls = 10  # there are other middlewares, so that ours stands there twice; and a signal
    modules: ClassVar = ("sentryinit_aiohttp",)
    sdk_integrations: ClassVar = ("sentry_sdk.integrations.aiohttp:AioHttpIntegration",)

    def app(self, site: testkit.Site) -> Any:
        """Build the application."""
        app = build(site)
        if site.copies:
            app.add_routes([web.route("*", testkit.DEBUG_PATH, debug_panic)])
        for _ in range(site.copies):
            setup(app)
        if site.mounted is not None:
            app.add_subapp(testkit.MOUNT, site.mounted)
        return outside(app)

    def abort(self, status: int) -> BaseException:
        """Return the framework's exception."""
        kinds = [*web.HTTPClientError.__subclasses__(), *web.HTTPServerError.__subclasses__()]
        return next(kind for kind in kinds if kind.status_code == status)()

    def peer(self) -> testkit.HttpPeer:
        """Return a client, and a server for it."""
        serves = functools.partial(serving, handler_cancellation=self.cancels)
        return testkit.HttpPeer(serves, outside, RAISED)


class CancellingAiohttpDriver(AiohttpDriver):
    """Handlers are cancelled when their client leaves."""

    variant, cancels = "cancelling", True


DRIVERS = [AiohttpDriver(), CancellingAiohttpDriver()]

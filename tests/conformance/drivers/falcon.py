"""Falcon, as a WSGI application."""

from __future__ import annotations

from typing import Any, ClassVar

import falcon

import sentryinit_testkit as testkit
from sentryinit_falcon import debug_panic, install


class Resource:
    """The resource of the orders: its responders are *order*."""

    def __init__(self, order: Any) -> None:
        self.on_get = self.on_post = order


def respond(resp: Any, wanted: testkit.ResponseSpec) -> None:
    """Return the response that is *wanted*."""
    resp.status, resp.stream = wanted.status, wanted.stream or wanted.file
    resp.data = None if resp.stream else wanted.body
    for name, value in wanted.headers:
        resp.append_header(name, value)


def sorry(_req: Any, resp: Any, error: Any, _params: Any) -> None:
    """Handle the application's own exception."""
    respond(resp, error.response)


class FalconDriver(testkit.Driver):
    """Synchronous responders."""

    name = "falcon"
    modules: ClassVar = ("sentryinit_falcon",)
    sdk_integrations: ClassVar = ("sentry_sdk.integrations.falcon:FalconIntegration",)
    # The adapter is around the application's __call__, which takes no middleware of WSGI or ASGI.
    unsupported: ClassVar[frozenset[str]] = frozenset({"inside"})

    def build(self, spec: testkit.AppSpec) -> Any:
        """Return the application before the adapter is in it."""

        def order(req: Any, resp: Any, order_id: str) -> None:
            respond(resp, spec.run(req.bounded_stream.read))

        app = falcon.App()
        app.add_route(testkit.ROUTE, Resource(order))
        app.add_error_handler(testkit.HandledError, sorry)
        return app

    def app(self, spec: testkit.AppSpec) -> Any:
        """Build the application."""
        app = self.build(spec)
        for _ in range(spec.copies):
            install(app)
        if spec.copies:
            app.add_sink(debug_panic, testkit.DEBUG_PATH)
        return self.mount(app, spec.mounted) if spec.mounted else app

    def mount(self, app: Any, mounted: Any) -> Any:
        """Return *app* and *mounted* as one application: Falcon cannot mount."""

        def serve(environ: Any, start_response: Any) -> Any:
            inner = environ["PATH_INFO"].removeprefix(testkit.MOUNT)
            chosen = app if inner == environ["PATH_INFO"] else mounted
            return chosen({**environ, "PATH_INFO": inner}, start_response)

        return serve

    def abort(self, status: int) -> BaseException:
        """Return the framework's exception."""
        return falcon.HTTPError(status)


DRIVERS = [FalconDriver()]

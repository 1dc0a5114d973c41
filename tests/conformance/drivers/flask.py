"""Flask, with views of both kinds."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import Flask, Response, request, send_file
from werkzeug.exceptions import default_exceptions
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from sentryinit_flask import SentryInit, debug_panic
from sentryinit_testkit import (
    DEBUG_PATH,
    METHODS,
    MOUNT,
    AppSpec,
    Driver,
    HandledError,
    ResponseSpec,
)


def respond(wanted: ResponseSpec) -> Response:
    """Return the response that is *wanted*."""
    if wanted.file is not None:
        return send_file(wanted.file, "text/plain")
    return Response(wanted.stream or wanted.body, wanted.status, list(wanted.headers))


class FlaskDriver(Driver):
    """Synchronous views."""

    name = "flask"
    modules: ClassVar = ("sentryinit_flask",)
    sdk_integrations: ClassVar = ("sentry_sdk.integrations.flask:FlaskIntegration",)
    propagate: ClassVar[bool | None] = None

    def view(self, spec: AppSpec) -> Any:
        """Return the view function."""
        return lambda order_id: respond(spec.run(request.get_data))  # Flask names it

    def app(self, spec: AppSpec) -> Flask:
        """Build the application."""
        app = Flask("shop")
        app.config["PROPAGATE_EXCEPTIONS"] = self.propagate
        for _ in range(spec.copies):
            SentryInit(app)
        app.add_url_rule("/orders/<order_id>", "order", self.view(spec), methods=METHODS)
        app.register_error_handler(HandledError, lambda error: respond(error.response))
        if spec.copies:
            app.add_url_rule(DEBUG_PATH, view_func=debug_panic)
        if spec.mounted is not None:
            app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {MOUNT: spec.mounted})  # type: ignore[method-assign] # the documented way
        return app

    def abort(self, status: int) -> BaseException:
        """Return what ``flask.abort`` raises."""
        return default_exceptions[status]()


class AsyncFlaskDriver(FlaskDriver):
    """Asynchronous views."""

    variant = "async"

    def view(self, spec: AppSpec) -> Any:
        """Return the view coroutine."""

        async def view(order_id: str) -> Response:  # Flask names it
            return respond(await spec.arun(request.get_data))

        return view


class PropagatingFlaskDriver(FlaskDriver):
    """An application that lets errors through to its server, as in debugging and testing."""

    variant = "propagating"
    propagate = True


DRIVERS = [FlaskDriver(), AsyncFlaskDriver(), PropagatingFlaskDriver()]

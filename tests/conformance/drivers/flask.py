"""Flask, with synchronous and asynchronous views."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import Flask, Response, request, send_file
from werkzeug.exceptions import default_exceptions
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import sentryinit_testkit as testkit
from sentryinit_flask import SentryInit, debug_panic


def respond(wanted: testkit.ResponseSpec) -> Response:
    """Return the response that is *wanted*."""
    if wanted.file is not None:
        return send_file(wanted.file, "text/plain")
    return Response(wanted.stream or wanted.body, wanted.status, list(wanted.headers))


class FlaskDriver(testkit.Driver):
    """Synchronous views."""

    name = "flask"
    modules: ClassVar = ("sentryinit_flask",)
    sdk_integrations: ClassVar = ("sentry_sdk.integrations.flask:FlaskIntegration",)
    propagate: ClassVar[bool | None] = None

    def view(self, spec: testkit.AppSpec) -> Any:
        """Return the view function."""
        return lambda order_id: respond(spec.run(request.get_data))  # Flask passes it by name

    def app(self, spec: testkit.AppSpec) -> Flask:
        """Build the application."""
        app = Flask("shop")
        app.config["PROPAGATE_EXCEPTIONS"] = self.propagate
        app.wsgi_app = spec.wrap(app.wsgi_app)  # type: ignore[method-assign] # the documented way
        for _ in range(spec.copies):
            SentryInit(app)
        app.add_url_rule("/orders/<order_id>", "order", self.view(spec), methods=testkit.METHODS)
        app.register_error_handler(testkit.HandledError, lambda error: respond(error.response))
        if spec.copies:
            app.add_url_rule(testkit.DEBUG_PATH, view_func=debug_panic)
        if spec.mounted is not None:
            app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {testkit.MOUNT: spec.mounted})  # type: ignore[method-assign] # the documented way
        return app

    def abort(self, status: int) -> BaseException:
        """Return what ``flask.abort`` raises."""
        return default_exceptions[status]()


class AsyncFlaskDriver(FlaskDriver):
    """Asynchronous views."""

    variant = "async"

    def view(self, spec: testkit.AppSpec) -> Any:
        """Return the view coroutine."""

        async def view(order_id: str) -> Response:  # Flask passes it by name
            return respond(await spec.arun(request.get_data))

        return view


class PropagatingFlaskDriver(FlaskDriver):
    """``PROPAGATE_EXCEPTIONS``: exceptions reach the server, as in debugging and testing."""

    variant = "propagating"
    propagate = True


DRIVERS = [FlaskDriver(), AsyncFlaskDriver(), PropagatingFlaskDriver()]

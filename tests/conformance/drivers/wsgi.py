"""The generic WSGI middleware around an application without a framework."""

from __future__ import annotations

from typing import Any, ClassVar

from sentryinit.wsgi import SentryInitMiddleware, debug_panic
from sentryinit_testkit import AppSpec, Driver, plain


class WsgiDriver(Driver):
    """Nothing of a route or of a handled exception reaches the middleware."""

    name = "wsgi"
    protocol = "wsgi"
    modules: ClassVar = ("sentryinit.wsgi",)
    unsupported = frozenset({"abort", "evidence", "route"})

    def app(self, spec: AppSpec) -> Any:
        """Build the application and wrap it."""
        app = plain.wsgi_app(spec)
        if spec.copies:
            app = debug_panic(app)
        for _ in range(spec.copies):
            app = SentryInitMiddleware(app)
        return app


DRIVERS = [WsgiDriver()]

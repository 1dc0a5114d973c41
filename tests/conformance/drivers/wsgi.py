"""The generic WSGI middleware around an application without a framework."""

from __future__ import annotations

from typing import Any, ClassVar

from sentryinit.wsgi import SentryInitMiddleware, debug_panic
from sentryinit_testkit import AppSpec, Driver, plain


class WsgiDriver(Driver):
    """The middleware sees neither routes nor exceptions that were handled inside."""

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

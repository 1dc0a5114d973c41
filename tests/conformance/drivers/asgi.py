"""The generic ASGI middleware around an application without a framework."""

from __future__ import annotations

from typing import Any, ClassVar

from sentryinit.asgi import SentryInitMiddleware, debug_panic
from sentryinit_testkit import AppSpec, Driver, plain


class AsgiDriver(Driver):
    """The middleware sees neither routes nor exceptions that were handled inside."""

    name = "asgi"
    protocol = "asgi"
    modules: ClassVar = ("sentryinit.asgi",)
    unsupported = frozenset({"abort", "evidence", "route"})
    calls = 7  # the debug route is around the application

    def app(self, spec: AppSpec) -> Any:
        """Build the application and wrap it."""
        app = plain.asgi_app(spec)
        if spec.copies:
            app = debug_panic(app)
        for _ in range(spec.copies):
            app = SentryInitMiddleware(app)
        return app


DRIVERS = [AsgiDriver()]

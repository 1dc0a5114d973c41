"""The generic WSGI middleware around an application without a framework."""

from __future__ import annotations

from typing import Any, ClassVar

from sentryinit.wsgi import SentryInitMiddleware, debug_panic
from sentryinit_testkit import Driver, Site, plain


class WsgiDriver(Driver):
    """Nothing of a route or of a handled exception reaches the middleware."""

    name = "wsgi"
    protocol = "wsgi"
    modules: ClassVar = ("sentryinit.wsgi",)
    lacks = frozenset({"abort", "evidence", "route"})

    def app(self, site: Site) -> Any:
        """Build the application and wrap it."""
        app = plain.wsgi_app(site)
        if site.copies:
            app = debug_panic(app)
        for _ in range(site.copies):
            app = SentryInitMiddleware(app)
        return app


DRIVERS = [WsgiDriver()]

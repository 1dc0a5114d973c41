"""What ``sentryinit`` asks about an application that it did not write."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette

from sentryinit import asgi
from sentryinit_starlette._middleware import SentryInitMiddleware


def is_app(app: object) -> bool:
    """Return True if *app* is an application of this framework."""
    return isinstance(app, Starlette)


def wrap(app: Any) -> object:
    """Report the failures of *app*; return what to serve."""
    classes = [each.cls for each in app.user_middleware]
    if any(isinstance(cls, type) and issubclass(cls, asgi.SentryInitMiddleware) for cls in classes):
        return app
    if app.middleware_stack is not None:
        # It has served, and takes no more middlewares.
        return SentryInitMiddleware(app)
    app.add_middleware(SentryInitMiddleware)
    return app

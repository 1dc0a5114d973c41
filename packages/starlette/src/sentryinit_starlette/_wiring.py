"""What ``sentryinit`` asks about an application that it did not write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.applications import Starlette

from sentryinit import adapters, asgi
from sentryinit_starlette._middleware import ORDER_HINT, SentryInitMiddleware, find_outside


def is_app(app: object) -> bool:
    """Return True if *app* is an application of this framework."""
    return isinstance(app, Starlette)


def _boundaries(app: Any) -> list[type]:
    classes = [each.cls for each in app.user_middleware if isinstance(each.cls, type)]
    return [cls for cls in classes if issubclass(cls, asgi.SentryInitMiddleware)]


def wrap(app: Any) -> object:
    """Report the failures of *app*; return what to serve."""
    if _boundaries(app):
        return app
    if app.middleware_stack is not None:
        # It has served, and takes no more middlewares.
        return SentryInitMiddleware(app)
    app.add_middleware(SentryInitMiddleware)
    return app


def problems(app: Any) -> Iterator[adapters.Problem]:
    """Yield what is wrong with the set-up of *app*."""
    found = _boundaries(app)
    if not found:
        hint = "Call app.add_middleware(SentryInitMiddleware), after all other add_middleware()."
        yield adapters.no_boundary(hint)
    if len(found) > 1:
        yield adapters.two_boundaries("Call app.add_middleware(SentryInitMiddleware) once.")
    yield from adapters.order_problems(find_outside(app), ORDER_HINT)

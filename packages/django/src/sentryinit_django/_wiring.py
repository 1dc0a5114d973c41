"""What ``sentryinit`` asks about an application that it did not write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response

from sentryinit import adapters
from sentryinit_django.checks import MIDDLEWARE, middleware_problems
from sentryinit_django.middleware import SentryInitMiddleware


def is_app(app: object) -> bool:
    """Return True if *app* is an application of this framework."""
    return isinstance(app, BaseHandler)


def wrap(app: Any) -> object:
    """Report the failures of *app*; return what to serve.

    Its middlewares exist by now, and may count on being made once: ours goes around them.
    """
    if MIDDLEWARE in settings.MIDDLEWARE or hasattr(app, "_sentryinit"):
        return app
    try:
        boundary = SentryInitMiddleware(app._middleware_chain)  # noqa: SLF001 # Django's, since 1.10
    except MiddlewareNotUsed:
        return app
    app._sentryinit = True  # noqa: SLF001 # ours
    app._middleware_chain = convert_exception_to_response(boundary)  # noqa: SLF001 # likewise
    # The first one is asked first, and one that answers is the last.
    app._exception_middleware.insert(0, app.adapt_method_mode(False, boundary.process_exception))  # noqa: SLF001 # likewise
    return app


def problems(app: object) -> Iterator[adapters.Problem]:  # noqa: ARG001 # all have the same settings
    """Yield what is wrong with the set-up: what the system checks show."""
    return middleware_problems()

"""What ``sentryinit`` asks about an application that it did not write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiohttp import web

from sentryinit import adapters
from sentryinit_aiohttp._middleware import ORDER_HINT, find_outside, sentryinit_middleware, setup


def is_app(app: object) -> bool:
    """Return True if *app* is an application of this framework."""
    return isinstance(app, web.Application)


def wrap(app: Any) -> object:
    """Report the failures of *app*; return what to serve."""
    setup(app)
    return app


def problems(app: Any) -> Iterator[adapters.Problem]:
    """Yield what is wrong with the set-up of *app*."""
    if sentryinit_middleware in app.middlewares:
        yield from adapters.order_problems(find_outside(app), ORDER_HINT)
    else:
        yield adapters.no_boundary("Call setup(app), after the middlewares are added.")

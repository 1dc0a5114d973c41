"""What ``sentryinit`` asks about an application that it did not write."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from sentryinit import adapters
from sentryinit_aiohttp._middleware import ORDER_HINT, find_outside, sentryinit_middleware, setup

log = logging.getLogger("sentryinit")


def is_app(app: object) -> bool:
    """Return True if *app* is an application of this framework."""
    return isinstance(app, web.Application)


def wrap(app: Any) -> object:
    """Report the failures of *app*; return what to serve."""
    is_late = app.middlewares.frozen and sentryinit_middleware not in app.middlewares
    if is_late and adapters.ensure_initialized("aiohttp"):
        log.warning("cannot wrap an application of aiohttp that is frozen: call setup(app) before")
    else:
        setup(app)
    return app


def problems(app: Any) -> Iterator[adapters.Problem]:
    """Yield what is wrong with the set-up of *app*."""
    if sentryinit_middleware in app.middlewares:
        yield from adapters.order_problems(find_outside(app), ORDER_HINT)
    else:
        yield adapters.no_boundary("Call setup(app), after the middlewares are added.")

"""What ``sentryinit`` asks about an application that it did not write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Flask

from sentryinit import adapters
from sentryinit_flask._extension import ORDER_HINT, SentryInit, find_outside


def is_app(app: object) -> bool:
    """Return True if *app* is an application of this framework."""
    return isinstance(app, Flask)


def wrap(app: Any) -> object:
    """Report the failures of *app*; return what to serve."""
    SentryInit(app)
    return app


def problems(app: Any) -> Iterator[adapters.Problem]:
    """Yield what is wrong with the set-up of *app*."""
    if "sentryinit" not in app.extensions:
        yield adapters.no_boundary("Call SentryInit(app), or SentryInit().init_app(app).")
    yield from adapters.order_problems(find_outside(app.wsgi_app), ORDER_HINT)

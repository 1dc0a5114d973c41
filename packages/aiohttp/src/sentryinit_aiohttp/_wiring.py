"""What ``sentryinit`` asks about an application that it did not write."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sentryinit_aiohttp._middleware import setup


def is_app(app: object) -> bool:
    """Return True if *app* is an application of this framework."""
    return isinstance(app, web.Application)


def wrap(app: Any) -> object:
    """Report the failures of *app*; return what to serve."""
    setup(app)
    return app

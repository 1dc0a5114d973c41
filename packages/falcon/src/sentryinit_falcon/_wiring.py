"""What ``sentryinit`` asks about an application that it did not write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import falcon

from sentryinit import adapters
from sentryinit_falcon._install import install, is_installed


def is_app(app: object) -> bool:
    """Return True if *app* is an application of this framework."""
    return isinstance(app, falcon.App)


def wrap(app: Any) -> object:
    """Report the failures of *app*; return what to serve."""
    install(app)
    return app


def problems(app: Any) -> Iterator[adapters.Problem]:
    """Yield what is wrong with the set-up of *app*."""
    if not is_installed(app):
        yield adapters.no_boundary("Call sentryinit_falcon.install(app).")

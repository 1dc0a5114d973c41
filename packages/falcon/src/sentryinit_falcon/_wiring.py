"""What ``sentryinit`` asks about an application that it did not write."""

from __future__ import annotations

from typing import Any

import falcon

from sentryinit_falcon._install import install


def is_app(app: object) -> bool:
    """Return True if *app* is an application of this framework."""
    return isinstance(app, falcon.App)


def wrap(app: Any) -> object:
    """Report the failures of *app*; return what to serve."""
    install(app)
    return app

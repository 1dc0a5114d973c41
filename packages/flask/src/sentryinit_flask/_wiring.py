"""What ``sentryinit`` asks about an application that it did not write."""

from __future__ import annotations

from typing import Any

from flask import Flask

from sentryinit_flask._extension import SentryInit


def is_app(app: object) -> bool:
    """Return True if *app* is an application of this framework."""
    return isinstance(app, Flask)


def wrap(app: Any) -> object:
    """Report the failures of *app*; return what to serve."""
    SentryInit(app)
    return app

"""What applications share whose outer component fails where no boundary sees it."""

from __future__ import annotations

import logging
import os

from sentry_sdk.integrations.logging import LoggingIntegration

import sentryinit


class Refused(Exception):
    """What the component outside of the boundary raises."""


def refuse(path: str) -> None:
    """Raise, for the paths that end in ``outside``."""
    if path.endswith("/outside"):
        raise Refused(f"no access to {path}")


# The application's own integration adds breadcrumbs.
_OWN = [LoggingIntegration(level=logging.DEBUG)] if "PROCESS_LOGGING" in os.environ else []
sentryinit.init(integrations=_OWN)

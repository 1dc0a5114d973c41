"""Loggers that the logging configuration of the application has disabled."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from sentryinit_cli.doctor.catalog import Finding, found

LOGGERS = {
    "sentryinit": "no warning of sentryinit is seen",
    "aiohttp.server": "what the server logs about a request is no event",
    "asyncio": "what nobody handles in a task is no event",
    "daphne.server": "what the server logs is no event",
    "django.server": "what the server logs is no event",
    "gunicorn.error": "a worker that hangs or does not start is no event",
    "hypercorn.error": "what the server logs is no event",
    "uvicorn.error": "a failed start-up that the server logs is no event",
    "waitress": "what the server logs is no event",
}


def prepare() -> None:
    """Make the loggers that a server has made before it loads the application."""
    for name in LOGGERS:
        logging.getLogger(name)


def check() -> Iterator[Finding]:
    """Yield the loggers that are disabled now."""
    disabled = [name for name in LOGGERS if logging.getLogger(name).disabled]
    for name in disabled:
        yield found("logger-disabled", logger=name, effect=LOGGERS[name])
    if not disabled:
        yield found("logging")

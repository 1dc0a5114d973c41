"""What all queues run, and how it is reported: by the variables WIRING and INIT."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable
from typing import Any

import sentry_sdk

import sentryinit

WIRING, INIT = os.environ["WIRING"], os.environ.get("INIT", "module")
# Arguments of a task that must not leave the process.
SECRETS = {
    "password": "kolibri-7-Zaun",
    "token": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
}

log = logging.getLogger("shop.work")


class NoPrinter(LookupError):
    """It cannot be unpickled, as many exceptions with arguments of their own: queues copy it."""

    def __init__(self, order: int, *, place: str) -> None:
        super().__init__("no printer for the order")


def start(integration: str = "", **options: Any) -> None:
    """Switch reporting on, with the *integration* of sentry-sdk if that is the wiring."""
    if WIRING == "integration" and integration:
        module, _, name = integration.partition(":")
        found = importlib.import_module(f"sentry_sdk.integrations.{module}")
        options["integrations"] = [getattr(found, name)()]
    sentryinit.init("shop", flush_timeout=8, **options)


def wired(name: str) -> Callable[[Any], Any]:
    """Make a function a job if that is the wiring."""
    return sentryinit.job(name) if WIRING == "job" else lambda function: function


def fail(order: int, **secrets: str) -> None:
    """Leave traces in the scope, and raise."""
    leave_traces(order)
    raise NoPrinter(order, place="north")


def log_and_fail(order: int, **secrets: str) -> None:
    """Log an exception with its traceback, and raise it."""
    leave_traces(order)
    try:
        raise ValueError("no price for the order")
    except ValueError:
        log.exception("pricing failed")
        raise


def look(order: int, **secrets: str) -> None:
    """Send a message: it says what is in the scope."""
    sentry_sdk.capture_message("looked")


def leave_traces(order: int) -> None:
    """Set a tag that tells which order it was."""
    sentry_sdk.set_tag(f"order-{order}", "seen")
    sentry_sdk.set_user({"id": str(order)})


ALL = (fail, log_and_fail, look)

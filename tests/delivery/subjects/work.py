"""What all subjects do: fail three times, and say so."""

from __future__ import annotations

import asyncio
import os
import time

import sentry_sdk


def say(word: str) -> None:
    """Write *word* for the runner: at once, and not to what a framework takes for stdout."""
    os.write(1, f"\n{word}\n".encode())


def queue(count: int = 3) -> None:
    """Queue *count* events: messages, and one exception."""
    for number in range(count - 1):
        sentry_sdk.capture_message(f"message {number}")
    try:
        raise LookupError("no price")
    except LookupError:
        sentry_sdk.capture_exception()


def fail() -> None:
    """Queue two events; raise a third."""
    sentry_sdk.capture_message("the stock is low")
    sentry_sdk.capture_message("the warehouse is away")
    raise LookupError("no price")


def fail_late() -> None:
    """Fail after a second."""
    say("working")
    time.sleep(1)
    fail()


async def late() -> None:
    """Fail after a second of waiting."""
    say("working")
    await asyncio.sleep(1)
    fail()


def wait() -> None:
    """Wait for a signal."""
    say("ready")
    while True:
        time.sleep(60)

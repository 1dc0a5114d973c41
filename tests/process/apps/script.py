"""Programs without a server, one for each way to end; the first argument says which."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable

import sentry_sdk

import sentryinit
from apps.gate import pause

log = logging.getLogger("shop")


def fail() -> None:
    raise LookupError("no price")


def fail_loudly() -> None:
    try:
        fail()
    except LookupError:
        log.exception("no price")
        raise


def be_interrupted() -> None:
    pause(os.environ["PROCESS_REQUEST"], "working")


def leave_well() -> None:
    sys.exit(0)


def leave_badly() -> None:
    sys.exit(3)


def queue() -> None:
    for number in range(3):
        sentry_sdk.capture_message(f"message {number}")


WORK: dict[str, Callable[[], None]] = {
    "fail": fail,
    "fail-loudly": fail_loudly,
    "be-interrupted": be_interrupted,
    "leave-well": leave_well,
    "leave-badly": leave_badly,
    "queue": queue,
}


def main(where: str, what: str) -> None:
    handle = sentryinit.init()
    work = WORK[what]
    if where == "with":
        with handle:
            work()
    elif where == "thread":
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    elif where == "handle":
        work()
        handle()
        # No atexit hook runs: the handle alone has delivered the events.
        os._exit(0)
    else:
        work()


main(*sys.argv[1:])

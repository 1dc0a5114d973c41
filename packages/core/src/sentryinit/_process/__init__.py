"""The hooks of the process: at exit, after a fork, and for what escapes a thread."""

from __future__ import annotations

import atexit
import os
import threading

from sentryinit._state import STATE


def install_hooks() -> None:
    """Report what escapes a thread; send the summary of the storm guard at exit.

    sentry-sdk's own exit hook sends what is queued; ours is registered later, so it runs earlier.
    """
    if threading.excepthook.__module__ == __name__:
        return
    previous = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if STATE.reporter is not None and args.exc_value is not None:
            STATE.reporter.capture_unhandled(args.exc_value, "threading")
        previous(args)

    threading.excepthook = hook
    atexit.register(_at_exit)
    # A platform without fork has no such function.
    getattr(os, "register_at_fork", dict)(after_in_child=_after_fork)


def _at_exit() -> None:
    if STATE.reporter is not None:
        STATE.reporter.send_summary()


def _after_fork() -> None:
    if STATE.reporter is not None:
        # With a reporter, sentry_sdk is imported already.
        from sentryinit._boundary.deadlines import DEADLINES
        from sentryinit._sdk import transport

        DEADLINES.after_fork()
        STATE.reporter.after_fork()
        transport.reset_transport()

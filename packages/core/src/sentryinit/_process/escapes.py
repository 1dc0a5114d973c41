"""Exceptions that leave a thread, a child of ``multiprocessing``, or a greenlet (A13)."""

from __future__ import annotations

import functools
import sys
import threading
import traceback
from typing import Any

from sentryinit._boundary.deadlines import DEADLINES
from sentryinit._policy.aborts import is_of_client
from sentryinit._policy.exceptions import was_decided
from sentryinit._state import STATE


def watch_escapes() -> None:
    """Report what leaves threads, children and greenlets, as far as Python says so."""
    watch_threads()
    watch_children()
    if not watch_greenlets() and _Imports not in sys.meta_path:
        sys.meta_path.insert(0, _Imports)


def watch_threads() -> None:
    """Replace ``threading.excepthook``; the hook of before is called after ours."""
    previous = threading.excepthook
    if previous.__module__ == __name__:
        return

    def hook(args: threading.ExceptHookArgs) -> None:
        _report(args.exc_value, "threading")
        previous(args)

    threading.excepthook = hook


def watch_children() -> None:
    """Wrap what ``multiprocessing`` prints the exception with that leaves a child.

    The exception passes no frame of ours, so the child prints the same as without us.
    """
    process = sys.modules.get("multiprocessing.process")
    if process is None or traceback.print_exc.__module__ == __name__:
        return
    original, base = traceback.print_exc, process.BaseProcess
    caller = base._bootstrap.__code__  # noqa: SLF001 # no hook is public

    def print_exc(*args: Any, **kwargs: Any) -> None:
        if sys._getframe(1).f_code is caller:  # noqa: SLF001 # as logging does
            _report(sys.exc_info()[1], "multiprocessing")
        original(*args, **kwargs)

    traceback.print_exc = functools.update_wrapper(print_exc, original, ("__doc__",))


def watch_greenlets() -> bool:
    """Wrap the method of gevent's hub that prints what leaves a greenlet; True if there is one."""
    hub = getattr(sys.modules.get("gevent.hub"), "Hub", None)
    if hub is None:
        return False
    original = hub.handle_error
    if original.__module__ == __name__:
        return True

    @functools.wraps(original, assigned=())
    def handle_error(self: Any, context: Any, kind: Any, value: Any, tb: Any) -> Any:
        # A port scan, or the health check of a load balancer, ends before its handshake.
        if isinstance(context, sys.modules["gevent"].Greenlet) and not is_of_client(value):
            _greenlet_ends(value)
        return original(self, context, kind, value, tb)

    hub.handle_error = handle_error
    return True


def _greenlet_ends(exc: BaseException) -> None:
    """Report *exc* later: a request may ask for the result, and its own event says more."""
    seconds = STATE.settings.log_record_timeout if STATE.settings is not None else 0.0
    DEADLINES.add(seconds, functools.partial(_report, exc, "gevent"))


def _report(exc: BaseException | None, mechanism: str) -> None:
    # A boundary that has decided on it may have passed it on.
    if STATE.reporter is not None and exc is not None and not was_decided(exc):
        STATE.reporter.capture_unhandled(exc, mechanism)


class _Imports:
    """Waits for the import of gevent, which comes after ``init`` in some servers; finds nothing."""

    @staticmethod
    def find_spec(*_: object) -> None:
        if watch_greenlets():
            sys.meta_path.remove(_Imports)

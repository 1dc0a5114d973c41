"""How a process can end, and what is done before it does (H1).

| how the process ends                       | what is done           | what is patched        |
|--------------------------------------------|------------------------|------------------------|
| it returns, raises, calls `sys.exit`       | a flush at exit        | nothing: `atexit`      |
| `os._exit`: children of `multiprocessing`, |                        |                        |
| RQ's work horse, a daemon's parent         | a flush before         | `os._exit`             |
| another program replaces it                | a flush before         | `os.execv, os.execve`  |
| SIGTERM that nobody handles                | a flush in a handler,  | the handler of SIGTERM |
|                                            | then the signal again  |                        |
| it sends itself SIGTERM or the like, and   | a flush before         | `signal.raise_signal`, |
| nobody handles it, as uvicorn does         |                        | `os.kill`              |
| Django's or werkzeug's reloader kills it   | SIGTERM to it before   | `os.kill` (Linux)      |
| its server ends the application            | a flush by the adapter | nothing                |
| SIGKILL, a crash, `_exit` in C code        | nothing can be done    |                        |

A healthy request pays nothing. An end at which nothing waits pays a microsecond. ``flush_timeout``
bounds all flushes of an end together; with 0 nothing here is installed. ``flush_on_sigterm=False``
leaves signals alone.
"""

from __future__ import annotations

import _thread
import atexit
import contextlib
import functools
import os
import signal
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sentryinit._state import STATE

# Seconds that a flush in a thread may take longer than asked for: its last lines in the log.
_GRACE = 0.2
# Their default action ends the process.
_DEADLY = frozenset({"SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGTERM"})
_RELOADED = "RUN_MAIN", "WERKZEUG_RUN_MAIN"
_kill = os.kill
# The signals that a thread that forks has blocked before.
_mask = threading.local()
_is_watching = False
# The process that a signal ends, by its id: a fork of it is another one.
_is_ending = 0


def watch_ends() -> None:
    """Flush before this process ends."""
    global _is_watching  # noqa: PLW0603 # an exit hook is registered once
    if STATE.settings is None or not STATE.settings.flush_timeout:
        return
    if not _is_watching:
        _is_watching = True
        # After that of sentry-sdk, so it runs earlier.
        atexit.register(_at_exit)
        calls = _CALLS + (_SIGNALS if STATE.settings.flush_on_sigterm else ())
        for module, name, is_end in calls:
            # Windows has not all of them.
            if hasattr(module, name):
                setattr(module, name, _flushing_before(module, name, is_end))
        # A platform without fork has no such function.
        getattr(os, "register_at_fork", dict)(
            before=_hold_sigterm, after_in_parent=_release_sigterm, after_in_child=_release_sigterm
        )
    watch_sigterm()


def watch_sigterm() -> None:
    """Handle SIGTERM if nobody does and the setting says so."""
    # Python takes handlers in the main thread of the main interpreter only.
    with contextlib.suppress(ValueError):
        if _signals_count() and _is_default(signal.SIGTERM):
            signal.signal(signal.SIGTERM, _on_sigterm)
        elif not _signals_count() and signal.getsignal(signal.SIGTERM) is _on_sigterm:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _hold_sigterm() -> None:
    """Block SIGTERM: Python forgets in a child what a handler in C has noted during the fork."""
    if signal.getsignal(signal.SIGTERM) is _on_sigterm:
        _mask.old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _release_sigterm() -> None:
    old = vars(_mask).pop("old", None)
    if old is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)


def flush_now() -> None:
    """Flush if something waits, in a thread: who calls may hold a lock that the flush needs."""
    reporter, settings = STATE.reporter, STATE.settings
    if reporter is None or settings is None or not reporter.waiting():
        return
    done = _thread.allocate_lock()
    done.acquire()

    def flush() -> None:
        try:
            reporter.flush(last=True)
        finally:
            done.release()

    try:
        # Not threading: its start() waits, which the event loop of gevent must not.
        _thread.start_new_thread(flush, ())
    except RuntimeError:
        # Python starts no thread any more.
        reporter.flush(last=True)
    else:
        done.acquire(timeout=settings.flush_timeout + _GRACE)


def _at_exit() -> None:
    reporter = STATE.reporter
    if reporter is None:
        return
    # An event loop sets the default action back at its end; a server may send another signal.
    watch_sigterm()
    try:
        reporter.flush(last=True)
    except BaseException:
        # The handler of a second signal has raised: gunicorn's gevent worker at Ctrl-C.
        reporter.flush(last=True)
        raise


def _flushing_before(module: Any, name: str, is_end: Callable[..., bool]) -> Any:
    """Return a function of *module* with a flush before it, where *is_end* says that it ends."""
    original = getattr(module, name)

    @functools.wraps(original)
    def end(*args: Any, **kwargs: Any) -> Any:
        # Whatever happens: the process ends as it would without us.
        with contextlib.suppress(BaseException):
            if is_end(*args, **kwargs):
                flush_now()
        return original(*args, **kwargs)

    # That of the original is "posix": pickle would look for it there.
    end.__module__ = module.__name__
    return end


def _is_program(path: Any, *_: object, **__: object) -> bool:
    # execvp() tries one folder after the other. A number is an open file.
    return isinstance(path, int) or os.access(path, os.X_OK)


def _is_suicide(pid: int, sig: int) -> bool:
    if sig == signal.SIGKILL and pid > 0 and _signals_count():
        _end_reloaded(pid)
    return pid == os.getpid() and _is_deadly(sig)


def _end_reloaded(pid: int) -> None:
    """End the child of a reloader by SIGTERM first: Django and werkzeug kill it at once.

    They set RUN_MAIN or WERKZEUG_RUN_MAIN in its environment, which its own children inherit.
    """
    found = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    names = [name for name in _RELOADED if f"{name}=true".encode() in found]
    if STATE.settings is None or not names or any(name in os.environ for name in names):
        return
    _kill(pid, signal.SIGTERM)
    end = time.monotonic() + STATE.settings.flush_timeout + 1
    running = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while time.monotonic() < end and os.waitid(os.P_PID, pid, running) is None:
        time.sleep(0.02)


def _is_deadly(signalnum: int) -> bool:
    is_end = signal.Signals(signalnum).name in _DEADLY
    return is_end and _signals_count() and _is_default(signalnum)


def _signals_count() -> bool:
    # The kernel ignores the signals to PID 1 that nobody handles.
    return bool(STATE.settings and STATE.settings.flush_on_sigterm) and os.getpid() != 1


def _is_default(signalnum: int) -> bool:
    """Return True if nobody handles or ignores the signal, neither in Python nor in C code."""
    if signal.getsignal(signalnum) is not signal.SIG_DFL:
        return False
    # Linux only. Without it, what Python knows counts.
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text("utf-8", "replace").splitlines():
            name, _, mask = line.partition(":")
            if name in ("SigIgn", "SigCgt") and int(mask, 16) >> (signalnum - 1) & 1:
                return False
    return True


def _on_sigterm(signum: int, _frame: object) -> None:
    if signal.getsignal(signum) is not _on_sigterm or os.getpid() == 1:
        # A handler that was set later calls the one before it; or a child inherited this one.
        return
    global _is_ending  # noqa: PLW0603 # a process ends once
    if _is_ending == os.getpid():
        return  # hypercorn's parent sends two: the flush is bounded, and goes on
    _is_ending = os.getpid()
    if isinstance(_thread.start_new_thread, types.BuiltinFunctionType):
        _flush_and_kill(signum)
    else:
        # gevent runs signal handlers in its event loop, where nothing may wait.
        _thread.start_new_thread(_flush_and_kill, (signum,))


def _flush_and_kill(signum: int) -> None:
    with contextlib.suppress(BaseException):  # the signal has to end the process
        flush_now()
    # Again, so that the exit status is that of the signal.
    signal.signal(signum, signal.SIG_DFL)
    _kill(os.getpid(), signum)


# What ends the process, and whether a call does; the same for signals.
_CALLS: tuple[tuple[Any, str, Callable[..., bool]], ...] = (
    (os, "_exit", lambda *_, **__: True),
    (os, "execv", _is_program),
    (os, "execve", _is_program),
)
_SIGNALS: tuple[tuple[Any, str, Callable[..., bool]], ...] = (
    (os, "kill", _is_suicide),
    (signal, "raise_signal", _is_deadly),
)

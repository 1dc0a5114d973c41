"""How a process can end: nothing that waits is lost, and it ends as it would without us (H1)."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.service import Bench, Process, inherited
from harness.sink import Event

THREE = ["message 0", "message 1", "message 2"]
TERM = -signal.SIGTERM

PRELUDE = """
import _thread, asyncio, multiprocessing, os, signal, subprocess, sys, threading, time
import sentry_sdk, sentryinit
from pathlib import Path

def queue(*_):
    for number in range(3):
        sentry_sdk.capture_message(f"message {number}")

def ready():
    Path("ready").touch()

def fail(*_):
    raise LookupError("no price")

INIT
"""
INIT = 'handle = sentryinit.init("shop")'
Program = Callable[..., Process]


@pytest.fixture
def program(bench: Bench, tmp_path: Path) -> Program:
    """Start a program that sends to a backend that takes 0.3 s for each event.

    *init*: the line that sets up reporting. *until*: what the program creates when it has come to
    the point where it waits to be ended.
    """

    def start(
        code: str, *, init: str = INIT, delay: float = 0.3, ready: bool = False, **environ: str
    ) -> Process:
        box = bench.sink.mailbox()
        box.delay = delay
        path = tmp_path / "program.py"
        path.write_text(PRELUDE.replace("INIT", init) + code)
        variables = {**inherited(), "SENTRY_DSN": box.dsn, **environ}
        command = [sys.executable, str(path)]
        log = tmp_path / "output"
        process = Process("program", command, variables, log, box, folder=tmp_path)
        bench.used.append(process)
        if ready:
            end = time.monotonic() + 20
            while not (tmp_path / "ready").exists():
                assert process.popen.poll() is None, process.output
                assert time.monotonic() < end
                time.sleep(0.02)
        return process

    return start


def texts(events: list[Event]) -> list[str]:
    """Return the sorted texts of *events*: of a message, or the class of an exception."""
    return sorted(e.error or str(e.data.get("logentry", e.data)["message"]) for e in events)


def ends(process: Process, status: int) -> list[str]:
    """Return the texts of what *process* has sent, after it has ended with *status*."""
    assert process.wait() == status, process.output
    return texts(process.mailbox.drain())


WAIT = "queue(); ready(); time.sleep(20)"


@pytest.mark.parametrize(
    "code,status",
    [
        ("queue(); os._exit(3)", 3),
        ("queue(); os._exit(status=3)", 3),
        (
            "queue()\ntry:\n    os._exit('no status')\nexcept TypeError:\n    os._exit(4)",
            4,
        ),
        ("thread = threading.Thread(target=lambda: (queue(), os._exit(5)))\nthread.start()", 5),
        (
            # A handler runs in the middle of anything; here its thread holds a lock.
            "lock = sentry_sdk.get_client().transport\n"
            "signal.signal(signal.SIGUSR1, lambda *_: os._exit(6))\n"
            "queue(); os.kill(os.getpid(), signal.SIGUSR1)",
            6,
        ),
        ("queue()\nif os.fork():\n    os._exit(0)\nos.setsid()\nos._exit(1)", 0),
        ("queue(); os.execv(sys.executable, [sys.executable, '-c', 'raise SystemExit(7)'])", 7),
        ("queue(); os.execlp('true', 'true')", 0),
        ("queue(); os.execlpe('false', 'false', os.environ)", 1),
        ("queue(); signal.raise_signal(signal.SIGTERM)", TERM),
        ("queue(); os.kill(os.getpid(), signal.SIGKILL)", -9),
        ("with handle:\n    queue(); os.kill(os.getpid(), signal.SIGTERM)", TERM),
        ("import atexit; atexit.register(os._exit, 8); queue()", 8),
    ],
)
def test_events_that_wait_leave_before_the_process_ends(
    program: Program, code: str, status: int
) -> None:
    """By a call that runs no exit hook; the exit status is what it is without us."""
    assert ends(program(code), status) == THREE


@pytest.mark.parametrize(
    "code",
    [
        WAIT,
        "with handle:\n    " + WAIT,
        "async def main():\n    queue(); ready(); await asyncio.sleep(20)\nasyncio.run(main())",
        "thread = threading.Thread(target=lambda: (queue(), ready(), time.sleep(20)))\n"
        "thread.start(); thread.join()",
    ],
)
def test_sigterm_without_a_handler_is_flushed(program: Program, code: str) -> None:
    """The process ends by the signal, as its parent sees it, once its events have left."""
    process = program(code, ready=True)
    process.popen.terminate()
    assert ends(process, TERM) == THREE


def test_second_sigterm_ends_the_process_at_once(program: Program) -> None:
    """The first one waits for a backend that takes 20 s for an event."""
    process = program(
        "sys.flush = 1; " + WAIT, init=INIT[:-1] + ", flush_timeout=15.0)", ready=True
    )
    process.mailbox.answers.clear()
    process.popen.terminate()
    time.sleep(0.5)
    assert process.popen.poll() is None
    process.popen.terminate()
    start = time.monotonic()
    assert process.wait() == TERM
    assert time.monotonic() - start < 5
    process.mailbox.answers.set()


@pytest.mark.parametrize(
    "how", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGTERM)", "sys.exit(3)"]
)
def test_dead_backend_delays_an_end_by_the_timeout(program: Program, how: str) -> None:
    """All flushes of an end together take at most ``flush_timeout``."""
    code = f"queue(); start = time.monotonic(); Path('t').write_text(str(time.time())); {how}"
    process = program(code, init=INIT[:-1] + ", flush_timeout=1.0)")
    process.mailbox.answers.clear()
    process.wait()
    begun = float(
        (process.popen.args and Path(str(process.popen.args[1])).parent / "t").read_text()
    )
    taken = time.time() - begun
    process.mailbox.answers.set()
    assert 0.8 < taken < 3, taken


HANDLERS = """
import faulthandler, ctypes
def mine(*_):
    os.write(1, b"mine\\n")
found = []
"""


@pytest.mark.parametrize(
    "before,after,expected",
    [
        ("", "", True),
        ("signal.signal(15, signal.SIG_IGN)", "", "Handlers.SIG_IGN"),
        ("signal.signal(15, print)", "", "<built-in function print>"),
        ("", "signal.signal(15, print)", "<built-in function print>"),
        ("", "signal.signal(15, signal.SIG_DFL)", "Handlers.SIG_DFL"),
        # A handler in C code, which Python does not know: uWSGI has such ones.
        (
            "import ctypes; abort = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda _: None)\n"
            "ctypes.CDLL(None).signal(15, abort)",
            "",
            "Handlers.SIG_DFL",
        ),
        (
            "init = sentryinit.init; sentryinit.init = lambda *a, **k: "
            "[(t := threading.Thread(target=init, args=a, kwargs=k)).start(), t.join()]",
            "",
            "Handlers.SIG_DFL",
        ),
        ("os.environ['SENTRYINIT_FLUSH_ON_SIGTERM'] = '0'", "", "Handlers.SIG_DFL"),
        ("os.environ['SENTRYINIT_FLUSH_TIMEOUT'] = '0'", "", "Handlers.SIG_DFL"),
        ("os.environ['SENTRY_DSN'] = ''", "", "Handlers.SIG_DFL"),
        ("os.getpid = lambda: 1", "", "Handlers.SIG_DFL"),
        (
            "",
            "async def main():\n"
            "    loop = asyncio.get_running_loop()\n"
            "    loop.add_signal_handler(15, queue)\n"
            "    assert loop.remove_signal_handler(15)\n"
            "asyncio.run(main())",
            "Handlers.SIG_DFL",
        ),
    ],
)
def test_handler_of_sigterm_is_ours_only_where_there_is_none(
    program: Program, before: str, after: str, expected: str | bool
) -> None:
    """What the application, its server or its parent has set stays; so does PID 1."""
    code = f"{after}\nprint(repr(signal.getsignal(15)))"
    process = program(code, init=f"{before}\n{INIT}")
    assert ends(process, 0) == []
    if expected is True:
        assert "_on_sigterm" in process.output
    else:
        assert expected in process.output.replace("<Handlers", "Handlers")


def test_handler_that_calls_the_one_before_it_decides(program: Program) -> None:
    """Before us there was none to call: ours does nothing then."""
    process = program(
        "before = signal.getsignal(15)\n"
        "def handler(*args):\n"
        "    if callable(before):\n"
        "        before(*args)\n"
        "    sys.exit(9)\n"
        "signal.signal(15, handler)\n" + WAIT,
        ready=True,
    )
    process.popen.terminate()
    assert ends(process, 9) == THREE

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


@pytest.mark.parametrize(
    "code",
    [
        # Both run where Python 3.12 starts no thread any more.
        "import atexit; atexit.register(queue)",
        "main = threading.main_thread()\n"
        "threading.Thread(target=lambda: (main.join(), queue())).start()",
        # gunicorn's gevent worker at Ctrl-C: the handler of a second signal raises.
        "import atexit\n"
        "signal.signal(signal.SIGALRM, lambda *_: sys.exit(0))\n"
        "atexit.register(signal.setitimer, signal.ITIMER_REAL, 0.2); queue()",
    ],
    ids=["hook", "thread", "interrupted"],
)
def test_last_events_of_a_normal_end(program: Program, code: str) -> None:
    """Of an exit hook, of a thread that outlives the main one, in a flush that is interrupted."""
    assert ends(program(code), 0) == THREE


def test_forked_child_ends_like_its_parent(program: Program) -> None:
    """From the main thread and from another: SIGTERM, ``os._exit``, and counters from 0."""
    process = program(
        "queue(); handle.flush()\n"
        "def child(end):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        assert sentryinit.stats()['delivered'] == 0\n"
        "        sentry_sdk.capture_message(end)\n"
        "        exec(end)\n"
        "    print(os.waitpid(pid, 0)[1])\n"
        "for end in ('os.kill(os.getpid(), 15)', 'os._exit(3)', 'os.abort'[:0] or 'os._exit(4)'):\n"
        "    thread = threading.Thread(target=child, args=(end,))\n"
        "    child(end); thread.start(); thread.join()\n"
        "print(subprocess.run([sys.executable, '-c', 'import signal; print(signal.getsignal(15))'],"
        " capture_output=True, text=True).stdout)\n"
    )
    ours = ["os._exit(3)", "os._exit(4)", "os.kill(os.getpid(), 15)"]
    assert ends(process, 0) == sorted([*THREE, *ours, *ours])
    # Python warns of a fork while there are threads.
    shown = [each for each in process.output.split() if each.isdigit() or "SIG" in each]
    assert shown == [*["15"] * 2, *["768"] * 2, *["1024"] * 2, *shown[6:]]
    # A program that is executed starts with the default action.
    assert shown[6:] in (["Handlers.SIG_DFL"], ["0"])


CHILDREN = """
class Subclass(BASE):
    def run(self):
        queue(); fail()

def log():
    try:
        fail()
    except LookupError as error:
        import logging
        logging.getLogger("shop").exception("no price")
        raise

def interrupt():
    raise KeyboardInterrupt

def leave():
    sys.exit(3)

if __name__ == "__main__":
    # One after the other: their lines on stderr have an order.
    others = [CONTEXT.Process(target=each) for each in (log, interrupt, leave)]
    for child in (CONTEXT.Process(target=fail), Subclass(), *others[:OTHERS]):
        child.start(); child.join(); print(child.exitcode, flush=True)
    victim = CONTEXT.Process(target=time.sleep, args=(20,))
    victim.start(); victim.terminate(); victim.join(); print(victim.exitcode, flush=True)
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_exception_that_leaves_a_child_is_one_event(
    program: Program, tmp_path: Path, method: str
) -> None:
    """A13: with its other events; the child prints and returns what it does without us."""
    # A child that is not forked starts a new Python: fewer of them.
    others = 3 if method == "fork" else 0
    start = f"OTHERS = {others}; CONTEXT = multiprocessing.get_context({method!r})\n"
    start += "BASE = CONTEXT.Process\n"
    bare = program(start + CHILDREN, init="queue = print")
    assert ends(bare, 0) == []
    expected = bare.output
    process = program(start + CHILDREN, init=INIT + "; sys.stderr = sys.__stderr__")
    found = ends(process, 0)
    assert found == sorted([*["LookupError"] * (3 if others else 2), *THREE])
    lines = [line for line in process.output.splitlines() if "sentryinit" not in line]
    assert [e for e in expected.splitlines() if "<function" not in e and e] == [
        line for line in lines if line
    ]
    assert [each for each in lines if each.lstrip("-").isdigit()] == [
        *["1"] * 2,
        *["1", "1", "3"][:others],
        "-15",
    ]


def test_exception_that_leaves_a_child_which_sets_up_itself_is_one_event(program: Program) -> None:
    """A13: ``init`` in the target of a child that is not forked."""
    code = (
        "def target():\n"
        "    sentryinit.init('shop'); fail()\n"
        "if __name__ == '__main__':\n"
        "    child = multiprocessing.get_context('spawn').Process(target=target)\n"
        "    child.start(); child.join()\n"
    )
    assert ends(program(code, init=""), 0) == ["LookupError"]


POOLS = {
    "pool": "with multiprocessing.get_context(M).Pool(1) as pool:\n"
    "        pool.apply(queue); pool.close(); pool.join()",
    "executor": "from concurrent.futures import ProcessPoolExecutor\n"
    "    with ProcessPoolExecutor(1, multiprocessing.get_context(M)) as pool:\n"
    "        pool.submit(queue).result()",
    "terminated": "with multiprocessing.get_context(M).Pool(1) as pool:\n        pool.apply(queue)",
}


@pytest.mark.parametrize("method", ["fork", "forkserver"])
@pytest.mark.parametrize("pool", list(POOLS))
def test_events_of_workers_are_delivered(program: Program, pool: str, method: str) -> None:
    """The workers of pools end by ``os._exit``, or by SIGTERM."""
    code = "if __name__ == '__main__':\n    " + POOLS[pool].replace("M)", f"{method!r})")
    assert ends(program(code), 0) == THREE


GREENLETS = """
import gevent
def log():
    try:
        fail()
    except LookupError as error:
        sentry_sdk.capture_exception(error)
        raise
def leave():
    raise gevent.GreenletExit
for target in (fail, log, leave):
    gevent.spawn(target).join()
try:
    gevent.spawn(fail).get()
except LookupError:
    pass
"""
PATCH = "from gevent import monkey; monkey.patch_all()"


@pytest.mark.parametrize(
    "init,more",
    [
        (f"{PATCH}\n{INIT}", ""),
        (f"import gevent\n{INIT}", ""),
        (INIT, ""),
        (INIT, PATCH + "\n"),
        (INIT, "if os.fork():\n    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"),
    ],
    ids=["patched before", "imported before", "imported after", "patched after", "forked before"],
)
def test_exception_that_leaves_a_greenlet_is_one_event(
    program: Program, init: str, more: str
) -> None:
    """A13: also if it was captured before, or if somebody asks for the result."""
    pytest.importorskip("gevent", reason="`nox -s aborts` installs it")
    assert ends(program(more + GREENLETS, init=init), 0) == ["LookupError"] * 3


@pytest.mark.parametrize("raises", [True, False])
def test_greenlet_of_a_request_is_one_event_of_the_request(
    program: Program, *, raises: bool
) -> None:
    """A13: If the request fails with the exception, the event is about the request."""
    pytest.importorskip("gevent", reason="`nox -s aborts` installs it")
    code = (
        "import gevent\nfrom sentryinit.wsgi import SentryInitMiddleware\n"
        "from wsgiref.util import setup_testing_defaults as defaults\n"
        "def app(environ, start_response):\n"
        f"    gevent.spawn(fail).{'get' if raises else 'join'}()\n"
        "    start_response('200 OK', [])\n    return []\n"
        "environ = {}\ndefaults(environ)\n"
        "try:\n    list(SentryInitMiddleware(app)(environ, lambda *_: print))\n"
        "except LookupError:\n    pass\n"
    )
    process = program(code, init=f"{PATCH}\n{INIT}")
    assert process.wait() == 0
    events = process.mailbox.drain()
    assert texts(events) == ["LookupError"]
    assert [e.mechanism["type"] for e in events] == ["wsgi" if raises else "gevent"]


@pytest.mark.parametrize("init", [f"{PATCH}\n{INIT}", f"import gevent\n{INIT}"])
def test_sigterm_of_a_gevent_program_is_flushed(program: Program, init: str) -> None:
    """Signal handlers run in the event loop of gevent, where nothing can wait."""
    pytest.importorskip("gevent", reason="`nox -s aborts` installs it")
    process = program("import gevent; queue(); ready(); gevent.sleep(20)", init=init, ready=True)
    process.popen.terminate()
    assert ends(process, TERM) == THREE

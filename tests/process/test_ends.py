"""How a process can end: nothing that waits is lost, and it ends as it would without us (H1)."""

from __future__ import annotations

import signal
import time

import pytest

from harness.programs import INIT, THREE, Programs, ends

TERM = -signal.SIGTERM
# What ends a process, and its status.
ENDS = {
    "os._exit(status=3)": 3,
    "try:\n    os._exit('no status')\nexcept TypeError:\n    os._exit(4)": 4,
    "thread = threading.Thread(target=lambda: os._exit(5))\nthread.start(); thread.join()": 5,
    # A handler runs in the middle of anything; here its thread holds a lock that a flush needs.
    "from sentryinit._state import STATE\n"
    "signal.signal(signal.SIGUSR1, lambda *_: os._exit(6))\n"
    "with STATE.reporter._limiter._lock:\n"
    "    signal.raise_signal(signal.SIGUSR1)": 6,
    "if os.fork():\n    os._exit(0)\nos.setsid()\nos._exit(1)": 0,
    "os.execv(sys.executable, [sys.executable, '-c', 'raise SystemExit(7)'])": 7,
    "os.execlpe('false', 'false', os.environ)": 1,
    "program = os.open(sys.executable, os.O_RDONLY)\n"
    "os.execve(program, ['python', '-c', 'raise SystemExit(9)'], os.environ)": 9,
    "signal.raise_signal(signal.SIGTERM)": TERM,
    "os.kill(os.getpid(), signal.SIGKILL)": -signal.SIGKILL,
    "with handle:\n    os.kill(os.getpid(), signal.SIGTERM)": TERM,
    "import atexit; atexit.register(os._exit, 8)": 8,
    "raise KeyboardInterrupt": -signal.SIGINT,
}


def test_events_that_wait_leave_before_the_process_ends(programs: Programs) -> None:
    """By a call that runs no exit hook; the exit status is what it is without us."""
    found = programs.run_each([f"{INIT}; queue()\n{code}" for code in ENDS])
    expected = {code: (status, THREE) for code, status in ENDS.items()}
    assert dict(zip(ENDS, found, strict=True)) == expected


# Both of the first run where Python 3.12 starts no thread any more.
NORMAL = {
    "hook": "import atexit; atexit.register(queue)",
    "thread": "main = threading.main_thread()\n"
    "threading.Thread(target=lambda: (main.join(), queue())).start()",
    # gunicorn's gevent worker at Ctrl-C: the handler of a second signal raises.
    "interrupted": "import atexit\n"
    "signal.signal(signal.SIGALRM, lambda *_: sys.exit(0))\n"
    "atexit.register(signal.setitimer, signal.ITIMER_REAL, 0.05); queue()",
}


def test_last_events_of_a_normal_end(programs: Programs) -> None:
    """Of an exit hook, of a thread that outlives the main one, in a flush that is interrupted."""
    found = programs.run_each([f"{INIT}\n{code}" for code in NORMAL.values()])
    assert dict(zip(NORMAL, found, strict=True)) == dict.fromkeys(NORMAL, (0, THREE))


WAIT = "queue(); ready(); time.sleep(20)"


@pytest.mark.parametrize(
    "code",
    [
        "with handle:\n    " + WAIT,
        "async def main():\n    queue(); ready(); await asyncio.sleep(20)\nasyncio.run(main())",
        "thread = threading.Thread(target=lambda: (queue(), ready(), time.sleep(20)))\n"
        "thread.start(); thread.join()",
    ],
    ids=["block", "asyncio", "thread"],
)
def test_sigterm_without_a_handler_is_flushed(programs: Programs, code: str) -> None:
    """The process ends by the signal, as its parent sees it, once its events have left."""
    process = programs.start(code, ready=True)
    process.popen.terminate()
    assert ends(process, TERM) == THREE


def test_second_sigterm_does_not_end_the_flush(programs: Programs) -> None:
    """Some servers send two, such as hypercorn's parent."""
    process = programs.start(WAIT, ready=True)
    for _ in range(3):
        process.popen.terminate()
        time.sleep(0.1)
    assert ends(process, TERM) == THREE


@pytest.mark.parametrize(
    "how", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGTERM)", "sys.exit(3)"]
)
def test_dead_backend_delays_an_end_by_the_timeout(programs: Programs, how: str) -> None:
    """All flushes of an end together take at most ``flush_timeout``."""
    init = INIT[:-1] + ", flush_timeout=1.0)"
    process = programs.start(
        f"queue(); print(time.time(), flush=True); {how}", init=init, answers=False
    )
    process.wait()
    ended = time.time()
    process.mailbox.answers.set()
    assert 0.8 < ended - float(process.output.split()[0]) < 3


# The hook at exit that is registered first runs last: it measures the end.
SERVED = """
import atexit, urllib.request
begun = 0.0

@atexit.register
def done():
    if begun:  # in the process that serves
        print("took", time.monotonic() - begun, flush=True)

def leave():
    global begun
    begun = time.monotonic()
    sys.exit(3)

def ask(port):
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/")
        except OSError:
            time.sleep(0.05)  # it does not listen yet

with socket.create_server(("127.0.0.1", 0)) as listener:
    port = listener.getsockname()[1]
threading.Thread(target=ask, args=[port], daemon=True).start()
handle = sentryinit.init("shop", flush_timeout=2.0)
"""
WSGIREF = """
from wsgiref import simple_server
from sentryinit.wsgi import SentryInitMiddleware
class Handler(simple_server.ServerHandler):
    def handle_error(self):
        raise  # else wsgiref answers 500 and goes on
    def close(self):
        pass  # it logs the status, and there is none
simple_server.ServerHandler = Handler
server = simple_server.make_server("127.0.0.1", port, SentryInitMiddleware(lambda *_: leave()))
server.serve_forever()
"""
HYPERCORN = """
from hypercorn.asyncio import serve
from hypercorn.config import Config
from sentryinit.asgi import SentryInitMiddleware
async def app(scope, receive, send):
    assert scope["type"] == "http"
    leave()
config = Config()
config.bind = [f"127.0.0.1:{port}"]
asyncio.run(serve(SentryInitMiddleware(app), config))
"""


@pytest.mark.parametrize("server", [WSGIREF, HYPERCORN], ids=["wsgi", "asgi"])
def test_exit_in_a_request_waits_once_for_a_dead_backend(programs: Programs, server: str) -> None:
    """A11: the flush in the request and the one at exit have one ``flush_timeout`` together."""
    process = programs.start(SERVED + server, init="import socket", answers=False)
    assert process.wait() == 3, process.output
    process.mailbox.answers.set()
    took = [line.split()[1] for line in process.output.splitlines() if line.startswith("took")]
    # Twice would be 4 seconds.
    assert [1.9 < float(each) < 3.8 for each in took] == [True]


CAUGHT = """
from wsgiref.util import setup_testing_defaults
from sentryinit.wsgi import SentryInitMiddleware
environ = {}
setup_testing_defaults(environ)
for _ in range(2):
    try:
        SentryInitMiddleware(lambda *_: sys.exit(3))(environ, print)
    except SystemExit:
        time.sleep(0.3)  # the server answers 500 and goes on
"""


def test_exit_that_the_server_catches_takes_no_time_from_the_end(programs: Programs) -> None:
    """H1: The flush at the end has its own time."""
    process = programs.start(
        CAUGHT + "queue(); signal.raise_signal(signal.SIGTERM)",
        init=INIT[:-1] + ", flush_timeout=0.5)",
    )
    assert ends(process, TERM) == sorted(["SystemExit", "SystemExit", *THREE])


def test_exit_that_the_server_catches_gives_nothing_up(programs: Programs) -> None:
    """A11: What a dead backend has not taken still waits; the log says nothing of an end."""
    process = programs.start(
        CAUGHT + "print(sentryinit.stats()['lost_at_exit'], 'lost', flush=True)",
        init=INIT[:-1] + ", flush_timeout=0.5)",
        answers=False,
    )
    assert process.wait() == 0
    process.mailbox.answers.set()
    before, _, after = process.output.partition("0 lost\n")
    assert (before, after.count("the last flush is over; 2 failures")) == ("", 1)


# A line before init, one after it, and who handles SIGTERM then.
DEFAULT = "Handlers.SIG_DFL"
HANDLERS = [
    ("", "", "_on_sigterm"),
    ("signal.signal(15, signal.SIG_IGN)", "", "Handlers.SIG_IGN"),
    ("signal.signal(15, print)", "", "<built-in function print>"),
    ("", "signal.signal(15, print)", "<built-in function print>"),
    ("", "signal.signal(15, signal.SIG_DFL)", DEFAULT),
    # A handler in C code, which Python does not know: uWSGI has such ones.
    (
        "import ctypes; abort = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda _: None)\n"
        "ctypes.CDLL(None).signal(15, abort)",
        "",
        DEFAULT,
    ),
    (
        "init = sentryinit.init; sentryinit.init = lambda *a, **k: "
        "[(t := threading.Thread(target=init, args=a, kwargs=k)).start(), t.join()]",
        "",
        DEFAULT,
    ),
    ("os.environ['SENTRYINIT_FLUSH_ON_SIGTERM'] = '0'", "", DEFAULT),
    ("os.environ['SENTRYINIT_FLUSH_TIMEOUT'] = '0'", "", DEFAULT),
    ("os.environ['SENTRY_DSN'] = ''", "", DEFAULT),
    ("os.getpid = lambda: 1", "", DEFAULT),
    (
        "",
        "async def main():\n"
        "    loop = asyncio.get_running_loop()\n"
        "    loop.add_signal_handler(15, queue)\n"
        "    assert loop.remove_signal_handler(15)\n"
        "asyncio.run(main())",
        DEFAULT,
    ),
]


def test_handler_of_sigterm_is_ours_only_where_there_is_none(programs: Programs) -> None:
    """What the application, its server or its parent has set stays; so does PID 1."""
    check = "found = repr(signal.getsignal(15))\nprint(found)\nsys.exit({!r} not in found)"
    codes = [
        f"{before}\n{INIT}\n{after}\n{check.format(expected)}"
        for before, after, expected in HANDLERS
    ]
    found = zip(HANDLERS, programs.run_each(codes), strict=True)
    assert [case for case, result in found if result != (0, [])] == []


def test_handler_that_calls_the_one_before_it_decides(programs: Programs) -> None:
    """Before us there was none to call: ours does nothing then."""
    process = programs.start(
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

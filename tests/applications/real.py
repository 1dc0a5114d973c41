"""An application in its own process, a client for it, and the events that it sends."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shlex
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from harness.bounds import DEADLINE, poll
from harness.service import Process, free_port, inherited
from harness.sink import Event, Sink
from harness.upstream import ABORTIVE

BIN = Path(sys.executable).parent
PAGE = Path(__file__).parents[2] / "docs/howto/not-yours.md"


def wiring(application: str) -> list[str]:
    """Return the command for *application* that the page has."""
    (line,) = re.findall(rf"^\$ python (.+ -- {application} .+)$", PAGE.read_text(), re.MULTILINE)
    return [sys.executable, *shlex.split(line)]


class Answer(NamedTuple):
    """A response."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Application:
    """An application with its folder, its port and its backend."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder, self.port = name, folder, free_port()
        self._sink = Sink()
        self._box = self._sink.mailbox()
        self._cookies: dict[str, str] = {}
        self.environ = inherited() | {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
            "SENTRYINIT_DSN": self._box.dsn,
            "SENTRYINIT_SERVICE": name,
        }

    def run(self, *command: str) -> None:
        """Run a command of the application, such as a migration."""
        subprocess.run(
            command, cwd=self.folder, env=self.environ, check=True, capture_output=True, timeout=180
        )

    @contextlib.contextmanager
    def serving(self, *command: str) -> Iterator[Process]:
        """Run the server while the block runs, until its last event has arrived."""
        log = self.folder / "server.log"
        process = Process(
            self.name, list(command), self.environ, log, self._box, folder=self.folder
        )
        try:
            poll(lambda: self._listens(process), f"{self.name} does not listen: see {log}", 180)
            yield process
        finally:
            process.end()

    def _listens(self, process: Process) -> bool:
        assert process.popen.poll() is None, f"{self.name} ended at start:\n{process.output}"
        with contextlib.suppress(OSError), self.connect():
            return True
        return False

    def events(self) -> list[Event]:
        """Return the events of the server that has ended."""
        events = self._box.drain()
        self._sink.shutdown()
        self._sink.server_close()
        return events

    def connect(self) -> socket.socket:
        """Return a new connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE)

    def ask(
        self,
        method: str,
        path: str,
        request_id: str = "ordinary",
        *,
        body: bytes | str | Mapping[str, str] = b"",
        **headers: str,
    ) -> Answer:
        """Send a request, with the cookies so far; a mapping as *body* is a form."""
        sent = self._headers(request_id, headers)
        if isinstance(body, Mapping):
            body = urlencode(body)
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        with contextlib.closing(connection):
            connection.request(method, path, body or None, sent)
            response = connection.getresponse()
            for cookie in response.headers.get_all("Set-Cookie", []):
                name, _, value = cookie.partition(";")[0].partition("=")
                self._cookies[name] = value
            return Answer(response.status, response.headers, response.read())

    def cookie(self, name: str) -> str:
        """Return the value of a cookie."""
        return self._cookies[name]

    @contextlib.contextmanager
    def asking(
        self, method: str, path: str, request_id: str, **headers: str
    ) -> Iterator[socket.socket]:
        """Send the head of a request; reset its connection at the end of the block."""
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
        sent = self._headers(request_id, headers)
        lines += [f"{name}: {value}" for name, value in sent.items()]
        with self.connect() as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            yield connection
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORTIVE)

    def _headers(self, request_id: str, headers: Mapping[str, str]) -> dict[str, str]:
        sent = {"X-Request-Id": request_id}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if self._cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return sent


def appointment(uid: str) -> str:
    """Return a calendar with one appointment."""
    text = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:test
BEGIN:VEVENT
UID:{uid}
DTSTAMP:20261130T000000Z
DTSTART:20261130T000000Z
END:VEVENT
END:VCALENDAR
"""
    return text.format(uid=uid).replace("\n", "\r\n")


def change(database: Path, statement: str) -> None:
    """Execute a statement in a database of SQLite."""
    with contextlib.closing(sqlite3.connect(database, timeout=DEADLINE)) as connection, connection:
        connection.execute(statement)


@contextlib.contextmanager
def without_table(database: Path, table: str) -> Iterator[None]:
    """Rename *table* while the block runs."""
    change(database, f"ALTER TABLE {table} RENAME TO away")
    yield
    change(database, f"ALTER TABLE away RENAME TO {table}")


def summary(events: list[Event]) -> list[tuple[str, ...]]:
    """Return request id, error or text, status, route and service of each event, sorted."""
    return sorted(
        (
            event.request_id,
            event.error or event.data["logentry"]["formatted"],
            event.tags.get("status_code", ""),
            event.data.get("transaction", ""),
            event.tags["service"],
        )
        for event in events
    )

"""A backend on a real socket that a test can make slow, silent or unwilling."""

from __future__ import annotations

import contextlib
import functools
import gzip
import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Arrival(NamedTuple):
    """An event that arrived: its text, its id, and the port of its connection."""

    text: str
    event_id: str
    port: int


class Handler(BaseHTTPRequestHandler):
    """Takes an envelope, then does what the test wants before it answers."""

    protocol_version = "HTTP/1.1"
    server: Backend

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        lines = body.split(b"\n")
        events = [
            json.loads(payload)
            for header, payload in zip(lines[1::2], lines[2::2], strict=False)
            if json.loads(header)["type"] == "event"
        ]
        if self.server.breaks(events):
            self.close_connection = True
            return
        if self.server.status < 300:
            self.server.accepted += events
        arrived = [Arrival(text(e), e["event_id"], self.client_address[1]) for e in events]
        self.server.take(arrived)
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Write nothing: the test sees what arrived."""


def text(event: dict[str, Any]) -> str:
    """Return the text by which the tests tell events apart."""
    return str(event.get("message") or event.get("logentry", {}).get("message"))


class Backend(ThreadingHTTPServer):
    """Answers *status* when *ready* returns True for a text, or after some seconds."""

    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        status: int = 200,
        ready: Callable[[Backend, str], bool] | None = None,
        *,
        port: int = 0,
    ) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.status, self._ready = status, ready
        self.arrived: list[Arrival] = []
        # What was answered with a status below 300; more headers; requests on a connection.
        self.accepted: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}
        self.breaks: Callable[[list[dict[str, Any]]], bool] = lambda events: False
        self.changed = threading.Condition()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._connections: list[socket.socket] = []

    @property
    def dsn(self) -> str:
        """The DSN of this backend."""
        return f"http://key@127.0.0.1:{self.server_port}/1"

    @property
    def texts(self) -> list[str]:
        """The texts of the events that arrived."""
        return [arrival.text for arrival in self.arrived]

    def take(self, arrived: list[Arrival]) -> None:
        """Store *arrived*, and wait until it may be answered."""
        with self.changed:
            self.arrived += arrived
            self.changed.notify_all()
            for arrival in arrived:
                self.changed.wait_for(functools.partial(self._may_answer, arrival.text), 8)

    def _may_answer(self, said: str) -> bool:
        return self._ready is None or self._ready(self, said)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection."""
        accepted = super().get_request()
        self._connections.append(accepted[0])
        return accepted

    def handle_error(self, *details: object) -> None:
        """Write nothing: processes end here while they are answered."""

    def __enter__(self) -> Backend:
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()
        for connection in self._connections:
            with contextlib.suppress(OSError):  # it has ended
                connection.shutdown(socket.SHUT_RDWR)

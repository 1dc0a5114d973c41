"""A backend on a real socket: it accepts Sentry envelopes, and tests wait for their content."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harness.bounds import wait_until

_NO_PROJECT = "0"


@dataclass(frozen=True)
class Event:
    """An event as it was received."""

    data: dict[str, Any]

    @property
    def request_id(self) -> str:
        """The ``X-Request-Id`` of the event's request; empty outside of requests."""
        headers: dict[str, str] = (self.data.get("request") or {}).get("headers") or {}
        return next((v for name, v in headers.items() if name.lower() == "x-request-id"), "")

    @property
    def exception(self) -> dict[str, Any]:
        """The outermost exception; empty for a message."""
        values = (self.data.get("exception") or {}).get("values") or [{}]
        return dict(values[-1])

    @property
    def error(self) -> str | None:
        """The name of the exception's class; None for a message."""
        return self.exception.get("type")

    @property
    def mechanism(self) -> dict[str, Any]:
        """The mechanism of the outermost exception."""
        return dict(self.exception.get("mechanism") or {})

    @property
    def tags(self) -> dict[str, str]:
        """The tags."""
        return dict(self.data.get("tags") or {})

    def __str__(self) -> str:
        what = self.error or (self.data.get("logentry") or {}).get("formatted")
        return f"{what} of request {self.request_id or '?'} {self.tags}"


class Mailbox:
    """The events of one project, in the order of arrival."""

    def __init__(self, sink: Sink, project: str) -> None:
        self._sink, self.project = sink, project
        self.events: list[Event] = []
        # The types of items that are not events; there should be none.
        self.others: list[str] = []
        # Seconds that the backend takes for each envelope.
        self.delay = 0.0
        # If cleared, the backend accepts envelopes and does not answer.
        self.answers = threading.Event()
        self.answers.set()
        self._read = 0

    @property
    def dsn(self) -> str:
        """The DSN of this project."""
        return f"http://key@127.0.0.1:{self._sink.port}/{self.project}"

    def wait_for(self, request_id: str) -> Event:
        """Return the event of the request *request_id* when it has arrived."""
        return self.wait_for_some(1, request_id)[0]

    def wait_for_some(self, count: int, request_id: str = "") -> list[Event]:
        """Return the unread events, of *request_id* if given, when there are *count* of them."""

        def found() -> list[Event]:
            unread = self.events[self._read :]
            return [e for e in unread if not request_id or e.request_id == request_id]

        changed = self._sink.changed
        with changed:
            wait_until(
                changed,
                lambda: len(found()) >= count,
                lambda: f"{count} event(s) {request_id} expected, got {self._unread()}",
            )
            return found()

    def take(self) -> list[Event]:
        """Return the unread events, and mark them as read."""
        with self._sink.changed:
            unread, self._read = self.events[self._read :], len(self.events)
            assert not self.others, f"items that are not events were sent: {self.others}"
            return unread

    def drain(self) -> list[Event]:
        """Return the unread events of a process that has ended."""
        self._sink.settle(self.project)
        return self.take()

    def _unread(self) -> list[str]:
        return [str(event) for event in self.events[self._read :]]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Sink

    def do_POST(self) -> None:
        project = self.path.strip("/").split("/")[1]
        self.server.belongs(self.connection, project)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if project != _NO_PROJECT:
            self.server.deliver(project, body)
        answer = b"{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *words: object) -> None:
        """Write nothing: what arrived is in the mailboxes."""


class Sink(ThreadingHTTPServer):
    """The backend. Each service has its own project, and so its own mailbox."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.changed = threading.Condition()
        self.mailboxes: dict[str, Mailbox] = {}
        # The project of each open connection; None until it has sent its path.
        self._open: dict[socket.socket, str | None] = {}
        threading.Thread(target=self.serve_forever, args=(0.05,), name="sink", daemon=True).start()

    @property
    def port(self) -> int:
        """The port of the backend."""
        return int(self.server_address[1])

    def mailbox(self) -> Mailbox:
        """Return the mailbox of a new project."""
        box = Mailbox(self, str(len(self.mailboxes) + 1))
        self.mailboxes[box.project] = box
        return box

    def deliver(self, project: str, envelope: bytes) -> None:
        """Store *envelope*, after the delay of the project."""
        box = self.mailboxes[project]
        time.sleep(box.delay)
        with self.changed:
            for kind, payload in items(envelope):
                if kind == "event":
                    box.events.append(Event(json.loads(payload)))
                elif kind != "client_report":
                    box.others.append(kind)
            self.changed.notify_all()
        box.answers.wait()

    def belongs(self, connection: socket.socket, project: str) -> None:
        """Record that *connection* belongs to *project*."""
        with self.changed:
            self._open[connection] = project
            self.changed.notify_all()

    def settle(self, project: str) -> None:
        """Return when everything that ended processes have sent for *project* is stored.

        Connections are accepted in order: when a request of our own is answered, all earlier ones
        are known. Each of them must end, or belong to another project.
        """
        probe = http.client.HTTPConnection("127.0.0.1", self.port)
        probe.request("POST", f"/api/{_NO_PROJECT}/envelope/")
        probe.getresponse().read()
        with self.changed:
            earlier = list(self._open)

            def settled() -> bool:
                projects = [self._open.get(connection, _NO_PROJECT) for connection in earlier]
                return not {None, project}.intersection(projects)

            wait_until(self.changed, settled, lambda: f"project {project} is still connected")
        probe.close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Record the connection, in the order of arrival, before it gets a thread."""
        with self.changed:
            self._open[request] = None
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Remove the closed connection."""
        super().shutdown_request(request)
        with self.changed:
            self._open.pop(request, None)
            self.changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write nothing: services are killed while they send."""


def items(envelope: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield type and payload of each item of *envelope*."""
    _, _, rest = envelope.partition(b"\n")
    while rest.strip():
        line, _, rest = rest.partition(b"\n")
        header = json.loads(line)
        length = header.get("length", rest.find(b"\n"))
        yield header["type"], rest[:length]
        rest = rest[length:].removeprefix(b"\n")

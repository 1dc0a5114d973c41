"""A backend on a socket of its own: it answers late, or wrongly, and de-duplicates nothing."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harness.sink import items

# l_onoff, l_linger: close() sends RST.
_ABORTIVE = struct.pack("ii", 1, 0)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two packets: the second would wait for the client's delayed ACK.
    disable_nagle_algorithm = True
    server: Backend

    def do_POST(self) -> None:
        backend = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/probe":
            self.answer(200)
            return
        backend.posts.append(time.monotonic())
        mode = backend.mode
        if mode == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORTIVE)
            self.close_connection = True
            return
        if mode == "hang":
            backend.over.wait()
            self.close_connection = True
            return
        if mode.isdigit():
            self.answer(int(mode))
            return
        time.sleep(backend.delay)
        if backend.mode == "refuse":
            self.close_connection = True
            return
        backend.store(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
        self.answer(200)
        if backend.closes_after is not None:
            time.sleep(backend.closes_after)
            self.close_connection = True

    def answer(self, status: int) -> None:
        self.send_response(status)
        for name, value in self.server.headers.items() if status == 429 else ():
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *words: object) -> None:
        """Write nothing."""


class Backend(ThreadingHTTPServer):
    """A backend for one process.

    *delay*: seconds before each answer. *mode*: "ok", "reset", "hang", "refuse", or a status.
    *headers*: those of a 429. *closes_after*: it closes each connection so many seconds after an
    answer that did not say so. *tls*: serve HTTPS.
    """

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, delay: float = 0.3, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.delay, self.mode, self.headers = delay, "ok", dict[str, str]()
        self.closes_after: float | None = None
        # When each envelope came; the id of each event, and the failures that it tells of.
        self.posts: list[float] = []
        self.ids: list[str] = []
        self.told = 0
        self.over = threading.Event()
        self._tls = tls
        self._lock = threading.Lock()
        self._open = set[socket.socket]()
        self._listen()

    @property
    def dsn(self) -> str:
        """The DSN of the only project."""
        return f"http{'s' * bool(self._tls)}://key@127.0.0.1:{self.server_address[1]}/1"

    def store(self, envelope: bytes) -> None:
        """Record the events of *envelope*."""
        events = [json.loads(payload) for kind, payload in items(envelope) if kind == "event"]
        with self._lock:
            for event in events:
                ours = (event.get("contexts") or {}).get("sentryinit") or {}
                self.told += int(ours.get("suppressed", 0))
                # A summary is no failure itself.
                if "kinds" not in ours:
                    self.ids.append(event["event_id"])

    def become(self, mode: str) -> None:
        """Change how requests are answered; "refuse" closes the port, and each connection."""
        if self.mode == "hang":
            self.over.set()
        if mode == "refuse":
            self._deafen()
            for connection in list(self._open):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        elif self.mode == "refuse":
            self.socket = socket.create_server(self.server_address[:2])
            self._listen()
        self.mode = mode

    def _listen(self) -> None:
        # The poll is how long the end takes, not an answer.
        self._thread = threading.Thread(target=self.serve_forever, args=(0.2,))
        self._thread.start()

    def _deafen(self) -> None:
        self.shutdown()
        self._thread.join()
        self.socket.close()

    def settle(self) -> None:
        """Return when all that ended processes have sent is stored; the backend ends with it."""
        self.over.set()
        if self._tls is None:
            # Connections are accepted in order: after this one no earlier one is unknown.
            with socket.create_connection(self.server_address[:2], timeout=10) as probe:
                probe.sendall(b"POST /probe HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
                probe.recv(100)
        self._deafen()
        # Waits for the threads of all connections: the processes have ended.
        self.server_close()

    def __enter__(self) -> Backend:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self.settle()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection; with TLS, after its handshake, which is expected to fail."""
        if self._tls is not None:
            request = self._tls.wrap_socket(request, server_side=True)
        self._open.add(request)
        super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write nothing: processes are killed while they send."""

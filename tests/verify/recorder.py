"""A proxy that remembers the requests it forwards: what was sent is known without the command."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

# Headers whose values an event may have: they are no secret, and nobody plants one there.
HARMLESS = frozenset("accept accept-encoding connection cache-control host user-agent".split())
NONCE = "x-sentryinit-nonce"


class Request:
    """A request that was forwarded."""

    def __init__(self, path: str, headers: dict[str, str]) -> None:
        self.path, self.headers = path, headers

    @property
    def nonce(self) -> str:
        return self.headers[NONCE]

    def planted(self) -> list[str]:
        """Return all values of the request that no event may contain."""
        values = [v for k, v in self.headers.items() if k not in {*HARMLESS, NONCE}]
        values += [value for _, value in parse_qsl(urlsplit(self.path).query)]
        # `Bearer <value>`, `name=<value>`: the value alone is what would leak.
        return [value.rpartition(" ")[2].rpartition("=")[2] or value for value in values]


class Recorder(ThreadingHTTPServer):
    """A server on a free port that forwards to the server at *url*."""

    def __init__(self, url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(url)
        self.requests: list[Request] = []

    @property
    def route(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{self.target.path}"


class _Handler(BaseHTTPRequestHandler):
    server: Recorder

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append(Request(self.path, headers))
        target = self.server.target
        connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=30)
        try:
            connection.request("GET", self.path, headers=headers | {"connection": "close"})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        self.send_response_only(answer.status)
        hop = {"connection", "transfer-encoding", "content-length"}
        for name, value in answer.getheaders():
            if name.lower() not in hop:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def recording(url: str) -> Iterator[Recorder]:
    """Run a recorder before the server at *url*."""
    with Recorder(url) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

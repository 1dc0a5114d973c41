"""The middleware for any WSGI application, and its debug route.

An adapter for a WSGI framework uses the same middleware with facts of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sentryinit import adapters
from sentryinit._boundary.body import WatchedBody
from sentryinit._boundary.debug_route import PATH
from sentryinit._boundary.upload import client_gone
from sentryinit._serving.attribute import add_application
from sentryinit.adapters import EVENT_ID_HEADER, Adapter, Capture, DebugPanic, RequestInfo

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from typing_extensions import Self, Unpack

    from sentryinit._config.options import Options

# Any: frameworks have types of their own for the two.
Application = Callable[[Any, Any], Iterable[bytes]]

__all__ = ["ADAPTER", "SentryInitMiddleware", "client_gone", "debug_panic", "describe", "server"]


def _headers(environ: WSGIEnvironment) -> list[tuple[str, str]]:
    headers = [
        (name[5:].replace("_", "-"), str(value))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    plain = ("CONTENT_TYPE", "CONTENT_LENGTH")
    return headers + [(n.replace("_", "-"), str(environ[n])) for n in plain if environ.get(n)]


def describe(
    environ: WSGIEnvironment,
    route: str | None = None,
    secret_cookies: Iterable[str] = (),
    origin: tuple[str, str] = ("", ""),
) -> RequestInfo:
    """Return the description of a request from its *environ*; the rest is as in RequestInfo.

    *origin*: scheme and host, where the framework knows more of them than the environ says.
    """
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    scheme, host = origin
    return RequestInfo(
        method=environ["REQUEST_METHOD"],
        scheme=scheme or environ["wsgi.url_scheme"],
        host=host or environ.get("HTTP_HOST") or "{SERVER_NAME}:{SERVER_PORT}".format_map(environ),
        # PEP 3333: the bytes of the path, decoded as Latin-1.
        path=quote(path.encode("latin-1", "replace")) or "/",
        query=environ.get("QUERY_STRING", ""),
        headers=_headers(environ),
        client=environ.get("REMOTE_ADDR"),
        route=route,
        secret_cookies=secret_cookies,
    )


def server(environ: WSGIEnvironment) -> tuple[object, ...]:
    """Return what in *environ* belongs to the server, to tell its errors from the application's."""
    return (environ.get("wsgi.input"),)


_METHOD = itemgetter("REQUEST_METHOD")
ADAPTER: Adapter[WSGIEnvironment] = Adapter(
    "wsgi", describe, server=server, client_gone=client_gone, endpoint=_METHOD, generic=True
)


class SentryInitMiddleware:
    """Reports what *app* fails with; changes nothing of its responses.

    *options* are those of :func:`sentryinit.init` and count if nobody has called it yet. Without a
    DSN, the call returns *app* itself.
    """

    _app: Application
    _adapter: Adapter[WSGIEnvironment]

    def __new__(
        cls,
        app: Application,
        *,
        adapter: Adapter[WSGIEnvironment] = ADAPTER,
        **options: Unpack[Options],
    ) -> Self:
        """Return a boundary around *app*, or *app* if reporting is off."""
        adapters.check_kind("SentryInitMiddleware(app): app", app, Callable, "a WSGI application")
        if not adapters.ensure_initialized(adapter.name, None, options):
            return app.app if isinstance(app, _DebugRoute) else app  # type: ignore[return-value] # an application, as the boundary is
        boundary = super().__new__(cls)
        boundary._app, boundary._adapter = app, adapter
        return boundary

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request with the application."""
        capture: Any = self._adapter.open(environ, environ, _WsgiCapture)
        if capture is None:
            # An outer boundary reports this request.
            return self._app(environ, start_response)
        capture.start_response = start_response
        try:
            body = self._app(environ, capture.start)
        except DebugPanic as panic:
            return _answer_debug_panic(capture, panic)
        except BaseException as exc:
            # start_response() sends nothing; the body does, and there is none.
            capture.exception_escaped(exc, None if capture.sent else 500)
            capture.close()
            raise
        if type(body) is list and capture.status and not capture.has_activity:
            capture.close()
            return body
        wrapper = environ.get("wsgi.file_wrapper")
        # The server sends such a body as a file, and recognises it by its class.
        is_file = isinstance(wrapper, type) and isinstance(body, wrapper)
        if capture.has_activity or is_file or hasattr(body, "__len__"):
            return _finish(body, capture, is_file=is_file)
        return WatchedBody(body, capture, 500)


class _WsgiCapture(Capture["WSGIEnvironment"]):
    """The capture of a request, with what the application gets in place of the server's."""

    __slots__ = ("server_write", "start_response")
    start_response: StartResponse
    server_write: Callable[[bytes], object]
    # Whether the rest of the response may still fail.
    streams: bool = False

    def server_writes(self) -> tuple[object, ...]:
        """Return the server's ``write``, if the server has got the status."""
        return (self.server_write,) if hasattr(self, "server_write") else ()

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        """Note the status, and call the server's ``start_response``."""
        code = _CODES.get(status) or _code(status)
        if self.status is not None:
            return self._start_again(code, status, headers, exc_info)
        if code >= 500:
            headers = _started_5xx(self, code, headers, exc_info)
        elif self.has_activity:
            self.response_started(code)
        else:
            self.status = code
        if exc_info:
            self.server_write = self.start_response(status, headers, exc_info)
        else:
            self.server_write = self.start_response(status, headers)
        return self.write

    def _start_again(
        self, code: int, status: str, headers: list[tuple[str, str]], exc_info: Any
    ) -> Callable[[bytes], object]:
        """Note the status of a response in place of the first, if nothing of that was sent."""
        # PEP 3333: otherwise the server raises. The first status is then what the client got.
        try:
            self.server_write = self.start_response(status, headers, exc_info)
        except BaseException:
            if exc_info and code >= 500:
                self.exception_escaped(exc_info[1])
            raise
        if code >= 500:
            _started_5xx(self, code, headers, exc_info)
        else:
            self.response_started(code)
        return self.write

    def write(self, data: bytes) -> object:
        """Note that the status is sent now, and call the server's ``write``."""
        self.sent = self.sent or bool(data)
        return self.server_write(data)


# The number of each status line: a good response parses nothing.
_CODES: dict[str, int] = {}


def _code(status: str) -> int:
    try:
        code = int(status[:3])
    except ValueError:
        return 0  # the server complains about it
    if len(_CODES) < 100:
        _CODES[status] = code
    return code


def _started_5xx(
    capture: _WsgiCapture, code: int, headers: list[tuple[str, str]], exc_info: Any
) -> list[tuple[str, str]]:
    """Tell *capture* of a 5xx, with the exception that is being handled; return the headers."""
    exc = (exc_info or sys.exc_info())[1]
    if exc is not None and capture.seen_exception is None:
        capture.exception_seen(exc)
    capture.response_started(code)
    # Nothing of a body with a known length can fail; a body without one may be a stream.
    capture.streams = "content-length" not in {name.lower() for name, _ in headers}
    if capture.event_id and capture.is_debug_panic:
        return [*headers, (EVENT_ID_HEADER, capture.event_id)]
    return headers


def _answer_debug_panic(capture: _WsgiCapture, panic: DebugPanic) -> Iterable[bytes]:
    """Answer for the debug route: a server's own 500 has no place for the event id."""
    capture.exception_escaped(panic, 500)
    headers = [("Content-Type", "text/plain"), (EVENT_ID_HEADER, capture.event_id or "none")]
    capture.close()
    capture.start_response("500 Internal Server Error", headers)
    return [b"Internal Server Error"]


def _finish(body: Iterable[bytes], capture: _WsgiCapture, *, is_file: bool) -> Iterable[bytes]:
    """Return *body*; if it may still fail, return a wrapper that sees it."""
    if is_file or isinstance(body, (list, tuple)):
        if capture.status is None:
            capture.response_started(500)  # by the server: it is too late for start_response()
        capture.close()
        return body
    if capture.status is not None and not capture.streams:
        capture.handler_done()
    # A server answers with its own 500 if the body fails before its first bytes.
    return adapters.watch_body(body, capture, 500)  # type: ignore[no-any-return] # an iterable, as body is


class _DebugRoute:
    def __init__(self, app: Application, path: str) -> None:
        self.app, self._path = app, path

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == self._path and adapters.check_debug_token(
            _headers(environ), environ.get("QUERY_STRING", "")
        ):
            raise DebugPanic
        return self.app(environ, start_response)


def debug_panic(app: Application, path: str = PATH) -> WSGIApplication:
    """Return *app* with the debug route at *path*; put ``SentryInitMiddleware`` around it.

    With the right token the route raises; otherwise *app* answers, with its own 404. Where
    reporting is off, the middleware removes the route.
    """
    return _DebugRoute(app, path)


if TYPE_CHECKING:
    application: Application
else:
    add_application(globals())

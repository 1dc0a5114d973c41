"""The boundary for any WSGI application, and its debug route.

An adapter for a WSGI framework uses the same boundary, with a descriptor of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sentryinit._boundary.adapter import CARRIED, MISSING, interrupt
from sentryinit._boundary.body import Body
from sentryinit._boundary.capture import CURRENT, OVER
from sentryinit._boundary.debug_route import PATH
from sentryinit._state import STATE
from sentryinit.adapters import (
    EVENT_ID_HEADER,
    Adapter,
    Capture,
    DebugPanic,
    RequestInfo,
    ensure,
    may_panic,
    watched,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from typing_extensions import Unpack

    from sentryinit._config.options import Options

__all__ = ["ADAPTER", "SentryInitMiddleware", "debug_panic", "describe", "server"]

_new = object.__new__


def describe(environ: WSGIEnvironment, route: str | None = None) -> RequestInfo:
    """Return the description of a request from its *environ*."""
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    headers = [
        (name[5:].replace("_", "-"), str(value))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    headers += [
        (name.replace("_", "-"), str(environ[name]))
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        if environ.get(name)
    ]
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    return RequestInfo(
        method=environ["REQUEST_METHOD"],
        scheme=environ["wsgi.url_scheme"],
        host=host,
        # PEP 3333: the bytes of the path, as if they were Latin-1.
        path=quote(path.encode("latin-1", "replace")) or "/",
        query=environ.get("QUERY_STRING", ""),
        headers=headers,
        client=environ.get("REMOTE_ADDR"),
        route=route,
    )


def server(environ: WSGIEnvironment) -> tuple[object, ...]:
    """Return what in *environ* is the server's, to tell its errors from the application's."""
    return (environ.get("wsgi.input"),)


def endpoint(environ: WSGIEnvironment) -> object:
    """Return what stands for the route of a request where there are no routes."""
    return environ["REQUEST_METHOD"]


ADAPTER: Adapter[WSGIEnvironment] = Adapter("wsgi", describe, server=server, endpoint=endpoint)


class SentryInitMiddleware:
    """Reports what *app* fails with; changes nothing of what it answers.

    *options* are those of :func:`sentryinit.init` and count if nobody has called it yet. Without a
    DSN, the call returns *app* itself.
    """

    def __new__(
        cls,
        app: WSGIApplication,
        *,
        adapter: Adapter[WSGIEnvironment] = ADAPTER,
        **options: Unpack[Options],
    ) -> Any:
        """Return a boundary around *app*, or *app* if reporting is off."""
        return object.__new__(cls) if ensure(adapter.name, None, options) else _bare(app)

    def __init__(
        self,
        app: WSGIApplication,
        *,
        adapter: Adapter[WSGIEnvironment] = ADAPTER,
        **options: Unpack[Options],  # noqa: ARG002 # for __new__
    ) -> None:
        self._app, self._adapter = app, adapter

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request with the application."""
        further_out = environ.get(CARRIED)
        # One that is over was of the same environ, served before.
        if further_out is not None and further_out.request is not OVER:
            return self._inside(environ, start_response)
        # What Adapter.open() does, without a call.
        capture = environ[CARRIED] = _Call()
        capture.adapter, capture.request, capture.respond = self._adapter, environ, start_response
        capture.busy, capture.status = False, None
        outer = CURRENT.set(capture).old_value
        if outer is not MISSING and outer.request is not OVER:
            interrupt(capture, outer)
        if STATE.isolation() is not STATE.untouched:
            STATE.isolate(STATE.untouched)
        if STATE.current() is not None:
            STATE.set_current(None)
        try:
            body = self._app(environ, capture.start)
        except DebugPanic as panic:
            return _panicked(capture, panic, start_response)
        except BaseException as exc:
            # Nothing has been sent: start_response() only promises, the body is what goes out.
            capture.raised(exc, 500)
            capture.close()
            raise
        if capture.busy:
            return _watched(body, capture, environ)
        if type(body) is list:
            capture.request = OVER  # what close() does, without a call
            return body
        wrapper = environ.get("wsgi.file_wrapper")
        if hasattr(body, "__len__") or (isinstance(wrapper, type) and isinstance(body, wrapper)):
            return _watched(body, capture, environ)
        # What watched() does, without a call.
        watching: Body = _new(Body)
        watching.body, watching.capture, watching.unsent = body, capture, 500
        return watching

    def _inside(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # A boundary further out has this request; one that knows the framework knows more.
        if self._adapter is not ADAPTER:
            environ[CARRIED].adapter = self._adapter
        return self._app(environ, start_response)


class _Call(Capture["WSGIEnvironment"]):
    """The capture of a request that also stands for the server's ``start_response``, *respond*."""

    __slots__ = ("respond",)
    respond: StartResponse

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        """Note the status, and hand it on."""
        code = _CODES.get(status) or _code(status)
        if code >= 500:
            headers = _failing(self, code, headers, exc_info)
        elif self.busy:
            self.answer(code)
        else:
            self.status = code
        return (
            self.respond(status, headers, exc_info) if exc_info else self.respond(status, headers)
        )


# By the whole line: a good answer costs no parsing.
_CODES: dict[str, int] = {}


def _code(status: str) -> int:
    try:
        code = int(status[:3])
    except ValueError:
        return 0  # the server has its own word on it
    if len(_CODES) < 100:
        _CODES[status] = code
    return code


def _failing(
    capture: Capture[Any], code: int, headers: list[tuple[str, str]], exc_info: Any
) -> list[tuple[str, str]]:
    """Tell *capture* of a 5xx, with the exception that is being handled; return the headers."""
    exc = (exc_info or sys.exc_info())[1]
    if exc is not None and not capture.noted:
        capture.note(exc)
    capture.answer(code)
    # Of a body whose length is known, nothing is left to fail; without one it may be a stream.
    capture.streams = "content-length" not in {name.lower() for name, _ in headers}
    if capture.event_id and capture.panicked:
        return [*headers, (EVENT_ID_HEADER, capture.event_id)]
    return headers


def _panicked(
    capture: Capture[Any], panic: DebugPanic, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer for the debug route: a server's own 500 has no place for the event id."""
    capture.raised(panic, 500)
    headers = [("Content-Type", "text/plain"), (EVENT_ID_HEADER, capture.event_id or "none")]
    capture.close()
    start_response("500 Internal Server Error", headers)
    return [b"Internal Server Error"]


def _watched(
    body: Iterable[bytes], capture: Capture[Any], environ: WSGIEnvironment
) -> Iterable[bytes]:
    """Return *body*, or what fails in it could not be seen: a wrapper that sees it."""
    if capture.resume is not None:
        # Whoever asked goes on now, and may never close the body.
        capture.settle()
        capture.resume()
    wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(body, (list, tuple)) or (isinstance(wrapper, type) and isinstance(body, wrapper)):
        # Complete already, or the server's own way to send a file, which it knows by its class.
        capture.close()
        return body
    if capture.busy and capture.status is not None and not capture.streams:
        capture.settle()
    # Until the first bytes, a server can still answer with its own 500.
    return watched(body, capture, 500)  # type: ignore[no-any-return] # an iterable, as body is


class _DebugRoute:
    def __init__(self, app: WSGIApplication, path: str) -> None:
        self.app, self._path = app, path

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == self._path and may_panic(
            environ.get("HTTP_X_SENTRYINIT_DEBUG_TOKEN"), environ.get("QUERY_STRING", "")
        ):
            raise DebugPanic
        return self.app(environ, start_response)


def _bare(app: WSGIApplication) -> WSGIApplication:
    return app.app if isinstance(app, _DebugRoute) else app


def debug_panic(app: WSGIApplication, path: str = PATH) -> WSGIApplication:
    """Return *app* with the debug route at *path*, for ``SentryInitMiddleware`` to go around.

    With the right token the route raises; otherwise *app* answers, with its own 404. Where
    reporting is off, the middleware leaves the route out as well.
    """
    return _DebugRoute(app, path)

"""Error reporting for Quart: an extension and a debug route.

>>> from quart import Quart
>>> from sentryinit_quart import SentryInit
>>> app = Quart("orders")
>>> sentryinit = SentryInit(app)
"""

from __future__ import annotations

import functools
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NoReturn

from quart import Quart, abort, got_request_exception, got_websocket_exception, request
from quart.signals import got_background_exception, got_serving_exception
from quart.wrappers import ClientDisconnectedError
from quart.wrappers.base import BaseRequestWebsocket
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

from sentryinit import adapters, asgi

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from sentryinit import Options

__all__ = ["SentryInit", "debug_panic"]

_CONFIG = "SENTRYINIT_"
# The capture of the request that has started a background task, and its request.
_STARTED_BY: ContextVar[tuple[Any, Any]] = ContextVar("sentryinit_quart", default=(None, None))


def _rule(app: Quart, scope: Any) -> str | None:
    """Return the rule of the request; matched again, for Quart keeps it in a child task."""
    path, root = scope["path"], scope.get("root_path", "")
    method, query = scope.get("method", "GET"), scope.get("query_string", b"")
    headers = Headers([(k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]])
    parts = method, scope["scheme"], path.removeprefix(root), query, headers, root, "1.1", scope
    try:
        urls = app.create_url_adapter(BaseRequestWebsocket(*parts))
        return urls.match(return_rule=True)[0].rule if urls else None
    except Exception:  # no route, or a converter of the application's that fails now
        return None


def _describe(app: Quart, connection: asgi.Connection) -> adapters.RequestInfo:
    return asgi.describe(connection, adapters.route_template(_rule(app, connection.scope)))


def _status_of(exc: BaseException) -> int | None:
    if not isinstance(exc, HTTPException):
        return None
    # abort() takes a whole response as well, and then the exception has no code.
    return exc.code or getattr(exc.response, "status_code", None) or 500


def _endpoint(app: Quart, connection: asgi.Connection) -> object:
    return connection.scope.get("method"), _rule(app, connection.scope)


def _middleware(app: Quart) -> type[asgi.SentryInitMiddleware]:
    class SentryInitMiddleware(asgi.SentryInitMiddleware):
        adapter = adapters.Adapter(
            name="quart",
            describe=functools.partial(_describe, app),
            status_of=_status_of,
            aborts=(ClientDisconnectedError,),
            server=asgi.server,
            endpoint=functools.partial(_endpoint, app),
        )

    return SentryInitMiddleware


def _config(app: Quart) -> dict[str, Any]:
    return {
        key.removeprefix(_CONFIG).lower(): value
        for key, value in app.config.items()
        if key.startswith(_CONFIG)
    }


# Signals are sent before Quart logs the exception. Receivers are coroutine functions: Quart would
# run others in a thread.


async def _on_request(sender: Quart, exception: BaseException, **extra: Any) -> None:  # a signal's
    """Note an exception that nobody handled; the status is still to come."""
    adapters.note_exception(exception, handled=False)


async def _on_websocket(sender: Quart, exception: BaseException, **extra: Any) -> None:  # likewise
    """Report what ended a WebSocket; no status is to come."""
    capture = adapters.current_capture()
    if capture is not None:
        capture.exception_escaped(exception)


async def _on_background(sender: Quart, exception: BaseException, **extra: Any) -> None:  # likewise
    """Report what a background task failed with, as work after the response."""
    capture, connection = _STARTED_BY.get()
    if capture is not None:
        capture.after_response(connection).exception_escaped(exception)


async def _on_serving(sender: Quart, exception: BaseException, **extra: Any) -> None:  # likewise
    """Report what the start-up or the shutdown failed with."""
    adapters.shutdown("quart", exception)


def _note_handled(app: Quart) -> None:
    """Note the exceptions that error handlers of the application get: no signal shows them."""
    handle = app.handle_user_exception

    @functools.wraps(handle)
    async def handle_user_exception(*args: Any) -> Any:
        adapters.note_exception(args[-1])
        return await handle(*args)

    app.handle_user_exception = handle_user_exception  # type: ignore[method-assign,assignment] # one app's


def _ignore_its_log_line(app: Quart) -> None:
    """Keep Quart's own log line about an exception from being an event (C2); it is logged."""
    log_exception = app.log_exception

    @functools.wraps(log_exception)
    def log_and_ignore(*args: Any) -> None:
        capture = adapters.current_capture()
        if capture is None:
            log_exception(*args)
            return
        with capture.ignore_log_records():
            log_exception(*args)

    app.log_exception = log_and_ignore  # type: ignore[method-assign,assignment] # one app's


def _follow_background_tasks(app: Quart) -> None:
    """Let a background task know the request that has started it."""
    add = app.add_background_task

    @functools.wraps(add)
    def add_background_task(*args: Any, **kwargs: Any) -> None:
        capture = adapters.current_capture()
        token = _STARTED_BY.set((capture, capture and capture.request))
        add(*args, **kwargs)
        _STARTED_BY.reset(token)

    app.add_background_task = add_background_task  # type: ignore[method-assign] # one app's


def _watch_its_task(app: Quart) -> None:
    """Report what escapes in the task of a request: outside it arrives in a group."""

    class Connection(app.asgi_http_class):  # type: ignore[name-defined,misc] # a variable's class
        async def handle_request(self, *args: Any) -> None:
            try:
                await super().handle_request(*args)
            except BaseException as exc:
                capture = adapters.current_capture()
                if capture is not None:
                    capture.exception_escaped(exc)
                raise

    app.asgi_http_class = Connection


class SentryInit:
    """The extension: ``SentryInit(app)``, or ``init_app(app)`` in an application factory.

    Options are those of :func:`sentryinit.init`; ``SENTRYINIT_*`` in ``app.config`` comes after
    them and before the environment. Without a DSN the application is left as it is.
    """

    def __init__(self, app: Quart | None = None, **options: Unpack[Options]) -> None:
        self._options = options
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Quart, **options: Unpack[Options]) -> None:
        """Report what fails in *app*, once."""
        adapters.check_kind("SentryInit(app): app", app, Quart, "a Quart application")
        if "sentryinit" in app.extensions:
            return
        app.extensions["sentryinit"] = self
        config = {**_config(app), **self._options, **options}
        if not adapters.ensure_initialized("quart", app.name, config):
            return
        target: Any = app  # to wrap asgi_app is documented, and its type is a method
        target.asgi_app = _middleware(app)(target.asgi_app)
        got_request_exception.connect(_on_request, app)
        got_websocket_exception.connect(_on_websocket, app)
        got_background_exception.connect(_on_background, app)
        got_serving_exception.connect(_on_serving, app)
        _note_handled(app)
        _ignore_its_log_line(app)
        _follow_background_tasks(app)
        _watch_its_task(app)


async def debug_panic() -> NoReturn:
    """The debug route: ``app.add_url_rule("/debug/sentry-panic", view_func=debug_panic)``.

    With the right token it raises; otherwise it is a 404, like any path that does not exist.
    """
    if not adapters.check_debug_token(request.headers, request.query_string.decode("latin-1")):
        abort(404)
    raise adapters.DebugPanic


# A 405, or an answer to OPTIONS, would tell the route from a path that does not exist.
debug_panic.methods = "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE".split()  # type: ignore[attr-defined] # read by add_url_rule
debug_panic.provide_automatic_options = False  # type: ignore[attr-defined] # likewise

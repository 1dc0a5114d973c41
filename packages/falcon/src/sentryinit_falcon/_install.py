from __future__ import annotations

import contextvars
import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import falcon

from sentryinit import asgi, wsgi
from sentryinit.adapters import (
    TOKEN_HEADER,
    Adapter,
    Capture,
    DebugPanic,
    RequestInfo,
    current,
    ensure,
    may_panic,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from typing_extensions import Unpack

    from sentryinit import Options

# Falcon writes {name:converter} and {name:converter(arguments)}.
_CONVERTER = re.compile(r":[^{}]*}")
# In the environ, or the scope, of a request. The template and not the request, which has its
# environ: the two would wait for the garbage collector.
_TEMPLATE = "sentryinit.falcon.template"


def _status_of(exc: BaseException) -> int | None:
    if not isinstance(exc, (falcon.HTTPError, falcon.HTTPStatus)):
        return None
    return falcon.http_status_to_code(exc.status)


def _route(facts: Mapping[str, Any]) -> str | None:
    template = facts.get(_TEMPLATE)
    return template and _CONVERTER.sub("}", template)


def _describe_wsgi(environ: WSGIEnvironment) -> RequestInfo:
    return wsgi.describe(environ, _route(environ))


def _describe_asgi(exchange: asgi.Exchange) -> RequestInfo:
    return asgi.describe(exchange, _route(exchange.scope))


_WSGI = Adapter("falcon", _describe_wsgi, status_of=_status_of, server=wsgi.server)
_ASGI = Adapter(
    "falcon",
    _describe_asgi,
    status_of=_status_of,
    aborts=(falcon.WebSocketDisconnected,),
    server=asgi.server,
)


class _AsgiBoundary(asgi.SentryInitMiddleware):
    adapter = _ASGI


def _facts(req: Any) -> Any:
    return req.scope if hasattr(req, "scope") else req.env


def _note(req: Any, error: Exception, *, handled: bool) -> None:
    """Tell of *error*, which went to Falcon's error handling; *handled* by one of the user's."""
    capture = current()
    if capture is None:
        return
    _facts(req)[_TEMPLATE] = req.uri_template
    status = _status_of(error)
    if status is not None and error.__context__ is not None and error.__context__ is capture.noted:
        return  # what a handler answers with, and no news
    if req.is_websocket and not handled and status is None:
        # The connection is closed, and no status goes out that could be the failure.
        capture.raised(error)
        return
    capture.note(error, handled=handled or status is not None)
    if req.is_websocket and status is not None:
        capture.answer(status)


class _Noting:
    """An error handler that tells of the exception, and leaves it to *handler*.

    For a Falcon without ``set_error_reporter``. No function: it is as asynchronous as *handler*.
    """

    def __init__(self, handler: Callable[..., Any]) -> None:
        self._handler = handler
        self._handled = not getattr(handler, "__module__", "").startswith("falcon.")
        self._takes_ws = "ws" in inspect.signature(handler).parameters

    def __call__(self, req: Any, resp: Any, ex: Exception, params: Any, ws: Any = None) -> Any:
        _note(req, ex, handled=self._handled)
        extra = {"ws": ws} if ws is not None and self._takes_ws else {}
        return self._handler(req, resp, ex, params, **extra)


class _Watched:
    """What :func:`install` puts before the class of an application: its public methods."""

    __slots__ = ()


class _WithHandlers(_Watched):
    """For a Falcon that has error handlers only."""

    __slots__ = ()

    def add_error_handler(self, exception: Any, handler: Any = None) -> None:
        super().add_error_handler(exception, handler)  # type: ignore[misc] # falcon.App's
        _wrap_handlers(self)


class _WithReporter(_Watched):
    """For a Falcon with ``set_error_reporter``."""

    __slots__ = ()
    # The names of what the user has handlers for: falcon.inspect says no more of them.
    handled: frozenset[str] = frozenset()

    def add_error_handler(self, exception: Any, handler: Any = None) -> None:
        super().add_error_handler(exception, handler)  # type: ignore[misc] # falcon.App's
        _look_at_handlers(self)

    def set_error_reporter(self, reporter: Callable[..., Any] | None) -> None:
        super().set_error_reporter(_reporter(self, reporter))  # type: ignore[misc] # falcon.App's


def _wrap_handlers(app: Any) -> None:
    # There is no public way to those that were there before us. This is for releases that are
    # finished, and only looks.
    for exception, handler in list(app._error_handlers.items()):  # noqa: SLF001 # see above
        if not isinstance(handler, _Noting):
            super(_WithHandlers, app).add_error_handler(exception, _Noting(handler))


def _look_at_handlers(app: Any) -> None:
    # Not before it is needed: it is most of what importing this package would cost.
    from falcon.inspect import inspect_error_handlers

    infos = inspect_error_handlers(app)
    type(app).handled = frozenset(info.error for info in infos if not info.internal)


def _reporter(app: Any, others: Callable[..., Any] | None) -> Callable[..., Any]:
    """Return an error reporter that tells of what was handled, and then the *others*."""

    def report(req: Any, error: Exception, params: Any, handled: bool) -> None:  # noqa: FBT001 # Falcon's
        if handled:  # else it reaches the boundary by itself
            names = {kind.__name__ for kind in type(error).__mro__}
            _note(req, error, handled=not names.isdisjoint(app.handled))
        if others is not None:
            others(req, error, params, handled)

    return report


class _Scheduling:
    """What is put before the class of an ASGI response: its methods for work after it."""

    __slots__ = ()

    def schedule(self, callback: Any) -> None:
        # Falcon looks at what it gets, and refuses what is not asynchronous.
        if inspect.iscoroutinefunction(callback):
            callback = _watched_job(callback, _afterwards())
        super().schedule(callback)  # type: ignore[misc] # falcon.asgi.Response's

    def schedule_sync(self, callback: Any) -> None:
        super().schedule_sync(_watched_sync_job(callback, _afterwards()))  # type: ignore[misc] # likewise


@functools.cache
def _scheduling(kind: type) -> type:
    return type(kind.__name__, (_Scheduling, kind), _members(kind))


def _members(kind: type) -> dict[str, Any]:
    """Return what makes a class look like *kind*."""
    names = ("__doc__", "__module__", "__qualname__")
    return {"__slots__": (), **{name: getattr(kind, name) for name in names}}


def _afterwards() -> Callable[[BaseException], None]:
    """Return what reports the failure of work after the response: its request is over then."""
    capture, context = current(), contextvars.copy_context()
    request = capture and capture.request

    def report(exc: BaseException) -> None:
        if capture is not None:
            later = Capture(capture.adapter, request)
            later.status, later.trace = capture.status, capture.trace
            later.raised(exc)
            later.close()

    return functools.partial(context.run, report)


def _watched_job(callback: Any, failed: Callable[[BaseException], None]) -> Any:
    @functools.wraps(callback)
    async def job() -> None:
        try:
            await callback()
        except BaseException as exc:
            failed(exc)
            raise

    return job


def _watched_sync_job(callback: Any, failed: Callable[[BaseException], None]) -> Any:
    @functools.wraps(callback)
    def job() -> None:
        try:
            callback()
        except BaseException as exc:
            failed(exc)
            raise

    return job


class SentryInitComponent:
    """The component that :func:`install` adds: it tells the boundary what Falcon knows."""

    def process_resource(self, req: Any, resp: Any, resource: Any, params: Any) -> None:  # noqa: ARG002 # Falcon's
        """Remember the route."""
        req.env[_TEMPLATE] = req.uri_template

    async def process_request_async(self, req: Any, resp: Any) -> None:  # noqa: ARG002 # Falcon's
        """Watch what the handlers schedule."""
        resp.__class__ = _scheduling(type(resp))

    async def process_resource_async(
        self, req: Any, resp: Any, resource: Any, params: Any  # noqa: ARG002 # Falcon's
    ) -> None:
        """Remember the route."""
        req.scope[_TEMPLATE] = req.uri_template

    async def process_resource_ws(self, req: Any, ws: Any, resource: Any, params: Any) -> None:  # noqa: ARG002 # Falcon's
        """Remember the route of a WebSocket."""
        req.scope[_TEMPLATE] = req.uri_template


def install(app: falcon.App[Any, Any], **options: Unpack[Options]) -> None:
    """Report what fails in *app*, once.

    Options are those of :func:`sentryinit.init` and count if nobody has called it yet. Without a
    DSN the application is left as it is.
    """
    if isinstance(app, _Watched) or not ensure("falcon", None, options):
        return
    kind, serve = type(app), app.__call__
    boundary: Any = (
        _AsgiBoundary(serve)
        if inspect.iscoroutinefunction(serve)
        else wsgi.SentryInitMiddleware(serve, adapter=_WSGI)
    )
    hook = _WithReporter if hasattr(app, "set_error_reporter") else _WithHandlers
    # Python looks for __call__ on the class alone, and Falcon has no other place around it all.
    members = {**_members(kind), "__call__": boundary.__call__}
    app.__class__ = type(kind.__name__, (hook, kind), members)
    app.add_middleware(SentryInitComponent())
    if hook is _WithReporter:
        # The slot is private, and there is one: what the user has put there is called as well.
        app.set_error_reporter(getattr(app, "_report_error", None))
        _look_at_handlers(app)
    else:
        _wrap_handlers(app)


class _DebugPanic:
    # No function: a sink of an ASGI application would have to be another one.
    def __call__(self, req: Any, resp: Any, ws: Any = None, **params: Any) -> NoReturn:  # noqa: ARG002 # Falcon's
        if may_panic(req.get_header(TOKEN_HEADER), req.query_string):
            raise DebugPanic
        raise falcon.HTTPRouteNotFound


debug_panic: Any = _DebugPanic()
"""The debug route: ``app.add_sink(debug_panic, "/debug/sentry-panic")``.

With the right token it raises; otherwise it is a 404, like any path that does not exist.
"""

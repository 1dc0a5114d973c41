"""The Starlette middleware: facts of Starlette and FastAPI, set-up and the debug route."""

from __future__ import annotations

import functools
import sys
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any

from starlette._utils import is_async_callable
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException, WebSocketException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from sentryinit import adapters, asgi
from sentryinit_starlette import _fastapi

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from sentryinit import Options


def _route(routes: Iterable[Any], scope: Scope) -> str | None:
    """Return the template of the route that *scope* matches, including its mounts."""
    partial = None
    for route in _fastapi.flatten(routes):
        match, child = route.matches(scope)
        if match is Match.NONE:
            continue
        path: str = getattr(route, "path", None) or ""  # a Host has no path
        if hasattr(route, "routes"):
            inner = _route(route.routes, {**scope, **child})
            # A mounted application without routes: the rest of the path is one parameter.
            return path + (inner or "/{path}")
        if match is Match.FULL:
            return path
        partial = partial or path
    return partial


def _cookies(scope: Scope) -> list[str]:
    """Return the names of the cookies of the middlewares, such as ``SessionMiddleware``'s."""
    middlewares = getattr(scope.get("app"), "user_middleware", ())
    options = [option for each in middlewares for option in each.kwargs.items()]
    return [value for name, value in options if "cookie" in name and isinstance(value, str)]


def _describe(connection: asgi.Connection) -> adapters.RequestInfo:
    scope = connection.scope
    router = scope.get("router") or getattr(scope.get("app"), "router", None)
    fresh = {
        "type": scope["type"],
        "method": scope.get("method", "GET"),
        "path": asgi.full_path(scope),
        "root_path": scope.get("app_root_path", scope.get("root_path", "")),
        "headers": scope["headers"],
        "path_params": {},
    }
    template = _route(router.routes, fresh) if router else None
    return asgi.describe(connection, adapters.route_template(template), _cookies(scope))


def _status_of(exc: BaseException) -> int | None:
    if isinstance(exc, WebSocketException):
        return exc.code
    return exc.status_code if isinstance(exc, HTTPException) else _fastapi.status_of(exc)


def _endpoint(connection: asgi.Connection) -> object:
    return connection.scope.get("method"), connection.scope.get("endpoint")


# Starlette's limit for the size of a body is outside of all middlewares. It raises this, a private
# name of Starlette 1.10, once it has answered 413.
_OVER_LIMIT = getattr(
    sys.modules.get("starlette.middleware.body_limit"),
    "_RequestBodyLimitResponseSent",
    ClientDisconnect,
)

ADAPTER: adapters.Adapter[asgi.Connection] = adapters.Adapter(
    name="starlette",
    describe=_describe,
    status_of=_status_of,
    aborts=(ClientDisconnect, WebSocketDisconnect, _OVER_LIMIT),
    server=asgi.server,
    sockets=(WebSocket,),
    endpoint=_endpoint,
    user=asgi.ADAPTER.user,
)


class _Page:
    """An application's handler for any exception, whose page is sent outside of our boundary."""

    def __init__(self, handler: Any) -> None:
        self._handler = handler

    async def __call__(self, request: Any, exc: Exception) -> Any:
        """Return the page; report *exc* with the status of the page."""
        handler, capture, status = self._handler, adapters.current_capture(), 500
        failures = [exc]
        _note(exc, handled=False)
        try:
            if is_async_callable(handler):
                page = await handler(request, exc)
            else:
                page = await run_in_threadpool(handler, request, exc)
            status = getattr(page, "status_code", 500)
        except Exception as error:
            # It reaches the server, in place of the one that is the reason.
            failures.append(error)
            raise
        finally:
            if capture is not None:
                for each in failures:
                    capture.exception_escaped(each, status)
                capture.close()
        return page


ORDER_HINT = "Call app.add_middleware(SentryInitMiddleware) after all other add_middleware() calls."


def _first_call(boundary: Any, app: ASGIApp, scope: Scope, *ends: Any) -> Awaitable[None]:
    """Check the order of the middlewares, once: at the lifespan, or at the first request."""
    boundary._app = app  # noqa: SLF001 # of our own class
    adapters.note_application(scope.get("app"))
    adapters.check_order(find_outside(scope.get("app")), ORDER_HINT)
    return app(scope, *ends)


def find_outside(app: Any) -> list[object]:
    """Return the middlewares that *app* has around the boundary, besides Starlette's own layers."""
    found: list[object] = []
    for each in getattr(app, "user_middleware", ()):
        if isinstance(each.cls, type) and issubclass(each.cls, asgi.SentryInitMiddleware):
            return found
        # The function of @app.middleware("http").
        found.append(each.kwargs.get("dispatch", each.cls))
    return []  # the boundary is around the application, or in a part of it


class SentryInitMiddleware(asgi.SentryInitMiddleware):
    """The middleware: ``app.add_middleware(SentryInitMiddleware)``, added last to be outermost.

    *options* are those of :func:`sentryinit.init`. If it was called before, only masks are added.
    Without a DSN the application is unchanged.
    """

    adapter: adapters.Adapter[asgi.Connection] = ADAPTER

    def __new__(cls, app: ASGIApp, **options: Unpack[Options]) -> Self:
        """Return a boundary around *app*, or *app* if reporting is off."""
        boundary = super().__new__(cls, app, **options)
        if isinstance(boundary, cls):
            _fastapi.observe_dependencies()
            boundary._app = functools.partial(_first_call, boundary, app)
            _note_handled(app)
        return boundary

    def page_follows(self, connection: asgi.Connection, exc: BaseException) -> bool:
        """Return True if the application's handler for any exception will get *exc*, from us.

        Starlette calls it in the layer around all middlewares. Only layers of the framework may be
        in between: another middleware may answer the exception itself.
        """
        page = getattr(connection.scope.get("app"), "middleware_stack", None)
        layer: Any = page
        while layer is not self and _passes_exceptions(layer):
            layer = getattr(layer, "app", None)
        if (
            layer is not self
            or not (isinstance(page, ServerErrorMiddleware) and page.handler and not page.debug)
            or connection.capture.status is not None
            or not isinstance(exc, Exception)
            or isinstance(exc, (adapters.DebugPanic, HTTPException))
        ):
            return False
        if not isinstance(page.handler, _Page):
            page.handler = _Page(page.handler)
        return True


def _note_handled(app: Any) -> None:
    """Note the exceptions that handlers get: where the response is sent, none is being handled.

    Synchronous handlers run in threads, and behind ``BaseHTTPMiddleware`` the response is sent by
    another task. Starlette has no hook for this, and no public access to the handlers.
    """
    while not isinstance(app, ExceptionMiddleware | None):
        app = getattr(app, "app", None)
    for name in ("_exception_handlers", "_status_handlers"):
        handlers: dict[Any, Any] = getattr(app, name, {})
        for key, handler in handlers.items():
            call = _await_handler if is_async_callable(handler) else _call_handler
            handlers[key] = functools.partial(call, handler)


def _call_handler(handler: Any, connection: Any, exc: Exception) -> Any:
    _note(exc, handled=True)
    return handler(connection, exc)


async def _await_handler(handler: Any, connection: Any, exc: Exception) -> Any:
    _note(exc, handled=True)
    return await handler(connection, exc)


def _note(exc: Exception, *, handled: bool) -> None:
    capture = adapters.current_capture()
    # What a dependency of FastAPI has swallowed came first.
    if capture is not None and capture.seen_exception is None:
        capture.exception_seen(exc, handled=handled)


def _passes_exceptions(layer: Any) -> bool:
    framework = type(layer).__module__.partition(".")[0] in {"fastapi", "starlette"}
    return framework and not isinstance(layer, BaseHTTPMiddleware)


class _DebugPanic:
    # An ASGI application, not a function: a function would be a route for GET only, and its 405
    # would show that the route exists.
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if asgi.check_debug_token(scope):
            raise adapters.DebugPanic
        await scope["router"].default(scope, receive, send)


# Starlette's routes accept an ASGI application; its annotations accept only a function.
debug_panic: Any = _DebugPanic()
"""The debug route: ``app.add_route("/debug/sentry-panic", debug_panic)``.

Raises ``DebugPanic`` for the right token; otherwise it is a 404, like any unknown path.
"""

"""The Starlette middleware: facts of Starlette and FastAPI, set-up and the debug route."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from starlette._utils import is_async_callable
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException, WebSocketException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from sentryinit import adapters, asgi


def _flatten(routes: Iterable[Any]) -> Iterable[Any]:
    """Return *routes*, with those of included routers, which recent FastAPI releases nest."""
    flatten = getattr(sys.modules.get("fastapi.routing"), "iter_route_contexts", None)
    return flatten(routes) if flatten else routes


def _route(routes: Iterable[Any], scope: Scope) -> str | None:
    """Return the template of the route that *scope* matches, including its mounts."""
    partial = None
    for route in _flatten(routes):
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
    return asgi.describe(connection, adapters.route_template(template))


def _status_of(exc: BaseException) -> int | None:
    if isinstance(exc, WebSocketException):
        return exc.code
    return exc.status_code if isinstance(exc, HTTPException) else None


def _endpoint(connection: asgi.Connection) -> object:
    return connection.scope.get("method"), connection.scope.get("endpoint")


ADAPTER: adapters.Adapter[asgi.Connection] = adapters.Adapter(
    name="starlette",
    describe=_describe,
    status_of=_status_of,
    aborts=(ClientDisconnect, WebSocketDisconnect),
    server=asgi.server,
    sockets=(WebSocket,),
    endpoint=_endpoint,
)


class _Page:
    """An application's handler for any exception, whose page is sent outside of our boundary."""

    def __init__(self, handler: Any) -> None:
        self._handler = handler

    async def __call__(self, request: Any, exc: Exception) -> Any:
        """Return the page; report *exc* with the status of the page."""
        handler, capture, status = self._handler, adapters.current_capture(), 500
        try:
            if is_async_callable(handler):
                page = await handler(request, exc)
            else:
                page = await run_in_threadpool(handler, request, exc)
            status = getattr(page, "status_code", 500)
            return page
        finally:
            if capture is not None:
                capture.exception_escaped(exc, status)
                capture.close()


class SentryInitMiddleware(asgi.SentryInitMiddleware):
    """The middleware: ``app.add_middleware(SentryInitMiddleware)``, added last to be outermost.

    *options* are those of :func:`sentryinit.init`, and are ignored if it was called before.
    Without a DSN the application is unchanged.
    """

    adapter: adapters.Adapter[asgi.Connection] = ADAPTER

    def page_follows(self, capture: adapters.Capture[Any], exc: BaseException) -> bool:
        """Return True if the application's handler for any exception will get *exc*, from us.

        Starlette calls it in the layer around all middlewares. Only layers of the framework may be
        in between: another middleware may answer the exception itself.
        """
        page = getattr(capture.request.scope.get("app"), "middleware_stack", None)
        layer: Any = page
        while layer is not self and _passes_exceptions(layer):
            layer = getattr(layer, "app", None)
        if (
            layer is not self
            or not (isinstance(page, ServerErrorMiddleware) and page.handler and not page.debug)
            or capture.status is not None
            or not isinstance(exc, Exception)
            or isinstance(exc, (adapters.DebugPanic, HTTPException))
        ):
            return False
        if not isinstance(page.handler, _Page):
            page.handler = _Page(page.handler)
        return True


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

"""The Starlette middleware: the facts of Starlette and FastAPI, and the debug route."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from sentryinit import adapters, asgi


def _flat(routes: Iterable[Any]) -> Iterable[Any]:
    """Return *routes*, with those of FastAPI's included routers, which recent releases nest."""
    flatten = getattr(sys.modules.get("fastapi.routing"), "iter_route_contexts", None)
    return flatten(routes) if flatten else routes


def _template(routes: Iterable[Any], scope: Scope) -> str | None:
    """Return the template of the route that *scope* matches, with those of the mounts."""
    partial = None
    for route in _flat(routes):
        match, child = route.matches(scope)
        if match is Match.NONE:
            continue
        path: str = getattr(route, "path", None) or ""  # a Host has none
        if hasattr(route, "routes"):
            inner = _template(route.routes, {**scope, **child})
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
    template = _template(router.routes, fresh) if router else None
    return asgi.describe(connection, adapters.route_template(template))


def _status_of(exc: BaseException) -> int | None:
    return exc.status_code if isinstance(exc, HTTPException) else None


def _endpoint(connection: asgi.Connection) -> object:
    return connection.scope.get("method"), connection.scope.get("endpoint")


class SentryInitMiddleware(asgi.SentryInitMiddleware):
    """The middleware: ``app.add_middleware(SentryInitMiddleware)``, added last to be outermost.

    Options are those of :func:`sentryinit.init` and count if nobody has called it yet. Without a
    DSN the application is left as it is.
    """

    adapter: adapters.Adapter[asgi.Connection] = adapters.Adapter(
        name="starlette",
        describe=_describe,
        status_of=_status_of,
        aborts=(ClientDisconnect, WebSocketDisconnect),
        server=asgi.server,
        endpoint=_endpoint,
    )


class _DebugPanic:
    # An ASGI application and no function: a function would be a route for GET alone, and its 405
    # would tell it from a path that does not exist.
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if asgi.check_debug_token(scope):
            raise adapters.DebugPanic
        await scope["router"].default(scope, receive, send)


# Starlette's annotations know endpoints that are functions; its routes take applications as well.
debug_panic: Any = _DebugPanic()
"""The debug route: ``app.add_route("/debug/sentry-panic", debug_panic)``.

With the right token it raises; otherwise it is a 404, like any path that does not exist.
"""

"""The Starlette middleware: facts of Starlette and FastAPI, set-up and the debug route."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from sentryinit import adapters, asgi
from sentryinit_starlette import _fastapi

if TYPE_CHECKING:
    from typing_extensions import Unpack

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
    return exc.status_code if isinstance(exc, HTTPException) else _fastapi.status_of(exc)


def _endpoint(connection: asgi.Connection) -> object:
    return connection.scope.get("method"), connection.scope.get("endpoint")


ADAPTER: adapters.Adapter[asgi.Connection] = adapters.Adapter(
    name="starlette",
    describe=_describe,
    status_of=_status_of,
    aborts=(ClientDisconnect, WebSocketDisconnect),
    server=asgi.server,
    endpoint=_endpoint,
)


class SentryInitMiddleware(asgi.SentryInitMiddleware):
    """The middleware: ``app.add_middleware(SentryInitMiddleware)``, added last to be outermost.

    *options* are those of :func:`sentryinit.init`, and are ignored if it was called before.
    Without a DSN the application is unchanged.
    """

    adapter: adapters.Adapter[asgi.Connection] = ADAPTER

    def __new__(cls, app: ASGIApp, **options: Unpack[Options]) -> Any:
        """Return a boundary around *app*, or *app* if reporting is off."""
        boundary = super().__new__(cls, app, **options)
        if isinstance(boundary, cls):
            _fastapi.observe_dependencies()
        return boundary


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

"""The Falcon adapter: facts, hooks, set-up and the debug route."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import falcon

from sentryinit import adapters, asgi, wsgi

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from sentryinit import Options

# The key, in the environ or scope, of the template, or of the resource if the router has none. The
# value is not the request: it refers to its environ, and only the garbage collector would free such
# a cycle.
_ROUTE_KEY = "sentryinit.falcon.template"


def _route(facts: Mapping[str, Any]) -> str | None:
    found = facts.get(_ROUTE_KEY)
    if found is None or isinstance(found, str):
        return adapters.route_template(found) or None
    method = facts.get("REQUEST_METHOD") or facts.get("method") or "websocket"
    return f"{type(found).__qualname__}.on_{method.lower()}"


def _status_of(exc: BaseException) -> int | None:
    if not isinstance(exc, (falcon.HTTPError, falcon.HTTPStatus)):
        return None
    try:
        return int(falcon.http_status_to_code(exc.status))
    except ValueError:
        return 500  # as Falcon answers an invalid status


def _endpoint(request: Any) -> Any:
    return _route(getattr(request, "scope", request))


_make_adapter = functools.partial(
    adapters.Adapter,
    name="falcon",
    status_of=_status_of,
    aborts=(falcon.WebSocketDisconnected,),
    endpoint=_endpoint,
)
_WSGI = _make_adapter(
    describe=lambda env: wsgi.describe(env, _route(env)),
    server=wsgi.server,
    client_gone=wsgi.client_gone,
)
_ASGI = _make_adapter(describe=lambda c: asgi.describe(c, _route(c.scope)), server=asgi.server)


_wsgi_boundary = functools.partial(wsgi.SentryInitMiddleware, adapter=_WSGI)


class _AsgiBoundary(asgi.SentryInitMiddleware):
    adapter = _ASGI


def _note_error(req: Any, error: Exception, *, handled: bool) -> None:
    """Note *error*, for which Falcon calls a handler: one of the user's if *handled*."""
    capture, status = adapters.current_capture(), _status_of(error)
    if capture is None:
        return
    if req.uri_template:
        (req.scope if hasattr(req, "scope") else req.env)[_ROUTE_KEY] = req.uri_template
    seen = capture.seen_exception
    if not (status and seen is not None and error.__context__ is seen):
        # If the handler of the seen exception raises a response, the exception is reported.
        capture.exception_seen(error, handled=handled or status is not None)
    if req.is_websocket and status:
        capture.response_started(status)
    elif req.is_websocket and not handled:
        # Falcon closes the connection without a status.
        capture.exception_escaped(error)


def _call_handler(handler: Any, req: Any, resp: Any, ex: Any, params: Any, ws: Any = None) -> Any:  # noqa: PLR0913, PLR0917 # Falcon's
    """Note *ex* and call the error *handler*; return its result, a coroutine under ASGI."""
    _note_error(req, ex, handled=not getattr(handler, "__module__", "").startswith("falcon."))
    extra = {"ws": ws} if ws and "ws" in inspect.signature(handler).parameters else {}
    return handler(req, resp, ex, params, **extra)


class _ObservedApp:
    """A mixin for the class of an application: it observes the error handlers."""

    __slots__ = ()

    def add_error_handler(self, exception: Any, handler: Any = None) -> None:
        super().add_error_handler(exception, handler)  # type: ignore[misc] # falcon.App's
        self._update_handlers()

    def _update_handlers(self) -> None:
        # Falcon has no public access to the existing handlers. This is only for the releases
        # without set_error_reporter, which do not change any more.
        for exception, handler in list(self._error_handlers.items()):  # type: ignore[attr-defined] # falcon.App's
            if getattr(handler, "func", None) is not _call_handler:
                # A partial is no Python function, so Falcon accepts it for a coroutine function.
                super().add_error_handler(exception, functools.partial(_call_handler, handler))  # type: ignore[misc] # likewise


class _ReportingApp(_ObservedApp):
    """The mixin for a Falcon with ``set_error_reporter``, which reports handled errors too."""

    __slots__ = ()
    # The names of the classes with a user's handler; falcon.inspect gives only names.
    _handled: frozenset[str] = frozenset()

    def set_error_reporter(self, reporter: Callable[..., Any] | None) -> None:
        def report(req: Any, error: Exception, params: Any, handled: bool) -> None:  # noqa: FBT001 # Falcon's
            # Falcon's *handled* is also True for its own handlers.
            names = {kind.__name__ for kind in type(error).__mro__}
            _note_error(req, error, handled=not names.isdisjoint(self._handled))
            if reporter is not None:
                reporter(req, error, params, handled)

        super().set_error_reporter(report)  # type: ignore[misc] # falcon.App's

    def _update_handlers(self) -> None:
        # Imported late, because it takes most of the import time of this package.
        from falcon.inspect import inspect_error_handlers

        infos = inspect_error_handlers(self)  # type: ignore[arg-type] # it is a falcon.App
        type(self)._handled = frozenset(info.error for info in infos if not info.internal)  # noqa: SLF001 # our own


class _ObservedResponse:
    """A mixin for the class of an ASGI response: it reports failures of scheduled work."""

    __slots__ = ()

    def schedule(self, callback: Any) -> None:
        reporter = _make_reporter()

        @functools.wraps(callback)
        async def job() -> None:
            with reporter:
                await callback()

        # Falcon itself checks and refuses anything else.
        super().schedule(job if inspect.iscoroutinefunction(callback) else callback)  # type: ignore[misc] # Falcon's

    def schedule_sync(self, callback: Any) -> None:
        super().schedule_sync(_make_reporter()(callback))  # type: ignore[misc] # Falcon's


def _make_reporter() -> Any:
    """Return a context manager that reports the failure of work after the response."""
    capture = adapters.current_capture()
    # The capture is closed then, and a thread of the event loop has no copy of the context.
    return _report_failure(capture, capture and capture.request, contextvars.copy_context())


@contextlib.contextmanager
def _report_failure(capture: Any, request: Any, context: contextvars.Context) -> Iterator[None]:
    try:
        yield
    except BaseException as exc:
        if capture is not None:
            context.run(capture.after_response(request).exception_escaped, exc)
        raise


def _subclass(mixin: type, kind: type, **members: Any) -> type:
    """Return a subclass of *mixin* and *kind* that looks like *kind*."""
    identity = {name: getattr(kind, name) for name in ("__doc__", "__module__", "__qualname__")}
    return type(kind.__name__, (mixin, kind), {"__slots__": (), **identity, **members})


@functools.cache
def _observed_response(kind: type) -> type:
    with contextlib.suppress(TypeError):  # the class is final, or has the mixin already
        return _subclass(_ObservedResponse, kind)
    return kind


class SentryInitComponent:
    """The component that records the route of each request; :func:`install` adds it last.

    Add it yourself as the first component, and requests that the ``process_resource`` of another
    component answers have a route as well.
    """

    def process_resource(self, req: Any, resp: Any, resource: Any, params: Any) -> None:  # noqa: ARG002 # Falcon's
        """Record the route."""
        req.env[_ROUTE_KEY] = req.uri_template or resource

    async def process_request_async(self, req: Any, resp: Any) -> None:  # noqa: ARG002 # Falcon's
        """Observe the work that is scheduled to run after the response."""
        resp.__class__ = _observed_response(resp.__class__)

    async def process_resource_async(self, req: Any, resp: Any, resource: Any, params: Any) -> None:  # noqa: ARG002 # Falcon's
        """Record the route."""
        req.scope[_ROUTE_KEY] = req.uri_template or resource

    process_resource_ws = process_resource_async


def is_installed(app: object) -> bool:
    """Return True if *app* has the boundary."""
    return isinstance(app, _ObservedApp)


def install(app: falcon.App[Any, Any], **options: Unpack[Options]) -> None:
    """Report the failures of *app*; a second call only adds masks.

    *options* are those of :func:`sentryinit.init`. If it was called before, only masks are added.
    Without a DSN the application is unchanged.
    """
    adapters.check_kind("install(app): app", app, falcon.App, "a Falcon application")
    if not adapters.ensure_initialized("falcon", None, options) or is_installed(app):
        return
    target: Any = app
    is_async = inspect.iscoroutinefunction(target.__call__)
    boundary: Any = (_AsgiBoundary if is_async else _wsgi_boundary)(target.__call__)
    mixin = _ReportingApp if hasattr(app, "set_error_reporter") else _ObservedApp
    # Python looks up __call__ on the class, and Falcon has no other hook around the application.
    target.__class__ = _subclass(mixin, type(app), __call__=boundary.__call__)
    target.add_middleware(SentryInitComponent())
    if mixin is _ReportingApp:
        # There is one reporter, in a private slot; the user's, if any, is still called.
        target.set_error_reporter(getattr(app, "_report_error", None))
    target._update_handlers()  # noqa: SLF001 # our own


class _DebugPanic:
    # Not a function, because WSGI and ASGI need different ones.
    # Falcon checks for the name ws: without it, a WebSocket would be passed as the response.
    def __call__(self, req: Any, _: Any, ws: Any = None, **__: Any) -> NoReturn:  # noqa: ARG002 # see above
        if adapters.check_debug_token(req.headers, req.query_string):
            raise adapters.DebugPanic
        raise falcon.HTTPRouteNotFound

    def __getattr__(self, name: str) -> _DebugPanic:
        # As a resource it is its own responder for every method.
        if name.startswith("on_"):
            return self
        raise AttributeError(name)


debug_panic: Any = _DebugPanic()
"""The debug route: ``app.add_sink(debug_panic, "/debug/sentry-panic")``.

Raises ``DebugPanic`` for the right token; otherwise it is a 404, like any unknown path.
"""

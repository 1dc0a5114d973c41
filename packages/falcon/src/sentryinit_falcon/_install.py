"""The Falcon binding: the facts of Falcon, its moments, ``install`` and the debug route."""

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

# The key of the template in the environ or scope of a request. Not the request itself: it refers to
# its environ, and the garbage collector would have to break the cycle.
_TEMPLATE = "sentryinit.falcon.template"


def _route(facts: Mapping[str, Any]) -> str | None:
    return adapters.route_template(facts.get(_TEMPLATE)) or None


def _status_of(exc: BaseException) -> int | None:
    if not isinstance(exc, (falcon.HTTPError, falcon.HTTPStatus)):
        return None
    try:
        return int(falcon.http_status_to_code(exc.status))
    except ValueError:
        return 500  # Falcon cannot send it either


def _endpoint(request: Any) -> Any:
    return getattr(request, "scope", request).get(_TEMPLATE)


_adapter = functools.partial(
    adapters.Adapter,
    name="falcon",
    status_of=_status_of,
    aborts=(falcon.WebSocketDisconnected,),
    endpoint=_endpoint,
)
_WSGI = _adapter(describe=lambda env: wsgi.describe(env, _route(env)), server=wsgi.server)
_ASGI = _adapter(describe=lambda c: asgi.describe(c, _route(c.scope)), server=asgi.server)


class _AsgiBoundary(asgi.SentryInitMiddleware):
    adapter = _ASGI


def _note(req: Any, error: Exception, *, handled: bool) -> None:
    """Note *error*, which went to an error handler: the user's own if *handled*."""
    capture, status = adapters.current_capture(), _status_of(error)
    if capture is None:
        return
    (req.scope if hasattr(req, "scope") else req.env)[_TEMPLATE] = req.uri_template
    if not (status and capture.seen_exception and error.__context__ is capture.seen_exception):
        # The seen exception stays if its handler raises the response.
        capture.exception_seen(error, handled=handled or status is not None)
    if req.is_websocket and status:
        capture.response_started(status)
    elif req.is_websocket and not handled:
        # The connection is closed, and no status is sent that could be the failure.
        capture.exception_escaped(error)


def _noting(handler: Any, req: Any, resp: Any, ex: Any, params: Any, ws: Any = None) -> Any:  # noqa: PLR0913, PLR0917 # Falcon's
    """Note *ex*, and call the error *handler*; as asynchronous as that one is."""
    _note(req, ex, handled=not getattr(handler, "__module__", "").startswith("falcon."))
    extra = {"ws": ws} if ws and "ws" in inspect.signature(handler).parameters else {}
    return handler(req, resp, ex, params, **extra)


class _Watched:
    """What is put before the class of an application: it goes on to see what is set there."""

    __slots__ = ()

    def add_error_handler(self, exception: Any, handler: Any = None) -> None:
        super().add_error_handler(exception, handler)  # type: ignore[misc] # falcon.App's
        self._look()

    def _look(self) -> None:
        # There is no public way to the handlers that were there before us. This only looks, and
        # is for releases that are finished: those without set_error_reporter.
        for exception, handler in list(self._error_handlers.items()):  # type: ignore[attr-defined] # falcon.App's
            if getattr(handler, "func", None) is not _noting:
                # A partial: Falcon takes it for asynchronous, or not, as it is asked to.
                super().add_error_handler(exception, functools.partial(_noting, handler))  # type: ignore[misc] # likewise


class _Reporting(_Watched):
    """For a Falcon with ``set_error_reporter``, which tells of all handlers."""

    __slots__ = ()
    # The names of what the user has handlers for: falcon.inspect says no more of them.
    _handled: frozenset[str] = frozenset()

    def set_error_reporter(self, reporter: Callable[..., Any] | None) -> None:
        def report(req: Any, error: Exception, params: Any, handled: bool) -> None:  # noqa: FBT001 # Falcon's
            # Its *handled* says whether anything has answered, Falcon's own handlers as well.
            names = {kind.__name__ for kind in type(error).__mro__}
            _note(req, error, handled=not names.isdisjoint(self._handled))
            if reporter is not None:
                reporter(req, error, params, handled)

        super().set_error_reporter(report)  # type: ignore[misc] # falcon.App's

    def _look(self) -> None:
        # Not before it is needed: it is most of what importing this package would cost.
        from falcon.inspect import inspect_error_handlers

        infos = inspect_error_handlers(self)  # type: ignore[arg-type] # it is a falcon.App
        type(self)._handled = frozenset(info.error for info in infos if not info.internal)  # noqa: SLF001 # our own


class _Scheduling:
    """What is put before the class of an ASGI response: what it runs afterwards is watched."""

    __slots__ = ()

    def schedule(self, callback: Any) -> None:
        watched = _afterwards()

        @functools.wraps(callback)
        async def job() -> None:
            with watched:
                await callback()

        # Of anything else Falcon knows better what it is, and refuses most of it.
        super().schedule(job if inspect.iscoroutinefunction(callback) else callback)  # type: ignore[misc] # Falcon's

    def schedule_sync(self, callback: Any) -> None:
        super().schedule_sync(_afterwards()(callback))  # type: ignore[misc] # Falcon's


def _afterwards() -> Any:
    """Return what reports the failure of work after the response."""
    capture = adapters.current_capture()
    # The capture is closed by then, and a thread of the loop's has nothing of the context.
    return _watched(capture, capture and capture.request, contextvars.copy_context())


@contextlib.contextmanager
def _watched(capture: Any, request: Any, context: contextvars.Context) -> Iterator[None]:
    try:
        yield
    except BaseException as exc:
        if capture is not None:
            context.run(capture.after_response(request).exception_escaped, exc)
        raise


def _behind(mixin: type, kind: type, **members: Any) -> type:
    """Return a class that looks like *kind*, with *mixin* before it."""
    looks = {name: getattr(kind, name) for name in ("__doc__", "__module__", "__qualname__")}
    return type(kind.__name__, (mixin, kind), {"__slots__": (), **looks, **members})


@functools.cache
def _scheduling(kind: type) -> type:
    with contextlib.suppress(TypeError):  # a class that cannot have subclasses, or has it already
        return _behind(_Scheduling, kind)
    return kind


class SentryInitComponent:
    """The component that tells the boundary of Falcon's routes; :func:`install` adds it.

    Last, as Falcon has it. Put it first yourself, and the routes are known as well of requests
    that the ``process_resource`` of another component answers.
    """

    def process_resource(self, req: Any, resp: Any, resource: Any, params: Any) -> None:  # noqa: ARG002 # Falcon's
        """Tell of the route."""
        req.env[_TEMPLATE] = req.uri_template

    async def process_request_async(self, req: Any, resp: Any) -> None:  # noqa: ARG002 # Falcon's
        """Watch what is scheduled to run after the response."""
        resp.__class__ = _scheduling(resp.__class__)

    async def process_resource_async(self, req: Any, resp: Any, resource: Any, params: Any) -> None:  # noqa: ARG002 # Falcon's
        """Tell of the route."""
        req.scope[_TEMPLATE] = req.uri_template

    process_resource_ws = process_resource_async


def install(app: falcon.App[Any, Any], **options: Unpack[Options]) -> None:
    """Report what fails in *app*, once.

    Options are those of :func:`sentryinit.init` and count if nobody has called it yet. Without a
    DSN the application is left as it is.
    """
    if isinstance(app, _Watched) or not adapters.ensure_initialized("falcon", None, options):
        return
    target: Any = app
    boundary: Any = (
        _AsgiBoundary(target.__call__)
        if inspect.iscoroutinefunction(target.__call__)
        else wsgi.SentryInitMiddleware(target.__call__, adapter=_WSGI)
    )
    mixin = _Reporting if hasattr(app, "set_error_reporter") else _Watched
    # Python looks for __call__ on the class alone, and Falcon has no other place around it all.
    target.__class__ = _behind(mixin, type(app), __call__=boundary.__call__)
    target.add_middleware(SentryInitComponent())
    if mixin is _Reporting:
        # There is one, in a private slot: what the user has put there is called as well.
        target.set_error_reporter(getattr(app, "_report_error", None))
    target._look()  # noqa: SLF001 # our own


class _DebugPanic:
    # No function: one for ASGI would have to be another than one for WSGI.
    # Falcon looks for the name ws: without it, a WebSocket would come in place of the response.
    def __call__(self, req: Any, _: Any, ws: Any = None, **__: Any) -> NoReturn:  # noqa: ARG002 # see above
        if adapters.check_debug_token(req.headers, req.query_string):
            raise adapters.DebugPanic
        raise falcon.HTTPRouteNotFound

    def __getattr__(self, name: str) -> _DebugPanic:
        # As a resource it is its own responder, whatever the method.
        if name.startswith("on_"):
            return self
        raise AttributeError(name)


debug_panic: Any = _DebugPanic()
"""The debug route: ``app.add_sink(debug_panic, "/debug/sentry-panic")``.

With the right token it raises; otherwise it is a 404, like any path that does not exist.
"""

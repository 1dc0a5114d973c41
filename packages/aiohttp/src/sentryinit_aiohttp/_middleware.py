"""The aiohttp middleware: facts, hooks, set-up and the debug route."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import aiohttp
from aiohttp import web
from aiohttp.http import WebSocketWriter
from aiohttp.typedefs import Handler

from sentryinit import adapters

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from sentryinit import Options


def _route(request: web.Request) -> str | None:
    resource = request.match_info.route.resource
    if isinstance(resource, web.StaticResource):
        return f"{resource.canonical}/{{filename}}"
    # aiohttp's own 404 and 405 have no resource.
    return resource.canonical if resource else None


def _describe(request: web.Request) -> adapters.RequestInfo:
    # At the first failure: without setup() there is no other moment. The root application.
    _check_order(request.match_info.apps[0])
    is_websocket = request.headers.get("Upgrade", "").lower() == "websocket"
    return adapters.RequestInfo(
        method=request.method,
        scheme=request.scheme.replace("http", "ws") if is_websocket else request.scheme,
        # Without a Host header, request.host resolves the name of this machine.
        host=request.host if "Host" in request.headers else "",
        path=request.rel_url.raw_path,
        query=request.rel_url.raw_query_string,
        headers=list(request.headers.items()),
        client=request.remote,
        route=_route(request),
    )


def _status_of(exc: BaseException) -> int | None:
    return exc.status if isinstance(exc, web.HTTPException) else None


def _server(request: web.Request) -> tuple[object, ...]:
    # The reader and the writer of this request; those of a ClientSession have the same classes.
    ours = web.WebSocketResponse
    return request.content, request.writer, ours.receive_str, ours.receive_bytes


def _is_client_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _endpoint(request: web.Request) -> object:
    return request.method, request.match_info.route.resource


def _user(request: web.Request) -> dict[str, str]:
    # A web.RequestKey (aiohttp 3.14) has the module in front of its name.
    stored = {str(getattr(key, "_name", key)).rpartition(".")[2]: request[key] for key in request}
    # authorized_userid() of aiohttp-security would have to be awaited. Its identity is in the
    # session of aiohttp-session, once the application has loaded that.
    session = stored.get("aiohttp_session", {})
    return adapters.describe_user(stored.get("user", session.get("AIOHTTP_SECURITY")))


ADAPTER: adapters.Adapter[web.Request] = adapters.Adapter(
    name="aiohttp",
    describe=_describe,
    status_of=_status_of,
    # receive_str() raises it for a message of another type, such as that of a closed connection.
    aborts=(aiohttp.WSMessageTypeError,) if hasattr(aiohttp, "WSMessageTypeError") else (),
    server=_server,
    client_gone=_is_client_gone,
    sockets=(web.WebSocketResponse, WebSocketWriter),
    endpoint=_endpoint,
    user=_user,
)


@web.middleware
async def sentryinit_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Report the failures of the handler and the inner middlewares.

    For ``middlewares=[...]``, if :func:`setup` is not called. The first entry is the boundary; a
    second, inner entry sees the exceptions that a middleware in between answers.
    """
    outer = adapters.current_capture()
    if outer is not None:
        # A middleware may have cloned it, with what a proxy says.
        outer.request = request
        try:
            return await handler(request)
        except Exception as exc:
            adapters.note_exception(exc)
            raise
    capture = ADAPTER.open(request)
    # aiohttp handles each request in its own task, and sends the response in that task.
    asyncio.current_task().add_done_callback(functools.partial(_task_done, capture))  # type: ignore[union-attr] # a coroutine runs in a task
    try:
        response = await handler(request)
    except web.HTTPException as exc:
        _note_response(capture, exc)
        raise
    except adapters.DebugPanic as panic:
        return _answer_debug_panic(capture, panic)
    except BaseException as exc:
        _note_escaped(capture, exc)
        raise
    if not isinstance(response, web.StreamResponse) or response.status >= 500:  # type: ignore[redundant-expr] # a handler can return anything
        _note_response(capture, response)
    return response


def _note_response(capture: adapters.Capture[web.Request], response: Any) -> None:
    """Note the status of *response*; aiohttp answers 500 if it is not a response."""
    status = response.status if isinstance(response, web.StreamResponse) else 500
    if _is_sent(capture) and capture.status != status:
        seen = response if isinstance(response, Exception) else capture.seen_exception
        text = f"a response with status {status} after a part of another"
        if status >= 500:
            capture.exception_escaped(RuntimeError(text) if seen is None else seen)
        return
    if isinstance(response, web.HTTPException):
        capture.exception_seen(response)
    capture.response_started(status)
    # A complete body cannot fail.
    if isinstance(getattr(response, "body", b""), bytes | None):
        capture.handler_done()


def _is_sent(capture: adapters.Capture[web.Request]) -> bool:
    """Return True if the client has a status and a part of a response: they stay."""
    return bool(capture.request.writer.output_size)


def _note_escaped(capture: adapters.Capture[web.Request], exc: BaseException) -> None:
    """Note *exc*; aiohttp answers 500 or 504, or closes the connection if the response started."""
    status = 504 if isinstance(exc, asyncio.TimeoutError) else 500
    capture.exception_escaped(exc, None if _is_sent(capture) else status)
    capture.close()


def _task_done(capture: adapters.Capture[web.Request], task: asyncio.Task[Any]) -> None:
    """Close the capture; a failure after the middleware is the exception of the task."""
    exc = None if task.cancelled() else task.exception()
    if exc is not None and not capture.closed:
        _note_escaped(capture, exc)
    else:
        capture.close()


def _answer_debug_panic(
    capture: adapters.Capture[web.Request], panic: adapters.DebugPanic
) -> web.Response:
    """Return the 500 of the debug route; aiohttp's own cannot have the event id."""
    capture.exception_escaped(panic, 500)
    headers = {adapters.EVENT_ID_HEADER: capture.event_id or "none"}
    capture.close()
    return web.Response(status=500, text="Internal Server Error", headers=headers)


async def _on_response_prepare(request: web.Request, response: web.StreamResponse) -> None:  # noqa: ARG001 # a signal's
    """Note the status that is sent, also that of a stream or WebSocket."""
    capture = adapters.current_capture()
    if capture is None or (capture.status is not None and _is_sent(capture)):
        return
    capture.response_started(response.status)
    if capture.event_id and capture.is_debug_panic:
        response.headers[adapters.EVENT_ID_HEADER] = capture.event_id


async def _on_startup(app: web.Application) -> None:
    _check_order(app)
    # aiohttp has no hook for a failed start-up; the task that starts the application ends.
    asyncio.current_task().add_done_callback(functools.partial(_start_up_done, app))  # type: ignore[union-attr] # a coroutine runs in a task


ORDER_HINT = "Call setup(app) after the middlewares are added."


def find_outside(app: web.Application) -> Iterator[object]:
    """Return the middlewares of *app* outside of the boundary."""
    return itertools.takewhile(lambda each: each is not sentryinit_middleware, app.middlewares)


def _check_order(app: web.Application) -> None:
    adapters.check_order(find_outside(app), ORDER_HINT)


def _start_up_done(app: web.Application, task: asyncio.Task[Any]) -> None:
    # A frozen application has started, so the task has ended for another reason.
    if not (app.frozen or task.cancelled()) and task.exception() is not None:
        adapters.shutdown("aiohttp", task.exception())


async def _on_cleanup(app: web.Application) -> None:  # noqa: ARG001 # a signal's
    adapters.shutdown("aiohttp")


_INSTALLED = web.AppKey("sentryinit", bool)


def setup(app: web.Application, **options: Unpack[Options]) -> None:
    """Report the failures of *app*; call it after the middlewares are added.

    *options* are those of :func:`sentryinit.init`. If it was called before, only masks are added.
    Without a DSN the application is unchanged. A second call does no more. A sub-application needs
    a set-up of its own only if its middlewares answer its exceptions. Raises ``RuntimeError`` if
    *app* runs already.
    """
    adapters.check_kind("setup(app): app", app, web.Application, "an aiohttp application")
    if not adapters.ensure_initialized("aiohttp", None, options) or _INSTALLED in app:
        return
    if app.middlewares.frozen:
        raise RuntimeError(
            "setup(app): app runs already, or is a part of another application, and takes no more "
            "middlewares; expected a call before web.run_app(), AppRunner.setup() or add_subapp()"
        )
    app[_INSTALLED] = True
    if app.middlewares:
        app.middlewares.append(sentryinit_middleware)
    app.middlewares.insert(0, sentryinit_middleware)
    app.on_response_prepare.append(_on_response_prepare)
    app.on_startup.insert(0, _on_startup)
    app.on_cleanup.append(_on_cleanup)


async def debug_panic(request: web.Request) -> NoReturn:
    """The debug route: ``app.router.add_route("*", "/debug/sentry-panic", debug_panic)``.

    Raises ``DebugPanic`` for the right token; otherwise it is a 404, like any unknown path. It is
    added for every method, because a 405 would show that the route exists.
    """
    if not adapters.check_debug_token(request.headers, request.rel_url.raw_query_string):
        raise web.HTTPNotFound
    raise adapters.DebugPanic

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, NoReturn

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from sentryinit.adapters import (
    EVENT_ID_HEADER,
    OVER,
    TOKEN_HEADER,
    Adapter,
    Capture,
    DebugPanic,
    RequestInfo,
    current,
    ended,
    ensure,
    may_panic,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from sentryinit import Options

_INSTALLED = web.AppKey("sentryinit", bool)


def _status_of(exc: BaseException) -> int | None:
    return exc.status if isinstance(exc, web.HTTPException) else None


def _route(request: web.Request) -> str | None:
    resource = request.match_info.route.resource
    if isinstance(resource, web.StaticResource):
        return f"{resource.canonical}/{{filename}}"
    # A 404 or 405 of aiohttp's own has no resource.
    return resource.canonical if resource else None


def _describe(request: web.Request) -> RequestInfo:
    socket = request.headers.get("Upgrade", "").lower() == "websocket"
    return RequestInfo(
        method=request.method,
        scheme=request.scheme.replace("http", "ws") if socket else request.scheme,
        # request.host asks the resolver, if the client did not say.
        host=request.headers.get("Host", ""),
        path=request.rel_url.raw_path,
        query=request.rel_url.raw_query_string,
        headers=list(request.headers.items()),
        client=request.remote,
        route=_route(request),
    )


def _endpoint(request: web.Request) -> object:
    return request.method, request.match_info.route.resource


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


_ADAPTER = Adapter(
    "aiohttp",
    _describe,
    status_of=_status_of,
    # receive_str() raises it for a message of another type: that the peer closes, above all.
    aborts=(aiohttp.WSMessageTypeError,) if hasattr(aiohttp, "WSMessageTypeError") else (),
    gone=_is_gone,
    endpoint=_endpoint,
)


@web.middleware
async def sentryinit_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Report what the rest of the chain fails with; change nothing of what it answers.

    For ``middlewares=[...]`` if :func:`setup` is not called, which does this and more. First, it is
    the boundary; further in, it sees what a middleware between makes an answer of.
    """
    capture = current()
    if capture is not None:
        try:
            return await handler(request)
        except Exception as exc:
            capture.note(exc)
            raise
    capture = _ADAPTER.open(request)
    # aiohttp gives each request a task, and sends what is returned here in the same task.
    asyncio.current_task().add_done_callback(functools.partial(_over, capture))  # type: ignore[union-attr] # a coroutine is in one
    try:
        response = await handler(request)
    except web.HTTPException as exc:
        _answered(capture, exc)
        raise
    except DebugPanic as panic:
        return _panicked(capture, panic)
    except BaseException as exc:
        _crossed(capture, exc)
        raise
    if not isinstance(response, web.StreamResponse) or response.status >= 500:  # type: ignore[redundant-expr] # a handler can return anything
        _answered(capture, response)
    return response


def _answered(capture: Capture[web.Request], response: Any) -> None:
    """Tell *capture* what the chain came to; what is no response, aiohttp answers 500."""
    if isinstance(response, web.HTTPException):
        capture.note(response)
    capture.answer(response.status if isinstance(response, web.StreamResponse) else 500)
    # Of a body that is there, nothing is left to fail.
    if isinstance(getattr(response, "body", b""), bytes | None):
        capture.settle()


def _crossed(capture: Capture[web.Request], exc: BaseException) -> None:
    """Tell *capture* what aiohttp answers 500, or 504; once something is out, it only hangs up."""
    status = 504 if isinstance(exc, asyncio.TimeoutError) else 500
    capture.raised(exc, None if capture.request.writer.output_size else status)
    capture.close()


def _over(capture: Capture[web.Request], task: asyncio.Task[Any]) -> None:
    """The request is over: what failed after the middleware is what its task ended with."""
    exc = None if task.cancelled() else task.exception()
    if exc is not None and capture.request is not OVER:
        _crossed(capture, exc)
    elif capture.busy:
        capture.close()
    else:
        capture.request = OVER  # what close() does, without a call


def _panicked(capture: Capture[web.Request], panic: DebugPanic) -> web.Response:
    """Answer for the debug route: aiohttp's own 500 has no place for the event id."""
    capture.raised(panic, 500)
    headers = {EVENT_ID_HEADER: capture.event_id or "none"}
    capture.close()
    return web.Response(status=500, text="Internal Server Error", headers=headers)


async def _prepared(request: web.Request, response: web.StreamResponse) -> None:  # noqa: ARG001 # a signal's
    """A status goes out: the handler's, also of a stream or WebSocket that may yet fail."""
    capture = current()
    if capture is None:
        return
    if response.status < 500 and not capture.busy:
        capture.status = response.status
        return
    capture.answer(response.status)
    if capture.event_id and capture.panicked:
        response.headers[EVENT_ID_HEADER] = capture.event_id


async def _starting(app: web.Application) -> None:
    # aiohttp has no hook for a start-up that fails: it ends the task that starts the application.
    asyncio.current_task().add_done_callback(functools.partial(_started, app))  # type: ignore[union-attr] # a coroutine is in one


def _started(app: web.Application, task: asyncio.Task[Any]) -> None:
    # Frozen, it has started: what ended the task later is its owner's affair.
    if not (app.frozen or task.cancelled()) and task.exception() is not None:
        ended("aiohttp", task.exception())


async def _stopping(app: web.Application) -> None:  # noqa: ARG001 # a signal's
    ended("aiohttp")


def setup(app: web.Application, **options: Unpack[Options]) -> None:
    """Watch *app*, once; call it when its middlewares are in.

    *options* are those of :func:`sentryinit.init` and count if nobody has called it yet. Without a
    DSN the application is left as it is. A sub-application needs none; if its own middlewares
    answer for its failures, its own ``setup`` lets them be seen.
    """
    if _INSTALLED in app or not ensure("aiohttp", None, options):
        return
    app[_INSTALLED] = True
    if app.middlewares:
        app.middlewares.append(sentryinit_middleware)
    app.middlewares.insert(0, sentryinit_middleware)
    app.on_response_prepare.append(_prepared)
    app.on_startup.insert(0, _starting)
    app.on_cleanup.append(_stopping)


async def debug_panic(request: web.Request) -> NoReturn:
    """The debug route: ``app.router.add_route("*", "/debug/sentry-panic", debug_panic)``.

    With the right token it raises; otherwise it is a 404, like any path that does not exist. For
    every method: a 405 would tell it from such a path.
    """
    if not may_panic(request.headers.get(TOKEN_HEADER), request.rel_url.raw_query_string):
        raise web.HTTPNotFound
    raise DebugPanic

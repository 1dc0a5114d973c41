"""Starlette and FastAPI only: mounts, middleware in between, tasks, routes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Annotated, Any

import pytest
import sentry_sdk
from a2wsgi import WSGIMiddleware
from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from reported import summary, warnings_of
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException, WebSocketException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

import sentryinit
from sentryinit import adapters, asgi, wsgi
from sentryinit._state import STATE
from sentryinit.testing import Mailbox, capture
from sentryinit_starlette import SentryInitMiddleware, _wiring, debug_panic

Messages = list[dict[str, Any]]


class OutOfStock(Exception):
    """An exception of the application, with a handler."""


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with capture(debug_token="letmein") as box:
        yield box


def serve(
    app: Any, path: str, method: str = "GET", host: str = "shop.test", **scope: Any
) -> tuple[Messages, BaseException | None]:
    """Serve one request; return the messages that *app* sent, and the exception it raised."""
    sent: Messages = []
    asked = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path.partition("?")[0],
        "raw_path": path.partition("?")[0].encode(),
        "query_string": path.partition("?")[2].encode(),
        "root_path": "",
        "headers": [(b"host", host.encode())],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        **scope,
    }

    async def main() -> BaseException | None:
        incoming = iter([{"type": "http.request", "body": b"", "more_body": False}])
        forever = asyncio.Event()

        async def receive() -> dict[str, Any]:
            with contextlib.suppress(StopIteration):
                return next(incoming)
            await forever.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        try:
            await app(asked, receive, send)
        except Exception as exc:
            return exc
        return None

    return sent, asyncio.run(main())


async def fail(request: Request) -> Response:
    raise ValueError("endpoint")


def fail_in_a_thread(request: Request) -> Response:
    sentry_sdk.set_tag("from", "a thread")
    raise ValueError("endpoint")


async def sold_out(request: Request) -> Response:
    raise OutOfStock


async def busy(request: Request) -> Response:
    raise HTTPException(503)


def covered(**options: Any) -> Starlette:
    app = Starlette(**options)
    app.add_middleware(SentryInitMiddleware)
    return app


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("endpoint", [fail, fail_in_a_thread])
def test_route_through_mounts(
    mailbox: Mailbox, endpoint: Callable[[Request], Any], method: str
) -> None:
    """D3: mounts of routers and applications, with parameters, hosts and convertors."""
    inner = Route("/orders/{order_id:int}", endpoint, methods=["GET", "POST"])
    app = covered(
        routes=[
            Mount("/shops/{shop}", routes=[Mount("/v1", app=Router([inner]))]),
            Mount("/sub", app=Starlette(routes=[inner])),
            Host("api.shop.test", app=Router([inner])),
        ]
    )

    serve(app, "/shops/acme/v1/orders/17", method)
    serve(app, "/sub/orders/17", method)
    serve(app, "/orders/17", method, host="api.shop.test")

    assert [event["transaction"] for event in mailbox.events] == [
        "/shops/{shop}/v1/orders/{order_id}",
        "/sub/orders/{order_id}",
        "/orders/{order_id}",
    ]
    assert [
        event["exception"]["values"][-1]["mechanism"]["handled"] for event in mailbox.events
    ] == [False] * 3


def test_url_has_the_root_path_once(mailbox: Mailbox) -> None:
    """D5: root_path, also as changed by a mount, is in the URL once."""
    app = covered(routes=[Mount("/sub", routes=[Route("/fail", fail)])])

    serve(app, "/proxied/sub/fail", root_path="/proxied")

    (event,) = mailbox.events
    assert (event["request"]["url"], event["transaction"]) == (
        "http://shop.test/proxied/sub/fail",
        "/sub/fail",
    )


def test_mounted_application_with_middleware_is_one_event(mailbox: Mailbox) -> None:
    """C3: one event, however many boundaries the request passes."""
    sub = covered(routes=[Route("/orders/{order_id}", fail), Route("/busy", busy)])
    app = covered(routes=[Mount("/sub", app=sub)])

    serve(app, "/sub/orders/17")
    serve(app, "/sub/busy")

    assert summary(mailbox) == [
        ("ValueError", False, "500", "/sub/orders/{order_id}"),
        ("HTTP 503 GET /sub/busy", None, "503", "/sub/busy"),
    ]


class PassThrough(BaseHTTPMiddleware):
    """Runs the rest of the application in another task, as its base class does."""

    async def dispatch(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        return await call_next(request)


@pytest.mark.parametrize("endpoint", [fail, fail_in_a_thread])
def test_exception_behind_base_http_middleware_is_one_event(
    mailbox: Mailbox, endpoint: Callable[[Request], Any]
) -> None:
    """C6, D6: it comes from another task, once, and with the scope of the request."""
    app = Starlette(routes=[Route("/fail", endpoint)])
    app.add_middleware(PassThrough)
    app.add_middleware(SentryInitMiddleware)

    _, raised = serve(app, "/fail")

    assert isinstance(raised, ValueError)
    assert summary(mailbox) == [("ValueError", False, "500", "/fail")]
    if endpoint is fail_in_a_thread:
        assert mailbox.events[0]["tags"]["from"] == "a thread"


@pytest.mark.parametrize("asynchronous", [True, False])
def test_handled_exception_behind_base_http_middleware(
    mailbox: Mailbox, asynchronous: bool
) -> None:
    """A6: what a handler answers in a task of its own, or in a thread, is seen."""

    async def handler(request: Request, exc: Exception) -> Response:
        return PlainTextResponse("sold out", 503)

    def in_a_thread(request: Request, exc: Exception) -> Response:
        return PlainTextResponse("sold out", 503)

    app = Starlette(
        routes=[Route("/buy", sold_out)],
        exception_handlers={OutOfStock: handler if asynchronous else in_a_thread},
    )
    app.add_middleware(PassThrough)
    app.add_middleware(SentryInitMiddleware)

    serve(app, "/buy")

    assert summary(mailbox) == [("OutOfStock", True, "503", "/buy")]


@pytest.mark.parametrize("asynchronous", [True, False])
def test_exception_handlers(mailbox: Mailbox, asynchronous: bool) -> None:
    """A6: a coroutine handler is seen with its exception, one in a thread by its status."""

    async def handler(request: Request, exc: Exception) -> Response:
        return PlainTextResponse("sold out", 503)

    app = covered(
        routes=[Route("/buy", sold_out)],
        exception_handlers={
            OutOfStock: handler
            if asynchronous
            else lambda request, exc: PlainTextResponse("sold out", 503)
        },
    )

    serve(app, "/buy")

    assert summary(mailbox) == [("OutOfStock", True, "503", "/buy")]


@pytest.mark.parametrize("key", [OutOfStock, Exception, 500])
@pytest.mark.parametrize("asynchronous", [True, False])
def test_line_that_a_handler_logs_is_a_breadcrumb(
    mailbox: Mailbox, key: Any, asynchronous: bool
) -> None:
    """C2: also in a thread, where no exception is being handled, and in the page of Starlette."""

    def in_a_thread(request: Request, exc: Exception) -> Response:
        logging.getLogger("shop").error("Error with id Tx51IiiL")
        return PlainTextResponse("sold out", 503)

    async def handler(request: Request, exc: Exception) -> Response:
        return in_a_thread(request, exc)

    app = covered(
        routes=[Route("/buy", sold_out)],
        exception_handlers={key: handler if asynchronous else in_a_thread},
    )

    serve(app, "/buy")

    (event,) = mailbox.events
    assert event["exception"]["values"][-1]["type"] == "OutOfStock"
    assert [crumb["message"] for crumb in event["breadcrumbs"]["values"]] == [
        "Error with id Tx51IiiL"
    ]


@pytest.mark.parametrize("key", [Exception, 500])
def test_catch_all_handler_answers_and_the_exception_escapes(mailbox: Mailbox, key: Any) -> None:
    """A2: Starlette answers with it, and raises the exception to the server."""
    app = covered(
        routes=[Route("/fail", fail)],
        exception_handlers={key: lambda request, exc: PlainTextResponse("dressed", 500)},
    )

    sent, raised = serve(app, "/fail")

    assert (sent[1]["body"], type(raised)) == (b"dressed", ValueError)
    assert summary(mailbox) == [("ValueError", False, "500", "/fail")]


@pytest.mark.parametrize("key", [Exception, 500])
@pytest.mark.parametrize("asynchronous", [True, False])
def test_status_of_the_catch_all_page_is_the_tag(
    mailbox: Mailbox, key: Any, asynchronous: bool
) -> None:
    """D2: Starlette sends the page outside of the boundary; the client gets its status."""

    async def page(request: Request, exc: Exception) -> Response:
        logging.getLogger("shop").error("sorry", exc_info=exc)
        sentry_sdk.set_tag("page", "sorry")
        return PlainTextResponse("dressed", 503)

    def page_in_a_thread(request: Request, exc: Exception) -> Response:
        sentry_sdk.set_tag("page", "sorry")
        return PlainTextResponse("dressed", 503)

    app = covered(
        routes=[Route("/fail", fail)],
        exception_handlers={key: page if asynchronous else page_in_a_thread},
    )
    for _ in range(2):
        sent, raised = serve(app, "/fail")
        assert (sent[0]["status"], type(raised)) == (503, ValueError)

    assert summary(mailbox) == [("ValueError", False, "503", "/fail")] * 2
    assert [event["tags"]["page"] for event in mailbox.events] == ["sorry", "sorry"]


def test_status_of_the_catch_all_page_of_fastapi_is_the_tag(mailbox: Mailbox) -> None:
    """D2: FastAPI has layers of its own around the boundary."""
    app = FastAPI()
    app.add_api_route("/fail", fail)
    app.add_exception_handler(Exception, lambda request, exc: PlainTextResponse("dressed", 404))
    app.add_middleware(SentryInitMiddleware)
    assert serve(app, "/fail")[0][0]["status"] == 404

    assert summary(mailbox) == [("ValueError", False, "404", "/fail")]


def test_page_that_fails_is_the_server_s_500(mailbox: Mailbox) -> None:
    """C2, D2: the handler of any exception raises, and the server answers and logs."""

    async def page(request: Request, exc: Exception) -> Response:
        raise OutOfStock("no page")

    app = covered(routes=[Route("/fail", fail)], exception_handlers={Exception: page})
    error = serve(app, "/fail")[1]
    assert isinstance(error, OutOfStock)
    # The server logs what has reached it.
    logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=error)

    assert summary(mailbox) == [("ValueError", False, "500", "/fail")]


def test_exception_that_a_middleware_outside_answers_is_reported(mailbox: Mailbox) -> None:
    """A2: the page of the application is not made, for a middleware outside of us answers."""

    class Outside:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            with contextlib.suppress(ValueError):
                await self.app(scope, receive, send)
                return
            await PlainTextResponse("sorry", 502)(scope, receive, send)

    async def page(request: Request, exc: Exception) -> Response:
        raise AssertionError

    app = covered(routes=[Route("/fail", fail)], exception_handlers={Exception: page})
    app.add_middleware(Outside)
    assert serve(app, "/fail")[0][0]["status"] == 502

    assert summary(mailbox) == [("ValueError", False, "500", "/fail")]


def test_failing_stream_with_a_page_keeps_its_status(mailbox: Mailbox) -> None:
    """A8: Starlette calls the handler, and does not send its page."""

    async def rows() -> AsyncIterator[str]:
        yield "first"
        raise ValueError("row 2")

    async def endpoint(request: Request) -> Response:
        return StreamingResponse(rows())

    async def page(request: Request, exc: Exception) -> Response:
        return PlainTextResponse("too late", 503)

    app = covered(routes=[Route("/export", endpoint)], exception_handlers={Exception: page})
    serve(app, "/export")

    assert [event[1:] for event in summary(mailbox)] == [(False, "200", "/export")]


async def upstream_disconnects(request: Request) -> Response:
    """Serve another application in this process, whose own client is gone."""
    asked = Request(
        {"type": "http", "headers": []},
        receive=lambda: asyncio.sleep(0, {"type": "http.disconnect"}),
    )
    return Response(await asked.body())


def test_client_disconnect_of_a_proxied_request_is_an_event(mailbox: Mailbox) -> None:
    """B2: the client of this request is there."""
    serve(covered(routes=[Route("/proxy", upstream_disconnects)]), "/proxy")

    assert summary(mailbox) == [("ClientDisconnect", False, "500", "/proxy")]


def test_failing_background_task_is_one_event(mailbox: Mailbox) -> None:
    """A9: the event has the status that was sent."""

    def later() -> None:
        raise ValueError("later")

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("fine", background=BackgroundTask(later))

    serve(covered(routes=[Route("/fine", endpoint)]), "/fine")

    assert summary(mailbox) == [("ValueError", False, "200", "/fine")]


def test_failing_stream_is_one_event(mailbox: Mailbox) -> None:
    """A8: the event has the status that was sent; Starlette adds the group around it."""

    async def rows() -> AsyncIterator[str]:
        yield "first"
        raise ValueError("row 2")

    async def endpoint(request: Request) -> Response:
        return StreamingResponse(rows())

    serve(covered(routes=[Route("/export/{day}", endpoint)]), "/export/monday")

    assert [event[1:] for event in summary(mailbox)] == [(False, "200", "/export/{day}")]


def talk(
    app: Any, path: str = "/chat", *texts: str, breaks: bool = False
) -> tuple[Messages, BaseException | None]:
    """Open a WebSocket, send *texts* and leave; if it *breaks*, only ``send()`` tells of it."""
    sent: Messages = []
    incoming = [
        {"type": "websocket.connect"},
        *({"type": "websocket.receive", "text": text} for text in texts),
        {"type": "websocket.disconnect", "code": 1001},
    ]
    scope = {
        "type": "websocket",
        "path": path,
        "root_path": "",
        "scheme": "ws",
        "query_string": b"",
        "headers": [(b"host", b"shop.test")],
        "subprotocols": [],
    }

    async def receive() -> dict[str, Any]:
        return incoming.pop(0) if len(incoming) > 1 else incoming[0]

    async def send(message: Any) -> None:
        if breaks and message["type"] == "websocket.send":
            raise ConnectionResetError("by peer")
        sent.append(message)

    async def main() -> BaseException | None:
        try:
            await app(scope, receive, send)
        except Exception as exc:
            return exc
        return None

    return sent, asyncio.run(main())


def chatting(does: Callable[[WebSocket], Awaitable[None]]) -> Starlette:
    return covered(routes=[WebSocketRoute("/chat", does)])


async def listen(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        await socket.receive_text()


async def closes_finally(socket: WebSocket) -> None:
    try:
        await listen(socket)
    finally:
        await socket.send_text("bye")
        await socket.close()


async def closes_afterwards(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        await listen(socket)
    await socket.close()
    await socket.close()


async def listens_on(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        await listen(socket)
    await socket.receive_text()


async def speaks_on(socket: WebSocket) -> None:
    await socket.accept()
    with contextlib.suppress(WebSocketDisconnect):
        await socket.send_text("hello")
    await socket.close()


@pytest.mark.parametrize("breaks", [True, False])
@pytest.mark.parametrize("does", [closes_finally, closes_afterwards, listens_on, speaks_on])
def test_use_of_a_websocket_after_its_peer_left_is_no_event(
    mailbox: Mailbox, does: Any, breaks: bool
) -> None:
    """B3: Starlette's own errors exist only because the peer has left."""
    talk(chatting(does), "/chat", "hello", breaks=breaks)

    assert summary(mailbox) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyError, ConnectionError])
def test_bug_after_the_peer_left_is_an_event(mailbox: Mailbox, error: Any) -> None:
    """B3: an exception of the application's own is a failure."""

    async def does(socket: WebSocket) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            await listen(socket)
        raise error("a bug")

    talk(chatting(does))

    assert summary(mailbox) == [(error.__name__, False, "101", "/chat")]


def test_websocket_that_is_closed_twice_is_an_event(mailbox: Mailbox) -> None:
    """B3: a bug of the application, whose peer is there."""

    async def does(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()
        await socket.close()

    assert isinstance(talk(chatting(does))[1], RuntimeError)
    assert [status for _, _, status, _ in summary(mailbox)] == ["101"]


@pytest.mark.parametrize("code", [1000, 1006])
def test_disconnect_of_another_websocket_is_an_event(mailbox: Mailbox, code: int) -> None:
    """B2: another client left, as when a message is sent to all; this one is there."""

    async def does(socket: WebSocket) -> None:
        await socket.accept()
        raise WebSocketDisconnect(code)

    talk(chatting(does))

    assert summary(mailbox) == [("WebSocketDisconnect", False, "101", "/chat")]


def no_price() -> None:
    raise KeyError("price")


@pytest.mark.parametrize("accepts", [True, False])
@pytest.mark.parametrize(
    ("code", "expected"), [(1011, ["KeyError"]), (1013, ["KeyError"]), (1008, []), (4000, [])]
)
def test_websocket_exception_from_an_error(
    mailbox: Mailbox, accepts: bool, code: int, expected: list[str]
) -> None:
    """A10: a code for an error of the server is like a 5xx, and its cause is the evidence."""

    async def does(socket: WebSocket) -> None:
        if accepts:
            await socket.accept()
        try:
            no_price()
        except KeyError as error:
            raise WebSocketException(code) from error

    sent, error = talk(chatting(does))
    assert (sent[-1]["code"], error) == (code, None)

    assert summary(mailbox) == [
        (what, True, "101" if accepts else "500", "/chat") for what in expected
    ]


def test_websocket_exception_without_a_cause_is_the_evidence(mailbox: Mailbox) -> None:
    """A10: there is no status to report in its place."""

    async def does(socket: WebSocket) -> None:
        await socket.accept()
        raise WebSocketException(1011)

    talk(chatting(does))

    assert summary(mailbox) == [("WebSocketException", True, "101", "/chat")]


@pytest.mark.parametrize("again", [True, False])
def test_websocket_closed_with_1011_because_of_an_error_is_one_event(
    mailbox: Mailbox, again: bool
) -> None:
    """A10: the error is handled, unless it is raised again."""

    async def does(socket: WebSocket) -> None:
        await socket.accept()
        try:
            no_price()
        except KeyError:
            await socket.close(1011)
            if again:
                raise

    talk(chatting(does))

    assert summary(mailbox) == [("KeyError", not again, "101", "/chat")]


def test_websocket_closed_with_1011_for_a_peer_that_left_is_no_event(mailbox: Mailbox) -> None:
    """B3: the application closes what its peer has closed."""

    async def does(socket: WebSocket) -> None:
        try:
            await listen(socket)
        except WebSocketDisconnect:
            await socket.close(1011)

    talk(chatting(does))

    assert summary(mailbox) == []


def test_failing_websocket_is_one_event(mailbox: Mailbox) -> None:
    """A10: before it is accepted the status is 500, afterwards 101."""

    async def refuse(socket: WebSocket) -> None:
        raise ValueError("early")

    async def accept(socket: WebSocket) -> None:
        await socket.accept()
        raise ValueError("late")

    app = covered(
        routes=[WebSocketRoute("/early/{n}", refuse), WebSocketRoute("/late/{n}", accept)]
    )
    assert str(talk(app, "/early/1")[1]) == "early"
    assert str(talk(app, "/late/1")[1]) == "late"

    assert summary(mailbox) == [
        ("ValueError", False, "500", "/early/{n}"),
        ("ValueError", False, "101", "/late/{n}"),
    ]


def test_failing_lifespan_is_one_event(mailbox: Mailbox) -> None:
    """A12: one event, although Starlette also sends its traceback to the server."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        raise ValueError("no database")
        yield

    app = covered(lifespan=lifespan)

    async def start() -> Messages:
        sent: Messages = []

        async def receive() -> dict[str, Any]:
            return {"type": "lifespan.startup"}

        async def send(message: Any) -> None:
            sent.append(message)

        with pytest.raises(ValueError, match="no database"):
            await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
        return sent

    assert asyncio.run(start())[0]["type"] == "lifespan.startup.failed"
    (event,) = mailbox.events
    assert event["exception"]["values"][-1]["value"] == "no database"


def broken_session() -> Iterator[None]:
    yield
    raise ValueError("dependency")


def test_fastapi_routes_and_dependencies(mailbox: Mailbox) -> None:
    """D3: included routers and mounted applications; A2: a failing dependency."""
    orders = APIRouter(prefix="/orders")

    @orders.get("/{order_id}")
    def order(order_id: int) -> str:
        raise ValueError("endpoint")

    @orders.get("/{order_id}/lines", dependencies=[Depends(broken_session)])
    async def lines(order_id: int) -> str:
        return "fine"

    tenant = APIRouter(prefix="/tenants/{tenant}")
    tenant.include_router(orders)
    app = FastAPI()
    app.include_router(tenant)
    sub = FastAPI()
    sub.include_router(tenant)
    app.mount("/sub", sub)
    app.add_middleware(SentryInitMiddleware)

    serve(app, "/tenants/acme/orders/17")
    serve(app, "/sub/tenants/acme/orders/17")
    serve(app, "/tenants/acme/orders/17/lines")

    assert [event["transaction"] for event in mailbox.events] == [
        "/tenants/{tenant}/orders/{order_id}",
        "/sub/tenants/{tenant}/orders/{order_id}",
        "/tenants/{tenant}/orders/{order_id}/lines",
    ]


def swallow() -> Iterator[str]:
    with contextlib.suppress(Exception):
        yield "session"


async def swallow_later() -> AsyncIterator[str]:
    with contextlib.suppress(Exception):
        yield "session"


def replace() -> Iterator[str]:
    try:
        yield "session"
    except KeyError:
        raise HTTPException(503) from None


def user(name: str | None = None) -> str:
    if name is not None:
        raise KeyError(name)
    return "alice"


def lines(error: Exception) -> Iterator[str]:
    yield "first"
    raise error


def shop(**options: Any) -> FastAPI:
    """Return an application that fails with a dependency around what fails."""
    app = FastAPI(**options)
    for path, dependency in {
        "/sync": swallow,
        "/async": swallow_later,
        "/replace": replace,
    }.items():
        session = Depends(dependency)

        def order(session: str = session, name: str = Depends(user)) -> str:
            raise KeyError("tea")

        async def order_later(session: str = session) -> str:
            raise KeyError("tea")

        async def refuse(session: str = session) -> str:
            raise HTTPException(404)

        app.add_api_route(f"{path}/thread", order)
        app.add_api_route(f"{path}/task", order_later)
        app.add_api_route(f"{path}/refuse", refuse)
    app.add_middleware(SentryInitMiddleware)
    return app


@pytest.mark.parametrize("dependency", ["sync", "async"])
@pytest.mark.parametrize("endpoint", ["thread", "task", "thread?name=tea"])
def test_exception_that_a_dependency_swallows_is_the_event(
    mailbox: Mailbox, dependency: str, endpoint: str
) -> None:
    """A2: FastAPI raises an error of its own; it is about what the dependency swallowed."""
    path = f"/{dependency}/{endpoint}"
    _, raised = serve(shop(), path)

    assert type(raised).__name__ == "FastAPIError"
    assert summary(mailbox) == [("KeyError", False, "500", path.partition("?")[0])]


def test_exception_that_a_dependency_swallows_twice_is_two_events(mailbox: Mailbox) -> None:
    """C4: each request has a failure of its own."""
    app = shop()
    for _ in range(2):
        serve(app, "/sync/task")

    assert len(mailbox.events) == 2


def test_swallowed_exception_answered_by_a_handler(mailbox: Mailbox) -> None:
    """A6, A7: the status of the handler of FastAPI's own error counts."""
    for status in (503, 409):
        respond = PlainTextResponse("sorry", status)
        app = shop(exception_handlers={RuntimeError: lambda request, exc, r=respond: r})
        assert serve(app, "/sync/task")[0][0]["status"] == status

    assert [event[0] for event in summary(mailbox)] == ["KeyError"]


def test_exception_that_a_dependency_replaces_is_as_without_it(mailbox: Mailbox) -> None:
    """A1, A5: nothing is swallowed; the response is the dependency's, or the endpoint's."""
    app = shop()
    for path in ("/replace/task", "/replace/refuse"):
        serve(app, path)

    assert summary(mailbox) == [("HTTP 503 GET /replace/task", None, "503", "/replace/task")]


def test_swallowed_response_is_the_event(mailbox: Mailbox) -> None:
    """A2: an HTTP exception that a dependency swallows has answered nobody."""
    serve(shop(), "/async/refuse")

    assert summary(mailbox) == [("HTTPException", False, "500", "/async/refuse")]


def test_swallowed_disconnect_is_no_event(mailbox: Mailbox) -> None:
    """B3: FastAPI's own error exists only because the client has left."""
    app = FastAPI()

    @app.post("/upload")
    async def upload(request: Request, session: Annotated[str, Depends(swallow)]) -> str:
        await request.body()
        raise AssertionError

    app.add_middleware(SentryInitMiddleware)

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        """Drop the message."""

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/upload",
        "headers": [],
        "query_string": b"",
    }
    with pytest.raises(RuntimeError):
        asyncio.run(app(scope, receive, send))

    assert mailbox.events == []


def test_failing_stream_that_a_dependency_swallows_is_the_event(mailbox: Mailbox) -> None:
    """A8: where the dependency ends after the response, the event has the status that was sent."""
    app = FastAPI()

    @app.get("/export")
    def export(session: Annotated[str, Depends(swallow)]) -> StreamingResponse:
        return StreamingResponse(lines(ValueError("row 2")))

    app.add_middleware(SentryInitMiddleware)
    serve(app, "/export")

    assert [event[1:] for event in summary(mailbox)] == [(False, "200", "/export")]


def test_stack_of_the_application_is_accepted(mailbox: Mailbox) -> None:
    """E1: FastAPI checks the class of a stack in the scope; one of another class still passes."""
    from fastapi import routing

    SentryInitMiddleware(FastAPI())
    accepted: Any = routing.AsyncExitStack  # type: ignore[attr-defined] # an imported name

    async def enter() -> str:
        async with accepted() as stack:
            with pytest.raises((AttributeError, TypeError)):  # Python 3.10 raises the first
                await stack.enter_async_context(object())
            return await stack.enter_async_context(contextlib.nullcontext("entered"))

    assert accepted is not contextlib.AsyncExitStack
    assert isinstance(contextlib.AsyncExitStack(), accepted)
    assert not isinstance(object(), accepted)
    assert asyncio.run(enter()) == "entered"


BUSY = ("HTTP 503 GET /orders", None, "503", "/orders")


@pytest.mark.parametrize("factory", [Starlette, FastAPI])
@pytest.mark.parametrize(
    "status,cause,events",
    [
        (404, None, []),
        (401, KeyError, []),
        (503, None, [BUSY]),
        (503, KeyError, [("KeyError", True, "503", "/orders")]),
    ],
)
@pytest.mark.parametrize("logged_in", ["handler", "thread", "endpoint"])
def test_logged_http_exception_is_no_event_of_its_own(
    mailbox: Mailbox,
    factory: Callable[..., Any],
    status: int,
    cause: type[Exception] | None,
    events: list[object],
    logged_in: str,
) -> None:
    """A1, C2: it is logged with its traceback; the record is about the response."""
    log = logging.getLogger("shop")

    def answer_in_a_thread(request: Request, exc: Any) -> Response:
        log.error("it failed", exc_info=exc)
        return PlainTextResponse(exc.detail, exc.status_code)

    async def answer(request: Request, exc: Any) -> Response:
        log.exception("it failed")  # noqa: LOG004 # the framework handles it
        return PlainTextResponse(exc.detail, exc.status_code)

    async def endpoint(request: Request) -> Response:
        try:
            raise HTTPException(status) from cause
        except HTTPException:
            if logged_in == "endpoint":
                log.exception("it failed")
            raise

    handlers: Any = {"handler": answer, "thread": answer_in_a_thread}
    handler = {HTTPException: handlers[logged_in]} if logged_in in handlers else {}
    app = factory(exception_handlers=handler)
    app.router.add_route("/orders", endpoint)
    app.add_middleware(SentryInitMiddleware)
    serve(app, "/orders")

    assert summary(mailbox) == events


@pytest.mark.parametrize(
    "status,events", [(422, []), (400, []), (503, [("RequestValidationError", True, "503", "/o")])]
)
def test_logged_validation_error_of_fastapi(
    mailbox: Mailbox, status: int, events: list[object]
) -> None:
    """A1, A6, C2: the exception for a wrong request is its answer, unless that is a 5xx."""

    async def answer(request: Request, exc: Exception) -> Response:
        logging.getLogger("shop").exception("a wrong request")  # noqa: LOG004 # the framework handles it
        return PlainTextResponse("sorry", status)

    app = FastAPI(exception_handlers={RequestValidationError: answer})

    @app.get("/o")
    def order(order_id: int) -> str:
        return "fine"

    app.add_middleware(SentryInitMiddleware)
    serve(app, "/o?order_id=none")

    assert summary(mailbox) == events


def test_fastapi_validation_error_is_no_event(mailbox: Mailbox) -> None:
    """A1: a 422 is no failure."""
    app = FastAPI()

    @app.get("/orders/{order_id}")
    def order(order_id: int) -> str:
        return "fine"

    app.add_middleware(SentryInitMiddleware)
    sent, _ = serve(app, "/orders/none")

    assert (sent[0]["status"], mailbox.events) == (422, [])


@pytest.mark.parametrize("factory", [Starlette, FastAPI])
@pytest.mark.parametrize("method", "GET HEAD POST PUT DELETE OPTIONS".split())
def test_debug_route_without_token_is_an_unknown_path(
    mailbox: Mailbox, factory: Callable[[], Any], method: str
) -> None:
    """I1: for any method a wrong token gets the response of an unknown path."""
    app = factory()
    app.add_middleware(SentryInitMiddleware)
    app.add_route("/debug/sentry-panic", debug_panic)

    shut = serve(app, "/debug/sentry-panic?token=wrong", method)
    nowhere = serve(app, "/debug/nowhere?token=wrong", method)

    assert shut == nowhere
    assert shut[0][0]["status"] == 404


def test_debug_route_with_token_has_the_event_id(mailbox: Mailbox) -> None:
    """I2: the 500 has the header, and the exception reaches the server."""
    app = covered()
    app.add_route("/debug/sentry-panic", debug_panic)

    sent, raised = serve(app, "/debug/sentry-panic?token=letmein")

    assert dict(sent[0]["headers"])[b"x-sentry-event-id"].decode() == mailbox.events[0]["event_id"]
    assert (sent[0]["status"], type(raised).__name__) == (500, "DebugPanic")


def test_session_cookie_has_no_value() -> None:
    """G1: the cookie of the session, under any name."""

    class Session:  # Starlette's needs another package
        def __init__(self, app: Any, session_cookie: str, ignored_cookies: set[str]) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app(scope, receive, send)

    app = Starlette(routes=[Route("/fail", fail)])
    app.add_middleware(Session, session_cookie="shop", ignored_cookies={"theme"})
    app.add_middleware(SentryInitMiddleware)
    headers = [(b"host", b"shop.test"), (b"cookie", b"shop=tea; theme=dark")]
    with capture(collect=["cookies"]) as mailbox:
        serve(app, "/fail", headers=headers)

    (event,) = mailbox.events
    assert event["request"]["cookies"] == {"shop": "[secret]", "theme": "dark"}


def test_without_a_dsn_the_middleware_is_removed() -> None:
    """E3: the stack that Starlette builds is the application's own."""
    app = Starlette()

    assert SentryInitMiddleware(app) is app


@pytest.mark.parametrize(("status", "count"), [(400, 0), (503, 1)])
def test_logged_text_of_an_http_exception_is_no_event(
    mailbox: Mailbox, status: int, count: int
) -> None:
    """C2: a record with the detail of the HTTP exception that is the response is about it."""

    async def refuse(request: Any) -> None:
        logging.getLogger("shop").error("the order has no lines")
        raise HTTPException(status, "the order has no lines")

    app = Starlette(routes=[Route("/orders", refuse)])
    app.add_middleware(SentryInitMiddleware)
    serve(app, "/orders")

    assert len(mailbox.events) == count


@pytest.mark.skipif(
    "max_body_size" not in inspect.signature(Starlette).parameters, reason="Starlette 1.10"
)
def test_body_over_starlette_s_limit_is_no_failure() -> None:
    """E6: the limit is outside of all middlewares; it ends our request by an exception."""

    async def home(request: Any) -> PlainTextResponse:
        return PlainTextResponse("the body was not read")

    with capture() as mailbox:
        app = Starlette(routes=[Route("/", home, methods=["POST"])], max_body_size=10)
        app.add_middleware(SentryInitMiddleware)
        headers = [(b"host", b"shop.test"), (b"content-length", b"100")]
        sent, _raised = serve(app, "/", "POST", headers=headers)

    assert (sent[0]["status"], mailbox.events) == (413, [])


def test_failure_that_crosses_a_bridge_reaches_the_server(mailbox: Mailbox) -> None:
    """C3, E2: a WSGI application with an adapter of its own, whose stream fails."""

    def shop(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"row"
        raise LookupError("no stock")

    inner = wsgi.SentryInitMiddleware(
        shop, adapter=adapters.Adapter("inner", wsgi.describe, server=wsgi.server)
    )
    app = Starlette(routes=[Mount("/shop", WSGIMiddleware(inner))])
    app.add_middleware(SentryInitMiddleware)
    _sent, raised = serve(app, "/shop/orders")

    assert type(raised) is LookupError
    assert [event["tags"]["status_code"] for event in mailbox.events] == ["200"]


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
def test_request_that_the_server_cancels_is_no_event(mailbox: Mailbox, layers: int) -> None:
    """B1: also behind several middlewares, whose groups of anyio take the cancellation back."""

    async def slow(request: Any) -> None:
        await asyncio.sleep(60)

    async def passes(request: Any, call_next: Any) -> Response:
        return await call_next(request)  # type: ignore[no-any-return] # a Response

    app = Starlette(routes=[Route("/orders", slow)])
    for _ in range(layers):
        app.add_middleware(BaseHTTPMiddleware, dispatch=passes)
    app.add_middleware(SentryInitMiddleware)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.1, asyncio.current_task().cancel)  # type: ignore[union-attr] # it runs in one
        with contextlib.suppress(asyncio.CancelledError):
            scope = {"type": "http", "method": "GET", "path": "/orders", "headers": []}
            await app({**scope, "query_string": b""}, asyncio.Event().wait, None)

    asyncio.run(main())
    assert mailbox.events == []


# -- the order of middlewares ----------------------------------------------------------------------


class Auth:
    """A pure ASGI middleware."""

    def __init__(self, app: Any, **_options: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


async def add_timing(request: Request, call_next: Any) -> Response:
    return await call_next(request)  # type: ignore[no-any-return] # a Response


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return the warnings of sentryinit."""
    return functools.partial(warnings_of, caplog)


OUTSIDE = (
    "Outside of sentryinit's middleware: {}; errors there are reported without their "
    "requests. Call app.add_middleware(SentryInitMiddleware) after all other add_middleware() "
    "calls."
)


def lifespan(app: Any) -> None:
    """Start and stop *app* without a request."""
    incoming = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> dict[str, str]:
        return {"type": next(incoming)}

    async def send(message: Any) -> None:
        assert message["type"].endswith("complete")

    asyncio.run(app({"type": "lifespan", "state": {}}, receive, send))


@pytest.mark.parametrize("kind", [Starlette, FastAPI])
@pytest.mark.parametrize("first", ["lifespan", "request", "websocket"])
def test_middlewares_outside_are_named_once(
    mailbox: Mailbox, warnings: Any, kind: Any, first: str
) -> None:
    """E6: at the lifespan or the first request, whichever is first, and not again."""
    app = kind()
    app.add_middleware(Auth)
    app.add_middleware(SentryInitMiddleware)
    app.add_middleware(Auth, realm="shop")
    app.add_middleware(BaseHTTPMiddleware, dispatch=add_timing)
    if first == "lifespan":
        lifespan(app)
        assert warnings() == [OUTSIDE.format("add_timing, Auth")]
    for _ in range(2):
        serve(app, "/nowhere", **({"type": "websocket"} if first == "websocket" else {}))

    assert warnings() == [OUTSIDE.format("add_timing, Auth")]
    # 11: the debug token of the tests is short.
    assert [each.number for each in adapters.problems() if each.number not in {4, 5, 11}] == [9]


@pytest.mark.parametrize("wrapped", [False, True])
def test_order_that_is_right_is_no_warning(
    mailbox: Mailbox, warnings: Any, *, wrapped: bool
) -> None:
    """E6: what FastAPI and Starlette add themselves is no middleware of the application."""
    app: Any = FastAPI()
    app.add_middleware(Auth)
    app.middleware("http")(add_timing)
    app.add_exception_handler(Exception, lambda *_: Response("sorry", 500))
    if not wrapped:
        app.add_middleware(SentryInitMiddleware)
    inner = Starlette()
    inner.add_middleware(SentryInitMiddleware)
    app.mount("/inner", inner)
    app = SentryInitMiddleware(app) if wrapped else app
    lifespan(app)
    serve(app, "/nowhere")
    serve(app, "/inner/nowhere")

    assert warnings() == []


def test_generic_boundary_around_all_is_no_warning(mailbox: Mailbox, warnings: Any) -> None:
    """E6: it reports what fails outside of the adapter's."""
    app: Any = FastAPI()
    app.add_middleware(SentryInitMiddleware)
    app.add_middleware(Auth)
    serve(asgi.SentryInitMiddleware(app), "/nowhere")

    assert warnings() == []


def test_order_is_not_checked_where_reporting_is_off(
    warnings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E3: without a DSN nothing is installed."""
    monkeypatch.delenv("SENTRY_DSN", raising=False)
    restore = STATE.reset()
    app = Starlette()
    app.add_middleware(SentryInitMiddleware)
    app.add_middleware(Auth)
    serve(app, "/nowhere")
    restore()

    assert warnings() == []


# -- mistakes -------------------------------------------------------------------------------------

WRONG = ["orders", "https://0a1b2c@sentryinit.invalid/1", object(), None, {"dsn": "x"}, 5]


@pytest.mark.parametrize("app", WRONG)
def test_wrong_object_is_refused(app: Any) -> None:
    """What is no application is a TypeError that says so, without the value: it may be a DSN."""
    words = r"^SentryInitMiddleware\(app\): app must be an ASGI application, not a value of type "
    for options in ({}, {"dsn": WRONG[1]}):
        with pytest.raises(TypeError, match=words) as caught:
            SentryInitMiddleware(app, **options)
        assert "0a1b2c" not in str(caught.value)


# -- the id of the event ---------------------------------------------------------------------------


def shown_ids() -> str:
    return f"{sentryinit.event_id()} {sentry_sdk.last_event_id()}"


async def page_of_the_loop(_request: Any, _exc: Exception) -> Response:
    return PlainTextResponse(shown_ids(), 503)


def page_of_a_thread(_request: Any, _exc: Exception) -> Response:
    """Return a page from a thread, where no exception is being handled."""
    return PlainTextResponse(shown_ids(), 503)


def page_text(app: Any, path: str = "/") -> str:
    return "".join(m.get("body", b"").decode() for m in serve(app, path)[0])


@pytest.mark.parametrize("kind", [Starlette, FastAPI])
@pytest.mark.parametrize("page", [page_of_the_loop, page_of_a_thread])
@pytest.mark.parametrize("key", [500, Exception, OutOfStock])
def test_handler_knows_the_event(kind: Any, key: Any, page: Any, mailbox: Mailbox) -> None:
    """D9: A handler for 500, any exception or a class knows the id, in the loop and in a thread."""
    app = kind(exception_handlers={key: page})
    app.add_route("/", sold_out)
    app.add_middleware(SentryInitMiddleware)

    text = page_text(app)

    (event,) = mailbox.events
    assert text == f"{event['event_id']} {event['event_id']}"


@pytest.mark.parametrize("page", [page_of_the_loop, page_of_a_thread])
def test_handler_behind_a_base_http_middleware_knows_the_event(page: Any, mailbox: Mailbox) -> None:
    """D9: Behind Starlette's ``BaseHTTPMiddleware`` the id is that of the event as well."""
    app = Starlette(routes=[Route("/", sold_out)], exception_handlers={OutOfStock: page})
    app.add_middleware(BaseHTTPMiddleware, dispatch=lambda request, call: call(request))
    app.add_middleware(SentryInitMiddleware)

    text = page_text(app)

    (event,) = mailbox.events
    assert text == f"{event['event_id']} {event['event_id']}"


def test_page_outside_of_the_boundary_knows_the_event(mailbox: Mailbox) -> None:
    """D9: Where a middleware is around the boundary, the event exists when the page is made."""
    app = Starlette(routes=[Route("/", sold_out)], exception_handlers={500: page_of_the_loop})
    app.add_middleware(SentryInitMiddleware)
    app.add_middleware(Auth)

    text = page_text(app)

    (event,) = mailbox.events
    assert text.split()[0] == event["event_id"]


def test_handler_of_a_4xx_has_no_id(mailbox: Mailbox) -> None:
    """D9: The page of a 404 has no id: it is known that there is no event."""
    app = Starlette(exception_handlers={404: lambda _r, _e: PlainTextResponse(shown_ids(), 404)})
    app.add_middleware(SentryInitMiddleware)

    assert page_text(app) == "None None"
    assert mailbox.events == []


def test_bound_coroutine_function_runs_with_its_request(mailbox: Mailbox) -> None:
    """D6: A bound coroutine function stays one, and has the tags of its request in any task."""
    jobs: list[Any] = []

    async def work(text: str) -> str:
        await asyncio.sleep(0)
        sentry_sdk.capture_message(text)
        return text

    async def order(request: Request) -> Response:
        sentry_sdk.set_tag("shop", "north")
        jobs.append(sentryinit.bind(work))
        return PlainTextResponse("ok")

    serve(covered(routes=[Route("/", order)]), "/")

    assert inspect.iscoroutinefunction(jobs[0])
    assert asyncio.run(jobs[0]("late")) == "late"
    (event,) = mailbox.events
    assert event["tags"]["shop"] == "north"


def test_url_is_what_a_proxy_says(mailbox: Mailbox) -> None:
    """D5: what changes the scheme in the scope, as uvicorn's proxy headers do, is on the event."""

    class Proxied:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            scope["scheme"] = "https"
            await self.app(scope, receive, send)

    seen = []

    async def fail(request: Request) -> Response:
        seen.append(str(request.url))
        raise ValueError

    app = Starlette(routes=[Route("/orders/{order_id}", fail)])
    app.add_middleware(Proxied)
    app.add_middleware(SentryInitMiddleware)
    serve(app, "/orders/17")

    assert mailbox.events[0]["request"]["url"] == seen[0] == "https://shop.test/orders/17"


# -- failures in the handling of others ------------------------------------------------------------


class Failing(BaseHTTPMiddleware):
    """Captures the exception of the endpoint, and fails itself."""

    async def dispatch(self, request: Request, call_next: Any) -> Response:
        try:
            return await call_next(request)  # type: ignore[no-any-return] # a Response
        except OutOfStock as error:
            sentry_sdk.capture_exception(error)
            raise RuntimeError("a second bug")  # noqa: B904 # the context is what is tested


def test_second_failure_behind_a_base_http_middleware_is_an_event(mailbox: Mailbox) -> None:
    """C1: Starlette makes the context a cause; no code of the application has said so."""
    app = Starlette(routes=[Route("/", sold_out)])
    app.add_middleware(Failing)
    app.add_middleware(SentryInitMiddleware)
    serve(app, "/")

    kinds = [event["exception"]["values"][-1]["type"] for event in mailbox.events]
    assert kinds == ["OutOfStock", "RuntimeError"]


def test_wiring_of_an_application_that_has_served() -> None:
    """An application that takes no more middlewares gets the boundary around it; others, inside."""
    with capture("shop"):
        fresh, served = FastAPI(), Starlette()
        served.middleware_stack = served.build_middleware_stack()
        assert _wiring.is_app(fresh)
        assert not _wiring.is_app(object())
        assert _wiring.wrap(fresh) is fresh
        assert [each.cls for each in fresh.user_middleware] == [SentryInitMiddleware]
        assert _wiring.wrap(fresh) is fresh
        assert len(fresh.user_middleware) == 1
        assert isinstance(_wiring.wrap(served), SentryInitMiddleware)


def test_wiring_that_is_wrong_is_named() -> None:
    """No boundary, two of them, and a middleware outside are problems; a right set-up has none."""
    with capture("shop"):
        app = FastAPI()
        assert [each.number for each in _wiring.problems(app)] == [14]
        app.add_middleware(SentryInitMiddleware)
        assert list(_wiring.problems(app)) == []
        app.add_middleware(BaseHTTPMiddleware)
        assert [each.number for each in _wiring.problems(app)] == [9]
        app.add_middleware(SentryInitMiddleware)
        assert [each.number for each in _wiring.problems(app)] == [15]

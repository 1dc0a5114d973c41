"""aiohttp only: failures after the middlewares, sub-applications, start-up and cleanup."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sentry_sdk
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from reported import summary, warnings_of

import sentryinit
from sentryinit.testing import Mailbox, capture
from sentryinit_aiohttp import _wiring, debug_panic, sentryinit_middleware, setup

Handler = Callable[[web.Request], Awaitable[Any]]


class OutOfStock(Exception):
    """An exception of the application that a middleware answers."""


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with capture(debug_token="letmein") as box:
        yield box


def covered(handler: Any = None, path: str = "/orders/{order_id}", **options: Any) -> Any:
    """Return an application with *handler* and the adapter."""
    app = web.Application(**options)
    if handler is not None:
        app.router.add_route("*", path, handler)
    setup(app)
    return app


def ask(app: web.Application, path: str = "/orders/17", method: str = "GET", **options: Any) -> Any:
    """Serve one request; return status, headers and body, or the error of the client."""

    async def main() -> Any:
        async with TestClient(TestServer(app)) as client:
            try:
                async with client.request(method, path, **options) as answer:
                    return answer.status, answer.headers, await answer.read()
            except aiohttp.ClientError as error:
                return error

    return asyncio.run(main())


def serve(
    app: web.Application, client: Callable[[str, int], Awaitable[None]], **options: Any
) -> None:
    """Run *client* against the application on a port; ``TestServer`` cancels all handlers."""

    async def main() -> None:
        runner = web.AppRunner(app, **options)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            await client(*runner.addresses[0])
        finally:
            await runner.cleanup()

    asyncio.run(main())


async def fail(request: web.Request) -> web.Response:
    raise ValueError("handler")


async def good(request: web.Request) -> web.Response:
    return web.Response(text="fine")


@web.middleware
async def sorry(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except OutOfStock:
        return web.Response(status=503, text="sold out")
    return response


async def sold_out(request: web.Request) -> web.Response:
    raise OutOfStock


ROUTE = "/orders/{order_id}"


@pytest.mark.parametrize(
    "error,cause,events",
    [
        (web.HTTPNotFound, None, []),
        (web.HTTPUnauthorized, KeyError, []),
        (
            web.HTTPServiceUnavailable,
            None,
            [("HTTP 503 GET /orders/{order_id}", None, "503", ROUTE)],
        ),
        (web.HTTPServiceUnavailable, KeyError, [("KeyError", True, "503", ROUTE)]),
    ],
)
@pytest.mark.parametrize("answers_with", ["exception", "response"])
def test_logged_http_exception_is_no_event_of_its_own(
    mailbox: Mailbox,
    error: type[web.HTTPException],
    cause: type[Exception] | None,
    events: list[object],
    answers_with: str,
) -> None:
    """A1, C2: it is logged with its traceback; the record is about the response."""

    @web.middleware
    async def log(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        except web.HTTPException as exc:
            logging.getLogger("shop").exception("it failed")
            if answers_with == "response":
                return web.json_response({"error": exc.reason}, status=exc.status)
            raise
        return response

    async def order(request: web.Request) -> web.Response:
        raise error from cause

    ask(covered(order, middlewares=[log]))

    assert summary(mailbox) == events


# -- after the middleware --------------------------------------------------------------------------


async def nothing(request: web.Request) -> None:
    """Return no response."""


async def text(request: web.Request) -> str:
    return "no response"


@pytest.mark.parametrize("handler", [nothing, text])
def test_handler_without_response_is_one_event(mailbox: Mailbox, handler: Handler) -> None:
    """A4: aiohttp answers 500, or closes the connection in 3.9; it is one event."""
    ask(covered(handler))
    assert summary(mailbox) == [("HTTP 500 GET /orders/{order_id}", None, "500", ROUTE)]


def body(chunks: int, error: Exception | None, status: int = 200) -> Handler:
    async def lines() -> AsyncIterator[bytes]:
        for _ in range(chunks):
            yield b"a line"
        if error is not None:
            raise error

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=lines(), status=status)

    return handler


@pytest.mark.parametrize(("chunks", "status"), [(0, "500"), (2, "200")])
def test_failing_body_is_one_event(mailbox: Mailbox, chunks: int, status: str) -> None:
    """A8: aiohttp sends the body after all middlewares have returned; its failure is reported."""
    ask(covered(body(chunks, ValueError("body"))))
    if chunks or summary(mailbox)[0][2] == "500":
        assert summary(mailbox) == [("ValueError", False, status, ROUTE)]


@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("chunks,status", [(1, "200"), (0, "500")])
def test_second_response_does_not_change_the_status(
    mailbox: Mailbox, raises: bool, chunks: int, status: str
) -> None:
    """A8: A body that fails, and is to become a 500: one event, with the status sent."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        try:
            if chunks:
                await response.prepare(request)
                await response.write(b"row")
            raise ValueError("body")
        except ValueError as error:
            if raises:
                raise web.HTTPInternalServerError from error
        return web.Response(status=500)

    ask(covered(handler))
    ((what, _, tag, _),) = summary(mailbox)
    assert tag == status
    if raises:
        assert "ValueError" in str(mailbox.events[0]["exception"])
    elif not chunks:
        assert what == "HTTP 500 GET /orders/{order_id}"


@pytest.mark.parametrize(
    ("error", "expected"),
    [(None, "HTTP 503 GET /orders/{order_id}"), (ValueError("body"), "ValueError")],
)
def test_503_with_a_stream_is_reported_after_its_body(
    mailbox: Mailbox, error: Exception | None, expected: str
) -> None:
    """A4, A8: the event waits for the body, whose exception is reported if it fails."""
    ask(covered(body(2, error, 503)))
    assert [(what, status) for what, _, status, _ in summary(mailbox)] == [(expected, "503")]


def test_connection_error_in_a_body_is_no_event(mailbox: Mailbox) -> None:
    """B2: aiohttp takes it for the client's. If this fails, change the how-to, which says so."""
    ask(covered(body(1, ConnectionResetError("upstream"))))
    assert summary(mailbox) == []


def test_failing_signal_is_one_event(mailbox: Mailbox) -> None:
    """A2: an exception in on_response_prepare belongs to the request."""
    requests: list[web.Request] = []

    async def refuse(request: web.Request, response: web.StreamResponse) -> None:
        requests.append(request)
        raise ValueError("signal")

    app = covered(good)
    app.on_response_prepare.append(refuse)
    ask(app)
    # The client of aiohttp 3.10 asks again where a connection ends without a response.
    assert [what for what, *_ in summary(mailbox)] == ["ValueError"] * len(requests)
    assert len({id(request) for request in requests}) == len(requests)


def test_timeout_has_status_504(mailbox: Mailbox) -> None:
    """A2: aiohttp answers 504 to a timeout, and the event has that status."""

    async def late(request: web.Request) -> web.Response:
        raise asyncio.TimeoutError

    assert ask(covered(late))[0] == 504
    ((what, handled, status, route),) = summary(mailbox)
    assert (what, handled, status, route) == (asyncio.TimeoutError.__name__, False, "504", ROUTE)


def test_timeout_in_a_stream_keeps_the_status(mailbox: Mailbox) -> None:
    """A8: a timeout after the response started does not change the status."""

    async def late(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=206)
        await response.prepare(request)
        await response.write(b"a line")
        raise asyncio.TimeoutError

    ask(covered(late))
    assert [status for _, _, status, _ in summary(mailbox)] == ["206"]


# -- responses and exceptions ----------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:returning HTTPException:DeprecationWarning")  # what is tested
def test_cause_of_a_returned_http_exception_is_the_event(mailbox: Mailbox) -> None:
    """A5: a returned HTTPException is a response, and its cause is reported."""

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            try:
                await fail(request)
            except ValueError as error:
                raise web.HTTPBadGateway from error
        except web.HTTPException as answer:
            return answer
        raise AssertionError

    assert ask(covered(handler))[0] == 502
    assert summary(mailbox) == [("ValueError", True, "502", ROUTE)]


@pytest.mark.parametrize("kind", [web.HTTPFound, web.HTTPNotModified, web.HTTPOk])
def test_http_exception_below_500_is_no_event(mailbox: Mailbox, kind: Any) -> None:
    """A1: aiohttp raises redirects and even a 200."""

    async def handler(request: web.Request) -> web.Response:
        raise kind("/there") if kind is web.HTTPFound else kind()

    assert ask(covered(handler), allow_redirects=False)[0] == kind.status_code
    assert summary(mailbox) == []


def test_setup_after_the_middlewares_sees_exceptions_they_answer(mailbox: Mailbox) -> None:
    """A6: the second middleware of sentryinit is inside the application's."""
    assert ask(covered(sold_out, middlewares=[sorry]))[0] == 503
    assert summary(mailbox) == [("OutOfStock", True, "503", ROUTE)]


def test_setup_before_the_middlewares_sees_only_the_status(mailbox: Mailbox) -> None:
    """A4: a middleware added later is inside ours and answers the exception."""
    app = covered(sold_out)
    app.middlewares.append(sorry)
    ask(app)
    assert summary(mailbox) == [("HTTP 503 GET /orders/{order_id}", None, "503", ROUTE)]


def test_second_middleware_is_added_only_if_there_are_others() -> None:
    """F1: without other middlewares one is enough."""
    with capture():
        assert list(covered().middlewares) == [sentryinit_middleware]
        around = list(covered(middlewares=[sorry]).middlewares)
    assert around == [sentryinit_middleware, sorry, sentryinit_middleware]


def test_http_exception_raised_from_none_is_a_status_event(mailbox: Mailbox) -> None:
    """A5: after ``raise ... from None`` only the status is known."""

    @web.middleware
    async def hide(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        except ValueError:
            raise web.HTTPServiceUnavailable from None
        return response

    ask(covered(fail, middlewares=[hide]))
    assert [what for what, *_ in summary(mailbox)] == ["HTTP 503 GET /orders/{order_id}"]


def test_504_of_a_timeout_middleware_is_one_event(mailbox: Mailbox) -> None:
    """A4: the application cancelled its own handler, so the 504 is a failure."""

    @web.middleware
    async def hurry(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await asyncio.wait_for(handler(request), 0.01)
        except asyncio.TimeoutError:
            return web.Response(status=504)
        return response

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(10)
        raise AssertionError

    assert ask(covered(slow, middlewares=[hurry]))[0] == 504
    assert summary(mailbox) == [("HTTP 504 GET /orders/{order_id}", None, "504", ROUTE)]


def test_500_for_an_abort_is_no_event(mailbox: Mailbox) -> None:
    """B3: aiohttp answers 500 to an abort."""

    async def handler(request: web.Request) -> web.Response:
        raise RuntimeError("given up") from GeneratorExit()

    assert ask(covered(handler))[0] == 500
    assert summary(mailbox) == []


# -- the middleware alone --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (fail, ("ValueError", False, "500", ROUTE)),
        (nothing, ("HTTP 500 GET /orders/{order_id}", None, "500", ROUTE)),
        (sold_out, ("OutOfStock", True, "503", ROUTE)),
    ],
)
def test_middleware_without_setup(mailbox: Mailbox, handler: Any, expected: Any) -> None:
    """A: in ``middlewares=[...]`` it works without the hooks of the application."""
    app = web.Application(middlewares=[sentryinit_middleware, sorry, sentryinit_middleware])
    app.router.add_get(ROUTE, handler)
    ask(app)
    assert summary(mailbox) == [expected]


# -- sub-applications and routes -------------------------------------------------------------------


@pytest.mark.parametrize("covers", [(True, False), (False, True), (True, True)])
def test_failure_in_a_sub_application_is_one_event(
    mailbox: Mailbox, covers: tuple[bool, bool]
) -> None:
    """C3, D3: one event with the whole route, whichever applications have the adapter."""
    outer, middle, inner = (web.Application() for _ in range(3))
    inner.router.add_get("/orders/{order_id:\\d+}", fail)
    for app, cover in ((inner, covers[1]), (outer, covers[0])):
        if cover:
            setup(app)
    middle.add_subapp("/shop/", inner)
    outer.add_subapp("/v1", middle)
    assert ask(outer, "/v1/shop/orders/17")[0] == 500
    assert summary(mailbox) == [("ValueError", False, "500", "/v1/shop/orders/{order_id}")]


def test_sub_application_s_setup_sees_exceptions_its_middlewares_answer(mailbox: Mailbox) -> None:
    """A6: the set-up of the sub-application sees them."""
    inner = covered(sold_out, "/stock", middlewares=[sorry])
    outer = web.Application()
    outer.add_subapp("/shop", inner)
    setup(outer)
    ask(outer, "/shop/stock")
    assert summary(mailbox) == [("OutOfStock", True, "503", "/shop/stock")]


class Order(web.View):
    """A view that raises."""

    async def get(self) -> web.Response:
        raise ValueError("view")


@pytest.mark.parametrize(
    ("path", "asked", "route"),
    [
        ("/orders/{order_id}", "/orders/17", "/orders/{order_id}"),
        (r"/files/{name:[^{}/]+}.{kind}", "/files/a.txt", "/files/{name}.{kind}"),
        (r"/{rest:.*}", "/a/b/c", "/{rest}"),
    ],
)
def test_routes_of_views_and_expressions(
    mailbox: Mailbox, path: str, asked: str, route: str
) -> None:
    """D3: a class-based view has a route, and regular expressions are removed."""
    app = web.Application()
    app.router.add_view(path, Order)
    setup(app)
    assert ask(app, asked)[0] == 500
    assert summary(mailbox) == [("ValueError", False, "500", route)]


def test_routes_of_static_files(mailbox: Mailbox, tmp_path: Path) -> None:
    """D3: the route of a static file is its prefix; a missing file is no event."""

    @web.middleware
    async def break_(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            return await handler(request)  # type: ignore[no-any-return] # the handler is untyped
        finally:
            raise ValueError("static")

    app = web.Application(middlewares=[break_])
    app.router.add_static("/static", tmp_path)
    setup(app)
    ask(app, "/static/there/is/none.txt")
    assert summary(mailbox) == [("ValueError", False, "500", "/static/{filename}")]


def test_static_file_is_served_unchanged(mailbox: Mailbox, tmp_path: Path) -> None:
    """E1: a file, a range of it, and its headers alone are served as without the adapter."""
    (tmp_path / "a.txt").write_text("hello")
    app = web.Application()
    app.router.add_static("/static", tmp_path)
    setup(app)
    assert ask(app, "/static/a.txt")[2] == b"hello"
    assert summary(mailbox) == []


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("PUT", "/orders/17")])
def test_aiohttp_s_404_and_405_are_no_event(mailbox: Mailbox, method: str, path: str) -> None:
    """A1, D3: they are no event; if a middleware raises for them, the route is unknown."""

    @web.middleware
    async def break_(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        except web.HTTPException as answer:
            if "harden" in request.query:
                raise ValueError("no such thing") from answer
            raise
        return response

    def app() -> Any:
        made = web.Application(middlewares=[break_])
        made.router.add_get("/orders/{order_id}", good)
        setup(made)
        return made

    assert ask(app(), path, method)[0] in {404, 405}
    assert summary(mailbox) == []
    ask(app(), f"{path}?harden", method)
    assert summary(mailbox) == [("ValueError", False, "500", "<unknown>")]


# -- the client and upstream servers ---------------------------------------------------------------


def test_disconnect_of_an_upstream_is_one_event(mailbox: Mailbox) -> None:
    """B2: aiohttp's own client raises the class that also means a lost client."""

    async def main() -> None:
        async def hang_up(reader: Any, writer: asyncio.StreamWriter) -> None:
            writer.transport.abort()

        upstream = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        port = upstream.sockets[0].getsockname()[1]

        async def proxy(request: web.Request) -> web.Response:
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(f"http://127.0.0.1:{port}") as socket,
            ):
                return web.Response(text=await socket.receive_str())

        async with upstream, TestClient(TestServer(covered(proxy))) as client:
            assert (await client.get("/orders/17")).status == 500

    asyncio.run(main())
    ((what, handled, status, _),) = summary(mailbox)
    assert (handled, status) == (False, "500")
    assert what in {"ServerDisconnectedError", "ClientOSError"}


@pytest.mark.parametrize("lost", [ConnectionResetError, BrokenPipeError])
def test_connection_error_of_an_upstream_is_one_event(
    mailbox: Mailbox, lost: type[Exception]
) -> None:
    """B2: any connection error is a failure while the client is connected."""
    kind = getattr(aiohttp, "ClientConnectionResetError", lost)

    async def handler(request: web.Request) -> web.Response:
        raise kind("Cannot write to closing transport")

    assert ask(covered(handler))[0] == 500
    assert [what for what, *_ in summary(mailbox)] == [kind.__name__]


@pytest.mark.parametrize("cancels", [False, True])
@pytest.mark.parametrize("situation", ["working", "writing", "reading", "chunked"])
def test_client_that_disconnects_is_no_event(
    mailbox: Mailbox, situation: str, cancels: bool
) -> None:
    """B1, B2: no exception that a disconnect causes in the handler is an event."""
    saw: list[str] = []
    at_work, over = asyncio.Event(), asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        try:
            at_work.set()
            if situation in {"reading", "chunked"}:
                await request.read()
            elif situation == "working":
                await asyncio.sleep(0.1)
            else:
                await response.prepare(request)
                while True:
                    await response.write(b"a line" * 1000)
                    await asyncio.sleep(0.001)
        except BaseException as error:
            saw.append(type(error).__name__)
            raise
        finally:
            over.set()
        return web.Response(status=503)

    async def client(host: str, port: int) -> None:
        _reader, writer = await asyncio.open_connection(host, port)
        how = "Transfer-Encoding: chunked" if situation == "chunked" else "Content-Length: 99"
        body = "POST" if situation in {"reading", "chunked"} else "GET"
        head = f"{body} /orders/17 HTTP/1.1\r\nHost: shop\r\n"
        more = f"{how}\r\n\r\n5\r\nhello\r\n" if body == "POST" else "\r\n"
        writer.write(f"{head}{more}".encode())
        await at_work.wait()
        await asyncio.sleep(0.02)
        writer.transport.abort()
        await asyncio.wait_for(over.wait(), 5)

    serve(covered(handler), client, handler_cancellation=cancels)
    assert summary(mailbox) == []
    assert bool(saw) == (cancels or situation != "working")


# -- WebSockets ------------------------------------------------------------------------------------


def test_write_to_a_closed_websocket_is_no_event(mailbox: Mailbox) -> None:
    """A10, B1: the client closed the connection."""
    seen: list[str] = []
    over = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        try:
            while True:
                await socket.send_str("a price" * 100)
                await asyncio.sleep(0)
        except Exception as error:
            seen.append(type(error).__name__)
            raise
        finally:
            over.set()

    async def client(host: str, port: int) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"http://{host}:{port}/orders/17") as socket,
        ):
            await socket.receive_str()
            # Abort: close() would wait for the answer to its closing frame.
            socket._response.connection.transport.abort()
            await asyncio.wait_for(over.wait(), 5)

    serve(covered(handler), client)
    assert (summary(mailbox), len(seen)) == ([], 1)


async def sends(socket: web.WebSocketResponse) -> None:
    await socket.send_str("bye")


async def closes_finally(socket: web.WebSocketResponse) -> None:
    try:
        await socket.send_str("bye")
    finally:
        await socket.close()


async def receives(socket: web.WebSocketResponse) -> None:
    for _ in range(9):
        await socket.receive()


async def has_a_bug(socket: web.WebSocketResponse) -> None:
    raise RuntimeError("cannot say goodbye")


@pytest.mark.parametrize("aborts", [True, False])
@pytest.mark.parametrize(
    ("afterwards", "expected"),
    [(sends, []), (closes_finally, []), (receives, []), (has_a_bug, ["RuntimeError"])],
)
def test_use_of_a_websocket_after_its_peer_left(
    mailbox: Mailbox, afterwards: Any, expected: list[str], aborts: bool
) -> None:
    """B3: aiohttp's own errors exist only because the client left; others are failures."""
    if not (aborts or hasattr(aiohttp, "WSMessageTypeError")):
        pytest.skip("before 3.11 the connection stays open for a while after a closing frame")
    over = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        try:
            await socket.send_str("hello")
            while not socket.closed:
                await socket.receive()
            await afterwards(socket)
        finally:
            over.set()
        return socket

    async def client(host: str, port: int) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"http://{host}:{port}/orders/17") as socket,
        ):
            await socket.receive_str()
            if aborts:
                socket._response.connection.transport.abort()
            else:
                await socket.close()
            await asyncio.wait_for(over.wait(), 5)

    serve(covered(handler), client)
    assert [what for what, *_ in summary(mailbox)] == expected


def test_wrong_message_of_a_peer_that_closes_is_no_event(mailbox: Mailbox) -> None:
    """B1: the class of an abort, raised by our own server's socket, whose connection is open."""

    async def handler(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoclose=False)
        await socket.prepare(request)
        await socket.receive_str()
        raise AssertionError

    async def client(host: str, port: int) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"http://{host}:{port}/orders/17") as socket,
        ):
            await socket.close()

    serve(covered(handler), client)
    expected = [] if hasattr(aiohttp, "WSMessageTypeError") else ["TypeError"]
    assert [what for what, *_ in summary(mailbox)] == expected


@pytest.mark.parametrize("receive", ["receive_str", "receive_bytes", "receive_json"])
def test_upstream_that_closes_its_websocket_is_one_event(mailbox: Mailbox, receive: str) -> None:
    """B2: the class of an abort, raised by the socket of a client session."""

    async def upstream(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.close()
        return socket

    async def proxy(request: web.Request) -> web.Response:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(request.url.with_path("/upstream")) as socket,
        ):
            return web.Response(text=await getattr(socket, receive)())

    app = covered(proxy)
    app.router.add_get("/upstream", upstream)
    assert ask(app)[0] == 500
    kind = getattr(aiohttp, "WSMessageTypeError", TypeError)
    assert summary(mailbox) == [(kind.__name__, False, "500", ROUTE)]


def test_message_for_another_client_that_left_is_one_event(mailbox: Mailbox) -> None:
    """B2: the client of this request is there."""
    others: list[web.WebSocketResponse] = []
    left = asyncio.Event()

    async def listen(request: web.Request) -> web.StreamResponse:
        others.append(web.WebSocketResponse())
        await others[0].prepare(request)
        await others[0].receive()
        left.set()
        return others[0]

    async def shout(request: web.Request) -> web.Response:
        await others[0].send_str("hello, all")
        raise AssertionError

    async def client(host: str, port: int) -> None:
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(f"http://{host}:{port}/listen") as socket:
                await socket.close()
            await left.wait()
            async with session.get(f"http://{host}:{port}/orders/17") as answer:
                assert answer.status == 500

    app = covered(shout)
    app.router.add_get("/listen", listen)
    serve(app, client)
    assert [event[1:] for event in summary(mailbox)] == [(False, "500", ROUTE)]


# -- an impatient client ---------------------------------------------------------------------------


@pytest.mark.parametrize("cancels", [False, True])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KeyError("price"), [("KeyError", True, "500", ROUTE)]),
        (ConnectionResetError("upstream"), [("ConnectionResetError", True, "500", ROUTE)]),
        (None, []),
    ],
)
def test_error_for_a_client_that_has_left(
    mailbox: Mailbox, error: Exception | None, expected: Any, cancels: bool
) -> None:
    """B4: an exception that a middleware answers is reported, a returned 500 is not."""
    at_work, over = asyncio.Event(), asyncio.Event()

    @web.middleware
    async def answer(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            await handler(request)
        except Exception:
            return web.Response(status=500)
        return web.Response(status=500)

    async def handler(request: web.Request) -> web.Response:
        at_work.set()
        try:
            while request.transport is not None:  # noqa: ASYNC110 # aiohttp tells a handler nothing
                await asyncio.sleep(0.001)
            if error is not None:
                raise error
        finally:
            over.set()
        return web.Response()

    async def client(host: str, port: int) -> None:
        _reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /orders/17 HTTP/1.1\r\nHost: shop\r\n\r\n")
        await at_work.wait()
        writer.transport.abort()
        await asyncio.wait_for(over.wait(), 5)

    serve(covered(handler, middlewares=[answer]), client, handler_cancellation=cancels)
    assert summary(mailbox) == ([] if cancels else expected)


# -- start-up and cleanup --------------------------------------------------------------------------


async def failing_context(app: web.Application) -> AsyncIterator[None]:
    raise ValueError("start")
    yield


async def failing_start(app: web.Application) -> None:
    raise ValueError("start")


def run(app: web.Application) -> None:
    async def main() -> None:
        runner = web.AppRunner(app)
        try:
            await runner.setup()
        finally:
            await runner.cleanup()

    asyncio.run(main())


@pytest.mark.parametrize("hook", ["on_startup", "cleanup_ctx"])
@pytest.mark.parametrize("where", ["app", "subapp"])
def test_failing_start_up_is_one_event(mailbox: Mailbox, hook: str, where: str) -> None:
    """A12: any start-up failure is sent before the exception reaches the caller."""
    app, subapp = covered(), web.Application()
    failing = failing_context if hook == "cleanup_ctx" else failing_start
    getattr(app if where == "app" else subapp, hook).append(failing)
    app.add_subapp("/sub", subapp)
    with pytest.raises(ValueError, match="start"):
        run(app)
    (event,) = mailbox.events
    error = event["exception"]["values"][-1]
    assert (error["mechanism"]["type"], error["mechanism"]["handled"]) == ("aiohttp", False)


@pytest.mark.parametrize("cancelled", [False, True])
def test_later_exception_of_the_start_up_task_is_no_event(
    mailbox: Mailbox, cancelled: bool
) -> None:
    """A12: the task that started the application can do other work later."""

    async def main() -> None:
        async with TestServer(covered()):
            raise asyncio.CancelledError if cancelled else ValueError("later")

    with pytest.raises(asyncio.CancelledError if cancelled else ValueError):
        asyncio.run(main())
    assert mailbox.events == []


def test_cleanup_sends_the_summary() -> None:
    """H1: the summary of suppressed failures is sent in ``on_cleanup``."""
    with capture(storm_guard=True, storm_burst=1, storm_per_minute=0) as box:

        async def main() -> None:
            async with TestClient(TestServer(covered(fail))) as client:
                for _ in range(3):
                    await client.get("/orders/17")

        asyncio.run(main())
        assert box.events[-1]["contexts"]["sentryinit"]["suppressed"] == 2


WRONG = [
    "orders",
    "https://0a1b2c@sentryinit.invalid/1",
    object(),
    web.Application,
    {"dsn": "x"},
    5,
]


@pytest.mark.parametrize("app", WRONG)
def test_wrong_object_is_refused(app: Any) -> None:
    """What is no application is a TypeError that says so, without the value: it may be a DSN."""
    words = r"^setup\(app\): app must be an aiohttp application, not a value of type "
    for options in ({}, {"dsn": WRONG[1]}):
        with pytest.raises(TypeError, match=words) as caught:
            setup(app, **options)
        assert "0a1b2c" not in str(caught.value)


def test_setup_is_idempotent_and_does_nothing_without_a_dsn() -> None:
    """C3, E3: a second set-up changes nothing; without a DSN the first one changes nothing."""
    with capture():
        app = covered()
        setup(app)
        assert len(app.middlewares) == len(app.on_cleanup) - 1 == 1
    bare, off = web.Application(), covered()
    for hook in ("middlewares", "on_startup", "on_cleanup", "on_response_prepare"):
        assert len(getattr(off, hook)) == len(getattr(bare, hook))
    assert list(off) == []


# -- the rest --------------------------------------------------------------------------------------


def test_report_does_not_read_the_request_body(mailbox: Mailbox) -> None:
    """E1: a report reads nothing of the request body."""
    bodies: list[Any] = []

    @web.middleware
    async def look(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        finally:
            bodies.append(request._read_bytes)
        return response

    app = covered(fail)
    app.middlewares.insert(0, look)
    ask(app, method="POST", data=b"two of them")
    assert (bodies, len(mailbox.events)) == ([None], 1)


def test_debug_route_behind_an_error_page_has_the_event_id(mailbox: Mailbox) -> None:
    """I2: the application's own error page has the header as well."""

    @web.middleware
    async def page(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        except Exception:
            logging.getLogger("shop").exception("an error page")
            return web.Response(status=500, text="our own page")
        return response

    app = covered(debug_panic, "/debug", middlewares=[page])
    status, headers, content = ask(app, "/debug?token=letmein")
    (event,) = mailbox.events
    assert (status, content) == (500, b"our own page")
    assert headers["X-Sentry-Event-Id"] == event["event_id"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "OPTIONS", "TRACE"])
def test_debug_route_without_token_is_a_404_for_every_method(mailbox: Mailbox, method: str) -> None:
    """I1: the response is that of an unknown path, except for the date."""

    def answer(path: str) -> Any:
        status, headers, content = ask(covered(debug_panic, "/debug"), path, method)
        return status, sorted((k, v) for k, v in headers.items() if k != "Date"), content

    assert answer("/debug") == answer("/nowhere")
    assert mailbox.events == []


@pytest.mark.parametrize("value", ["a\r\nb", 5])
def test_response_that_cannot_be_prepared_is_one_event(mailbox: Mailbox, value: Any) -> None:
    """A header with a newline, or one that is not text, fails after all middlewares."""

    async def answer(_request: web.Request) -> web.Response:
        response = web.Response(text="ok")
        response.headers["X-A"] = value
        return response

    ask(covered(answer), method="POST")
    (event,) = mailbox.events
    assert event["exception"]["values"][-1]["type"] in {"ValueError", "TypeError"}
    assert event["transaction"] == "/orders/{order_id}"


def test_good_request_makes_four_calls(mailbox: Mailbox) -> None:
    """F1: the middleware twice, the signal, and the task's callback."""
    import sys

    made: list[str] = []

    def profile(frame: Any, event: str, _arg: object) -> None:
        if event == "call" and frame.f_globals.get("__name__") == "sentryinit_aiohttp._middleware":
            made.append(frame.f_code.co_name)

    async def main() -> None:
        async with TestClient(TestServer(covered(good, middlewares=[sorry]))) as client:
            await client.get("/orders/17")
            sys.setprofile(profile)
            try:
                await client.get("/orders/17")
            finally:
                sys.setprofile(None)

    asyncio.run(main())
    assert made == [
        "sentryinit_middleware",
        "sentryinit_middleware",
        "_on_response_prepare",
        "_task_done",
    ]


# -- the order of middlewares ----------------------------------------------------------------------


@web.middleware
async def auth(request: web.Request, handler: Any) -> Any:
    return await handler(request)


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return the warnings of sentryinit."""
    return functools.partial(warnings_of, caplog)


OUTSIDE = (
    "Outside of sentryinit's middleware: {}; errors there are reported without their "
    "requests. Call setup(app) after the middlewares are added."
)


async def bad(_request: web.Request) -> web.Response:
    raise OutOfStock


@pytest.mark.parametrize("outside", [[], ["auth"], ["auth", "sorry"]])
def test_middlewares_outside_are_named_at_the_start(
    mailbox: Mailbox, warnings: Any, outside: list[str]
) -> None:
    """E6: what was put before ours since setup()."""
    for _ in range(2):
        app = covered(good, middlewares=[sorry])
        for name in reversed(outside):
            app.middlewares.insert(0, globals()[name])
        ask(app)

    assert warnings() == [OUTSIDE.format(", ".join(outside))] * bool(outside)


def test_middlewares_outside_of_one_in_a_list_are_named_at_the_first_failure(
    mailbox: Mailbox, warnings: Any
) -> None:
    """E6: without setup() nothing of ours runs at the start, and a good request pays nothing."""
    for _ in range(2):
        app = web.Application(middlewares=[auth, sentryinit_middleware])
        app.router.add_get("/orders", bad)
        ask(app, "/orders")

    assert (warnings(), len(mailbox.events)) == ([OUTSIDE.format("auth")], 2)


def test_middlewares_of_the_parent_application_are_named(mailbox: Mailbox, warnings: Any) -> None:
    """E6: setup() of a sub-application alone: those of its parent are outside."""
    app = web.Application(middlewares=[auth])
    app.add_subapp("/shop", covered(bad))
    ask(app, "/shop/orders/17")

    assert (warnings(), len(mailbox.events)) == ([OUTSIDE.format("auth")], 1)


@web.middleware
async def proxied(request: web.Request, handler: Any) -> web.StreamResponse:
    """Clone the request with what the proxy says, as aiohttp-remotes does."""
    overrides = {"scheme": "https", "host": "shop.example", "remote": "192.0.2.7"}
    response: web.StreamResponse = await handler(request.clone(**overrides))
    return response


@pytest.mark.parametrize("status", [None, 503])
def test_url_is_that_of_a_cloned_request(mailbox: Mailbox, status: int | None) -> None:
    """D5: a middleware that knows the proxy clones the request; the event says what that says."""
    seen = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(str(request.url))
        if status is None:
            raise ValueError
        return web.Response(status=status)

    ask(covered(handle, middlewares=[proxied]))

    (event,) = mailbox.events
    assert event["request"]["url"] == seen[0] == "https://shop.example/orders/17"
    assert event["transaction"] == ROUTE


# -- without a boundary, and in the middle of a response -------------------------------------------


def test_client_that_leaves_is_no_event_without_a_boundary(mailbox: Mailbox) -> None:
    """B1, C2: aiohttp logs the error of its own socket."""
    left = asyncio.Event()

    async def upload(request: web.Request) -> web.Response:
        try:
            await request.read()
        finally:
            left.set()
        return web.Response()

    async def leave(host: str, port: int) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
        writer.write(head)
        await reader.readline()  # the handler reads
        writer.close()
        await left.wait()
        await asyncio.sleep(0)

    app = web.Application()
    app.router.add_post("/", upload)
    serve(app, leave)

    assert mailbox.events == []


@web.middleware
async def page_with_id(request: web.Request, handler: Any) -> Any:
    try:
        return await handler(request)
    except OutOfStock:
        return web.Response(text=str(sentryinit.event_id()), status=500)


def test_exception_in_a_stream_is_the_reason(mailbox: Mailbox) -> None:
    """A8: a middleware answers 500 after the first bytes, which the client does not get."""

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        raise OutOfStock

    with contextlib.suppress(Exception):  # the body is cut
        ask(covered(stream, middlewares=[page_with_id]))

    assert [event["exception"]["values"][-1]["type"] for event in mailbox.events] == ["OutOfStock"]
    assert mailbox.events[0]["tags"]["status_code"] == "200"


def test_masks_of_a_second_set_up_of_the_same_application(mailbox: Mailbox) -> None:
    """G1: They are added."""
    app: Any = web.Application()
    setup(app)
    setup(app, mask_keys=["pet"])
    sentry_sdk.capture_message("pet=cat")

    (event,) = mailbox.events
    assert event["logentry"]["message"] == "pet=[secret]"


@pytest.mark.parametrize("part", [False, True])
def test_setup_of_a_running_application_says_what_to_do(mailbox: Mailbox, part: bool) -> None:
    """An application that runs, or is a part of another one, takes no more middlewares."""
    app = web.Application()
    if part:
        web.Application().add_subapp("/part", app)
    else:
        app.freeze()

    with pytest.raises(RuntimeError, match=r"^setup\(app\): app runs already.* expected a call"):
        setup(app)

    assert mailbox.events == []


def test_second_setup_of_a_running_application_does_nothing(mailbox: Mailbox) -> None:
    """It is as a second call before the start."""
    app = web.Application()
    setup(app)
    app.freeze()
    setup(app)

    assert len(app.middlewares) == 1


def test_application_that_is_frozen_is_served_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """E8: It takes no more middlewares: a line says so, where reporting is on."""
    app = web.Application()
    app.middlewares.freeze()
    with capture(dsn=""):
        assert _wiring.wrap(app) is app
    assert warnings_of(caplog) == []
    with capture():
        assert _wiring.wrap(app) is app
    assert warnings_of(caplog) == [
        "cannot wrap an application of aiohttp that is frozen: call setup(app) before"
    ]
    assert not _wiring.is_app(object())

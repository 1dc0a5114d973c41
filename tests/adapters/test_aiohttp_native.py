"""What is aiohttp's alone: what it does after the middleware, sub-applications, start-up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sentryinit.testing import Mailbox, capture
from sentryinit_aiohttp import debug_panic, sentryinit_middleware, setup

Handler = Callable[[web.Request], Awaitable[Any]]


class OutOfStock(Exception):
    """The application's own, answered by a middleware."""


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
    """Serve one request; return status, headers and body, or the error that the client got."""

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
    """Have *client* talk to the application on a port: ``TestServer`` cancels all handlers."""

    async def main() -> None:
        runner = web.AppRunner(app, **options)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            await client(*runner.addresses[0])
        finally:
            await runner.cleanup()

    asyncio.run(main())


def summary(mailbox: Mailbox) -> list[tuple[object, ...]]:
    """Type or text, handled, status and route of each event."""
    found = []
    for event in mailbox.events:
        values = event.get("exception", {}).get("values", [{}])
        what = values[-1].get("type") or event["logentry"]["formatted"]
        handled = values[-1].get("mechanism", {}).get("handled")
        found.append((what, handled, event["tags"].get("status_code"), event.get("transaction")))
    return found


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


# -- what aiohttp does after the middleware --------------------------------------------------------


async def nothing(request: web.Request) -> None:
    """Forget to answer."""


async def text(request: web.Request) -> str:
    return "no response"


@pytest.mark.parametrize("handler", [nothing, text])
def test_a_handler_that_returns_no_response(mailbox: Mailbox, handler: Handler) -> None:
    """A4: aiohttp makes a 500 of it, or at 3.9 hangs up: it is one event."""
    ask(covered(handler))
    assert summary(mailbox) == [("HTTP 500 GET /orders/17", None, "500", ROUTE)]


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
def test_a_body_that_fails_after_the_middleware(mailbox: Mailbox, chunks: int, status: str) -> None:
    """A8: aiohttp sends it when all middlewares have returned; it is the request's all the same."""
    ask(covered(body(chunks, ValueError("body"))))
    if chunks or summary(mailbox)[0][2] == "500":
        assert summary(mailbox) == [("ValueError", False, status, ROUTE)]


@pytest.mark.parametrize(
    ("error", "expected"), [(None, "HTTP 503 GET /orders/17"), (ValueError("body"), "ValueError")]
)
def test_a_503_whose_body_is_to_come(
    mailbox: Mailbox, error: Exception | None, expected: str
) -> None:
    """A4, A8: It waits for its body, which may have more to say."""
    ask(covered(body(2, error, 503)))
    assert [(what, status) for what, _, status, _ in summary(mailbox)] == [(expected, "503")]


def test_a_lost_upstream_in_a_body_is_dropped_by_aiohttp(mailbox: Mailbox) -> None:
    """B2: What the how-to says of it: aiohttp takes it for the client's. If not, say so there."""
    ask(covered(body(1, ConnectionResetError("upstream"))))
    assert summary(mailbox) == []


def test_a_signal_that_fails(mailbox: Mailbox) -> None:
    """A2: What the application hooks into the sending is part of the request."""

    async def refuse(request: web.Request, response: web.StreamResponse) -> None:
        raise ValueError("signal")

    app = covered(good)
    app.on_response_prepare.append(refuse)
    ask(app)
    assert [what for what, *_ in summary(mailbox)] == ["ValueError"]


def test_a_timeout_is_504(mailbox: Mailbox) -> None:
    """A2: aiohttp answers 504 to a timeout, and the tag says what the client got."""

    async def late(request: web.Request) -> web.Response:
        raise asyncio.TimeoutError

    assert ask(covered(late))[0] == 504
    ((what, handled, status, route),) = summary(mailbox)
    assert (what, handled, status, route) == (asyncio.TimeoutError.__name__, False, "504", ROUTE)


def test_a_timeout_in_a_stream_is_what_went_out(mailbox: Mailbox) -> None:
    """A8: In the middle of a stream it changes nothing of the status."""

    async def late(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=206)
        await response.prepare(request)
        await response.write(b"a line")
        raise asyncio.TimeoutError

    ask(covered(late))
    assert [status for _, _, status, _ in summary(mailbox)] == ["206"]


# -- responses and exceptions ----------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:returning HTTPException:DeprecationWarning")  # what is tested
def test_an_http_exception_that_is_returned(mailbox: Mailbox) -> None:
    """A5: It is a response as well; what it was raised from is the evidence."""

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
def test_an_http_exception_below_500(mailbox: Mailbox, kind: Any) -> None:
    """A1: aiohttp raises redirects, and even a 200; none is an event."""

    async def handler(request: web.Request) -> web.Response:
        raise kind("/there") if kind is web.HTTPFound else kind()

    assert ask(covered(handler), allow_redirects=False)[0] == kind.status_code
    assert summary(mailbox) == []


def test_setup_after_the_middlewares_sees_what_they_answer(mailbox: Mailbox) -> None:
    """A6: The second middleware is behind those that are there."""
    assert ask(covered(sold_out, middlewares=[sorry]))[0] == 503
    assert summary(mailbox) == [("OutOfStock", True, "503", ROUTE)]


def test_setup_before_the_middlewares_sees_the_status(mailbox: Mailbox) -> None:
    """A4: What comes in later is behind ours, and swallows the error unseen."""
    app = covered(sold_out)
    app.middlewares.append(sorry)
    ask(app)
    assert summary(mailbox) == [("HTTP 503 GET /orders/17", None, "503", ROUTE)]


def test_only_what_is_needed_is_put_in() -> None:
    """F1: Without other middlewares there is nothing to see from behind them."""
    with capture():
        assert list(covered().middlewares) == [sentryinit_middleware]
        around = list(covered(middlewares=[sorry]).middlewares)
    assert around == [sentryinit_middleware, sorry, sentryinit_middleware]


def test_a_middleware_that_disowns_the_error(mailbox: Mailbox) -> None:
    """A5: ``raise ... from None`` in a middleware leaves the status."""

    @web.middleware
    async def hide(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        except ValueError:
            raise web.HTTPServiceUnavailable from None
        return response

    ask(covered(fail, middlewares=[hide]))
    assert [what for what, *_ in summary(mailbox)] == ["HTTP 503 GET /orders/17"]


def test_a_middleware_that_times_out(mailbox: Mailbox) -> None:
    """A4: The handler was cancelled by its own application: the 504 of that is an event."""

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
    assert summary(mailbox) == [("HTTP 504 GET /orders/17", None, "504", ROUTE)]


def test_the_page_for_an_abort_is_no_failure(mailbox: Mailbox) -> None:
    """B3: aiohttp's own 500 for what is an abort comes back as no status event."""

    async def handler(request: web.Request) -> web.Response:
        raise RuntimeError("given up") from asyncio.CancelledError()

    assert ask(covered(handler))[0] == 500
    assert summary(mailbox) == []


# -- the middleware alone --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (fail, ("ValueError", False, "500", ROUTE)),
        (nothing, ("HTTP 500 GET /orders/17", None, "500", ROUTE)),
        (sold_out, ("OutOfStock", True, "503", ROUTE)),
    ],
)
def test_the_middleware_alone(mailbox: Mailbox, handler: Any, expected: Any) -> None:
    """A: In ``middlewares=[...]`` it does what can be done without the hooks of the application."""
    app = web.Application(middlewares=[sentryinit_middleware, sorry, sentryinit_middleware])
    app.router.add_get(ROUTE, handler)
    ask(app)
    assert summary(mailbox) == [expected]


# -- sub-applications and routes -------------------------------------------------------------------


@pytest.mark.parametrize("covers", [(True, False), (False, True), (True, True)])
def test_sub_applications(mailbox: Mailbox, covers: tuple[bool, bool]) -> None:
    """C3, D3: One event, with the whole template, whichever of the applications is covered."""
    outer, middle, inner = (web.Application() for _ in range(3))
    inner.router.add_get("/orders/{order_id:\\d+}", fail)
    for app, cover in ((inner, covers[1]), (outer, covers[0])):
        if cover:
            setup(app)
    middle.add_subapp("/shop/", inner)
    outer.add_subapp("/v1", middle)
    assert ask(outer, "/v1/shop/orders/17")[0] == 500
    assert summary(mailbox) == [("ValueError", False, "500", "/v1/shop/orders/{order_id}")]


def test_what_a_sub_application_answers_for(mailbox: Mailbox) -> None:
    """A6: Its own set-up sees what its middlewares answer."""
    inner = covered(sold_out, "/stock", middlewares=[sorry])
    outer = web.Application()
    outer.add_subapp("/shop", inner)
    setup(outer)
    ask(outer, "/shop/stock")
    assert summary(mailbox) == [("OutOfStock", True, "503", "/shop/stock")]


class Order(web.View):
    """Fails."""

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
def test_views_and_templates(mailbox: Mailbox, path: str, asked: str, route: str) -> None:
    """D3: A class-based view has its route, and expressions are no part of a template."""
    app = web.Application()
    app.router.add_view(path, Order)
    setup(app)
    assert ask(app, asked)[0] == 500
    assert summary(mailbox) == [("ValueError", False, "500", route)]


def test_static_files(mailbox: Mailbox, tmp_path: Path) -> None:
    """D3: A static route is named by its prefix; a missing file is no event."""

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


def test_a_static_file_is_sent_as_ever(mailbox: Mailbox, tmp_path: Path) -> None:
    """E1: A file that is there is served, and so are a range of it and its headers alone."""
    (tmp_path / "a.txt").write_text("hello")
    app = web.Application()
    app.router.add_static("/static", tmp_path)
    setup(app)
    assert ask(app, "/static/a.txt")[2] == b"hello"
    assert summary(mailbox) == []


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("PUT", "/orders/17")])
def test_aiohttps_own_404_and_405(mailbox: Mailbox, method: str, path: str) -> None:
    """A1, D3: They are no event; made a 500, they are one without a route."""

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


# -- the client, and other people's servers --------------------------------------------------------


def test_an_upstream_that_aiohttps_own_client_loses(mailbox: Mailbox) -> None:
    """B2: The very class that a lost client is told by, raised by the client of an upstream."""

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
def test_an_upstream_reset(mailbox: Mailbox, lost: type[Exception]) -> None:
    """B2: Any connection error is a failure while the client is there."""
    kind = getattr(aiohttp, "ClientConnectionResetError", lost)

    async def handler(request: web.Request) -> web.Response:
        raise kind("Cannot write to closing transport")

    assert ask(covered(handler))[0] == 500
    assert [what for what, *_ in summary(mailbox)] == [kind.__name__]


@pytest.mark.parametrize("cancels", [False, True])
@pytest.mark.parametrize("situation", ["working", "writing", "reading", "chunked"])
def test_a_client_that_leaves(mailbox: Mailbox, situation: str, cancels: bool) -> None:
    """B1, B2: Whatever the handler sees of it is no event."""
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


def test_a_websocket_that_is_written_to_after_its_client_left(mailbox: Mailbox) -> None:
    """A10, B1: The closed connection is the client's doing."""
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
            # To be cut off: close() would wait for the answer to its closing frame.
            socket._response.connection.transport.abort()
            await asyncio.wait_for(over.wait(), 5)

    serve(covered(handler), client)
    assert (summary(mailbox), len(seen)) == ([], 1)


# -- start-up and end ------------------------------------------------------------------------------


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
def test_a_start_up_that_fails(mailbox: Mailbox, hook: str, where: str) -> None:
    """A12: Whatever it fails in; the event is sent by the time that the error comes out."""
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
def test_what_ends_the_task_later_is_its_owners(mailbox: Mailbox, cancelled: bool) -> None:
    """A12: The task that started the application may go on to other things."""

    async def main() -> None:
        async with TestServer(covered()):
            raise asyncio.CancelledError if cancelled else ValueError("later")

    with pytest.raises(asyncio.CancelledError if cancelled else ValueError):
        asyncio.run(main())
    assert mailbox.events == []


def test_the_end_sends_what_waits() -> None:
    """H1: What the storm guard holds goes out with ``on_cleanup``."""
    with capture(storm_guard=True, storm_burst=1, storm_per_minute=0) as box:

        async def main() -> None:
            async with TestClient(TestServer(covered(fail))) as client:
                for _ in range(3):
                    await client.get("/orders/17")

        asyncio.run(main())
        assert box.events[-1]["contexts"]["sentryinit"]["suppressed"] == 2


def test_setup_is_idempotent_and_off_without_a_dsn() -> None:
    """C3, E3: A second one changes nothing; without a DSN, neither does the first."""
    with capture():
        app = covered()
        setup(app)
        assert len(app.middlewares) == len(app.on_cleanup) - 1 == 1
    bare, off = web.Application(), covered()
    for hook in ("middlewares", "on_startup", "on_cleanup", "on_response_prepare"):
        assert len(getattr(off, hook)) == len(getattr(bare, hook))
    assert list(off) == []


# -- the rest --------------------------------------------------------------------------------------


def test_the_body_is_left_to_the_handler(mailbox: Mailbox) -> None:
    """E1: Reporting a failure reads nothing of the request."""
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


def test_the_debug_route_behind_a_middleware_that_answers(mailbox: Mailbox) -> None:
    """I2: The application's own error page carries the id of the event as well."""

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
def test_the_debug_route_is_a_404_for_every_method(mailbox: Mailbox, method: str) -> None:
    """I1: Byte for byte, but for the time."""

    def answer(path: str) -> Any:
        status, headers, content = ask(covered(debug_panic, "/debug"), path, method)
        return status, sorted((k, v) for k, v in headers.items() if k != "Date"), content

    assert answer("/debug") == answer("/nowhere")
    assert mailbox.events == []


@pytest.mark.parametrize("value", ["a\r\nb", 5])
def test_an_answer_that_cannot_be_prepared(mailbox: Mailbox, value: Any) -> None:
    """A header with a newline, or one that is no text, fails after all middlewares."""

    async def answer(_request: web.Request) -> web.Response:
        response = web.Response(text="ok")
        response.headers["X-A"] = value
        return response

    ask(covered(answer), method="POST")
    (event,) = mailbox.events
    assert event["exception"]["values"][-1]["type"] in {"ValueError", "TypeError"}
    assert event["transaction"] == "/orders/{order_id}"


def test_a_good_request_costs_four_calls(mailbox: Mailbox) -> None:
    """F1: The middleware, twice if there are others; the status; the end."""
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

"""The servers of the testkit behave as real servers do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sentryinit_testkit import Call, Exchange, Unsupported
from sentryinit_testkit import _asgi as _asgi_module
from sentryinit_testkit._asgi import AsgiServer
from sentryinit_testkit._wsgi import WsgiServer


def _wsgi(app: Any, call: Call | None = None) -> Exchange:
    return WsgiServer().serve(app, call or Call())[0]


def _asgi(app: Any, call: Call | None = None) -> Exchange:
    return AsgiServer().serve(app, call or Call())[0]


class TestWsgi:
    """The WSGI server follows PEP 3333."""

    def test_status_goes_out_with_the_first_byte(self) -> None:
        """An exception before the first byte gives the server's 500, whatever the status was."""

        def app(_environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [])
            yield b""
            raise KeyError

        assert _wsgi(app).status == 500

    def test_status_stays_after_the_first_byte(self) -> None:
        """An exception after the first byte leaves the sent status, and an incomplete body."""

        def app(_environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [])
            yield b"one"
            raise KeyError

        exchange = _wsgi(app)
        assert (exchange.status, exchange.body, exchange.complete) == (200, b"one", False)
        assert isinstance(exchange.error, KeyError)

    def test_headers_can_be_replaced_with_exc_info(self) -> None:
        """``start_response`` with ``exc_info`` replaces headers that were not sent yet."""

        def app(_environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [("x", "1")])
            start_response("500 Oops", [("x", "2")], (KeyError, KeyError(), None))
            return [b"sorry"]

        exchange = _wsgi(app)
        assert (exchange.status, exchange.headers) == (500, [("x", "2")])

    def test_exc_info_after_the_first_byte_is_raised_again(self) -> None:
        """``start_response`` with ``exc_info`` raises it if the headers were sent."""

        def app(_environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [])
            yield b"one"
            error = KeyError("late")
            start_response("500 Oops", [], (KeyError, error, None))

        exchange = _wsgi(app)
        assert (exchange.status, str(exchange.error)) == (200, "'late'")

    @pytest.mark.parametrize("times", [0, 2])
    def test_start_response_is_called_once(self, times: int) -> None:
        """Not calling ``start_response``, or calling it twice, is an error."""

        def app(_environ: Any, start_response: Any) -> Any:
            for _ in range(times):
                start_response("200 OK", [])
            return [b"one"]

        assert isinstance(_wsgi(app).error, AssertionError)

    @pytest.mark.parametrize("takes", [None, 1])
    def test_body_is_always_closed(self, takes: int | None) -> None:
        """``close()`` is called at the end, also if the client has disconnected."""
        closed: list[bool] = []

        class Body(list[bytes]):
            def close(self) -> None:
                closed.append(True)

        def app(_environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [])
            return Body([b"one", b"two"])

        exchange = _wsgi(app, Call(disconnect_after=takes))
        assert (closed, exchange.error) == ([True], None)

    def test_error_of_close_reaches_the_server(self) -> None:
        """An exception of ``close()`` reaches the server."""

        class Body(list[bytes]):
            def close(self) -> None:
                raise KeyError

        def app(_environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [])
            return Body([b"one"])

        assert isinstance(_wsgi(app).error, KeyError)

    def test_write_sends(self) -> None:
        """The callable that ``start_response`` returns sends at once."""

        def app(_environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [])(b"one")
            return [b"two"]

        assert _wsgi(app).chunks == [b"one", b"two"]

    @pytest.mark.parametrize("read", ["read", "readline", "readlines", "__iter__"])
    def test_input_is_counted(self, read: str) -> None:
        """The server counts the bytes that are read, whatever method reads them."""

        def app(environ: Any, start_response: Any) -> Any:
            data = getattr(environ["wsgi.input"], read)()
            start_response("200 OK", [])
            return [data if isinstance(data, bytes) else b"".join(data)]

        exchange = _wsgi(app, Call("POST", body=b"one\n"))
        assert (exchange.body, exchange.body_bytes_read) == (b"one\n", 4)

    @pytest.mark.parametrize("read", ["read", "readline"])
    def test_lost_client_fails_the_input(self, read: str) -> None:
        """Reading more than a disconnected client has sent raises, as a socket does."""

        def app(environ: Any, _start_response: Any) -> Any:
            getattr(environ["wsgi.input"], read)()
            getattr(environ["wsgi.input"], read)()

        error = _wsgi(app, Call("POST", body=b"one two", client="resets")).error
        assert isinstance(error, ConnectionResetError)

    def test_protocol_has_no_more(self) -> None:
        """WebSockets and start-up raise ``Unsupported``."""
        server = WsgiServer()
        with pytest.raises(Unsupported):
            server.websocket(None)
        with pytest.raises(Unsupported):
            server.run_lifespan(None)


class TestAsgi:
    """The ASGI server follows the ASGI specification."""

    def test_error_before_the_start_is_a_500(self) -> None:
        """An exception before ``http.response.start`` gives the server's 500."""

        async def app(_scope: Any, _receive: Any, _send: Any) -> None:
            raise KeyError

        exchange = _asgi(app)
        assert (exchange.status, type(exchange.error)) == (500, KeyError)

    def test_no_response_is_an_error(self) -> None:
        """An application that ends without a response gives the server's 500."""

        async def app(_scope: Any, _receive: Any, _send: Any) -> None:
            """Return without a response."""

        exchange = _asgi(app)
        assert (exchange.status, type(exchange.error)) == (500, AssertionError)

    @pytest.mark.parametrize(("version", "raises"), [("2.3", False), ("2.4", True)])
    def test_sending_to_a_gone_client(
        self, version: str, raises: bool
    ) -> None:  # a value of a parametrize
        """ASGI 2.4: ``send()`` to a gone client raises; before, only ``receive()`` tells of it."""
        heard: list[str] = []

        async def app(_scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"one", "more_body": True})
            heard.append((await receive())["type"])
            await send({"type": "http.response.body", "body": b"two"})

        exchange = _asgi(app, Call(disconnect_after=1, spec_version=version))
        assert (heard, exchange.body) == (["http.disconnect"], b"one")
        assert isinstance(exchange.error, OSError) is raises

    def test_exit_of_a_child_task_reaches_the_server(self) -> None:
        """A ``SystemExit`` in a child task, which stops the loop, reaches the server."""

        async def child() -> None:
            raise SystemExit(3)

        async def app(_scope: Any, _receive: Any, _send: Any) -> None:
            await asyncio.create_task(child())

        error = _asgi(app).error
        assert isinstance(error, SystemExit)
        assert error.code == 3

    def test_client_does_not_wait_for_ever(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A client that gets no complete response disconnects after a while."""
        monkeypatch.setattr(_asgi_module, "PATIENCE", 0.01)
        heard: list[str] = []

        async def app(_scope: Any, receive: Any, _send: Any) -> None:
            heard.extend([(await receive())["type"], (await receive())["type"]])

        _asgi(app)
        assert heard == ["http.request", "http.disconnect"]

    def test_client_of_a_websocket_waits_for_the_handler(self) -> None:
        """An application that receives in a task of its own has the time to handle each text."""
        heard: list[str] = []

        async def app(_scope: Any, receive: Any, _send: Any) -> None:
            texts: asyncio.Queue[str] = asyncio.Queue()

            async def handle() -> None:
                while True:
                    heard.append(await texts.get())

            handler = asyncio.create_task(handle())
            while (message := await receive())["type"] != "websocket.disconnect":
                await texts.put(message.get("text", "connect"))
            handler.cancel()

        AsgiServer().websocket(app, "hello")
        assert heard == ["connect", "hello"]

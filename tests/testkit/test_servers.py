"""The servers of the testkit do what real ones do."""

from __future__ import annotations

from typing import Any

import pytest

from sentryinit_testkit import Call, Exchange, Unsupported
from sentryinit_testkit._asgi import AsgiServer
from sentryinit_testkit._wsgi import WsgiServer


def _wsgi(app: Any, call: Call | None = None) -> Exchange:
    return WsgiServer().serve(app, call or Call())[0]


def _asgi(app: Any, call: Call | None = None) -> Exchange:
    return AsgiServer().serve(app, call or Call())[0]


class TestWsgi:
    """PEP 3333."""

    def test_status_goes_out_with_the_first_byte(self) -> None:
        """An error before the first byte is the server's 500, whatever was promised."""

        def app(_environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [])
            yield b""
            raise KeyError

        assert _wsgi(app).status == 500

    def test_status_stays_after_the_first_byte(self) -> None:
        """An error after it leaves the status that was sent, and no end."""

        def app(_environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [])
            yield b"one"
            raise KeyError

        exchange = _wsgi(app)
        assert (exchange.status, exchange.body, exchange.complete) == (200, b"one", False)
        assert isinstance(exchange.error, KeyError)

    def test_headers_can_be_replaced_with_exc_info(self) -> None:
        """``start_response`` with ``exc_info`` replaces what has not gone out."""

        def app(_environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [("x", "1")])
            start_response("500 Oops", [("x", "2")], (KeyError, KeyError(), None))
            return [b"sorry"]

        exchange = _wsgi(app)
        assert (exchange.status, exchange.headers) == (500, [("x", "2")])

    def test_exc_info_after_the_first_byte_is_raised_again(self) -> None:
        """It raises the error again once headers have gone out."""

        def app(_environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [])
            yield b"one"
            error = KeyError("late")
            start_response("500 Oops", [], (KeyError, error, None))

        exchange = _wsgi(app)
        assert (exchange.status, str(exchange.error)) == (200, "'late'")

    @pytest.mark.parametrize("times", [0, 2])
    def test_start_response_is_called_once(self, times: int) -> None:
        """Anything else is an error of the application."""

        def app(_environ: Any, start_response: Any) -> Any:
            for _ in range(times):
                start_response("200 OK", [])
            return [b"one"]

        assert isinstance(_wsgi(app).error, AssertionError)

    @pytest.mark.parametrize("takes", [None, 1])
    def test_body_is_always_closed(self, takes: int | None) -> None:
        """``close()`` is called at the end, and when the client has left."""
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
        """So does what ``close()`` raises."""

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
        """Whatever reads the body, the server knows how much of it went."""

        def app(environ: Any, start_response: Any) -> Any:
            data = getattr(environ["wsgi.input"], read)()
            start_response("200 OK", [])
            return [data if isinstance(data, bytes) else b"".join(data)]

        exchange = _wsgi(app, Call("POST", body=b"one\n"))
        assert (exchange.body, exchange.body_bytes_read) == (b"one\n", 4)

    @pytest.mark.parametrize("read", ["read", "readline"])
    def test_lost_client_fails_the_input(self, read: str) -> None:
        """Reading past what came from a client that is gone raises, as a socket does."""

        def app(environ: Any, _start_response: Any) -> Any:
            getattr(environ["wsgi.input"], read)()
            getattr(environ["wsgi.input"], read)()

        error = _wsgi(app, Call("POST", body=b"one two", client="resets")).error
        assert isinstance(error, ConnectionResetError)

    def test_protocol_has_no_more(self) -> None:
        """What WSGI does not have is said so."""
        server = WsgiServer()
        with pytest.raises(Unsupported):
            server.websocket(None)
        with pytest.raises(Unsupported):
            server.run_lifespan(None)


class TestAsgi:
    """ASGI."""

    def test_error_before_the_start_is_a_500(self) -> None:
        """An error before ``http.response.start`` is the server's 500."""

        async def app(_scope: Any, _receive: Any, _send: Any) -> None:
            raise KeyError

        exchange = _asgi(app)
        assert (exchange.status, type(exchange.error)) == (500, KeyError)

    def test_no_response_is_an_error(self) -> None:
        """So is an application that ends without one."""

        async def app(_scope: Any, _receive: Any, _send: Any) -> None:
            """Forget to answer."""

        exchange = _asgi(app)
        assert (exchange.status, type(exchange.error)) == (500, AssertionError)

    @pytest.mark.parametrize(("version", "raises"), [("2.3", False), ("2.4", True)])
    def test_sending_to_a_gone_client(self, version: str, raises: bool) -> None:  # a row of a table
        """Servers of 2.4 raise; those before keep quiet, and say so to who listens."""
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
        """A ``SystemExit`` that tears the loop down is what the server has in the end."""
        import asyncio

        async def child() -> None:
            raise SystemExit(3)

        async def app(_scope: Any, _receive: Any, _send: Any) -> None:
            await asyncio.create_task(child())

        error = _asgi(app).error
        assert isinstance(error, SystemExit)
        assert error.code == 3

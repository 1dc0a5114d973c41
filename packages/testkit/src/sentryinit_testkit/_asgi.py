"""An in-process ASGI server: http, websocket and lifespan, version 2.3 or 2.4."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from sentryinit_testkit._driver import SOCKET_PATH, ResponseSpec
from sentryinit_testkit._server import CLIENT, HOST, Call, Exchange, reset

_log = logging.getLogger("uvicorn.error")
# After so many seconds without a complete response, the client disconnects.
PATIENCE = 15
# So many turns of the event loop pass between the last text in a WebSocket and its end.
TURNS = 50
_Serving = Callable[[list[Exchange]], Coroutine[Any, Any, None]]


def _scope(kind: str, call: Call) -> dict[str, Any]:
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": call.spec_version},
        "http_version": "1.1",
        "path": call.path,
        "raw_path": call.path.encode(),
        "root_path": "",
        "query_string": call.query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in call.all_headers],
        "client": (CLIENT, 50123),
        "server": (HOST, 80),
        **(
            {"scheme": "http", "method": call.method}
            if kind == "http"
            else {"scheme": "ws", "subprotocols": []}
        ),
    }


class _Connection:
    """The client's side of one request."""

    def __init__(self, call: Call, exchange: Exchange) -> None:
        self._call, self._exchange = call, exchange
        self._left = asyncio.Event()
        self._incoming = self._messages()
        self._started: dict[str, Any] | None = None

    def _messages(self) -> list[dict[str, Any] | BaseException]:
        body, half = self._call.body, len(self._call.body) // 2
        if self._call.client == "stays":
            return [{"type": "http.request", "body": body, "more_body": False}]
        part = {"type": "http.request", "body": body[:half], "more_body": True}
        if self._call.client == "resets":
            return [part, reset()]
        self._left.set()
        return [part]

    async def receive(self) -> dict[str, Any]:
        if self._incoming:
            message = self._incoming.pop(0)
            if isinstance(message, BaseException):
                raise message
            self._exchange.body_bytes_read += len(message["body"])
            return message
        # Some frameworks wait for the client after a handler that was cancelled (Quart). Not
        # wait_for(): before Python 3.12 it can swallow a cancellation.
        timer = asyncio.get_running_loop().call_later(PATIENCE, self._left.set)
        try:
            await self._left.wait()
        finally:
            timer.cancel()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        # The send() of a real server waits for its socket, so that other tasks run.
        await asyncio.sleep(0)
        if self._exchange.error is not None:
            # The application has ended; a server ignores what a task of it still sends.
            return
        if self._left.is_set() and self._call.disconnect_after is not None:
            # ASGI 2.4: send() raises OSError if the client is gone. Before, it does nothing.
            if self._call.spec_version >= "2.4":
                raise reset()
            return
        self._exchange.messages.append(message)
        getattr(self, "_" + message["type"].replace(".", "_"), self._other)(message)

    def _other(self, _message: dict[str, Any]) -> None:
        pass

    def _http_response_start(self, message: dict[str, Any]) -> None:
        assert self._exchange.status is None, "a second response"
        self._exchange.status = message["status"]
        self._exchange.headers = [
            (bytes(name).decode("latin-1").lower(), bytes(value).decode("latin-1"))
            for name, value in message.get("headers", ())
        ]

    def _http_response_body(self, message: dict[str, Any]) -> None:
        assert self._exchange.status is not None, "a body without a start"
        assert not self._exchange.complete, "a body after the end"
        chunk = message.get("body", b"")
        if chunk:
            self._exchange.journal.append(f"sent {bytes(chunk).decode('latin-1')}")
            self._exchange.chunks.append(bytes(chunk))
        self._exchange.complete = not message.get("more_body", False)
        if self._exchange.complete or self._call.disconnect_after == len(self._exchange.chunks):
            self._left.set()


class AsgiServer:
    """Serves ASGI applications. The requests of a sequence share one context, as under uvicorn."""

    client = CLIENT

    def serve(self, app: Any, *calls: Call) -> list[Exchange]:
        """Serve *calls* one after the other, in one task."""

        async def work(exchanges: list[Exchange]) -> None:
            for call in calls:
                exchanges.append(Exchange())
                await self._serve(app, call, exchanges[-1])

        return _run(work)

    def serve_concurrently(self, app: Any, *calls: Call) -> list[Exchange]:
        """Serve each of *calls* in a task of its own."""

        async def work(exchanges: list[Exchange]) -> None:
            exchanges += [Exchange() for _ in calls]
            pairs = zip(calls, exchanges, strict=True)
            await asyncio.gather(*(self._serve(app, call, exchange) for call, exchange in pairs))

        return _run(work)

    def websocket(self, app: Any, *texts: str) -> Exchange:
        """Open a WebSocket, send *texts*, and close it from the client's side."""
        incoming: list[dict[str, Any]] = [
            {"type": "websocket.connect"},
            *({"type": "websocket.receive", "text": text} for text in texts),
            {"type": "websocket.disconnect", "code": 1001},
        ]

        async def work(exchanges: list[Exchange]) -> None:
            exchanges.append(exchange := Exchange())

            async def receive() -> dict[str, Any]:
                if len(incoming) == 1:
                    # The client waits for the handler. Some frameworks receive in a task of their
                    # own, and cancel the handler when the client closes (Quart).
                    for _ in range(TURNS):
                        await asyncio.sleep(0)
                # A server announces the end each time that it is asked.
                return incoming.pop(0) if len(incoming) > 1 else incoming[0]

            async def send(message: dict[str, Any]) -> None:
                exchange.messages.append(message)

            await _call(app, _scope("websocket", Call(path=SOCKET_PATH)), receive, send, exchange)

        return _run(work)[0]

    def run_lifespan(self, app: Any) -> Exchange:
        """Run the application's lifespan."""
        incoming = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

        async def work(exchanges: list[Exchange]) -> None:
            exchanges.append(exchange := Exchange())

            async def receive() -> dict[str, Any]:
                return incoming.pop(0) if incoming else await asyncio.Future()

            async def send(message: dict[str, Any]) -> None:
                exchange.messages.append(message)

            scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}}
            await _call(app, {**scope, "state": {}}, receive, send, exchange)

        return _run(work)[0]

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def wrap(self, app: Any, before: Callable[[], ResponseSpec | None]) -> Any:
        """Return *app* in a middleware that calls *before* first."""

        async def middleware(scope: Any, receive: Any, send: Any) -> None:
            response = before()
            if response is None:
                await app(scope, receive, send)
                return
            headers = [(name.encode(), value.encode()) for name, value in response.headers]
            await send(
                {"type": "http.response.start", "status": response.status, "headers": headers}
            )
            await send({"type": "http.response.body", "body": response.body})

        return middleware

    async def _serve(self, app: Any, call: Call, exchange: Exchange) -> None:
        connection, scope = _Connection(call, exchange), _scope("http", call)
        exchange.server_logs = call.server_logs
        serving = _call(app, scope, connection.receive, connection.send, exchange)
        if call.cancel is None:
            await serving
            return
        task, waiting = asyncio.ensure_future(serving), asyncio.ensure_future(call.cancel.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        waiting.cancel()
        await task


async def _call(app: Any, scope: Any, receive: Any, send: Any, exchange: Exchange) -> None:
    try:
        await app(scope, receive, send)
    except BaseException as error:  # noqa: BLE001 # the case checks what was raised
        exchange.fail(error)
        if exchange.server_logs:
            _log.error("Exception in ASGI application\n", exc_info=sys.exc_info())
    if exchange.status is None and scope["type"] == "http":
        exchange.fail(AssertionError("the application ended without a response"))


def _run(work: _Serving) -> list[Exchange]:
    """Run *work* in an event loop of its own, which ``SystemExit`` and its like end."""
    exchanges: list[Exchange] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def begin() -> None:
        loops.append(asyncio.get_running_loop())
        await work(exchanges)

    try:
        contextvars.Context().run(asyncio.run, begin())
    # GeneratorExit: raised by a thread into a coroutine, it cannot be caught there.
    except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
        exchanges[-1].fail(error)
        # The tasks that were cut off would log when they are collected, during a later case.
        loops[0].set_exception_handler(lambda *_: None)
    return exchanges

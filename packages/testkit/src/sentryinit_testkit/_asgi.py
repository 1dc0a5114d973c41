"""An ASGI server in the process: http, websocket and lifespan, version 2.3 or 2.4."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from sentryinit_testkit._driver import SOCKET_PATH, Reply
from sentryinit_testkit._peer import CLIENT, HOST, Call, Exchange, reset

_log = logging.getLogger("uvicorn.error")
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
    """One request under way."""

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
            self._exchange.taken += len(message["body"])
            return message
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        # A server's send waits for its socket: others get their turn, here as there.
        await asyncio.sleep(0)
        if self._left.is_set() and self._call.takes is not None:
            # What servers of 2.4 do; those before keep quiet.
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
        if self._exchange.complete or self._call.takes == len(self._exchange.chunks):
            self._left.set()


class AsgiPeer:
    """Serves ASGI applications; requests of a sequence share a context, as under uvicorn."""

    client = CLIENT

    def serve(self, app: Any, *calls: Call) -> list[Exchange]:
        """Serve *calls* one after the other in one task."""

        async def work(exchanges: list[Exchange]) -> None:
            for call in calls:
                exchanges.append(Exchange())
                await self._serve(app, call, exchanges[-1])

        return _run(work)

    def together(self, app: Any, *calls: Call) -> list[Exchange]:
        """Serve *calls* in a task each."""

        async def work(exchanges: list[Exchange]) -> None:
            exchanges += [Exchange() for _ in calls]
            pairs = zip(calls, exchanges, strict=True)
            await asyncio.gather(*(self._serve(app, call, exchange) for call, exchange in pairs))

        return _run(work)

    def websocket(self, app: Any, *texts: str) -> Exchange:
        """Open a WebSocket, send *texts*, and close it as the client."""
        incoming: list[dict[str, Any]] = [
            {"type": "websocket.connect"},
            *({"type": "websocket.receive", "text": text} for text in texts),
            {"type": "websocket.disconnect", "code": 1001},
        ]

        async def work(exchanges: list[Exchange]) -> None:
            exchanges.append(exchange := Exchange())

            async def receive() -> dict[str, Any]:
                return incoming.pop(0) if incoming else await asyncio.Future()

            async def send(message: dict[str, Any]) -> None:
                exchange.messages.append(message)

            await _call(app, _scope("websocket", Call(path=SOCKET_PATH)), receive, send, exchange)

        return _run(work)[0]

    def start(self, app: Any) -> Exchange:
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
        """Nothing is left."""

    def outside(self, app: Any, meet: Callable[[], Reply | None]) -> Any:
        """Return *app* behind a component that runs *meet* first."""

        async def component(scope: Any, receive: Any, send: Any) -> None:
            reply = meet()
            if reply is None:
                await app(scope, receive, send)
                return
            headers = [(name.encode(), value.encode()) for name, value in reply.headers]
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            await send({"type": "http.response.body", "body": reply.body})

        return component

    async def _serve(self, app: Any, call: Call, exchange: Exchange) -> None:
        connection, scope = _Connection(call, exchange), _scope("http", call)
        exchange.logged = call.logs
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
    except BaseException as error:  # noqa: BLE001 # whatever comes is what the case looks at
        exchange.fail(error)
        if exchange.logged:
            _log.error("Exception in ASGI application\n", exc_info=sys.exc_info())
    if exchange.status is None and scope["type"] == "http":
        exchange.fail(AssertionError("the application ended without a response"))


def _run(work: _Serving) -> list[Exchange]:
    """Run *work* in a loop of its own, which some of what an application raises tears down."""
    exchanges: list[Exchange] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def begin() -> None:
        loops.append(asyncio.get_running_loop())
        await work(exchanges)

    try:
        contextvars.Context().run(asyncio.run, begin())
    # The last one is what a thread raises into a coroutine: no handler of a frame can keep it.
    except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
        exchanges[-1].fail(error)
        # What went down with it complains when it is collected: in the midst of a later case.
        loops[0].set_exception_handler(lambda *_: None)
    return exchanges

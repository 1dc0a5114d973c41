"""An HTTP/1.1 and WebSocket client on a real socket, for frameworks with a server of their own."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import contextvars
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from sentryinit_testkit._driver import SOCKET_PATH, ResponseSpec
from sentryinit_testkit._server import Call, Exchange

Serving = Callable[[Any, socket.socket], AbstractAsyncContextManager[None]]
Wrap = Callable[[Any, Callable[[], "ResponseSpec | None"]], Any]

# Seconds for the server to see what happened on its socket: it sends no signal when it has.
_PAUSE = 0.02
_MASK = b"mask"


class _Connection:
    """One connection from the client to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.over = False

    def send(self, call: Call) -> int:
        """Send *call*, or half of it; return the size of the body that was sent."""
        target = f"{call.path}?{call.query}" if call.query else call.path
        lines = [f"{call.method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in call.all_headers)]
        body = call.body if call.client == "stays" else call.body[: len(call.body) // 2]
        self._writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        return len(body)

    async def leave(self, *, reset: bool) -> None:
        """Disconnect by RST or by FIN, after the server has read what was sent."""
        await asyncio.sleep(_PAUSE)
        if reset:
            linger = struct.pack("ii", 1, 0)
            self._writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
        self.close()
        await asyncio.sleep(_PAUSE)

    def close(self) -> None:
        """Close the connection."""
        self.over = True
        self._writer.transport.abort()

    async def exchange(self, call: Call, exchange: Exchange) -> None:
        """Send *call* and read the response into *exchange*."""
        exchange.body_bytes_read = self.send(call)
        if call.client != "stays":
            await self.leave(reset=call.client == "resets")
            return
        # The server may close the connection at any point.
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self.read_head(exchange)
            await self._read_body(call, exchange)
        if not exchange.complete or ("connection", "close") in exchange.headers:
            self.close()

    async def read_head(self, exchange: Exchange) -> None:
        """Read the status and the headers, without ``Date``, which differs each time."""
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = [line.split(": ", 1) for line in lines if line]
        exchange.status = int(first.split()[1])
        exchange.headers = [(n.lower(), v) for n, v in pairs if n.lower() != "date"]

    async def _read_body(self, call: Call, exchange: Exchange) -> None:
        headers = dict(exchange.headers)
        if call.method == "HEAD" or exchange.status in {204, 304}:
            exchange.complete = True
        elif headers.get("transfer-encoding") == "chunked":
            await self._read_chunks(call, exchange)
        else:
            body = await self._reader.readexactly(int(headers["content-length"]))
            exchange.chunks = [body] if body else []
            exchange.complete = True

    async def _read_chunks(self, call: Call, exchange: Exchange) -> None:
        while not exchange.complete:
            size = int(await self._reader.readuntil(b"\r\n"), 16)
            chunk = (await self._reader.readexactly(size + 2))[:-2]
            exchange.complete = not chunk
            if chunk:
                exchange.journal.append(f"sent {chunk.decode('latin-1')}")
                exchange.chunks.append(chunk)
            if call.disconnect_after == len(exchange.chunks):
                await self.leave(reset=True)
                return

    async def converse(self, texts: tuple[str, ...], exchange: Exchange) -> None:
        """Upgrade, send *texts* and a close frame; record the messages, named as in ASGI."""
        key = base64.b64encode(bytes(16)).decode()
        names = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
        headers = (*names.items(), ("sec-websocket-key", key))
        self.send(Call(path=SOCKET_PATH, headers=headers))
        await self.read_head(exchange)
        accepted = "accept" if exchange.status == 101 else "http.response.start"
        exchange.messages.append({"type": f"websocket.{accepted}"})
        frames = [(1, text.encode()) for text in texts]
        self._writer.writelines(_frame(*frame) for frame in [*frames, (8, struct.pack("!H", 1001))])
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, size = await self._reader.readexactly(2)
                data = await self._reader.readexactly(size)
                exchange.messages.append({"type": f"websocket frame {kind & 15}", "data": data})


def _frame(kind: int, data: bytes) -> bytes:
    """Return a short WebSocket frame, masked, as RFC 6455 requires of a client."""
    masked = bytes(byte ^ _MASK[index % 4] for index, byte in enumerate(data))
    return bytes([128 | kind, 128 | len(data)]) + _MASK + masked


class HttpServer:
    """Serves applications on sockets, in one event loop, which applications are bound to.

    *serving* is an asynchronous context manager that serves an application on a listening socket.
    *wrap* is :meth:`Server.wrap`. To *raised* the driver appends each exception that the
    application raises to its server.
    """

    client: str = "127.0.0.1"
    wrap: Wrap

    def __init__(self, serving: Serving, wrap: Wrap, raised: list[BaseException]) -> None:
        self._serving, self.wrap, self._raised = serving, wrap, raised
        self._loop = asyncio.new_event_loop()
        # In debug mode (PYTHONDEVMODE), error pages would show the stack, with the adapter on it.
        self._loop.set_debug(False)
        self._servers: dict[int, tuple[int, contextlib.AsyncExitStack]] = {}
        self._connections: list[_Connection] = []

    def serve(self, app: Any, *calls: Call) -> list[Exchange]:
        """Serve *calls* one after the other, on one connection while it is open."""

        async def work(exchanges: list[Exchange]) -> None:
            connection = await self._connect(app)
            for call in calls:
                exchanges.append(Exchange())
                if connection.over:
                    connection = await self._connect(app)
                if call.cancel is None:
                    await connection.exchange(call, exchanges[-1])
                else:
                    # A server that stops cancels its open requests.
                    connection.send(call)
                    await call.cancel.wait()
                    await self._stop(app)
                self._complete(call, exchanges[-1])

        return self._run(work)

    def serve_concurrently(self, app: Any, *calls: Call) -> list[Exchange]:
        """Serve each of *calls* on a connection of its own."""

        async def work(exchanges: list[Exchange]) -> None:
            exchanges += [Exchange() for _ in calls]
            connections = [await self._connect(app) for _ in calls]
            await asyncio.gather(*map(_Connection.exchange, connections, calls, exchanges))

        return self._run(work)

    def websocket(self, app: Any, *texts: str) -> Exchange:
        """Open a WebSocket, send *texts*, and close it from the client's side."""

        async def work(exchanges: list[Exchange]) -> None:
            exchanges.append(Exchange())
            await (await self._connect(app)).converse(texts, exchanges[-1])

        return self._run(work)[0]

    def run_lifespan(self, app: Any) -> Exchange:
        """Run the application's start-up and shutdown; the messages are named as in ASGI."""
        exchange = Exchange()

        async def work(_exchanges: list[Exchange]) -> None:
            await self._start(app)
            exchange.messages.append({"type": "lifespan.startup.complete"})
            await self._stop(app)
            exchange.messages.append({"type": "lifespan.shutdown.complete"})

        try:
            self._run(work)
        except Exception as error:  # noqa: BLE001 # the case checks what was raised
            exchange.fail(error)
        return exchange

    def close(self) -> None:
        """Stop all servers, and close the event loop."""

        async def work(_exchanges: list[Exchange]) -> None:
            for _port, server in self._servers.values():
                await server.aclose()

        self._run(work)
        self._loop.close()

    async def _start(self, app: Any) -> None:
        server = contextlib.AsyncExitStack()
        listening = server.enter_context(socket.create_server(("127.0.0.1", 0)))
        async with server:
            await server.enter_async_context(self._serving(app, listening))
            self._servers[id(app)] = listening.getsockname()[1], server.pop_all()

    async def _stop(self, app: Any) -> None:
        await self._servers.pop(id(app))[1].aclose()

    async def _connect(self, app: Any) -> _Connection:
        if id(app) not in self._servers:
            await self._start(app)
        streams = await asyncio.open_connection("127.0.0.1", self._servers[id(app)][0])
        self._connections.append(_Connection(*streams))
        return self._connections[-1]

    def _complete(self, call: Call, exchange: Exchange) -> None:
        """Record in *exchange* what reached the server."""
        exchange.error = self._raised.pop() if self._raised else None
        self._raised.clear()
        if exchange.status is None and call.client == "stays" and call.cancel is None:
            # The server closed the connection without a response: a proxy answers that with a 5xx.
            exchange.fail(exchange.error or ConnectionResetError())

    def _run(self, work: Callable[[list[Exchange]], Awaitable[None]]) -> list[Exchange]:
        """Run *work* in a context of its own."""
        exchanges: list[Exchange] = []

        async def whole() -> None:
            try:
                await work(exchanges)
            finally:
                while self._connections:
                    self._connections.pop().close()
                # The loop closes the sockets in its next iteration.
                await asyncio.sleep(0)

        self._raised.clear()
        try:
            contextvars.Context().run(self._loop.run_until_complete, whole())
        except (SystemExit, KeyboardInterrupt) as error:
            exchanges[-1].fail(error)
            _abandon(self._loop)
        return exchanges


def _abandon(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel the tasks of a loop that ``SystemExit`` has stopped; it may be raised again here."""
    # Nobody awaits these tasks any more, so the loop would log their exceptions.
    loop.set_exception_handler(lambda _loop, _context: None)
    while tasks := asyncio.all_tasks(loop):
        for task in tasks:
            task.cancel()
        with contextlib.suppress(SystemExit, KeyboardInterrupt):
            loop.run_until_complete(asyncio.wait(tasks))

"""A client of HTTP/1.1 and WebSocket on a real socket, for servers with a protocol of their own."""

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

from sentryinit_testkit._driver import SOCKET_PATH, Reply
from sentryinit_testkit._peer import Call, Exchange

Serving = Callable[[Any, socket.socket], AbstractAsyncContextManager[None]]
Outside = Callable[[Any, Callable[[], "Reply | None"]], Any]

# For a server to take in what has happened on its socket: nothing tells when it has.
_A_WHILE = 0.02
_MASK = b"mask"


class _Connection:
    """One connection, and the requests on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.over = False

    def send(self, call: Call) -> int:
        """Send *call*, or as much of it as this client does; return the bytes of its body."""
        target = f"{call.path}?{call.query}" if call.query else call.path
        lines = [f"{call.method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in call.all_headers)]
        body = call.body if call.client == "stays" else call.body[: len(call.body) // 2]
        self._writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        return len(body)

    async def leave(self, *, reset: bool) -> None:
        """Go away, by RST or by FIN, when the server has taken what it was sent."""
        await asyncio.sleep(_A_WHILE)
        if reset:
            linger = struct.pack("ii", 1, 0)
            self._writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
        self.close()
        await asyncio.sleep(_A_WHILE)

    def close(self) -> None:
        """Close the connection."""
        self.over = True
        self._writer.transport.abort()

    async def exchange(self, call: Call, exchange: Exchange) -> None:
        """Send *call* and read its answer into *exchange*."""
        exchange.taken = self.send(call)
        if call.client != "stays":
            await self.leave(reset=call.client == "resets")
            return
        # The server may hang up at any point.
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self.read_head(exchange)
            await self._read_body(call, exchange)
        if not exchange.complete or ("connection", "close") in exchange.headers:
            self.close()

    async def read_head(self, exchange: Exchange) -> None:
        """Read the status and the headers, but for the one that tells the time."""
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
            if call.takes == len(exchange.chunks):
                await self.leave(reset=True)
                return

    async def converse(self, texts: tuple[str, ...], exchange: Exchange) -> None:
        """Upgrade, send *texts* and a closing frame, and read what comes, named as ASGI does."""
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
    """Return a short WebSocket frame, masked, as a client's has to be."""
    masked = bytes(byte ^ _MASK[index % 4] for index, byte in enumerate(data))
    return bytes([128 | kind, 128 | len(data)]) + _MASK + masked


class HttpPeer:
    """Talks to servers on sockets, in a loop that it shares with them: applications keep to one.

    *serving* has an application served on a listening socket, as a context manager; *outside* is
    :meth:`Peer.outside`; *raised* is where the server notes what the application raises at it.
    """

    client: str = "127.0.0.1"
    outside: Outside

    def __init__(self, serving: Serving, outside: Outside, raised: list[BaseException]) -> None:
        self._serving, self.outside, self._raised = serving, outside, raised
        self._loop = asyncio.new_event_loop()
        # Else, in development mode, pages of errors would show the stack, and us on it.
        self._loop.set_debug(False)
        self._servers: dict[int, tuple[int, contextlib.AsyncExitStack]] = {}
        self._connections: list[_Connection] = []

    def serve(self, app: Any, *calls: Call) -> list[Exchange]:
        """Serve *calls* one after the other, on one connection as long as it lasts."""

        async def work(exchanges: list[Exchange]) -> None:
            connection = await self._connect(app)
            for call in calls:
                exchanges.append(Exchange())
                if connection.over:
                    connection = await self._connect(app)
                if call.cancel is None:
                    await connection.exchange(call, exchanges[-1])
                else:
                    # A server that goes down cancels what it still has.
                    connection.send(call)
                    await call.cancel.wait()
                    await self._stop(app)
                self._look(call, exchanges[-1])

        return self._run(work)

    def together(self, app: Any, *calls: Call) -> list[Exchange]:
        """Serve *calls* on a connection each."""

        async def work(exchanges: list[Exchange]) -> None:
            exchanges += [Exchange() for _ in calls]
            connections = [await self._connect(app) for _ in calls]
            await asyncio.gather(*map(_Connection.exchange, connections, calls, exchanges))

        return self._run(work)

    def websocket(self, app: Any, *texts: str) -> Exchange:
        """Open a WebSocket, send *texts*, and close it as the client."""

        async def work(exchanges: list[Exchange]) -> None:
            exchanges.append(Exchange())
            await (await self._connect(app)).converse(texts, exchanges[-1])

        return self._run(work)[0]

    def start(self, app: Any) -> Exchange:
        """Run the application's start-up and shutdown, named as ASGI names them."""
        exchange = Exchange()

        async def work(_exchanges: list[Exchange]) -> None:
            await self._start(app)
            exchange.messages.append({"type": "lifespan.startup.complete"})
            await self._stop(app)
            exchange.messages.append({"type": "lifespan.shutdown.complete"})

        try:
            self._run(work)
        except Exception as error:  # noqa: BLE001 # whatever comes is what the case looks at
            exchange.fail(error)
        return exchange

    def close(self) -> None:
        """Stop all servers, and the loop."""

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

    def _look(self, call: Call, exchange: Exchange) -> None:
        """Complete *exchange* by what reached the server."""
        exchange.error = self._raised.pop() if self._raised else None
        self._raised.clear()
        if exchange.status is None and call.client == "stays" and call.cancel is None:
            # A server that hangs up: this is what is made of it by whoever is between.
            exchange.fail(exchange.error or ConnectionResetError())

    def _run(self, work: Callable[[list[Exchange]], Awaitable[None]]) -> list[Exchange]:
        """Do *work* in a context of its own."""
        exchanges: list[Exchange] = []

        async def whole() -> None:
            try:
                await work(exchanges)
            finally:
                while self._connections:
                    self._connections.pop().close()
                # The loop closes the sockets when it comes round.
                await asyncio.sleep(0)

        self._raised.clear()
        try:
            contextvars.Context().run(self._loop.run_until_complete, whole())
        except (SystemExit, KeyboardInterrupt) as error:
            exchanges[-1].fail(error)
            _abandon(self._loop)
        return exchanges


def _abandon(loop: asyncio.AbstractEventLoop) -> None:
    """End what is left in a loop that an exit has torn down; the exit may come up again in it."""
    # Nobody is left whom the tasks could tell what they ended with.
    loop.set_exception_handler(lambda _loop, _context: None)
    while tasks := asyncio.all_tasks(loop):
        for task in tasks:
            task.cancel()
        with contextlib.suppress(SystemExit, KeyboardInterrupt):
            loop.run_until_complete(asyncio.wait(tasks))

"""Send requests to an application in this process, without a network."""

from __future__ import annotations

import asyncio
import io
import sys
import time
from collections.abc import Callable
from typing import Any

from subjects import BODY, PATH

ENVIRON = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": PATH,
    "QUERY_STRING": "",
    "SERVER_NAME": "shop.example",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "shop.example",
    "HTTP_USER_AGENT": "benchmark",
    "HTTP_ACCEPT": "*/*",
    "REMOTE_ADDR": "203.0.113.9",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.input": io.BytesIO(),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}
SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.4"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": PATH,
    "raw_path": PATH.encode(),
    "root_path": "",
    "query_string": b"",
    "headers": [(b"host", b"shop.example"), (b"user-agent", b"benchmark"), (b"accept", b"*/*")],
    "client": ("203.0.113.9", 4711),
    "server": ("shop.example", 80),
}

# Runs this number of requests, and returns how many seconds they took.
Slice = Callable[[int], float]


def wsgi(app: Any) -> Slice:
    """Return a slice that serves requests with WSGI (PEP 3333)."""
    statuses: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        statuses[:] = [status]

    def run(number: int) -> float:
        begun = time.perf_counter()
        for _ in range(number):
            try:
                body = app(ENVIRON.copy(), start_response)
                try:
                    for _chunk in body:
                        pass
                finally:
                    if hasattr(body, "close"):
                        body.close()
            except ValueError:
                statuses[:] = ["500"]
        return time.perf_counter() - begun

    run.statuses = statuses  # type: ignore[attr-defined] # looked at once
    return run


def asgi(app: Any) -> Slice:
    """Return a slice that serves requests with ASGI, in one task, as on one connection."""
    loop = asyncio.new_event_loop()
    got: list[Any] = []
    gone = loop.create_future()

    async def send(message: Any) -> None:
        got[:] = [*got[-1:], message]

    async def serve(number: int) -> float:
        begun = time.perf_counter()
        for _ in range(number):
            messages = [{"type": "http.request", "body": b"", "more_body": False}]

            async def receive(messages: Any = messages) -> Any:
                return messages.pop() if messages else await asyncio.shield(gone)

            await app(SCOPE.copy(), receive, send)
        return time.perf_counter() - begun

    def run(number: int) -> float:
        taken = loop.run_until_complete(serve(number))
        assert got[-1].get("body") == BODY, got
        return taken

    return run


def aiohttp(app: Any) -> Slice:
    """Return a slice in which aiohttp handles requests made before, each in its own task."""
    from aiohttp.test_utils import make_mocked_request

    loop = asyncio.new_event_loop()

    async def start() -> None:
        app.freeze()
        await app.startup()

    async def serve(number: int) -> float:
        requests = [make_mocked_request("GET", PATH, app=app) for _ in range(number)]
        begun = time.perf_counter()
        for request in requests:
            response = await loop.create_task(app._handle(request))  # noqa: SLF001 # what its server calls
        taken = time.perf_counter() - begun
        assert response.body == BODY
        return taken

    loop.run_until_complete(start())
    return lambda number: loop.run_until_complete(serve(number))


DRIVERS: dict[str, Callable[[Any], Slice]] = {"wsgi": wsgi, "asgi": asgi, "aiohttp": aiohttp}

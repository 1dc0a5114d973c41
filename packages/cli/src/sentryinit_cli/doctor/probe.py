"""Requests to the application in this process; to one of aiohttp, over the loopback interface."""

from __future__ import annotations

import asyncio
import http.client
import importlib
import io
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from wsgiref.util import setup_testing_defaults

Headers = Mapping[str, str]


class Answer(NamedTuple):
    """What the application answered. *headers*: names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


Get = Callable[[str, Headers], Answer]
# As behind a proxy that ends TLS: an application may redirect what is not https.
_PROXIED = {"x-forwarded-proto": "https", "accept": "*/*", "user-agent": "sentryinit-doctor"}


def ask(app: Any, kind: str, host: str, work: Callable[[Get], None]) -> None:
    """Call *work* with a function that sends a GET to *app*."""
    if kind == "aiohttp":
        asyncio.run(_with_server(app, host, work))
    elif kind == "asgi":
        work(
            lambda path, headers: asyncio.run(
                _asgi(app, path, _PROXIED | {"host": host, **headers})
            )
        )
    else:
        work(lambda path, headers: _wsgi(app, path, _PROXIED | {"host": host, **headers}))


def _wsgi(app: Any, path: str, headers: Headers) -> Answer:
    started: list[Any] = []

    def start_response(status: str, given: Any, _exc_info: Any = None) -> Callable[[bytes], None]:
        started[:] = [status, given]
        return written.append

    written: list[bytes] = []
    environ: dict[str, Any] = {
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": headers["host"].partition(":")[0],
        "SERVER_PORT": "443",
        "wsgi.url_scheme": "https",
        "wsgi.errors": io.StringIO(),
    }
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    setup_testing_defaults(environ)
    body = app(environ, start_response)
    try:
        content = b"".join(written + list(body))
    finally:
        getattr(body, "close", lambda: None)()
    status, given = started
    return Answer(int(status[:3]), {name.lower(): value for name, value in given}, content)


async def _asgi(app: Any, path: str, headers: Headers) -> Answer:
    messages: list[dict[str, Any]] = []
    requests = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if requests:
            return requests.pop()
        # The client stays: who waits here waits for the end of the request.
        return await asyncio.Future()

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": (headers["host"].partition(":")[0], 443),
        "state": {},
    }
    try:
        await app(scope, receive, send)
    except Exception:
        # Starlette raises again what it has answered.
        if not messages:
            raise
    start = messages[0]
    body = b"".join(each.get("body", b"") for each in messages[1:])
    given = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]
    }
    return Answer(start["status"], given, body)


async def _with_server(app: Any, host: str, work: Callable[[Get], None]) -> None:
    """Serve *app* on 127.0.0.1 while *work* runs in a thread."""
    web: Any = importlib.import_module("aiohttp.web")
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]

    def get(path: str, headers: Headers) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path, headers={**_PROXIED, "host": host, **headers})
            answer = connection.getresponse()
            given = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, given, answer.read())
        finally:
            connection.close()

    try:
        await asyncio.to_thread(work, get)
    finally:
        await runner.cleanup()

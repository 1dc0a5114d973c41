"""Applications without a framework: what the generic middleware and adapters of tests wrap."""

from __future__ import annotations

from typing import Any

from sentryinit_testkit._driver import MOUNT, PATH, HandledError, Reply, Site

ORDERS = PATH.rpartition("/")[0] + "/"
MISSING = Reply(404, b"not found")


def wsgi_app(site: Site) -> Any:
    """Return *site* as a WSGI application, without an adapter."""

    def shop(environ: Any, start_response: Any) -> Any:
        path, reply = environ["PATH_INFO"], MISSING
        if site.mounted is not None and path.startswith(MOUNT):
            inner = {"SCRIPT_NAME": MOUNT, "PATH_INFO": path[len(MOUNT) :]}
            return site.mounted({**environ, **inner}, start_response)
        if path.startswith(ORDERS):
            length = int(environ.get("CONTENT_LENGTH") or 0)
            try:
                reply = site.run(lambda: environ["wsgi.input"].read(length))
            except HandledError as error:
                reply = error.reply
        start_response(reply.line, list(reply.headers))
        if reply.file is not None:
            return environ["wsgi.file_wrapper"](reply.file)
        return [reply.body] if reply.stream is None else reply.stream

    return shop


def asgi_app(site: Site) -> Any:
    """Return *site* as an ASGI application, without an adapter."""
    kinds = {"http": _http, "websocket": _websocket, "lifespan": _lifespan}

    async def shop(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if site.mounted is not None and path.startswith(MOUNT):
            inner = {"root_path": MOUNT, "path": path[len(MOUNT) :]}
            await site.mounted({**scope, **inner}, receive, send)
        else:
            await kinds[scope["type"]](site, scope, receive, send)

    return shop


async def _lifespan(site: Site, _scope: Any, receive: Any, send: Any) -> None:
    await receive()
    site.startup()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _websocket(site: Site, _scope: Any, receive: Any, send: Any) -> None:
    async def read() -> Any:
        return (await receive()).get("text")

    await receive()
    await send({"type": "websocket.accept"})
    await site.arun(read)


async def _http(site: Site, scope: Any, receive: Any, send: Any) -> None:
    async def read() -> bytes:
        body, message = b"", {"more_body": True}
        while message.get("more_body"):
            message = await receive()
            body += message.get("body", b"")
        return body

    reply = MISSING
    if scope["path"].startswith(ORDERS):
        try:
            reply = await site.arun(read)
        except HandledError as error:
            reply = error.reply
    headers = [(name.encode(), value.encode()) for name, value in reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if reply.stream is None:
        await send({"type": "http.response.body", "body": reply.body})
    else:
        async for chunk in reply.astream():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    if reply.background is not None:
        reply.background()

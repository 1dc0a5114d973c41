"""WSGI and ASGI applications without a framework, for the drivers of the generic middlewares."""

from __future__ import annotations

from typing import Any

from sentryinit_testkit._driver import MOUNT, PATH, AppSpec, HandledError, ResponseSpec

ORDERS = PATH.rpartition("/")[0] + "/"
MISSING = ResponseSpec(404, b"not found")


def wsgi_app(spec: AppSpec) -> Any:
    """Return the WSGI application that *spec* describes, without an adapter."""

    def shop(environ: Any, start_response: Any) -> Any:
        path, response = environ["PATH_INFO"], MISSING
        if spec.mounted is not None and path.startswith(MOUNT):
            inner = {"SCRIPT_NAME": MOUNT, "PATH_INFO": path[len(MOUNT) :]}
            return spec.mounted({**environ, **inner}, start_response)
        if path.startswith(ORDERS):
            length = int(environ.get("CONTENT_LENGTH") or 0)
            try:
                response = spec.run(lambda: environ["wsgi.input"].read(length))
            except HandledError as error:
                response = error.response
        start_response(response.status_line, list(response.headers))
        if response.file is not None:
            return environ["wsgi.file_wrapper"](response.file)
        return [response.body] if response.stream is None else response.stream

    return spec.wrap(shop)


def asgi_app(spec: AppSpec) -> Any:
    """Return the ASGI application that *spec* describes, without an adapter."""
    kinds = {"http": _http, "websocket": _websocket, "lifespan": _lifespan}

    async def shop(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if spec.mounted is not None and path.startswith(MOUNT):
            inner = {"root_path": MOUNT, "path": path[len(MOUNT) :]}
            await spec.mounted({**scope, **inner}, receive, send)
        else:
            await kinds[scope["type"]](spec, scope, receive, send)

    return spec.wrap(shop)


async def _lifespan(spec: AppSpec, _scope: Any, receive: Any, send: Any) -> None:
    await receive()
    spec.startup()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _websocket(spec: AppSpec, _scope: Any, receive: Any, send: Any) -> None:
    async def read() -> Any:
        return (await receive()).get("text")

    await receive()
    await send({"type": "websocket.accept"})
    await spec.arun(read)


async def _http(spec: AppSpec, scope: Any, receive: Any, send: Any) -> None:
    async def read() -> bytes:
        body, message = b"", {"more_body": True}
        while message.get("more_body"):
            message = await receive()
            body += message.get("body", b"")
        return body

    response = MISSING
    if scope["path"].startswith(ORDERS):
        try:
            response = await spec.arun(read)
        except HandledError as error:
            response = error.response
    headers = [(name.encode(), value.encode()) for name, value in response.headers]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if response.stream is None:
        await send({"type": "http.response.body", "body": response.body})
    else:
        async for chunk in response.astream():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    if response.background is not None:
        response.background()

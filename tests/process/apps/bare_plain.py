"""Applications without a framework, and without sentryinit."""

from __future__ import annotations

import logging
from typing import Any

from apps import bare_shop as shop

log = logging.getLogger(__name__)


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    if environ["PATH_INFO"].endswith("logs"):
        log.error("no rates")
    text = str(shop.price(7)) if environ["PATH_INFO"].endswith("price") else "an order"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http", scope["type"]
    text = str(shop.price(7)) if scope["path"].endswith("price") else "an order"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text.encode()})


def asgi_any(*arguments: Any) -> Any:
    return asgi(*arguments)


def wsgi_more(environ: dict[str, Any], start_response: Any, more: object = None) -> list[bytes]:
    return application(environ, start_response)


def asgi2(scope: Any) -> Any:
    async def serve(receive: Any, send: Any) -> None:
        await asgi(scope, receive, send)

    return serve


def create_app() -> Any:
    return application

"""The shop on Starlette."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

import sentryinit
from apps import probe, shop
from apps.gate import report, watched
from sentryinit_starlette import SentryInitMiddleware


def request_id(request: Request) -> str:
    return request.headers.get("X-Request-Id", "")


def order_id(request: Request) -> int:
    return int(request.path_params["order_id"])


async def sold_out(request: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), 500)


async def show(request: Request) -> Response:
    return PlainTextResponse("an order")


async def unavailable(request: Request) -> Response:
    return PlainTextResponse("try later", 503)


def price(request: Request) -> Response:
    return PlainTextResponse(str(shop.price(order_id(request))))


async def reserve(request: Request) -> Response:
    raise shop.SoldOut(f"order {order_id(request)}")


async def stock(request: Request) -> Response:
    return Response(await shop.ask_warehouse_async())


async def invoice(request: Request) -> Response:
    await shop.work_async(request_id(request))
    return PlainTextResponse("an invoice")


async def export(request: Request) -> Response:
    return StreamingResponse(shop.export_async(request_id(request)))


async def receipt(request: Request) -> Response:
    return StreamingResponse(shop.receipt_async(order_id(request)))


async def basket(request: Request) -> Response:
    shop.greet(request_id(request))
    await shop.work_async(request_id(request))
    return PlainTextResponse(str(shop.price(order_id(request))))


async def photo(request: Request) -> Response:
    with watched(request_id(request)):
        report(request_id(request), "reading")
        return PlainTextResponse(f"{len(await request.body())} bytes")


async def scan(request: Request) -> Response:
    try:
        return await photo(request)
    except Exception as error:
        raise shop.SoldOut(f"order {order_id(request)}") from error


async def attachment(request: Request) -> Response:
    said = ""
    with suppress(Exception):
        said = bytes((await photo(request)).body).decode()
    return PlainTextResponse(said, shop.attached(said, request.headers["Content-Length"]))


async def customer(request: Request) -> Response:
    shop.greet(request_id(request))
    return await photo(request)


async def chat(websocket: WebSocket) -> None:
    """Echo; the word *price* raises. A disconnect raises WebSocketDisconnect."""
    await websocket.accept()
    try:
        with watched(websocket.headers.get("X-Request-Id", "")):
            while True:
                text = await websocket.receive_text()
                if text == "price":
                    shop.price(17)
                await websocket.send_text(text)
    finally:
        # Raises if the client has closed.
        await websocket.close()


@asynccontextmanager
async def life(app: Starlette) -> AsyncIterator[None]:
    if "PROCESS_FAIL_AT_START" in os.environ:
        shop.price(0)
    yield


ROUTES = [
    Route("/orders/{order_id:int}", show),
    Route("/orders/{order_id:int}/unavailable", unavailable),
    Route("/orders/{order_id:int}/price", price),
    Route("/orders/{order_id:int}/reserve", reserve),
    Route("/orders/{order_id:int}/stock", stock),
    Route("/orders/{order_id:int}/invoice", invoice),
    Route("/orders/{order_id:int}/export", export),
    Route("/orders/{order_id:int}/receipt", receipt),
    Route("/orders/{order_id:int}/basket", basket),
    Route("/orders/{order_id:int}/photo", photo, methods=["POST"]),
    Route("/orders/{order_id:int}/scan", scan, methods=["POST"]),
    Route("/orders/{order_id:int}/attachment", attachment, methods=["POST"]),
    Route("/orders/{order_id:int}/customer", customer, methods=["POST"]),
    WebSocketRoute("/orders/{order_id:int}/chat", chat),
]

sentryinit.init()
starlette_app = Starlette(routes=ROUTES, exception_handlers={shop.SoldOut: sold_out}, lifespan=life)
starlette_app.add_middleware(SentryInitMiddleware)
app = probe.asgi(starlette_app)

"""The shop on FastAPI; the parts that FastAPI does not add are Starlette's."""

from __future__ import annotations

from contextlib import suppress

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

import sentryinit
from apps import probe, shop
from apps.gate import report, watched
from apps.starlette_app import chat, life, request_id, sold_out
from sentryinit_starlette import SentryInitMiddleware

sentryinit.init()
fastapi_app = FastAPI(lifespan=life, exception_handlers={shop.SoldOut: sold_out})
fastapi_app.add_middleware(SentryInitMiddleware)
fastapi_app.add_api_websocket_route("/orders/{order_id}/chat", chat)


@fastapi_app.get("/orders/{order_id}")
async def show(order_id: int) -> str:
    return "an order"


@fastapi_app.get("/orders/{order_id}/unavailable")
async def unavailable(order_id: int) -> Response:
    return PlainTextResponse("try later", 503)


@fastapi_app.get("/orders/{order_id}/price")
def price(order_id: int) -> int:
    return shop.price(order_id)


@fastapi_app.get("/orders/{order_id}/reserve")
async def reserve(order_id: int) -> str:
    raise shop.SoldOut(f"order {order_id}")


@fastapi_app.get("/orders/{order_id}/stock")
def stock(order_id: int) -> Response:
    return Response(shop.ask_warehouse())


@fastapi_app.get("/orders/{order_id}/invoice")
async def invoice(order_id: int, request: Request) -> str:
    await shop.work_async(request_id(request))
    return "an invoice"


@fastapi_app.get("/orders/{order_id}/export")
async def export(order_id: int, request: Request) -> StreamingResponse:
    return StreamingResponse(shop.export_async(request_id(request)))


@fastapi_app.get("/orders/{order_id}/receipt")
async def receipt(order_id: int) -> StreamingResponse:
    return StreamingResponse(shop.receipt_async(order_id))


@fastapi_app.get("/orders/{order_id}/basket")
async def basket(order_id: int, request: Request) -> int:
    shop.greet(request_id(request))
    await shop.work_async(request_id(request))
    return shop.price(order_id)


@fastapi_app.post("/orders/{order_id}/photo")
async def photo(order_id: int, request: Request) -> str:
    with watched(request_id(request)):
        report(request_id(request), "reading")
        return f"{len(await request.body())} bytes"


@fastapi_app.post("/orders/{order_id}/scan")
async def scan(order_id: int, request: Request) -> str:
    try:
        return await photo(order_id, request)
    except Exception as error:
        raise shop.SoldOut(f"order {order_id}") from error


@fastapi_app.post("/orders/{order_id}/attachment")
async def attachment(order_id: int, request: Request, response: Response) -> str:
    said = ""
    with suppress(Exception):
        said = await photo(order_id, request)
    response.status_code = shop.attached(said, request.headers["Content-Length"])
    return said


@fastapi_app.post("/orders/{order_id}/customer")
async def customer(order_id: int, request: Request) -> str:
    shop.greet(request_id(request))
    return await photo(order_id, request)


app = probe.asgi(fastapi_app)

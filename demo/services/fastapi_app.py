"""The shop on FastAPI."""

# ruff: noqa: ARG001, D103 -- the name says what a page does; the framework sets its arguments.

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orders
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

import sentryinit
from sentryinit_starlette import SentryInitMiddleware, debug_panic

app = FastAPI()
sentryinit.init()
app.add_middleware(SentryInitMiddleware)
app.add_route("/debug/sentry-panic", debug_panic)


@app.exception_handler(orders.SoldOut)
async def sold_out(request: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), status_code=500)


@app.get("/orders/{order_id}")
async def show(order_id: int) -> dict[str, int]:
    return {"order": order_id}


@app.get("/orders/{order_id}/unavailable")
async def unavailable(order_id: int) -> Response:
    return PlainTextResponse(f"order {order_id} is locked, try later", status_code=503)


@app.get("/orders/{order_id}/price")
def price(order_id: int) -> int:
    return orders.price(order_id)


@app.post("/orders/{order_id}/complaint")
async def complaint(order_id: int, request: Request) -> str:
    return orders.complain(order_id, await request.body())


@app.get("/orders/{order_id}/reserve")
async def reserve(order_id: int) -> str:
    orders.reserve(order_id)
    return "reserved"


@app.get("/orders/{order_id}/stock")
def stock(order_id: int) -> Response:
    return Response(orders.ask_warehouse(order_id))


@app.post("/orders/{order_id}/photo")
async def photo(order_id: int, request: Request) -> str:
    with orders.watched(f"photo {order_id}"):
        return f"{len(await request.body())} bytes"


@app.get("/orders/{order_id}/invoice")
async def invoice(order_id: int) -> str:
    with orders.watched(f"invoice {order_id}"):
        await asyncio.sleep(orders.WORK)
    return "an invoice"


@app.get("/orders/{order_id}/export")
async def export(order_id: int) -> StreamingResponse:
    async def body() -> AsyncIterator[bytes]:
        with orders.watched(f"export {order_id}"):
            for piece in orders.PIECES:
                yield piece
                await asyncio.sleep(orders.PAUSE)

    return StreamingResponse(body(), media_type="text/plain")

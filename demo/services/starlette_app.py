"""The shop on Starlette."""

# ruff: noqa: ARG001, D103 -- the name says what a page does; the framework sets its arguments.

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orders
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

import sentryinit
from sentryinit_starlette import SentryInitMiddleware, debug_panic


async def sold_out(request: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), status_code=500)


async def show(request: Request) -> Response:
    return JSONResponse({"order": request.path_params["order_id"]})


async def unavailable(request: Request) -> Response:
    order_id = request.path_params["order_id"]
    return PlainTextResponse(f"order {order_id} is locked, try later", status_code=503)


async def price(request: Request) -> Response:
    return PlainTextResponse(str(orders.price(request.path_params["order_id"])))


async def complaint(request: Request) -> Response:
    text = orders.complain(request.path_params["order_id"], await request.body())
    return PlainTextResponse(text)


async def reserve(request: Request) -> Response:
    orders.reserve(request.path_params["order_id"])
    return PlainTextResponse("reserved")


async def stock(request: Request) -> Response:
    return Response(await orders.ask_warehouse_async(request.path_params["order_id"]))


async def photo(request: Request) -> Response:
    with orders.watched(f"photo {request.path_params['order_id']}"):
        return PlainTextResponse(f"{len(await request.body())} bytes")


async def invoice(request: Request) -> Response:
    with orders.watched(f"invoice {request.path_params['order_id']}"):
        await asyncio.sleep(orders.WORK)
    return PlainTextResponse("an invoice")


async def export(request: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        with orders.watched(f"export {request.path_params['order_id']}"):
            for piece in orders.PIECES:
                yield piece
                await asyncio.sleep(orders.PAUSE)

    return StreamingResponse(body(), media_type="text/plain")


app = Starlette(
    routes=[
        Route("/orders/{order_id:int}", show),
        Route("/orders/{order_id:int}/unavailable", unavailable),
        Route("/orders/{order_id:int}/price", price),
        Route("/orders/{order_id:int}/complaint", complaint, methods=["POST"]),
        Route("/orders/{order_id:int}/reserve", reserve),
        Route("/orders/{order_id:int}/stock", stock),
        Route("/orders/{order_id:int}/photo", photo, methods=["POST"]),
        Route("/orders/{order_id:int}/invoice", invoice),
        Route("/orders/{order_id:int}/export", export),
    ],
    exception_handlers={orders.SoldOut: sold_out},
)
sentryinit.init()
app.add_middleware(SentryInitMiddleware)
app.add_route("/debug/sentry-panic", debug_panic)

"""The shop on aiohttp, served by aiohttp itself: `python aiohttp_app.py PORT`."""

# ruff: noqa: D103 -- the name says what a page does.

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

import orders
from aiohttp import web

from sentryinit_aiohttp import debug_panic, setup


def _order(request: web.Request) -> int:
    return int(request.match_info["order_id"])


@web.middleware
async def sold_out(request: web.Request, handler: Any) -> web.StreamResponse:
    """Respond to the error that the shop expects; aiohttp uses middlewares for this."""
    try:
        response: web.StreamResponse = await handler(request)
    except orders.SoldOut as error:
        return web.Response(text=str(error), status=500)
    return response


async def show(request: web.Request) -> web.Response:
    return web.json_response({"order": _order(request)})


async def unavailable(request: web.Request) -> web.Response:
    return web.Response(text=f"order {_order(request)} is locked, try later", status=503)


async def price(request: web.Request) -> web.Response:
    return web.Response(text=str(orders.price(_order(request))))


async def complaint(request: web.Request) -> web.Response:
    return web.Response(text=orders.complain(_order(request), await request.read()))


async def reserve(request: web.Request) -> web.Response:
    orders.reserve(_order(request))
    return web.Response(text="reserved")


async def stock(request: web.Request) -> web.Response:
    return web.Response(body=await orders.ask_warehouse_async(_order(request)))


async def photo(request: web.Request) -> web.Response:
    with orders.watched(f"photo {_order(request)}"):
        return web.Response(text=f"{len(await request.read())} bytes")


async def invoice(request: web.Request) -> web.Response:
    with orders.watched(f"invoice {_order(request)}"):
        await asyncio.sleep(orders.WORK)
    return web.Response(text="an invoice")


async def export(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with orders.watched(f"export {_order(request)}"):
        for piece in orders.PIECES:
            await response.write(piece)
            await asyncio.sleep(orders.PAUSE)
    return response


app = web.Application(middlewares=[sold_out])
setup(app)
app.add_routes(
    [
        web.get(r"/orders/{order_id:\d+}", show),
        web.get(r"/orders/{order_id:\d+}/unavailable", unavailable),
        web.get(r"/orders/{order_id:\d+}/price", price),
        web.post(r"/orders/{order_id:\d+}/complaint", complaint),
        web.get(r"/orders/{order_id:\d+}/reserve", reserve),
        web.get(r"/orders/{order_id:\d+}/stock", stock),
        web.post(r"/orders/{order_id:\d+}/photo", photo),
        web.get(r"/orders/{order_id:\d+}/invoice", invoice),
        web.get(r"/orders/{order_id:\d+}/export", export),
        web.route("*", "/debug/sentry-panic", debug_panic),
    ]
)

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)  # with the access log, which has the query
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)

"""The shop on Falcon, over ASGI."""

# ruff: noqa: D101, D102 -- the name says what a resource does.

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import falcon
import falcon.asgi
import orders
from falcon.asgi import Request, Response

from sentryinit_falcon import debug_panic, install


class Order:
    async def on_get(self, _req: Request, resp: Response, order_id: int) -> None:
        resp.media = {"order": order_id}


class Unavailable:
    async def on_get(self, _req: Request, resp: Response, order_id: int) -> None:
        resp.status = falcon.HTTP_503
        resp.text = f"order {order_id} is locked, try later"


class Price:
    async def on_get(self, _req: Request, resp: Response, order_id: int) -> None:
        resp.text = str(orders.price(order_id))


class Complaint:
    async def on_post(self, req: Request, resp: Response, order_id: int) -> None:
        resp.text = orders.complain(order_id, await req.stream.read())


class Reserve:
    async def on_get(self, _req: Request, resp: Response, order_id: int) -> None:
        orders.reserve(order_id)
        resp.text = "reserved"


class Stock:
    async def on_get(self, _req: Request, resp: Response, order_id: int) -> None:
        resp.data = await orders.ask_warehouse_async(order_id)


class Photo:
    async def on_post(self, req: Request, resp: Response, order_id: int) -> None:
        with orders.watched(f"photo {order_id}"):
            resp.text = f"{len(await req.stream.read())} bytes"


class Invoice:
    async def on_get(self, _req: Request, resp: Response, order_id: int) -> None:
        with orders.watched(f"invoice {order_id}"):
            await asyncio.sleep(orders.WORK)
        resp.text = "an invoice"


class Export:
    async def on_get(self, _req: Request, resp: Response, order_id: int) -> None:
        async def body() -> AsyncIterator[bytes]:
            with orders.watched(f"export {order_id}"):
                for piece in orders.PIECES:
                    yield piece
                    await asyncio.sleep(orders.PAUSE)

        resp.stream = body()


async def sold_out(_req: Any, resp: Response, error: orders.SoldOut, _params: Any) -> None:
    """Respond to the error that the shop expects."""
    resp.status, resp.text = falcon.HTTP_500, str(error)


app = falcon.asgi.App()
app.add_error_handler(orders.SoldOut, sold_out)
install(app)
app.add_route("/orders/{order_id:int}", Order())
app.add_route("/orders/{order_id:int}/unavailable", Unavailable())
app.add_route("/orders/{order_id:int}/price", Price())
app.add_route("/orders/{order_id:int}/complaint", Complaint())
app.add_route("/orders/{order_id:int}/reserve", Reserve())
app.add_route("/orders/{order_id:int}/stock", Stock())
app.add_route("/orders/{order_id:int}/photo", Photo())
app.add_route("/orders/{order_id:int}/invoice", Invoice())
app.add_route("/orders/{order_id:int}/export", Export())
app.add_sink(debug_panic, "/debug/sentry-panic")

"""The shop on Falcon, over WSGI."""

# ruff: noqa: D101, D102 -- the name says what a resource does.

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import falcon
import orders

from sentryinit_falcon import debug_panic, install


class Order:
    def on_get(self, _req: falcon.Request, resp: falcon.Response, order_id: int) -> None:
        resp.media = {"order": order_id}


class Unavailable:
    def on_get(self, _req: falcon.Request, resp: falcon.Response, order_id: int) -> None:
        resp.status = falcon.HTTP_503
        resp.text = f"order {order_id} is locked, try later"


class Price:
    def on_get(self, _req: falcon.Request, resp: falcon.Response, order_id: int) -> None:
        resp.text = str(orders.price(order_id))


class Complaint:
    def on_post(self, req: falcon.Request, resp: falcon.Response, order_id: int) -> None:
        resp.text = orders.complain(order_id, req.bounded_stream.read())


class Reserve:
    def on_get(self, _req: falcon.Request, resp: falcon.Response, order_id: int) -> None:
        orders.reserve(order_id)
        resp.text = "reserved"


class Stock:
    def on_get(self, _req: falcon.Request, resp: falcon.Response, order_id: int) -> None:
        resp.data = orders.ask_warehouse(order_id)


class Photo:
    def on_post(self, req: falcon.Request, resp: falcon.Response, order_id: int) -> None:
        with orders.watched(f"photo {order_id}"):
            resp.text = f"{len(req.bounded_stream.read())} bytes"


class Invoice:
    def on_get(self, _req: falcon.Request, resp: falcon.Response, order_id: int) -> None:
        with orders.watched(f"invoice {order_id}"):
            time.sleep(orders.WORK)
        resp.text = "an invoice"


class Export:
    def on_get(self, _req: falcon.Request, resp: falcon.Response, order_id: int) -> None:
        def body() -> Iterator[bytes]:
            with orders.watched(f"export {order_id}"):
                for piece in orders.PIECES:
                    yield piece
                    time.sleep(orders.PAUSE)

        resp.stream = body()


def sold_out(_req: Any, resp: falcon.Response, error: orders.SoldOut, _params: Any) -> None:
    """Respond to the error that the shop expects."""
    resp.status, resp.text = falcon.HTTP_500, str(error)


app = falcon.App()
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

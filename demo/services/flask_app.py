"""The shop on Flask."""

# ruff: noqa: D103 -- the name says what a page does.

from __future__ import annotations

import time
from collections.abc import Iterator

import orders
from flask import Flask, Response, request

from sentryinit_flask import SentryInit, debug_panic

app = Flask(__name__)
SentryInit(app)
app.add_url_rule("/debug/sentry-panic", view_func=debug_panic)


@app.errorhandler(orders.SoldOut)
def sold_out(error: orders.SoldOut) -> tuple[str, int]:
    return str(error), 500


@app.get("/orders/<int:order_id>")
def show(order_id: int) -> dict[str, int]:
    return {"order": order_id}


@app.get("/orders/<int:order_id>/unavailable")
def unavailable(order_id: int) -> tuple[str, int]:
    return f"order {order_id} is locked, try later", 503


@app.get("/orders/<int:order_id>/price")
def price(order_id: int) -> str:
    return str(orders.price(order_id))


@app.post("/orders/<int:order_id>/complaint")
def complaint(order_id: int) -> str:
    return orders.complain(order_id, request.get_data())


@app.get("/orders/<int:order_id>/reserve")
def reserve(order_id: int) -> str:
    orders.reserve(order_id)
    return "reserved"


@app.get("/orders/<int:order_id>/stock")
def stock(order_id: int) -> bytes:
    return orders.ask_warehouse(order_id)


@app.post("/orders/<int:order_id>/photo")
def photo(order_id: int) -> str:
    with orders.watched(f"photo {order_id}"):
        return f"{len(request.get_data())} bytes"


@app.get("/orders/<int:order_id>/invoice")
def invoice(order_id: int) -> str:
    with orders.watched(f"invoice {order_id}"):
        time.sleep(orders.WORK)
    return "an invoice"


@app.get("/orders/<int:order_id>/export")
def export(order_id: int) -> Response:
    def body() -> Iterator[bytes]:
        with orders.watched(f"export {order_id}"):
            for piece in orders.PIECES:
                yield piece
                time.sleep(orders.PAUSE)

    return Response(body(), mimetype="text/plain")

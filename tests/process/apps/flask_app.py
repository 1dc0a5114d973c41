"""The shop on Flask."""

from __future__ import annotations

from contextlib import suppress

from flask import Flask, Response, request

from apps import probe, shop
from apps.gate import report, watched
from sentryinit_flask import SentryInit

flask_app = Flask("shop")
SentryInit(flask_app)


def request_id() -> str:
    return request.headers.get("X-Request-Id", "")


@flask_app.errorhandler(shop.SoldOut)
def sold_out(error: shop.SoldOut) -> tuple[str, int]:
    return str(error), 500


@flask_app.get("/orders/<int:order_id>")
def show(order_id: int) -> str:
    return "an order"


@flask_app.get("/orders/<int:order_id>/unavailable")
def unavailable(order_id: int) -> tuple[str, int]:
    return "try later", 503


@flask_app.get("/orders/<int:order_id>/price")
def price(order_id: int) -> str:
    return str(shop.price(order_id))


@flask_app.get("/orders/<int:order_id>/price-later")
async def price_later(order_id: int) -> str:
    shop.greet(request_id())
    return str(shop.price(order_id))


@flask_app.get("/orders/<int:order_id>/reserve")
def reserve(order_id: int) -> str:
    raise shop.SoldOut(f"order {order_id}")


@flask_app.get("/orders/<int:order_id>/stock")
def stock(order_id: int) -> bytes:
    return shop.ask_warehouse()


@flask_app.get("/orders/<int:order_id>/invoice")
def invoice(order_id: int) -> str:
    shop.work(request_id())
    return "an invoice"


@flask_app.get("/orders/<int:order_id>/export")
def export(order_id: int) -> Response:
    return Response(shop.export(request_id()))


@flask_app.get("/orders/<int:order_id>/receipt")
def receipt(order_id: int) -> Response:
    return Response(shop.receipt(order_id))


@flask_app.get("/orders/<int:order_id>/basket")
def basket(order_id: int) -> str:
    shop.greet(request_id())
    shop.work(request_id())
    return str(shop.price(order_id))


@flask_app.post("/orders/<int:order_id>/photo")
def photo(order_id: int) -> str:
    with watched(request_id()):
        report(request_id(), "reading")
        return f"{len(request.get_data())} bytes"


@flask_app.post("/orders/<int:order_id>/scan")
def scan(order_id: int) -> str:
    try:
        return photo(order_id)
    except Exception as error:
        raise shop.SoldOut(f"order {order_id}") from error


@flask_app.post("/orders/<int:order_id>/attachment")
def attachment(order_id: int) -> tuple[str, int]:
    said = ""
    with suppress(Exception):
        said = photo(order_id)
    return said, shop.attached(said, request.headers["Content-Length"])


@flask_app.post("/orders/<int:order_id>/refused")
def refused(order_id: int) -> tuple[str, int]:
    photo(order_id)
    shop.work(request_id())
    return "try again", 500


@flask_app.post("/orders/<int:order_id>/customer")
def customer(order_id: int) -> str:
    shop.greet(request_id())
    return photo(order_id)


app = probe.wsgi(flask_app)

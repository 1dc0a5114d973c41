"""The shop on Flask, without sentryinit."""

from __future__ import annotations

from flask import Flask

from apps import bare_shop as shop

app = application = Flask("flask-shop")


@app.get("/orders/<int:order_id>/price")
def price(order_id: int) -> str:
    return str(shop.price(order_id))


@app.get("/orders/<int:order_id>")
def show(order_id: int) -> str:
    return "an order"


def create_app() -> Flask:
    return app


class Other(Flask):
    """A class of its own, as applications have."""

    def __init__(self) -> None:
        super().__init__("flask-shop")
        self.add_url_rule("/orders/<int:order_id>/price", view_func=price)


def create_other() -> Flask:
    return Other()

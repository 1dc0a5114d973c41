"""The shop on Falcon, without sentryinit."""

from __future__ import annotations

from typing import Any

import falcon
import falcon.asgi

from apps import bare_shop as shop


class Price:
    """The price of an order."""

    def on_get(self, request: Any, response: Any, order_id: str) -> None:
        response.text = str(shop.price(7))


class AsyncPrice:
    """The price of an order."""

    async def on_get(self, request: Any, response: Any, order_id: str) -> None:
        response.text = str(shop.price(7))


app: Any = falcon.App()
app.add_route("/orders/{order_id}/price", Price())
asgi_app: Any = falcon.asgi.App()
asgi_app.add_route("/orders/{order_id}/price", AsyncPrice())

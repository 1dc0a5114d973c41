"""The shop on Falcon, as an ASGI application."""

from __future__ import annotations

import os
from contextlib import suppress

import falcon.asgi
from falcon.asgi import Request, Response, WebSocket

from apps import probe, shop
from apps.gate import report, watched
from sentryinit_falcon import install

PAGES = (
    "unavailable price reserve stock invoice export receipt basket "
    "photo scan attachment customer chat".split()
)


def request_id(req: Request) -> str:
    return req.get_header("X-Request-Id") or ""


class Order:
    """The pages are suffixes of one resource."""

    async def on_get(self, req: Request, resp: Response, order_id: int) -> None:
        resp.text = "an order"

    async def on_get_unavailable(self, req: Request, resp: Response, order_id: int) -> None:
        resp.status, resp.text = 503, "try later"

    async def on_get_price(self, req: Request, resp: Response, order_id: int) -> None:
        resp.text = str(shop.price(order_id))

    async def on_get_reserve(self, req: Request, resp: Response, order_id: int) -> None:
        raise shop.SoldOut(f"order {order_id}")

    async def on_get_stock(self, req: Request, resp: Response, order_id: int) -> None:
        resp.data = await shop.ask_warehouse_async()

    async def on_get_invoice(self, req: Request, resp: Response, order_id: int) -> None:
        await shop.work_async(request_id(req))
        resp.text = "an invoice"

    async def on_get_export(self, req: Request, resp: Response, order_id: int) -> None:
        resp.stream = shop.export_async(request_id(req))

    async def on_get_receipt(self, req: Request, resp: Response, order_id: int) -> None:
        resp.stream = shop.receipt_async(order_id)

    async def on_get_basket(self, req: Request, resp: Response, order_id: int) -> None:
        shop.greet(request_id(req))
        await shop.work_async(request_id(req))
        resp.text = str(shop.price(order_id))

    async def on_post_photo(self, req: Request, resp: Response, order_id: int) -> None:
        with watched(request_id(req)):
            report(request_id(req), "reading")
            resp.text = f"{len(await req.stream.read())} bytes"

    async def on_post_scan(self, req: Request, resp: Response, order_id: int) -> None:
        try:
            await self.on_post_photo(req, resp, order_id)
        except Exception as error:
            raise shop.SoldOut(f"order {order_id}") from error

    async def on_post_attachment(self, req: Request, resp: Response, order_id: int) -> None:
        with suppress(Exception):
            await self.on_post_photo(req, resp, order_id)
        resp.status = shop.attached(resp.text or "", req.get_header("Content-Length"))

    async def on_post_customer(self, req: Request, resp: Response, order_id: int) -> None:
        shop.greet(request_id(req))
        await self.on_post_photo(req, resp, order_id)

    async def on_websocket_chat(self, req: Request, ws: WebSocket, order_id: int) -> None:
        """Echo; the word *price* raises. A disconnect raises WebSocketDisconnected."""
        await ws.accept()
        try:
            with watched(request_id(req)):
                while True:
                    text = await ws.receive_text()
                    if text == "price":
                        shop.price(17)
                    await ws.send_text(text)
        finally:
            await ws.close()


class Lifespan:
    """The component with the lifespan."""

    async def process_startup(self, scope: object, event: object) -> None:
        if "PROCESS_FAIL_AT_START" in os.environ:
            shop.price(0)


async def sold_out(req: Request, resp: Response, error: shop.SoldOut, params: object) -> None:
    resp.status, resp.text = 500, str(error)


falcon_app = falcon.asgi.App(middleware=[Lifespan()])
falcon_app.add_error_handler(shop.SoldOut, sold_out)
install(falcon_app)
falcon_app.add_route("/orders/{order_id:int}", Order())
for page in PAGES:
    falcon_app.add_route(f"/orders/{{order_id:int}}/{page}", Order(), suffix=page)
app = probe.asgi(falcon_app)

"""The shop on Falcon, as a WSGI application."""

from __future__ import annotations

from contextlib import suppress

import falcon

from apps import probe, shop
from apps.gate import report, watched
from sentryinit_falcon import install

Request, Response = falcon.Request, falcon.Response


def request_id(req: Request) -> str:
    return req.get_header("X-Request-Id") or ""


class Order:
    """The pages are suffixes of one resource."""

    def on_get(self, req: Request, resp: Response, order_id: int) -> None:
        resp.text = "an order"

    def on_get_unavailable(self, req: Request, resp: Response, order_id: int) -> None:
        resp.status, resp.text = 503, "try later"

    def on_get_price(self, req: Request, resp: Response, order_id: int) -> None:
        resp.text = str(shop.price(order_id))

    def on_get_reserve(self, req: Request, resp: Response, order_id: int) -> None:
        raise shop.SoldOut(f"order {order_id}")

    def on_get_stock(self, req: Request, resp: Response, order_id: int) -> None:
        resp.data = shop.ask_warehouse()

    def on_get_invoice(self, req: Request, resp: Response, order_id: int) -> None:
        shop.work(request_id(req))
        resp.text = "an invoice"

    def on_get_export(self, req: Request, resp: Response, order_id: int) -> None:
        resp.stream = shop.export(request_id(req))

    def on_get_receipt(self, req: Request, resp: Response, order_id: int) -> None:
        resp.stream = shop.receipt(order_id)

    def on_get_basket(self, req: Request, resp: Response, order_id: int) -> None:
        shop.greet(request_id(req))
        shop.work(request_id(req))
        resp.text = str(shop.price(order_id))

    def on_post_photo(self, req: Request, resp: Response, order_id: int) -> None:
        with watched(request_id(req)):
            report(request_id(req), "reading")
            resp.text = f"{len(req.bounded_stream.read())} bytes"

    def on_post_scan(self, req: Request, resp: Response, order_id: int) -> None:
        try:
            self.on_post_photo(req, resp, order_id)
        except Exception as error:
            raise shop.SoldOut(f"order {order_id}") from error

    def on_post_attachment(self, req: Request, resp: Response, order_id: int) -> None:
        with suppress(Exception):
            self.on_post_photo(req, resp, order_id)
        resp.status = shop.attached(resp.text or "", req.get_header("Content-Length"))

    def on_post_refused(self, req: Request, resp: Response, order_id: int) -> None:
        self.on_post_photo(req, resp, order_id)
        shop.work(request_id(req))
        resp.status = 500

    def on_post_customer(self, req: Request, resp: Response, order_id: int) -> None:
        shop.greet(request_id(req))
        self.on_post_photo(req, resp, order_id)


PAGES = "unavailable price reserve stock invoice export receipt basket photo scan".split()
PAGES += ["attachment", "refused", "customer"]


def sold_out(req: Request, resp: Response, error: shop.SoldOut, params: object) -> None:
    resp.status, resp.text = 500, str(error)


falcon_app = falcon.App()
falcon_app.add_error_handler(shop.SoldOut, sold_out)
install(falcon_app)
falcon_app.add_route("/orders/{order_id:int}", Order())
for page in PAGES:
    falcon_app.add_route(f"/orders/{{order_id:int}}/{page}", Order(), suffix=page)
app = probe.wsgi(falcon_app)

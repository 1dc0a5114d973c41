"""The shop without a framework, behind the generic WSGI boundary."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import sentryinit
from apps import probe, shop
from apps.gate import report, watched
from sentryinit.wsgi import SentryInitMiddleware

Environ = dict[str, Any]
Reply = tuple[str, Iterable[bytes]]
OK = "200 OK"


def show(order_id: int, request_id: str, environ: Environ) -> Reply:
    return OK, [b"an order"]


def unavailable(order_id: int, request_id: str, environ: Environ) -> Reply:
    return "503 Service Unavailable", [b"try later"]


def price(order_id: int, request_id: str, environ: Environ) -> Reply:
    return OK, [b"%d" % shop.price(order_id)]


def reserve(order_id: int, request_id: str, environ: Environ) -> Reply:
    raise shop.SoldOut(f"order {order_id}")


def stock(order_id: int, request_id: str, environ: Environ) -> Reply:
    return OK, [shop.ask_warehouse()]


def invoice(order_id: int, request_id: str, environ: Environ) -> Reply:
    shop.work(request_id)
    return OK, [b"an invoice"]


def export(order_id: int, request_id: str, environ: Environ) -> Reply:
    return OK, shop.export(request_id)


def receipt(order_id: int, request_id: str, environ: Environ) -> Reply:
    return OK, shop.receipt(order_id)


def basket(order_id: int, request_id: str, environ: Environ) -> Reply:
    shop.greet(request_id)
    shop.work(request_id)
    return OK, [b"%d" % shop.price(order_id)]


def read(request_id: str, environ: Environ) -> bytes:
    with watched(request_id):
        report(request_id, "reading")
        body: bytes = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        return body


def photo(order_id: int, request_id: str, environ: Environ) -> Reply:
    return OK, [b"%d bytes" % len(read(request_id, environ))]


def scan(order_id: int, request_id: str, environ: Environ) -> Reply:
    try:
        return photo(order_id, request_id, environ)
    except Exception as error:
        raise shop.SoldOut(f"order {order_id}") from error


def attachment(order_id: int, request_id: str, environ: Environ) -> Reply:
    said = b""
    with suppress(Exception):
        said = b"%d bytes" % len(read(request_id, environ))
    if shop.attached(said.decode(), environ["CONTENT_LENGTH"]) == 200:
        return OK, [said]
    return "500 Internal Server Error", [b"try again"]


def refused(order_id: int, request_id: str, environ: Environ) -> Reply:
    read(request_id, environ)
    shop.work(request_id)
    return "500 Internal Server Error", [b"try again"]


def customer(order_id: int, request_id: str, environ: Environ) -> Reply:
    shop.greet(request_id)
    return photo(order_id, request_id, environ)


PAGES: dict[str, Callable[[int, str, Environ], Reply]] = {
    "": show,
    "/unavailable": unavailable,
    "/price": price,
    "/reserve": reserve,
    "/stock": stock,
    "/invoice": invoice,
    "/export": export,
    "/receipt": receipt,
    "/basket": basket,
    "/photo": photo,
    "/scan": scan,
    "/attachment": attachment,
    "/refused": refused,
    "/customer": customer,
}


def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    found = re.fullmatch(r"/orders/(\d+)(/\w+)?", environ["PATH_INFO"])
    page = PAGES.get(found[2] or "") if found else None
    headers = [("Content-Type", "text/plain")]
    if not found or not page:
        start_response("404 Not Found", headers)
        return [b"not found"]
    try:
        status, body = page(int(found[1]), environ.get("HTTP_X_REQUEST_ID", ""), environ)
    except shop.SoldOut as error:
        start_response("500 Internal Server Error", headers)
        return [str(error).encode()]
    start_response(status, headers)
    return body


sentryinit.init()
app = probe.wsgi(SentryInitMiddleware(application))

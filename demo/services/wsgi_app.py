"""The shop as a WSGI application without a framework, with `sentryinit.wsgi`."""

# ruff: noqa: ARG001, D103 -- the name says what a page does; all have the same arguments.

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import orders

import sentryinit
from sentryinit.wsgi import SentryInitMiddleware, debug_panic

if TYPE_CHECKING:  # wsgiref.types is new in Python 3.11
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Answer = tuple[str, Iterable[bytes]]
TEXT = [("Content-Type", "text/plain")]


def show(environ: WSGIEnvironment, order_id: int) -> Answer:
    return "200 OK", [b"order %d" % order_id]


def unavailable(environ: WSGIEnvironment, order_id: int) -> Answer:
    return "503 Service Unavailable", [b"order %d is locked, try later" % order_id]


def price(environ: WSGIEnvironment, order_id: int) -> Answer:
    return "200 OK", [b"%d" % orders.price(order_id)]


def complaint(environ: WSGIEnvironment, order_id: int) -> Answer:
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    return "200 OK", [orders.complain(order_id, body).encode()]


def reserve(environ: WSGIEnvironment, order_id: int) -> Answer:
    orders.reserve(order_id)
    return "200 OK", [b"reserved"]


def stock(environ: WSGIEnvironment, order_id: int) -> Answer:
    return "200 OK", [orders.ask_warehouse(order_id)]


def photo(environ: WSGIEnvironment, order_id: int) -> Answer:
    with orders.watched(f"photo {order_id}"):
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    return "200 OK", [b"%d bytes" % len(body)]


def invoice(environ: WSGIEnvironment, order_id: int) -> Answer:
    with orders.watched(f"invoice {order_id}"):
        time.sleep(orders.WORK)
    return "200 OK", [b"an invoice"]


def export(environ: WSGIEnvironment, order_id: int) -> Answer:
    def body() -> Iterator[bytes]:
        with orders.watched(f"export {order_id}"):
            for piece in orders.PIECES:
                yield piece
                time.sleep(orders.PAUSE)

    return "200 OK", body()


PAGES = {
    "": show,
    "/unavailable": unavailable,
    "/price": price,
    "/complaint": complaint,
    "/reserve": reserve,
    "/stock": stock,
    "/photo": photo,
    "/invoice": invoice,
    "/export": export,
}


def shop(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    found = re.fullmatch(r"/orders/(\d+)(/\w+)?", environ["PATH_INFO"])
    page = PAGES.get(found[2] or "") if found else None
    if not found or not page:
        start_response("404 Not Found", TEXT)
        return [b"not found"]
    try:
        status, body = page(environ, int(found[1]))
    except orders.SoldOut as error:
        start_response("500 Internal Server Error", TEXT, sys.exc_info())
        return [str(error).encode()]
    start_response(status, TEXT)
    return body


sentryinit.init()
app = SentryInitMiddleware(debug_panic(shop))

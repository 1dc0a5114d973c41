"""The shop on Django, under WSGI."""

from __future__ import annotations

from contextlib import suppress

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from apps import probe, shop
from apps.django_site import request_id, set_up
from apps.gate import report, watched

set_up(__name__)


def show(request: HttpRequest, order_id: int) -> HttpResponse:
    return HttpResponse("an order")


def unavailable(request: HttpRequest, order_id: int) -> HttpResponse:
    return HttpResponse("try later", status=503)


def price(request: HttpRequest, order_id: int) -> HttpResponse:
    return HttpResponse(str(shop.price(order_id)))


def reserve(request: HttpRequest, order_id: int) -> HttpResponse:
    raise shop.SoldOut(f"order {order_id}")


def stock(request: HttpRequest, order_id: int) -> HttpResponse:
    return HttpResponse(shop.ask_warehouse())


def invoice(request: HttpRequest, order_id: int) -> HttpResponse:
    shop.work(request_id(request))
    return HttpResponse("an invoice")


def export(request: HttpRequest, order_id: int) -> StreamingHttpResponse:
    return StreamingHttpResponse(shop.export(request_id(request)))


def receipt(request: HttpRequest, order_id: int) -> StreamingHttpResponse:
    return StreamingHttpResponse(shop.receipt(order_id))


def basket(request: HttpRequest, order_id: int) -> HttpResponse:
    shop.greet(request_id(request))
    shop.work(request_id(request))
    return HttpResponse(str(shop.price(order_id)))


def photo(request: HttpRequest, order_id: int) -> HttpResponse:
    with watched(request_id(request)):
        report(request_id(request), "reading")
        return HttpResponse(f"{len(request.body)} bytes")


def scan(request: HttpRequest, order_id: int) -> HttpResponse:
    try:
        return photo(request, order_id)
    except Exception as error:
        raise shop.SoldOut(f"order {order_id}") from error


def attachment(request: HttpRequest, order_id: int) -> HttpResponse:
    said = ""
    with suppress(Exception):
        said = photo(request, order_id).content.decode()
    return HttpResponse(said, status=shop.attached(said, request.headers["Content-Length"]))


def refused(request: HttpRequest, order_id: int) -> HttpResponse:
    photo(request, order_id)
    shop.work(request_id(request))
    return HttpResponse("try again", status=500)


def customer(request: HttpRequest, order_id: int) -> HttpResponse:
    shop.greet(request_id(request))
    return photo(request, order_id)


PAGES = unavailable, price, reserve, stock, invoice, export, receipt, basket, photo, scan
PAGES += attachment, refused, customer
urlpatterns = [path("orders/<int:order_id>", show)]
urlpatterns += [path(f"orders/<int:order_id>/{page.__name__}", page) for page in PAGES]

app = probe.wsgi(WSGIHandler())

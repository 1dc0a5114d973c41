"""The shop on Django, under ASGI."""

from __future__ import annotations

from contextlib import suppress

from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from apps import probe, shop
from apps.django_site import request_id, set_up
from apps.gate import report, watched
from sentryinit.asgi import SentryInitMiddleware

set_up(__name__)


async def show(request: HttpRequest, order_id: int) -> HttpResponse:
    return HttpResponse("an order")


async def unavailable(request: HttpRequest, order_id: int) -> HttpResponse:
    return HttpResponse("try later", status=503)


def price(request: HttpRequest, order_id: int) -> HttpResponse:
    return HttpResponse(str(shop.price(order_id)))


async def reserve(request: HttpRequest, order_id: int) -> HttpResponse:
    raise shop.SoldOut(f"order {order_id}")


async def stock(request: HttpRequest, order_id: int) -> HttpResponse:
    return HttpResponse(await shop.ask_warehouse_async())


async def invoice(request: HttpRequest, order_id: int) -> HttpResponse:
    await shop.work_async(request_id(request))
    return HttpResponse("an invoice")


async def export(request: HttpRequest, order_id: int) -> StreamingHttpResponse:
    return StreamingHttpResponse(shop.export_async(request_id(request)))


async def receipt(request: HttpRequest, order_id: int) -> StreamingHttpResponse:
    return StreamingHttpResponse(shop.receipt_async(order_id))


async def basket(request: HttpRequest, order_id: int) -> HttpResponse:
    shop.greet(request_id(request))
    await shop.work_async(request_id(request))
    return HttpResponse(str(shop.price(order_id)))


async def photo(request: HttpRequest, order_id: int) -> HttpResponse:
    with watched(request_id(request)):
        report(request_id(request), "reading")
        return HttpResponse(f"{len(request.body)} bytes")


async def scan(request: HttpRequest, order_id: int) -> HttpResponse:
    try:
        return await photo(request, order_id)
    except Exception as error:
        raise shop.SoldOut(f"order {order_id}") from error


async def attachment(request: HttpRequest, order_id: int) -> HttpResponse:
    said = ""
    with suppress(Exception):
        said = (await photo(request, order_id)).content.decode()
    return HttpResponse(said, status=shop.attached(said, request.headers["Content-Length"]))


async def customer(request: HttpRequest, order_id: int) -> HttpResponse:
    shop.greet(request_id(request))
    return await photo(request, order_id)


PAGES = unavailable, price, reserve, stock, invoice, export, receipt, basket, photo, scan
PAGES += attachment, customer
urlpatterns = [path("orders/<int:order_id>", show)]
urlpatterns += [path(f"orders/<int:order_id>/{page.__name__}", page) for page in PAGES]

# The generic middleware flushes at shutdown, because Django's handler has no lifespan.
app = probe.asgi(SentryInitMiddleware(ASGIHandler()))

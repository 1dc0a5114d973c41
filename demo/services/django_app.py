"""The shop on Django, over WSGI."""

# ruff: noqa: ARG001, ARG002, D102, D103 -- the name says what a page does; Django sets its arguments.

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import orders
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from sentryinit_django import debug_panic

OURS = "sentryinit_django.middleware.SentryInitMiddleware"


class SoldOut:
    """The error handler of the shop, as a Django middleware."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return HttpResponse(str(error), status=500) if isinstance(error, orders.SoldOut) else None


def configure(urlconf: str) -> None:
    """Set Django up. Our second entry, the last one, sees what `SoldOut` handles."""
    settings.configure(
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["sentryinit_django"],
        MIDDLEWARE=[OURS, f"{__name__}.SoldOut", OURS],
        ROOT_URLCONF=urlconf,
    )


def show(request: HttpRequest, order_id: int) -> HttpResponse:
    return JsonResponse({"order": order_id})


def unavailable(request: HttpRequest, order_id: int) -> HttpResponse:
    return HttpResponse(f"order {order_id} is locked, try later", status=503)


def price(request: HttpRequest, order_id: int) -> HttpResponse:
    return HttpResponse(str(orders.price(order_id)))


@csrf_exempt
def complaint(request: HttpRequest, order_id: int) -> HttpResponse:
    return HttpResponse(orders.complain(order_id, request.body))


def reserve(request: HttpRequest, order_id: int) -> HttpResponse:
    orders.reserve(order_id)
    return HttpResponse("reserved")


def stock(request: HttpRequest, order_id: int) -> HttpResponse:
    return HttpResponse(orders.ask_warehouse(order_id))


@csrf_exempt
def photo(request: HttpRequest, order_id: int) -> HttpResponse:
    with orders.watched(f"photo {order_id}"):
        return HttpResponse(f"{len(request.body)} bytes")


def invoice(request: HttpRequest, order_id: int) -> HttpResponse:
    with orders.watched(f"invoice {order_id}"):
        time.sleep(orders.WORK)
    return HttpResponse("an invoice")


def export(request: HttpRequest, order_id: int) -> StreamingHttpResponse:
    def body() -> Iterator[bytes]:
        with orders.watched(f"export {order_id}"):
            for piece in orders.PIECES:
                yield piece
                time.sleep(orders.PAUSE)

    return StreamingHttpResponse(body(), content_type="text/plain")


urlpatterns = [
    path("orders/<int:order_id>", show),
    path("orders/<int:order_id>/unavailable", unavailable),
    path("orders/<int:order_id>/price", price),
    path("orders/<int:order_id>/complaint", complaint),
    path("orders/<int:order_id>/reserve", reserve),
    path("orders/<int:order_id>/stock", stock),
    path("orders/<int:order_id>/photo", photo),
    path("orders/<int:order_id>/invoice", invoice),
    path("orders/<int:order_id>/export", export),
    path("debug/sentry-panic", debug_panic),
]


def serve() -> Any:
    """Return the application, for a WSGI server."""
    configure(__name__)
    return get_wsgi_application()

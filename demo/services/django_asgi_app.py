"""The shop on Django, over ASGI, with asynchronous views for pages that wait."""

# ruff: noqa: ARG001, D103 -- the name says what a page does; the framework sets its arguments.

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any

import django_app
import orders
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path


async def stock(request: HttpRequest, order_id: int) -> HttpResponse:
    return HttpResponse(await orders.ask_warehouse_async(order_id))


async def invoice(request: HttpRequest, order_id: int) -> HttpResponse:
    with orders.watched(f"invoice {order_id}"):
        await asyncio.sleep(orders.WORK)
    return HttpResponse("an invoice")


async def export(request: HttpRequest, order_id: int) -> StreamingHttpResponse:
    async def body() -> AsyncIterator[bytes]:
        with orders.watched(f"export {order_id}"):
            for piece in orders.PIECES:
                yield piece
                await asyncio.sleep(orders.PAUSE)

    return StreamingHttpResponse(body(), content_type="text/plain")


# The first pattern that matches counts: all other pages are the same as over WSGI.
urlpatterns = [
    path("orders/<int:order_id>/stock", stock),
    path("orders/<int:order_id>/invoice", invoice),
    path("orders/<int:order_id>/export", export),
    *django_app.urlpatterns,
]


def serve() -> Any:
    """Return the application, for an ASGI server.

    With ASGI Django reads an upload before it calls the view, so this wrapper watches it.
    """
    django_app.configure(__name__)
    app = get_asgi_application()

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        photo = re.fullmatch(r"/orders/(\d+)/photo", scope.get("path", ""))
        with orders.watched(f"photo {photo[1]}") if photo else nullcontext():
            await app(scope, receive, send)

    return watched

"""The shop on Django, without sentryinit; a middleware answers one of its errors."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from apps import bare_shop as shop

# How often a middleware was made.
made: list[object] = []


class AnswersSoldOut:
    """Answers one kind of error."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        made.append(self)

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return HttpResponse(str(error), status=500) if isinstance(error, shop.SoldOut) else None


def price(request: HttpRequest, order_id: int) -> HttpResponse:
    return HttpResponse(str(shop.price(order_id)))


def reserve(request: HttpRequest, order_id: int) -> HttpResponse:
    raise shop.SoldOut(f"order {order_id}, {len(made)} middleware")


urlpatterns = [
    path("orders/<int:order_id>/price", price),
    path("orders/<int:order_id>/reserve", reserve),
]
settings.configure(
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=[f"{__name__}.AnswersSoldOut"],
    ROOT_URLCONF=__name__,
    SENTRYINIT={"environment": "of-the-settings"},
)


def wsgi() -> Any:
    return get_wsgi_application()


def asgi() -> Any:
    return get_asgi_application()

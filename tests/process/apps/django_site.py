"""The parts of the Django shop for WSGI and ASGI: the settings, and an error handler."""

from __future__ import annotations

from typing import Any

import django
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from apps import shop

OURS = "sentryinit_django.middleware.SentryInitMiddleware"


class SoldOutMiddleware:
    """Answers the application's own error."""

    async_capable = True

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return HttpResponse(str(error), status=500) if isinstance(error, shop.SoldOut) else None


def set_up(urlconf: str) -> None:
    """Configure Django for the URLs in the module *urlconf*."""
    settings.configure(
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["sentryinit_django"],
        # The last entry sees the exceptions that the one before it answers. The second one sets
        # Content-Length, without which waitress closes the connection.
        MIDDLEWARE=[
            OURS,
            "django.middleware.common.CommonMiddleware",
            f"{__name__}.SoldOutMiddleware",
            OURS,
        ],
        ROOT_URLCONF=urlconf,
    )
    django.setup()


def request_id(request: HttpRequest) -> str:
    return request.headers.get("X-Request-Id", "")

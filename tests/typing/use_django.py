"""What type checkers tell users of ``sentryinit_django``. Checked, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.urls import path

import sentryinit.asgi
import sentryinit.wsgi
from sentryinit_django import debug_panic, install
from sentryinit_django.apps import SentryInitConfig
from sentryinit_django.middleware import SentryInitMiddleware
from sentryinit_django.rest import exception_handler

install(service="shop", required=True)
install(servic="shop")  # type: ignore[call-arg] # no option

urlpatterns = [path("debug/sentry-panic", debug_panic)]

INSTALLED_APPS = [SentryInitConfig.name]
EXCEPTION_HANDLER = exception_handler


if TYPE_CHECKING:
    from asgiref.typing import ASGI3Application


def wrap(app: ASGI3Application) -> ASGI3Application:
    """Wrap an application with the types of asgiref, as those of hypercorn and uvicorn."""
    return sentryinit.asgi.SentryInitMiddleware(app)


sentryinit.asgi.SentryInitMiddleware(get_asgi_application())
sentryinit.wsgi.SentryInitMiddleware(get_wsgi_application())
sentryinit.asgi.SentryInitMiddleware(get_wsgi_application())  # type: ignore[arg-type] # WSGI


class OurMiddleware(SentryInitMiddleware):
    """One of a project's own."""


debug_panic("/debug/sentry-panic")  # type: ignore[arg-type] # a request, and not its path

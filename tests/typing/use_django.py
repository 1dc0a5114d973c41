"""What type checkers tell users of ``sentryinit_django``. Checked, never run."""

from __future__ import annotations

from django.urls import path

from sentryinit_django import debug_panic
from sentryinit_django.apps import SentryInitConfig
from sentryinit_django.middleware import SentryInitMiddleware
from sentryinit_django.rest import exception_handler

urlpatterns = [path("debug/sentry-panic", debug_panic)]

INSTALLED_APPS = [SentryInitConfig.name]
EXCEPTION_HANDLER = exception_handler


class OurMiddleware(SentryInitMiddleware):
    """One of a project's own."""


debug_panic("/debug/sentry-panic")  # type: ignore[arg-type] # a request, and not its path

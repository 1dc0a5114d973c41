"""Django, with synchronous views under WSGI."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test.utils import override_settings
from django.urls import path

import sentryinit_testkit as testkit
from sentryinit_django import debug_panic

from . import django_app

OURS = "sentryinit_django.middleware.SentryInitMiddleware"


def respond(wanted: testkit.ResponseSpec, stream: Any = None) -> Any:
    """Return the response that is *wanted*, its stream as *stream*, if that is another kind."""
    options: Any = {"status": wanted.status, "headers": dict(wanted.headers)}
    if wanted.file is not None:
        return FileResponse(wanted.file, **options)
    if wanted.stream is not None:
        return StreamingHttpResponse(stream or wanted.stream, **options)
    return HttpResponse(wanted.body, **options)


class DjangoDriver(testkit.Driver):
    """Synchronous views."""

    name = "django"
    modules: ClassVar = ("sentryinit_django.middleware", "sentryinit_django.apps")
    sdk_integrations: ClassVar = ("sentry_sdk.integrations.django:DjangoIntegration",)
    # There is no exception for a 5xx in Django, and its middlewares are not those of WSGI.
    unsupported: ClassVar[frozenset[str]] = frozenset({"abort", "inside"})
    shop: ClassVar[Any] = django_app.Wsgi
    # Also at the end, where it sees exceptions that another middleware answers.
    last: ClassVar = [OURS]
    calls = 7  # our middleware is installed twice

    def view(self, spec: testkit.AppSpec) -> Any:
        """Return the view."""
        return lambda request, order_id: respond(spec.run(lambda: request.body))

    def app(self, spec: testkit.AppSpec) -> Any:
        """Build the application."""
        urls = [path("orders/<str:order_id>", self.view(spec))]
        middleware = [django_app.SORRY]
        if spec.copies:
            urls.append(path(testkit.DEBUG_PATH[1:], debug_panic))
            middleware = [OURS] * spec.copies + middleware + self.last
        with override_settings(MIDDLEWARE=middleware):
            return self.shop(tuple(urls), spec.mounted)


DRIVERS = [DjangoDriver()]

"""Django, with synchronous views under WSGI."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test.utils import override_settings
from django.urls import path

import sentryinit_testkit as testkit
from sentryinit_django import debug_panic

from . import django_site

OURS = "sentryinit_django.middleware.SentryInitMiddleware"


def respond(reply: testkit.Reply, stream: Any = None) -> Any:
    """Answer *reply*, its stream as *stream*, if that is another kind."""
    options: Any = {"status": reply.status, "headers": dict(reply.headers)}
    if reply.file is not None:
        return FileResponse(reply.file, **options)
    if reply.stream is not None:
        return StreamingHttpResponse(stream or reply.stream, **options)
    return HttpResponse(reply.body, **options)


class DjangoDriver(testkit.Driver):
    """Synchronous views."""

    name = "django"
    modules: ClassVar = ("sentryinit_django.middleware", "sentryinit_django.apps")
    sdk_integrations: ClassVar = ("sentry_sdk.integrations.django:DjangoIntegration",)
    # There is no exception for a 5xx in Django.
    lacks: ClassVar[frozenset[str]] = frozenset({"abort"})
    shop: ClassVar[Any] = django_site.Wsgi
    # Once more at the end: it sees there what another middleware's process_exception answers.
    last: ClassVar = [OURS]
    calls = 6  # ours stands there twice

    def view(self, site: testkit.Site) -> Any:
        """Return the view."""
        return lambda request, order_id: respond(site.run(lambda: request.body))

    def app(self, site: testkit.Site) -> Any:
        """Build the application."""
        urls = [path("orders/<str:order_id>", self.view(site))]
        middleware = [django_site.SORRY]
        if site.copies:
            urls.append(path(testkit.DEBUG_PATH[1:], debug_panic))
            middleware = [OURS] * site.copies + middleware + self.last
        with override_settings(MIDDLEWARE=middleware):
            return self.shop(tuple(urls), site.mounted)


DRIVERS = [DjangoDriver()]

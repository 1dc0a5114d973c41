"""Settings, URLs and error handler, for several Django applications in one process."""

from __future__ import annotations

from typing import Any

import django
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

import sentryinit_testkit as testkit

SORRY = f"{__name__}.Sorry"
REST = {"EXCEPTION_HANDLER": "sentryinit_django.rest.exception_handler"}
REST |= dict.fromkeys(("DEFAULT_AUTHENTICATION_CLASSES", "DEFAULT_PERMISSION_CLASSES"), ())
if not settings.configured:
    everywhere: Any = {"ALLOWED_HOSTS": ["*"], "LOGGING_CONFIG": None, "ROOT_URLCONF": ()}
    everywhere["SECRET_KEY"] = "for these tests"
    everywhere["DATABASES"] = {
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    }
    settings.configure(**everywhere, REST_FRAMEWORK={**REST, "UNAUTHENTICATED_USER": None})
    django.setup()


class Sorry:
    """The application's own middleware, which handles its exception."""

    async_capable = True

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        """Serve the request."""
        return self.get_response(request)

    def process_exception(self, _request: Any, error: Exception) -> Any:
        """Answer the application's exception."""
        from .django import respond

        return respond(error.response) if isinstance(error, testkit.HandledError) else None


class Wsgi(WSGIHandler):
    """An application with its own URLs, and optionally a mounted application."""

    def __init__(self, urls: Any, mounted: Any) -> None:
        self.urls, self.mounted = urls, mounted
        super().__init__()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Serve a request."""
        path = environ["PATH_INFO"]
        if self.mounted is None or not path.startswith(testkit.MOUNT):
            return super().__call__(environ, start_response)
        inner = {"SCRIPT_NAME": testkit.MOUNT, "PATH_INFO": path[len(testkit.MOUNT) :]}
        return self.mounted({**environ, **inner}, start_response)

    def get_response(self, request: Any) -> Any:
        """Resolve with the application's own URLs."""
        request.urlconf = self.urls
        return super().get_response(request)

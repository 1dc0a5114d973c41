"""Applications for the doctor: for each framework a healthy one, and what is put in its places."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from sentryinit_cli.doctor import report
from sentryinit_cli.doctor.catalog import Finding

DSN = "https://5e9b0ac1f4de47d08c63b2a7915fd30e@sentryinit.invalid/1"
TOKEN = "v7Qm2xZr9KpL4sTn8bWc"
ENVIRON = {
    "SENTRY_DSN": DSN,
    "SENTRYINIT_SERVICE": "orders",
    "SENTRY_RELEASE": "1.4.2",
    "SENTRYINIT_DEBUG_TOKEN": TOKEN,
}

# Each has the places {first} (before all), {setup}, {route} and {last} (after all).
FLASK = """
{first}
from flask import Flask
from sentryinit_flask import SentryInit, debug_panic
app = Flask("orders")
{setup}
{route}
{last}
"""
STARLETTE = """
{first}
from starlette.applications import Starlette
from sentryinit_starlette import SentryInitMiddleware, debug_panic
app = Starlette()
{setup}
{route}
{last}
"""
AIOHTTP = """
{first}
from aiohttp import web
from sentryinit_aiohttp import setup, debug_panic
app = web.Application()
{setup}
{route}
{last}
"""
FALCON = """
{first}
import falcon
import falcon.asgi
import sentryinit_falcon
app = falcon.App()
{setup}
{route}
{last}
"""
WSGI = """
{first}
from sentryinit.wsgi import SentryInitMiddleware, debug_panic
def app(environ, start_response):
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"not found"]
{route}
{setup}
{last}
"""
ASGI = """
{first}
from sentryinit.asgi import SentryInitMiddleware, debug_panic
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({{"type": "http.response.start", "status": 404, "headers": []}})
    await send({{"type": "http.response.body", "body": b"not found"}})
{route}
{setup}
{last}
"""
DJANGO = """
{first}
import sys
import django
from django.conf import settings
from django.urls import path
settings.configure(
    ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["orders.example"], USE_TZ=True,
    INSTALLED_APPS=["sentryinit_django"], MIDDLEWARE=[{setup}],
)
django.setup()
from sentryinit_django import debug_panic
urlpatterns = []
{route}
from django.core.KIND import get_KIND_application
app = get_KIND_application()
{last}
"""


class Sample(NamedTuple):
    """A framework: its *source*, and what puts our parts in."""

    source: str
    setup: str
    route: str
    kind: str
    # A middleware that is outside of ours; no text: it cannot be.
    outside: str = ""

    def text(self, **places: str) -> str:
        usual = {"first": "", "setup": self.setup, "route": self.route, "last": ""}
        return self.source.format(**(usual | places))


_DJANGO = '"sentryinit_django.middleware.SentryInitMiddleware"'
_DJANGO_ROUTE = 'urlpatterns.append(path("debug/sentry-panic", debug_panic))'
_DJANGO_OUTSIDE = f'"django.middleware.common.CommonMiddleware", {_DJANGO}'
_SINK = 'app.add_sink(sentryinit_falcon.debug_panic, "/debug/sentry-panic")'
_STARLETTE_ROUTE = 'app.add_route("/debug/sentry-panic", debug_panic)'
_ADD = "app.add_middleware(SentryInitMiddleware)"
_STARLETTE_OUTSIDE = f"""
class Outer:
    def __init__(self, app): self.app = app
    async def __call__(self, *given): await self.app(*given)
{_ADD}
app.add_middleware(Outer)
"""
_AIOHTTP_OUTSIDE = """
@web.middleware
async def outer(request, handler): return await handler(request)
setup(app)
app.middlewares.insert(0, outer)
"""
_WRAPPED = """
class Outer:
    def __init__(self, app): self.app = app
    def __call__(self, environ, start_response): return self.app(environ, start_response)
"""
_WRAPPED_ASGI = """
class Outer:
    def __init__(self, app): self.app = app
    async def __call__(self, scope, receive, send): await self.app(scope, receive, send)
"""
SAMPLES = {
    "flask": Sample(
        FLASK,
        "SentryInit(app)",
        'app.add_url_rule("/debug/sentry-panic", view_func=debug_panic)',
        "flask (wsgi)",
        f"SentryInit(app){_WRAPPED}app.wsgi_app = Outer(app.wsgi_app)",
    ),
    "starlette": Sample(STARLETTE, _ADD, _STARLETTE_ROUTE, "starlette (asgi)", _STARLETTE_OUTSIDE),
    "fastapi": Sample(
        STARLETTE.replace("Starlette", "FastAPI").replace("starlette.applications", "fastapi"),
        _ADD,
        _STARLETTE_ROUTE,
        "fastapi (asgi)",
        _STARLETTE_OUTSIDE,
    ),
    "aiohttp": Sample(
        AIOHTTP,
        "setup(app)",
        'app.router.add_route("*", "/debug/sentry-panic", debug_panic)',
        "aiohttp (aiohttp)",
        _AIOHTTP_OUTSIDE,
    ),
    "falcon": Sample(
        FALCON,
        "sentryinit_falcon.install(app)",
        _SINK,
        "falcon (wsgi)",
        f"sentryinit_falcon.install(app)\n{_SINK}{_WRAPPED}app = Outer(app)",
    ),
    "falcon-asgi": Sample(
        FALCON.replace("falcon.App", "falcon.asgi.App"),
        "sentryinit_falcon.install(app)",
        _SINK,
        "falcon (asgi)",
        f"sentryinit_falcon.install(app)\n{_SINK}{_WRAPPED_ASGI}app = Outer(app)",
    ),
    "django": Sample(
        DJANGO.replace("KIND", "wsgi"), _DJANGO, _DJANGO_ROUTE, "django (wsgi)", _DJANGO_OUTSIDE
    ),
    "django-asgi": Sample(
        DJANGO.replace("KIND", "asgi"), _DJANGO, _DJANGO_ROUTE, "django (asgi)", _DJANGO_OUTSIDE
    ),
    "wsgi": Sample(
        WSGI,
        "app = SentryInitMiddleware(app)",
        "app = debug_panic(app)",
        "wsgi",
        f"app = SentryInitMiddleware(app){_WRAPPED}app = Outer(app)",
    ),
    "asgi": Sample(
        ASGI,
        "app = SentryInitMiddleware(app)",
        "app = debug_panic(app)",
        "asgi",
        f"app = SentryInitMiddleware(app){_WRAPPED_ASGI}app = Outer(app)",
    ),
}


class Doctor:
    """Examines applications in a folder of their own, with an environment of their own."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self._patch = folder, patch
        self.report = report.Report([], [], [])
        patch.chdir(folder)
        # The folder of the running test is not to be on the path of the application.
        self.environ(ENVIRON)

    def environ(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self._patch.setenv(name, value)

    def unset(self, *names: str) -> None:
        for name in names:
            self._patch.delenv(name, raising=False)

    def write(self, text: str, name: str = "shop.py") -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def examine(self, target: str = "shop:app", **order: object) -> dict[str, Finding]:
        """Return the findings by their ids."""
        order = {"is_offline": True, **order}
        self.report = report.make(report.Order(target, **order))  # type: ignore[arg-type] # its fields
        return {each.id: each for each in self.report.findings}

"""The table of subjects: a framework, its smallest application, and its protocol.

To add a framework, add one function and one row of ``SUBJECTS``.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# What wraps the application. *floor*: a middleware of the framework's own kind that does nothing.
# *slim*: the integration of sentry-sdk with everything off that can be off.
VARIANTS = ("bare", "floor", "ours", "sdk", "slim")
BODY = b"ok"
PATH = "/orders/17"


@dataclass(frozen=True)
class Subject:
    """A row of the table: *make* creates the application with one of ``VARIANTS`` around it.

    *module* must be installed. *integration* names the classes of sentry-sdk for the framework.
    *protocol* is a key of ``drive.DRIVERS``.
    """

    name: str
    protocol: str
    module: str
    make: Callable[[str], Any]
    integration: str = ""

    def is_here(self) -> bool:
        """Return True if the framework and our adapter for it are installed."""
        ours = f"sentryinit_{self.module}" if self.module in ADAPTERS else "sentryinit"
        ours = {"sentryinit_fastapi": "sentryinit_starlette"}.get(ours, ours)
        return all(map(importlib.util.find_spec, (self.module, ours)))


ADAPTERS = frozenset("aiohttp django falcon fastapi flask starlette".split())


class WsgiFloor:
    """A WSGI middleware that watches the status and does nothing."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        def start(status: str, headers: Any, exc_info: Any = None) -> Any:
            if exc_info:
                return start_response(status, headers, exc_info)
            return start_response(status, headers)

        return self.app(environ, start)


class AsgiFloor:
    """An ASGI middleware that watches the messages and does nothing."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        def watched(message: Any) -> Any:
            return send(message)

        await self.app(scope, receive, watched)


def wsgi(variant: str) -> Any:
    """Create a WSGI application without a framework."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Length", "2")])
        return [BODY]

    if variant == "floor":
        return WsgiFloor(app)
    if variant == "ours":
        return importlib.import_module("sentryinit.wsgi").SentryInitMiddleware(app)
    if variant in {"sdk", "slim"}:
        module = importlib.import_module("sentry_sdk.integrations.wsgi")
        return module.SentryWsgiMiddleware(app)
    return app


def asgi(variant: str) -> Any:
    """Create an ASGI application without a framework."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": BODY})

    if variant == "floor":
        return AsgiFloor(app)
    if variant == "ours":
        return importlib.import_module("sentryinit.asgi").SentryInitMiddleware(app)
    if variant in {"sdk", "slim"}:
        module = importlib.import_module("sentry_sdk.integrations.asgi")
        return module.SentryAsgiMiddleware(app)
    return app


def flask(variant: str) -> Any:
    """Create a Flask application."""
    from flask import Flask

    app = Flask("shop")

    @app.get("/orders/<order_id>")
    def order(order_id: str) -> bytes:
        return BODY

    if variant == "floor":
        app.wsgi_app = WsgiFloor(app.wsgi_app)  # type: ignore[method-assign] # Flask's documented way
    if variant == "ours":
        importlib.import_module("sentryinit_flask").SentryInit(app)
    return app


def starlette(variant: str) -> Any:
    """Create a Starlette application with an asynchronous endpoint."""
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    async def order(request: Any) -> Any:
        return Response(BODY)

    app = Starlette(routes=[Route("/orders/{order_id}", order)])
    return _with_asgi_middleware(app, variant)


def fastapi(variant: str) -> Any:
    """Create a FastAPI application with an asynchronous endpoint."""
    from fastapi import FastAPI, Response

    app = FastAPI()

    async def order(order_id: str):  # type: ignore[no-untyped-def] # noqa: ANN202 # FastAPI would make a model of it
        return Response(BODY)

    app.get("/orders/{order_id}")(order)
    return _with_asgi_middleware(app, variant)


def _with_asgi_middleware(app: Any, variant: str) -> Any:
    if variant == "floor":
        app.add_middleware(AsgiFloor)
    if variant == "ours":
        module = importlib.import_module("sentryinit_starlette")
        app.add_middleware(module.SentryInitMiddleware)
    return app


class _FalconFloor:
    def process_request(self, req: Any, resp: Any) -> None:
        """Do nothing."""

    def process_response(self, req: Any, resp: Any, resource: Any, req_succeeded: bool) -> None:
        """Do nothing."""


class _Order:
    def on_get(self, req: Any, resp: Any, order_id: str) -> None:
        """Respond."""
        resp.data = BODY


def falcon(variant: str) -> Any:
    """Create a Falcon application for WSGI."""
    from falcon import App

    app: Any = App(middleware=[_FalconFloor()] if variant == "floor" else [])
    app.add_route("/orders/{order_id}", _Order())
    if variant == "ours":
        importlib.import_module("sentryinit_falcon").install(app)
    return app


class _AsyncFalconFloor:
    async def process_request(self, req: Any, resp: Any) -> None:
        """Do nothing."""

    async def process_response(
        self, req: Any, resp: Any, resource: Any, req_succeeded: bool
    ) -> None:
        """Do nothing."""


class _AsyncOrder:
    async def on_get(self, req: Any, resp: Any, order_id: str) -> None:
        """Respond."""
        resp.data = BODY


def falcon_asgi(variant: str) -> Any:
    """Create a Falcon application for ASGI; sentry-sdk has only its generic middleware for it."""
    from falcon.asgi import App

    app: Any = App(middleware=[_AsyncFalconFloor()] if variant == "floor" else [])
    app.add_route("/orders/{order_id}", _AsyncOrder())
    if variant == "ours":
        importlib.import_module("sentryinit_falcon").install(app)
    if variant in {"sdk", "slim"}:
        module = importlib.import_module("sentry_sdk.integrations.asgi")
        return module.SentryAsgiMiddleware(app)
    return app


def aiohttp(variant: str) -> Any:
    """Create an aiohttp application."""
    from aiohttp import web

    async def order(request: Any) -> Any:
        return web.Response(body=BODY)

    @web.middleware
    async def floor(request: Any, handler: Any) -> Any:
        return await handler(request)

    app = web.Application(middlewares=[floor] if variant == "floor" else [])
    app.router.add_get("/orders/{order_id}", order)
    if variant == "ours":
        importlib.import_module("sentryinit_aiohttp").setup(app)
    return app


def _django(variant: str, view: Any) -> None:
    import django
    from django.conf import settings
    from django.urls import path

    chain = {
        "floor": [f"{__name__}.django_floor"],
        "ours": ["sentryinit_django.middleware.SentryInitMiddleware"],
    }
    if not settings.configured:
        settings.configure(
            ALLOWED_HOSTS=["*"],
            ROOT_URLCONF=(path("orders/<order_id>", view),),
            SECRET_KEY="benchmark",
        )
        django.setup()
    # Django reads MIDDLEWARE when it creates an application.
    settings.MIDDLEWARE = chain.get(variant, [])


def django_floor(get_response: Any) -> Any:
    """A Django middleware that does nothing, for synchronous and asynchronous views."""
    from asgiref.sync import iscoroutinefunction
    from django.utils.decorators import sync_and_async_middleware

    def make(get_response: Any) -> Any:
        if iscoroutinefunction(get_response):

            async def asynchronous(request: Any) -> Any:
                return await get_response(request)

            return asynchronous
        return lambda request: get_response(request)  # noqa: PLW0108 # a call is what is measured

    return sync_and_async_middleware(make)(get_response)


django_floor.sync_capable = django_floor.async_capable = True  # type: ignore[attr-defined] # Django reads them


def django_wsgi(variant: str) -> Any:
    """Create a Django application for WSGI."""

    def order(request: Any, order_id: str) -> Any:
        return importlib.import_module("django.http").HttpResponse(BODY)

    _django(variant, order)
    return importlib.import_module("django.core.wsgi").get_wsgi_application()


def django_asgi(variant: str) -> Any:
    """Create a Django application for ASGI with an asynchronous view."""

    async def order(request: Any, order_id: str) -> Any:
        return importlib.import_module("django.http").HttpResponse(BODY)

    _django(variant, order)
    return importlib.import_module("django.core.asgi").get_asgi_application()


SUBJECTS = (
    Subject("WSGI", "wsgi", "sentryinit", wsgi),
    Subject("ASGI", "asgi", "sentryinit", asgi),
    Subject("Flask", "wsgi", "flask", flask, "flask:FlaskIntegration"),
    Subject("Django WSGI", "wsgi", "django", django_wsgi, "django:DjangoIntegration"),
    Subject("Django ASGI", "asgi", "django", django_asgi, "django:DjangoIntegration"),
    Subject("Starlette", "asgi", "starlette", starlette, "starlette:StarletteIntegration"),
    Subject(
        "FastAPI",
        "asgi",
        "fastapi",
        fastapi,
        "starlette:StarletteIntegration fastapi:FastApiIntegration",
    ),
    Subject("Falcon WSGI", "wsgi", "falcon", falcon, "falcon:FalconIntegration"),
    Subject("Falcon ASGI", "asgi", "falcon", falcon_asgi),
    Subject("aiohttp", "aiohttp", "aiohttp", aiohttp, "aiohttp:AioHttpIntegration"),
)

"""An ASGI application without a framework, and with one: SUBJECT says which."""

from __future__ import annotations

import os
from typing import Any

import sentryinit
from subjects import work
from subjects.work import late


async def answer(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


async def _plain(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for event in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{event}.complete"})
        return
    await late() if scope["path"] == "/late" else work.fail()


async def _silent(scope: Any, receive: Any, send: Any) -> None:
    """Return on the lifespan without a word; fail with one kind of failure."""
    if scope["type"] == "http":
        raise LookupError("no price")


def plain() -> Any:
    from sentryinit.asgi import SentryInitMiddleware

    sentryinit.init()
    return SentryInitMiddleware(_plain)


def silent() -> Any:
    from sentryinit.asgi import SentryInitMiddleware

    sentryinit.init()
    return SentryInitMiddleware(_silent)


def starlette() -> Any:
    from starlette.applications import Starlette
    from starlette.routing import Route

    from sentryinit_starlette import SentryInitMiddleware

    async def fail(request: Any) -> None:
        work.fail()

    async def fail_late(request: Any) -> None:
        await late()

    sentryinit.init()
    made = Starlette(routes=[Route("/fail", fail), Route("/late", fail_late)])
    made.add_middleware(SentryInitMiddleware)
    return made


def mounted() -> Any:
    """FastAPI with our middleware, mounted in a Starlette application without it."""
    from fastapi import FastAPI
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from sentryinit_starlette import SentryInitMiddleware

    sentryinit.init()
    inner = FastAPI()
    inner.add_middleware(SentryInitMiddleware)
    inner.add_api_route("/fail", work.fail)
    inner.add_api_route("/late", late)
    return Starlette(routes=[Mount("/", inner)])


def flask_in_asgi() -> Any:
    from a2wsgi import WSGIMiddleware

    from subjects import wsgi_app

    return WSGIMiddleware(wsgi_app.app)


def django() -> Any:
    from sentryinit.asgi import SentryInitMiddleware

    return SentryInitMiddleware(django_bare())


def django_bare() -> Any:
    from django.core.asgi import get_asgi_application

    os.environ["DJANGO_SETTINGS_MODULE"] = "subjects.django_site"
    return get_asgi_application()


def falcon() -> Any:
    import falcon.asgi

    from sentryinit_falcon import install

    class Page:
        async def on_get(self, req: Any, resp: Any, name: str) -> None:
            await late() if name == "late" else work.fail()

    made: Any = falcon.asgi.App()
    made.add_route("/{name}", Page())
    install(made)
    return made


app = globals()[os.environ.get("SUBJECT", "starlette")]()

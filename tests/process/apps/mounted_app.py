"""FastAPI with a Flask application mounted by each of the usual bridges, all with an adapter.

With PROCESS_REFUSE_START a middleware raises before anything of the lifespan is received.
"""

from __future__ import annotations

import importlib
import os
import warnings

from a2wsgi import WSGIMiddleware
from asgiref.wsgi import WsgiToAsgi
from fastapi import FastAPI, Response
from flask import Flask, request

from apps import probe, shop
from apps.probe import ASGIApp, Receive, Scope, Send
from sentryinit_flask import SentryInit
from sentryinit_starlette import SentryInitMiddleware

flask_app = Flask("shop")
SentryInit(flask_app)


@flask_app.get("/orders/<int:order_id>/price")
def price(order_id: int) -> str:
    shop.greet(request.headers["X-Request-Id"])
    return str(shop.price(order_id))


@flask_app.get("/orders/<int:order_id>/unavailable")
def unavailable(order_id: int) -> tuple[str, int]:
    shop.greet(request.headers["X-Request-Id"])
    return "try later", 503


class RefusesTheLifespan:
    """A middleware that raises on the lifespan's scope, if the environment asks for it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" and "PROCESS_REFUSE_START" in os.environ:
            shop.price(0)
        await self._app(scope, receive, send)


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette's bridge is deprecated, and in use
    starlette_bridge = importlib.import_module("starlette.middleware.wsgi").WSGIMiddleware

fastapi_app = FastAPI()
fastapi_app.mount("/a2wsgi", WSGIMiddleware(flask_app))  # type: ignore[arg-type] # its types are its own
fastapi_app.mount("/asgiref", WsgiToAsgi(flask_app))
fastapi_app.mount("/starlette", starlette_bridge(flask_app))
fastapi_app.add_middleware(RefusesTheLifespan)
fastapi_app.add_middleware(SentryInitMiddleware)


@fastapi_app.get("/orders/{order_id}/unavailable")
def sold_out(order_id: int) -> Response:
    return Response("try later", 503)


app = probe.asgi(fastapi_app)

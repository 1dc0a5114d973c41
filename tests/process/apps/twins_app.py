"""Two Flask applications in one process, one of them mounted at ``/right``."""

from __future__ import annotations

from flask import Flask, request
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from apps import probe, shop
from apps.gate import report
from sentryinit_flask import SentryInit

extension = SentryInit()


def create_app(name: str) -> Flask:
    app = Flask(name)
    extension.init_app(app)

    @app.get("/orders/<int:order_id>/price")
    def price(order_id: int) -> str:
        shop.greet(request.headers["X-Request-Id"])
        report(request.headers["X-Request-Id"], "asked", name)
        return str(shop.price(order_id))

    @app.get("/orders/<int:order_id>/unavailable")
    def unavailable(order_id: int) -> tuple[str, int]:
        return "try later", 503

    return app


app = probe.wsgi(DispatcherMiddleware(create_app("left"), {"/right": create_app("right")}))

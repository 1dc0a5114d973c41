"""Programs without sentryinit that serve an application by a server of their own.

``python -m apps.bare_embedded KIND PORT``: nothing that ``run`` knows loads the application, and
some are inside of another one.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


class Quiet(WSGIRequestHandler):
    """A handler that logs no requests."""

    def log_message(self, *_: object) -> None: ...


def wsgi(app: Any, port: int) -> None:
    """Serve *app* as a server does of which nobody has heard."""
    server = WSGIServer(("127.0.0.1", port), Quiet)
    server.application = app
    server.serve_forever()


def wsgiref(app: Any, port: int) -> None:
    """Serve *app* as Radicale does, and what is made for wsgiref."""
    make_server("127.0.0.1", port, app, handler_class=Quiet).serve_forever()


def asgi(app: Any, port: int) -> None:
    """Serve *app* by a server of WSGI, with a bridge around it."""
    from a2wsgi import ASGIMiddleware

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    wsgi(ASGIMiddleware(app, loop=loop), port)


def of(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"apps.{module}"), name)


def mounted(inner: Any) -> Any:
    """Return Starlette around *inner*."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    return Starlette(routes=[Mount("/", inner)])


def bridged(package: str) -> Any:
    """Return FastAPI around Flask, by the bridge of *package*."""
    from fastapi import FastAPI

    app = FastAPI()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Starlette's bridge is deprecated, and in use
        bridge: Any = importlib.import_module(package).WSGIMiddleware
    app.mount("/", bridge(of("bare_flask", "app")))
    return app


def aiohttp(port: int) -> None:
    """Serve by ``AppRunner``; the route comes when the server has started."""
    from aiohttp import web

    from apps.bare_aiohttp import price

    class Application(web.Application):
        """As Home Assistant's."""

    async def serve() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # aiohttp wants no subclasses
            app = Application()
        app.router.freeze = lambda: None  # type: ignore[method-assign] # as Home Assistant does
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        app.router.add_get("/orders/{order_id}/price", price)
        await asyncio.Event().wait()

    asyncio.run(serve())


def own() -> Any:
    """Return Flask that sets up sentryinit itself, after its first imports."""
    from apps.bare_flask import app
    from sentryinit_flask import SentryInit

    SentryInit(app, environment="of-the-application")
    return app


KINDS: dict[str, Callable[[int], None]] = {
    "flask": lambda port: wsgi(of("bare_flask", "app"), port),
    "flask-subclass": lambda port: wsgi(of("bare_flask", "create_other")(), port),
    "flask-own": lambda port: wsgi(own(), port),
    "django": lambda port: wsgi(of("bare_django", "wsgi")(), port),
    "django-asgi": lambda port: asgi(of("bare_django", "asgi")(), port),
    "falcon": lambda port: wsgi(of("bare_falcon", "app"), port),
    "falcon-asgi": lambda port: asgi(of("bare_falcon", "asgi_app"), port),
    "starlette": lambda port: asgi(of("bare_starlette", "app"), port),
    "fastapi": lambda port: asgi(of("bare_starlette", "fastapi_app"), port),
    "mount": lambda port: asgi(mounted(of("bare_starlette", "app")), port),
    "bridge-starlette": lambda port: asgi(bridged("starlette.middleware.wsgi"), port),
    "bridge-a2wsgi": lambda port: asgi(bridged("a2wsgi"), port),
    "aiohttp": aiohttp,
    "wsgiref": lambda port: wsgiref(of("bare_plain", "application"), port),
    "wsgiref-flask": lambda port: wsgiref(of("bare_flask", "app"), port),
}

if "SERVED" in os.environ:
    # For a server that loads it, or for our target.
    app = {"mount": lambda: mounted(of("bare_starlette", "app"))}.get(
        os.environ["SERVED"], lambda: bridged(os.environ["SERVED"])
    )()

if __name__ == "__main__":
    KINDS[sys.argv[1]](int(sys.argv[2]))

"""Report one error through an installed package and its public names: ``smoke.py flask``.

This is no test module: it runs in environments without pytest, with ``release/`` on ``sys.path``.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any

from first_day import ask_asgi, ask_wsgi
from sentryinit.testing import capture


def fail(*_: object) -> Any:
    """Fail: an application, or a view of one, that has an error."""
    return 1 / 0


def core() -> None:
    """Wrap a WSGI application."""
    from sentryinit.wsgi import SentryInitMiddleware

    ask_wsgi(SentryInitMiddleware(fail))


def django() -> None:
    """Run a request through a Django application."""
    from django import setup
    from django.conf import settings
    from django.test import Client
    from django.urls import path

    settings.configure(
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["sentryinit_django"],
        MIDDLEWARE=["sentryinit_django.middleware.SentryInitMiddleware"],
        ROOT_URLCONF=(path("", fail),),
        SECRET_KEY="only for this",
    )
    setup()
    Client().get("/")


def falcon() -> None:
    """Run a request through a Falcon application."""
    from falcon import App
    from falcon.testing import TestClient

    from sentryinit_falcon import install

    app = App()
    install(app)
    app.add_sink(fail, "/")
    TestClient(app).simulate_get("/")


def flask() -> None:
    """Run a request through a Flask application."""
    from flask import Flask

    from sentryinit_flask import SentryInit

    app = Flask("smoke")
    app.config["PROPAGATE_EXCEPTIONS"] = True
    SentryInit(app)
    app.add_url_rule("/", view_func=fail)
    app.test_client().get("/")


def starlette() -> None:
    """Run a request through a Starlette application."""
    from starlette.applications import Starlette

    from sentryinit_starlette import SentryInitMiddleware

    app = Starlette()
    app.add_middleware(SentryInitMiddleware)
    app.add_route("/orders/7", fail)
    asyncio.run(ask_asgi(app))


def aiohttp() -> None:
    """Run a request through an aiohttp application."""
    from aiohttp import web
    from aiohttp.test_utils import TestClient, TestServer

    from sentryinit_aiohttp import setup

    async def ask() -> None:
        app = web.Application()
        app.router.add_get("/", fail)
        setup(app)
        async with TestClient(TestServer(app)) as client:
            await client.get("/")

    asyncio.run(ask())


def testkit() -> None:
    """Import the contract; pytest is needed to run its cases."""
    from sentryinit_testkit import AdapterContract

    assert any(name.startswith("test_") for name in dir(AdapterContract))
    core()


def cli() -> None:
    """Ask the command for the settings of this process, and leave with an error."""
    from click.testing import CliRunner

    from sentryinit_cli import cli as command

    done = CliRunner().invoke(command, ["doctor", "--offline", "--json"])
    assert '"settings"' in done.output, done.output
    core()


def main(package: str) -> None:
    """Report the error above once, and fail unless exactly that event was captured."""
    with capture() as mailbox, contextlib.suppress(ZeroDivisionError):
        globals()[package]()
    kinds = [event["exception"]["values"][-1]["type"] for event in mailbox.events]
    assert kinds == ["ZeroDivisionError"], mailbox.events
    print(f"{package}: one error, one event")


if __name__ == "__main__":
    main(sys.argv[1])

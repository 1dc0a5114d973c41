"""The user of aiohttp (D5): ``request["user"]``, or the identity in a loaded session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sentryinit.testing import Mailbox, capture
from sentryinit_aiohttp import setup

LATEST = "it is installed with the latest aiohttp only"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with capture(collect=["user"]) as box:
        yield box


def users(mailbox: Mailbox) -> list[Any]:
    return [event.get("user") for event in mailbox.events]


def ask(app: web.Application, *paths: str) -> None:
    """Serve requests of one client."""

    async def main() -> None:
        async with TestClient(TestServer(app)) as client:
            for path in paths:
                (await client.get(path)).close()

    asyncio.run(main())


class User:
    """A user of the application."""

    def __init__(self, name: str) -> None:
        self.id, self.username = 7, name


# Older releases have texts as keys only.
USER: Any = web.RequestKey("user", object) if hasattr(web, "RequestKey") else "user"


async def fail(request: web.Request) -> web.Response:
    request[USER] = User("ann")
    raise ZeroDivisionError


async def answer(request: web.Request) -> web.Response:
    request[USER] = {"id": 7, "username": "ann"}
    return web.Response(status=503)


async def refuse(request: web.Request) -> web.Response:
    request[USER] = User("ann")
    raise web.HTTPServiceUnavailable


async def write(request: web.Request) -> web.Response:
    request[USER] = User("ann")
    logging.getLogger("orders").error("no stock")
    return web.Response()


async def say(request: web.Request) -> web.Response:
    request[USER] = User("ann")
    sentry_sdk.capture_message("no stock")
    return web.Response()


@pytest.mark.parametrize("handler", [fail, answer, refuse, write, say])
def test_user_of_the_request(mailbox: Mailbox, handler: Any) -> None:
    """D5: every event of the request has ``request["user"]``."""
    app = web.Application()
    app.router.add_get("/", handler)
    setup(app)
    ask(app, "/")

    assert users(mailbox) == [{"id": "7", "username": "ann"}]


@pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")
def test_user_under_a_text(mailbox: Mailbox) -> None:
    """D5: the key of the user may be a text."""

    async def view(request: web.Request) -> web.Response:
        request["user"] = "ann"
        raise ZeroDivisionError

    app = web.Application()
    app.router.add_get("/", view)
    setup(app)
    ask(app, "/")

    assert users(mailbox) == [{"id": "ann"}]


def test_user_is_not_collected_by_default() -> None:
    """D5: without collect=["user"] there is no user."""
    with capture() as box:
        app = web.Application()
        app.router.add_get("/", fail)
        setup(app)
        ask(app, "/")

    assert users(box) == [None]


def secured(handler: Any) -> web.Application:
    """Return an application with aiohttp-security, the identity in the session."""
    security = pytest.importorskip("aiohttp_security", reason=LATEST)
    session = pytest.importorskip("aiohttp_session", reason=LATEST)

    class Policy(security.AbstractAuthorizationPolicy):  # type: ignore[misc] # imported late
        async def permits(self, *_: Any) -> bool:
            return True

        async def authorized_userid(self, identity: str) -> str:
            return identity

    async def log_in(request: web.Request) -> web.Response:
        response = web.Response()
        await security.remember(request, response, "ann")
        return response

    app = web.Application()
    app.router.add_get("/login", log_in)
    app.router.add_get("/", handler)
    session.setup(app, session.SimpleCookieStorage())
    security.setup(app, security.SessionIdentityPolicy(), Policy())
    setup(app)
    return app


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_identity_of_aiohttp_security(mailbox: Mailbox) -> None:
    """D5: the user is the identity of aiohttp-security, if the application has asked for it."""

    async def view(request: web.Request) -> web.Response:
        import aiohttp_security

        assert await aiohttp_security.authorized_userid(request) == "ann"
        raise ZeroDivisionError

    ask(secured(view), "/login", "/")

    assert users(mailbox) == [{"id": "ann"}]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_session_is_not_loaded(mailbox: Mailbox) -> None:
    """D5: a session that the application has not loaded is not loaded; nobody logged in is none."""

    async def view(request: web.Request) -> web.Response:
        import aiohttp_security

        if "look" in request.query:
            assert await aiohttp_security.is_anonymous(request)
        raise ZeroDivisionError

    app = secured(view)
    ask(app, "/login", "/")
    ask(secured(view), "/?look")

    assert users(mailbox) == [None, None]

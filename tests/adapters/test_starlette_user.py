"""The user of Starlette and FastAPI (D5): that of ``AuthenticationMiddleware``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    BaseUser,
    SimpleUser,
    UnauthenticatedUser,
)
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from sentryinit import asgi
from sentryinit.testing import Mailbox, capture
from sentryinit_starlette import SentryInitMiddleware


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with capture(collect=["user"]) as box:
        yield box


def users(mailbox: Mailbox) -> list[Any]:
    return [event.get("user") for event in mailbox.events]


class Customer(BaseUser):
    """A user with an identity."""

    is_authenticated = True

    @property
    def identity(self) -> str:
        return "7"

    @property
    def display_name(self) -> str:
        return "ann"


class Nameless(BaseUser):
    """A user without identity: the base class raises."""

    is_authenticated = True
    display_name = "ann"


class Guest(Customer):
    """A user that is not authenticated."""

    is_authenticated = False


class Backend(AuthenticationBackend):
    """Finds the same user for each request."""

    def __init__(self, user: Any) -> None:
        self.user = user

    async def authenticate(self, conn: Any) -> Any:
        return AuthCredentials(), self.user


def fail(request: Request) -> Response:
    raise ZeroDivisionError


def refuse(request: Request) -> Response:
    raise HTTPException(503)


def answer(request: Request) -> Response:
    return Response(status_code=503)


def write(request: Request) -> Response:
    logging.getLogger("orders").error("no stock")
    return Response()


def say(request: Request) -> Response:
    sentry_sdk.capture_message("no stock")
    return Response()


def afterwards(request: Request) -> Response:
    return Response(background=BackgroundTask(lambda: 1 / 0))


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    raise ZeroDivisionError


def serve(app: Any, path: str = "/", kind: str = "http") -> None:
    """Serve one request or WebSocket."""
    scope = {
        "type": kind,
        "method": "GET",
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"shop.test")],
    }
    first = {"http": "http.request", "websocket": "websocket.connect"}[kind]

    async def receive() -> Any:
        if incoming:
            return incoming.pop()
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        """Accept it."""

    incoming = [{"type": first, "body": b""}]
    with contextlib.suppress(ZeroDivisionError):
        asyncio.run(app(scope, receive, send))


def ask(view: Any, user: Any, *middleware: Middleware, boundary: Any = None) -> None:
    """Serve one request to *view*, of *user*."""
    boundary = boundary or SentryInitMiddleware
    layers = [Middleware(boundary), *middleware]
    layers.append(Middleware(AuthenticationMiddleware, backend=Backend(user)))
    serve(Starlette(routes=[Route("/", view)], middleware=layers))


ANN = {"id": "7", "username": "ann"}


@pytest.mark.parametrize("view", [fail, refuse, answer, write, say, afterwards])
def test_user_of_the_request(mailbox: Mailbox, view: Any) -> None:
    """D5: every event of the request has the user of the middleware."""
    ask(view, Customer())

    assert users(mailbox) == [ANN]


def test_user_behind_other_middleware(mailbox: Mailbox) -> None:
    """D5: the user is known behind middleware that runs the application in a task of its own."""

    async def dispatch(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    ask(fail, Customer(), Middleware(BaseHTTPMiddleware, dispatch=dispatch))

    assert users(mailbox) == [ANN]


def test_user_of_the_generic_boundary(mailbox: Mailbox) -> None:
    """D5: the generic boundary finds the user as well."""
    ask(fail, Customer(), boundary=asgi.SentryInitMiddleware)

    assert users(mailbox) == [ANN]


def test_user_of_a_websocket(mailbox: Mailbox) -> None:
    """D5: a WebSocket has the user of its handshake."""
    layers = [
        Middleware(SentryInitMiddleware),
        Middleware(AuthenticationMiddleware, backend=Backend(Customer())),
    ]
    app = Starlette(routes=[WebSocketRoute("/ws", socket)], middleware=layers)
    serve(app, "/ws", "websocket")

    assert users(mailbox) == [ANN]


def test_user_of_a_mounted_application(mailbox: Mailbox) -> None:
    """D5: the middleware may be that of a mounted application."""
    inner = Starlette(
        routes=[Route("/", fail)],
        middleware=[Middleware(AuthenticationMiddleware, backend=Backend(Customer()))],
    )
    app = Starlette(routes=[Mount("/in", inner)], middleware=[Middleware(SentryInitMiddleware)])
    serve(app, "/in/")

    assert users(mailbox) == [ANN]


def test_user_of_fastapi(mailbox: Mailbox) -> None:
    """D5: FastAPI is as Starlette."""
    app = FastAPI()
    app.add_api_route("/", lambda: 1 / 0)
    app.add_middleware(AuthenticationMiddleware, backend=Backend(Customer()))
    app.add_middleware(SentryInitMiddleware)
    serve(app)

    assert users(mailbox) == [ANN]


@pytest.mark.parametrize(
    "user,found",
    [
        (Nameless(), {"username": "ann"}),
        (Guest(), None),
        (UnauthenticatedUser(), None),
        ({"id": 7, "email": "ann@shop.example"}, {"id": "7"}),
        ("ann", {"id": "ann"}),
        (object(), None),
    ],
)
def test_other_users(mailbox: Mailbox, user: Any, found: Any) -> None:
    """D5: of a user there is what it has; an anonymous one is none."""
    ask(fail, user)

    assert users(mailbox) == [found]


def test_simple_user(mailbox: Mailbox) -> None:
    """D5: Starlette's own user has a name; its identity is the name, or missing in old releases."""
    ask(fail, SimpleUser("ann"))

    assert users(mailbox) in ([{"id": "ann", "username": "ann"}], [{"username": "ann"}])


def test_user_is_not_collected_by_default() -> None:
    """D5: without collect=["user"] there is no user."""
    with capture() as box:
        ask(fail, Customer())

    assert users(box) == [None]

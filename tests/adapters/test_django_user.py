"""The user of Django (D5): ``request.user``, if the application has used it."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from django.db import models
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.test.utils import override_settings
from django.urls import path
from django.utils.functional import SimpleLazyObject

from drivers import django_app
from sentryinit.testing import Mailbox, capture

assert django_app.SORRY  # importing it configures Django once for this process
from django.contrib.auth.base_user import AbstractBaseUser  # noqa: E402 # it needs the settings

OURS = "sentryinit_django.middleware.SentryInitMiddleware"


class Customer(AbstractBaseUser):
    """A user model with a key and a name of its own."""

    number = models.IntegerField(primary_key=True)
    login = models.CharField(max_length=30)
    email = models.CharField(max_length=30)
    USERNAME_FIELD = "login"

    class Meta:
        """There is no such application, and no table."""

        app_label = "shop"


class Mailed(AbstractBaseUser):
    """A user model whose name is an e-mail address."""

    email = models.CharField(max_length=30)
    USERNAME_FIELD = "email"

    class Meta:
        """As above."""

        app_label = "shop"


class AnonymousUser:
    """As Django's own, which needs the application ``auth``."""

    id = pk = None
    username = ""
    is_authenticated = False


ANN = Customer(number=7, login="ann", email="ann@shop.example")
KNOWN = {"id": "7", "username": "ann"}


class Authentication:
    """As Django's own: the user is loaded at its first use."""

    user: Any = ANN
    loaded = 0
    async_capable = sync_capable = True

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __new__(cls, get_response: Any) -> Any:
        made: Any = super().__new__(cls)
        made.__init__(get_response)
        if not asyncio.iscoroutinefunction(get_response):
            return made

        async def middleware(request: Any) -> Any:
            made.prepare(request)
            return await get_response(request)

        return middleware

    def __call__(self, request: Any) -> Any:
        self.prepare(request)
        return self.get_response(request)

    def prepare(self, request: Any) -> None:
        def load() -> Any:
            type(self).loaded += 1
            return self.user

        async def auser() -> Any:
            request._acached_user = load()
            return request._acached_user

        request.user = SimpleLazyObject(load)
        request.auser = auser


THEIRS = f"{__name__}.Authentication"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with capture(collect=["user"]) as box:
        yield box


def users(mailbox: Mailbox) -> list[Any]:
    return [event.get("user") for event in mailbox.events]


def ask(view: Any, user: Any = ANN, *, is_async: bool = False) -> None:
    """Serve one request to *view*, of *user*."""
    Authentication.user, Authentication.loaded = user, 0
    urls = type("Urls", (), {"urlpatterns": [path("", view)]})
    with override_settings(ROOT_URLCONF=urls, MIDDLEWARE=[OURS, THEIRS]):
        if is_async:
            asyncio.run(AsyncClient(raise_request_exception=False).get("/"))
        else:
            Client(raise_request_exception=False).get("/")


def fail(request: Any) -> HttpResponse:
    return HttpResponse(str(request.user.is_authenticated and 1 / 0))


def answer(request: Any) -> HttpResponse:
    return HttpResponse(str(request.user), status=503)


def write(request: Any) -> HttpResponse:
    str(request.user)
    logging.getLogger("orders").error("no stock")
    return HttpResponse()


def say(request: Any) -> HttpResponse:
    str(request.user)
    sentry_sdk.capture_message("no stock")
    return HttpResponse()


def replace(request: Any) -> HttpResponse:
    request.user = ANN
    return HttpResponse(str(1 / 0))


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("view", [fail, answer, write, say, replace])
def test_user_that_is_used(mailbox: Mailbox, view: Any, is_async: bool) -> None:
    """D5: every event of the request has the user, with the key and name of its model."""
    ask(view, is_async=is_async)

    assert users(mailbox) == [KNOWN]


def test_user_that_is_awaited(mailbox: Mailbox) -> None:
    """D5: the user that ``request.auser()`` has found is known, too."""

    async def view(request: Any) -> HttpResponse:
        await request.auser()
        raise ZeroDivisionError

    ask(view, is_async=True)

    assert users(mailbox) == [KNOWN]


@pytest.mark.parametrize("is_async", [False, True])
def test_user_is_not_loaded(mailbox: Mailbox, is_async: bool) -> None:
    """D5: a user that the application has not used is not loaded: that may query."""
    ask(lambda request: HttpResponse(str(1 / 0)), is_async=is_async)

    assert (users(mailbox), Authentication.loaded) == ([None], 0)


@pytest.mark.parametrize(
    "user,found",
    [
        (AnonymousUser(), None),
        (Mailed(id=7, email="ann@shop.example"), {"id": "7", "username": "[email]"}),
        (Mailed(email="ann@shop.example"), {"username": "[email]"}),
        (SimpleLazyObject(lambda: ANN), None),
    ],
)
def test_other_users(mailbox: Mailbox, user: Any, found: Any) -> None:
    """D5: of a user there is what it has; an anonymous one is none."""
    ask(lambda request: HttpResponse(str(bool(request.user) and 1 / 0)), user)

    assert users(mailbox) == [found]


def test_deferred_fields_are_not_loaded(mailbox: Mailbox) -> None:
    """D5: a field that was left out of the query is not loaded; there is no table for it."""
    user = Customer.from_db("default", ["number"], [7])
    ask(lambda request: HttpResponse(str(request.user.pk and 1 / 0)), user)

    assert users(mailbox) == [{"id": "7"}]


def test_request_without_a_user(mailbox: Mailbox) -> None:
    """D5: without authentication there is no user."""
    urls = type("Urls", (), {"urlpatterns": [path("", functools.partial(int, "x"))]})
    with override_settings(ROOT_URLCONF=urls, MIDDLEWARE=[OURS]):
        Client(raise_request_exception=False).get("/")

    assert users(mailbox) == [None]


def test_user_is_not_collected_by_default() -> None:
    """D5: without collect=["user"] there is no user."""
    with capture() as box:
        ask(fail)

    assert users(box) == [None]

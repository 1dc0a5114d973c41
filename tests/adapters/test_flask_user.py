"""The user of Flask (D5): that of Flask-Login, or ``g.user``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sentry_sdk
from flask import Flask, abort, g

from sentryinit.testing import Mailbox, capture
from sentryinit_flask import SentryInit

LATEST = "it is installed with the latest Flask only"
ANN = {"id": "7", "username": "ann"}


class User:
    """A user of Flask-Login, which loads it by its id."""

    is_authenticated = is_active = True
    is_anonymous = False
    username = "ann"
    loaded: list[str] = []  # noqa: RUF012 # the tests read it

    def __init__(self, user_id: str) -> None:
        self.loaded.append(user_id)
        self.id = int(user_id)

    def get_id(self) -> str:
        return str(self.id)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with capture(collect=["user"]) as box:
        yield box


def ask(view: Callable[[], Any], *, logged_in: bool = True, **config: Any) -> None:
    """Serve one request to *view*."""
    flask_login = pytest.importorskip("flask_login", reason=LATEST)
    app = Flask("orders")
    app.config.update(SECRET_KEY="for this test", **config)
    flask_login.LoginManager(app).user_loader(User)
    app.add_url_rule("/", "view", view)
    app.add_url_rule("/login", "login", lambda: str(flask_login.login_user(User("7"))))
    SentryInit(app)
    client = app.test_client()
    if logged_in:
        client.get("/login")
    User.loaded.clear()
    try:
        client.get("/")
    except ZeroDivisionError:
        assert config


def users(mailbox: Mailbox) -> list[Any]:
    return [event.get("user") for event in mailbox.events]


def look() -> bool:
    """Have Flask-Login load the user."""
    import flask_login

    return bool(flask_login.current_user.is_authenticated)


def fail() -> str:
    return str(look() and 1 / 0)


def answer() -> Any:
    return str(look()), 503


def refuse() -> None:
    look()
    abort(503)


def write() -> str:
    look()
    logging.getLogger("orders").error("no stock")
    return "ok"


def say() -> str:
    look()
    sentry_sdk.capture_message("no stock")
    return "ok"


@pytest.mark.parametrize("view", [fail, answer, refuse, write, say])
def test_user_that_is_loaded(mailbox: Mailbox, view: Any) -> None:
    """D5: every event of the request has the user that the application has looked at."""
    ask(view)

    assert users(mailbox) == [ANN]


@pytest.mark.parametrize("config", [{"TESTING": True}, {"PROPAGATE_EXCEPTIONS": True}])
def test_user_of_an_exception_that_escapes(mailbox: Mailbox, config: Any) -> None:
    """D5: the user is known when Flask has popped the context of the request."""
    ask(fail, **config)

    assert users(mailbox) == [ANN]


def test_user_is_not_loaded(mailbox: Mailbox) -> None:
    """D5: a user that the application has not looked at is not loaded."""
    ask(lambda: str(1 / 0))

    assert (users(mailbox), User.loaded) == ([None], [])


def test_anonymous_user(mailbox: Mailbox) -> None:
    """D5: an anonymous user is none."""
    ask(lambda: str(look() or 1 / 0), logged_in=False)

    assert users(mailbox) == [None]


def test_user_is_not_collected_by_default() -> None:
    """D5: without collect=["user"] there is no user."""
    with capture() as box:
        ask(fail)

    assert users(box) == [None]


def test_user_in_g(mailbox: Mailbox) -> None:
    """D5: without Flask-Login, the user is ``g.user``."""
    app = Flask("orders")

    def view() -> str:
        g.user = {"id": 7, "username": "ann", "password": "hunter2"}
        return str(1 / 0)

    app.add_url_rule("/", view_func=view)
    SentryInit(app)
    app.test_client().get("/")

    assert users(mailbox) == [ANN]

"""The user of a request (D5): if asked for, as far as known, below the application's own."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
import sentry_sdk

from sentryinit import adapters, testing
from sentryinit.adapters import describe_user

Begin = Callable[..., adapters.Capture[Any]]
Box = testing.Mailbox


@pytest.fixture
def asked() -> Iterator[testing.Mailbox]:
    """Switch reporting on, with the user."""
    with testing.capture("shop", collect=["user"]) as box:
        yield box


def known(_request: object) -> dict[str, str]:
    return {"id": "7", "username": "ann"}


def fail(capture: adapters.Capture[Any]) -> None:
    capture.exception_escaped(ValueError("x"))


def user_of(box: Box) -> Any:
    (event,) = box.events
    return event.get("user")


# -- on events -------------------------------------------------------------------------------------


def log_error(capture: adapters.Capture[Any]) -> None:
    logging.getLogger("shop").error("no stock")
    capture.response_started(200)


WAYS = {
    "failure": fail,
    "status": lambda capture: (capture.response_started(503), capture.handler_done()),
    "record": log_error,
    "message": lambda _: sentry_sdk.capture_message("x"),
    "captured": lambda _: sentry_sdk.capture_exception(ValueError("x")),
    "event": lambda _: sentry_sdk.capture_event({"message": "x", "level": "error"}),
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@each_way
def test_an_event_of_any_way_has_the_user(asked: Box, begin: Begin, way: Any) -> None:
    """The user is on the event, however that came about."""
    way(begin(user=known))

    assert user_of(asked) == {"id": "7", "username": "ann"}


@each_way
def test_a_user_is_not_collected_by_default(mailbox: Box, begin: Begin, way: Any) -> None:
    """Without collect=["user"] nobody asks for the user."""
    asked_for: list[object] = []
    way(begin(user=asked_for.append))

    assert (user_of(mailbox), asked_for) == (None, [])


@each_way
@pytest.mark.parametrize(
    "own", [{"id": "8"}, {"email": "a"}, {"username": "bob", "segment": "gold"}]
)
def test_a_user_of_the_application_wins(asked: Box, begin: Begin, way: Any, own: Any) -> None:
    """What the application sets is all there is, if it names a person."""
    capture = begin(user=known)
    sentry_sdk.set_user(own)
    way(capture)

    assert user_of(asked) == own


@each_way
def test_a_user_of_the_application_without_a_name(asked: Box, begin: Begin, way: Any) -> None:
    """What the application sets is added, if it does not say who it is."""
    capture = begin(user=known)
    sentry_sdk.set_user({"segment": "gold"})
    way(capture)

    assert user_of(asked) == {"id": "7", "username": "ann", "segment": "gold"}


def test_a_user_that_is_known_later(asked: Box, begin: Begin) -> None:
    """The user is asked for with each event: it may be known only after the first."""
    users = iter([{}, {"id": "7"}])
    capture = begin(user=lambda _: next(users))
    sentry_sdk.capture_message("x")
    fail(capture)

    assert [event.get("user") for event in asked.events] == [None, {"id": "7"}]


def test_a_user_that_is_gone_when_the_body_fails(asked: Box, begin: Begin) -> None:
    """What was known when the 5xx started stays known, as the rest of the request does."""
    users = iter([{"id": "7"}, {}, {}])
    capture = begin(user=lambda _: next(users))
    capture.response_started(503)
    capture.handler_done()

    assert user_of(asked) == {"id": "7"}


def test_a_user_after_the_response(asked: Box, begin: Begin) -> None:
    """Work after the response has the user of the request."""
    capture = begin(user=known)
    later = capture.after_response("request")
    capture.close()
    fail(later)

    assert user_of(asked) == {"id": "7", "username": "ann"}


def test_outside_of_requests_there_is_no_user(asked: Box, begin: Begin) -> None:
    """An event of no request has no user of ours."""
    begin(user=known).close()
    sentry_sdk.capture_message("x")

    assert user_of(asked) is None


def test_a_user_is_masked(asked: Box, begin: Begin) -> None:
    """The values are masked and truncated like those of the application."""
    capture = begin(user=lambda _: {"id": "203.0.113.9", "username": "ann@shop.example"})
    fail(capture)

    assert user_of(asked) == {"id": "[ip]", "username": "[email]"}


def test_a_fact_that_raises(asked: Box, begin: Begin, said: Any) -> None:
    """E2: an adapter that fails costs the user, and nothing else of the event."""
    fail(begin(user=lambda _: 1 / 0))

    assert user_of(asked) is None
    assert asked.events[0]["exception"]["values"][-1]["value"] == "x"
    assert said() == ["describing the user failed: ZeroDivisionError"]


def test_a_user_that_is_set_to_something_else(asked: Box, begin: Begin) -> None:
    """A user of the application that is no mapping stays as it was."""
    capture = begin(user=known)
    sentry_sdk.set_user("ann")  # type: ignore[arg-type] # what it is about
    fail(capture)

    assert user_of(asked) == {"id": "ann"}


# -- describing an object --------------------------------------------------------------------------


class Column:
    """An attribute as ORMs have it: to read it on an object may query."""

    def __get__(self, obj: object, owner: object = None) -> Any:
        if obj is None:
            return self
        raise AssertionError("a query")

    def __set__(self, obj: object, value: object) -> NoReturn:
        raise AssertionError("a query")


class Model:
    """A user of an ORM."""

    id, username = Column(), Column()

    def __init__(self, **loaded: Any) -> None:
        self.__dict__.update(loaded)

    is_authenticated = True


class Anonymous:
    """A user that is not authenticated."""

    id, username = 1, "guest"
    is_authenticated = False


class Slotted:
    """A user without a ``__dict__``."""

    __slots__ = ("id", "username")

    def __init__(self) -> None:
        self.id, self.username = 7, "ann"


class Computed:
    """A user with properties, of which one raises."""

    @property
    def id(self) -> NoReturn:
        raise NotImplementedError

    @property
    def username(self) -> str:
        return "ann"


class Methods:
    """A user with a method, and an empty name."""

    def id(self) -> NoReturn:
        raise AssertionError("called")

    username = ""


ID = uuid.UUID("0af76519-16cd-43dd-8448-eb211c80319c")


@pytest.mark.parametrize(
    "user,found",
    [
        (Model(id=7, username="ann"), {"id": "7", "username": "ann"}),
        (Model(id=ID), {"id": str(ID)}),
        (Model(id=0), {"id": "0"}),
        (Model(id=None, username="ann"), {"username": "ann"}),
        (Model(), {}),
        (Model(id=7, is_authenticated=False), {}),
        (Model(id=[7], username=Model()), {}),
        (Anonymous(), {}),
        (Slotted(), {"id": "7", "username": "ann"}),
        (Computed(), {"username": "ann"}),
        (Methods(), {}),
        ({"id": 7, "username": "ann", "email": "a@b.example"}, {"id": "7", "username": "ann"}),
        ({"id": 7, "is_authenticated": False}, {}),
        ("ann", {"id": "ann"}),
        (7, {"id": "7"}),
        (None, {}),
        ("", {}),
        (object(), {}),
        (True, {}),
    ],
)
def test_describing_a_user(user: object, found: dict[str, str]) -> None:
    """Id and name are read where that asks nothing of a database; all else is left out."""
    assert describe_user(user) == found


def test_other_names_of_attributes() -> None:
    """The first attribute that has a value counts."""
    user = {"pk": 7, "id": 8, "login": "", "name": "ann"}

    assert describe_user(user, ("key", "pk", "id"), ("login", "name")) == {
        "id": "7",
        "username": "ann",
    }

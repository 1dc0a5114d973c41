"""Flask with extensions that answer exceptions themselves: flask-restx and flask-restful."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, abort, request_started
from reported import summary
from werkzeug.exceptions import HTTPException, NotFound, ServiceUnavailable

from sentryinit.testing import Mailbox, capture
from sentryinit_flask import SentryInit

# Neither has type annotations. flask-restful is not maintained; flask-restx is its successor.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
Answer = Callable[[], Any]
LATEST = "it is installed with the latest Flask only"


class OutOfStock(Exception):
    """An exception of the application, with a handler."""


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with capture() as box:
        yield box


def restx(app: Flask, answer: Answer) -> Any:
    flask_restx = pytest.importorskip("flask_restx", reason=LATEST)
    api = flask_restx.Api(app)
    add(flask_restx.Resource, api, answer)
    return api


def restful(app: Flask, answer: Answer) -> Any:
    flask_restful = pytest.importorskip("flask_restful", reason=LATEST)
    api = flask_restful.Api(app)
    add(flask_restful.Resource, api, answer)
    return api


def add(base: Any, api: Any, answer: Answer) -> None:
    class Orders(base):  # type: ignore[misc] # its class is not known before the test
        def get(self) -> Any:
            return answer()

    api.add_resource(Orders, "/orders")


Library = Callable[[Flask, Answer], Any]


def installed(library: Library, answer: Answer, order: str) -> tuple[Flask, Any]:
    """Return an application with the library and ours, the one named by *order* first."""
    app = Flask("orders")
    if order == "ours first":
        SentryInit(app)
    api = library(app, answer)
    SentryInit(app)
    return app, api


def raises(error: type[Exception], cause: type[Exception] | None = None) -> Answer:
    def answer() -> Any:
        raise error from cause

    return answer


orders = pytest.mark.parametrize("order", ["ours first", "theirs first"])
libraries = pytest.mark.parametrize("library", [restx, restful])


@orders
@libraries
@pytest.mark.parametrize(
    "answer,event",
    [
        (raises(KeyError), ("KeyError", False, "500", "/orders")),
        (lambda: abort(503), ("HTTP 503 GET /orders", None, "503", "/orders")),
        (raises(ServiceUnavailable, KeyError), ("KeyError", True, "503", "/orders")),
        (lambda: ("busy", 503), ("HTTP 503 GET /orders", None, "503", "/orders")),
    ],
    ids=["error", "abort", "abort with a cause", "status"],
)
def test_failure_in_a_resource_is_one_event(
    mailbox: Mailbox, library: Library, answer: Answer, event: object, order: str
) -> None:
    """A2, A4, A5: the libraries send Flask's signal for what they answer, and log it."""
    app, _ = installed(library, answer, order)
    app.test_client().get("/orders")

    assert summary(mailbox) == [event]


@orders
@libraries
@pytest.mark.parametrize("status", [400, 401, 404, 409])
def test_4xx_of_a_resource_is_no_event(
    mailbox: Mailbox, library: Library, status: int, order: str
) -> None:
    """A1: an abort below 500 is no event, nor is an unknown path."""
    app, _ = installed(library, lambda: abort(status), order)
    client = app.test_client()

    assert [client.get(path).status_code for path in ("/orders", "/no")] == [status, 404]
    assert mailbox.events == []


@orders
@libraries
def test_ignored_status_of_a_resource(library: Library, order: str) -> None:
    """B6: ignore_statuses applies to an abort, and not to an error."""
    with capture(ignore_statuses=[500, 503]) as mailbox:
        for answer in (lambda: abort(503), raises(KeyError)):
            app, _ = installed(library, answer, order)
            app.test_client().get("/orders")

    assert [event[0] for event in summary(mailbox)] == ["KeyError"]


@orders
@libraries
def test_propagated_error_of_a_resource_is_one_event(
    mailbox: Mailbox, library: Library, order: str
) -> None:
    """A2: with PROPAGATE_EXCEPTIONS both handlers of the library are passed."""
    app, _ = installed(library, raises(KeyError), order)
    app.config["PROPAGATE_EXCEPTIONS"] = True

    with pytest.raises(KeyError):
        app.test_client().get("/orders")

    assert summary(mailbox) == [("KeyError", False, "500", "/orders")]


@orders
@pytest.mark.parametrize(
    "status,events", [(503, [("OutOfStock", True, "503", "/orders")]), (409, [])]
)
def test_error_handler_of_restx(
    mailbox: Mailbox, status: int, events: list[object], order: str
) -> None:
    """A6, A7: a handler of flask-restx gets the exception before any of Flask's does."""
    app, api = installed(restx, raises(OutOfStock), order)
    api.errorhandler(OutOfStock)(lambda error: ({"message": "sold out"}, status))

    assert app.test_client().get("/orders").status_code == status
    assert summary(mailbox) == events


@orders
@libraries
def test_other_views_are_seen_as_well(mailbox: Mailbox, library: Library, order: str) -> None:
    """A6: an error handler of Flask, in an application that has such resources too."""
    app, _ = installed(library, lambda: "fine", order)
    app.register_error_handler(OutOfStock, lambda error: ("sold out", 503))
    app.add_url_rule("/buy", view_func=raises(OutOfStock))
    app.test_client().get("/buy")

    assert summary(mailbox) == [("OutOfStock", True, "503", "/buy")]


@pytest.mark.parametrize("error", [NotFound, ServiceUnavailable])
def test_http_exception_that_nobody_answers_is_one_event(
    mailbox: Mailbox, error: type[HTTPException]
) -> None:
    """A2: Flask answers 500 for an HTTP exception of an error handler, or one that is trapped."""
    trapping = Flask("trapping")
    trapping.config["TRAP_HTTP_EXCEPTIONS"] = True
    trapping.add_url_rule("/orders", view_func=raises(error))
    failing = Flask("failing")
    failing.add_url_rule("/orders", view_func=lambda: "fine")
    failing.after_request(lambda response: abort(error.code or 0))
    for app in (trapping, failing):
        SentryInit(app)
        assert app.test_client().get("/orders").status_code == 500

    assert summary(mailbox) == [(error.__name__, False, "500", "/orders")] * 2


def test_extension_that_replaces_log_exception(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C2: what replaces a method of the application before the first request is observed too."""
    app = Flask("orders")
    SentryInit(app)
    logger = logging.getLogger("theirs")
    monkeypatch.setattr(app, "log_exception", lambda info: logger.error("it failed"))
    app.add_url_rule("/orders", view_func=raises(KeyError))
    for _ in range(2):
        app.test_client().get("/orders")

    assert summary(mailbox) == [("KeyError", False, "500", "/orders")] * 2


def test_signal_of_the_first_request_leaves_nothing_behind(mailbox: Mailbox) -> None:
    """F1: once each application was served, or is gone, Flask has nobody to send its signal to."""
    gc.collect()  # the applications of earlier tests
    before = len(request_started.receivers)
    served, unserved = Flask("served"), Flask("unserved")
    for app in (served, unserved):
        SentryInit(app)
    assert len(request_started.receivers) == before + 2
    served.test_client().get("/no")
    del app, unserved
    gc.collect()

    assert len(request_started.receivers) == before

"""Flask only: hooks, routes, and several applications in one process."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sentry_sdk
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    make_response,
    render_template_string,
    request,
    stream_with_context,
)
from reported import summary, warnings_of
from werkzeug.exceptions import (
    BadRequestKeyError,
    HTTPException,
    InternalServerError,
    NotFound,
    ServiceUnavailable,
    Unauthorized,
)
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

import sentryinit
from sentryinit import wsgi
from sentryinit.testing import Mailbox, capture
from sentryinit_flask import SentryInit, debug_panic


class OutOfStock(Exception):
    """An exception of the application, with a handler."""


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with capture(debug_token="letmein") as box:
        yield box


@pytest.fixture
def app(mailbox: Mailbox) -> Flask:
    app = Flask("orders")
    SentryInit(app)
    return app


def the_event(mailbox: Mailbox) -> dict[str, object]:
    (event,) = mailbox.events
    return event


def test_blueprint_prefix_is_part_of_the_route(app: Flask, mailbox: Mailbox) -> None:
    """D3: nested blueprints and converters give one route."""
    inner = Blueprint("inner", __name__, url_prefix="/orders/<int:order_id>")
    outer = Blueprint("outer", __name__, url_prefix="/<string(length=2):lang>")
    inner.add_url_rule("/lines/<path:line>", view_func=lambda order_id, lang, line: 1 / 0)
    outer.register_blueprint(inner)
    app.register_blueprint(outer)

    app.test_client().get("/en/orders/17/lines/a/b")

    assert summary(mailbox) == [
        ("ZeroDivisionError", False, "500", "/{lang}/orders/{order_id}/lines/{line}")
    ]


def test_exception_answered_by_a_blueprint_is_handled(app: Flask, mailbox: Mailbox) -> None:
    """A6: the exception is reported as handled."""
    blueprint = Blueprint("shop", __name__)

    @blueprint.errorhandler(OutOfStock)
    def answer(error: OutOfStock) -> tuple[str, int]:
        return "sold out", 503

    @blueprint.get("/buy")
    def buy() -> str:
        raise OutOfStock

    app.register_blueprint(blueprint)
    app.test_client().get("/buy")

    assert summary(mailbox) == [("OutOfStock", True, "503", "/buy")]


@pytest.mark.parametrize(
    ("key", "handled"),
    [(Exception, True), (500, False)],
    ids=["Exception handles", "500 dresses"],
)
def test_catch_all_error_handlers(
    app: Flask, mailbox: Mailbox, key: type[Exception] | int, handled: bool
) -> None:
    """A6: errorhandler(Exception) handles; errorhandler(500) gets unhandled exceptions."""
    app.register_error_handler(key, lambda error: ("oops", 500))
    app.add_url_rule("/fail", view_func=lambda: 1 / 0)

    app.test_client().get("/fail")

    assert summary(mailbox) == [("ZeroDivisionError", handled, "500", "/fail")]


def test_abort_with_a_response(app: Flask, mailbox: Mailbox) -> None:
    """A5: abort(Response) raises the framework's exception, which then has no code."""
    app.add_url_rule("/busy", view_func=lambda: abort(make_response("busy", 503)))

    app.test_client().get("/busy")

    assert summary(mailbox) == [("HTTP 503 GET /busy", None, "503", "/busy")]


def test_failing_error_handler_is_one_event(app: Flask, mailbox: Mailbox) -> None:
    """A2: the handler's own exception is unhandled, with the first one as its context."""

    @app.errorhandler(OutOfStock)
    def fail(error: OutOfStock) -> str:
        raise ValueError("in the handler")

    @app.get("/buy")
    def buy() -> str:
        raise OutOfStock

    app.test_client().get("/buy")

    assert summary(mailbox) == [("ValueError", False, "500", "/buy")]
    values = the_event(mailbox)["exception"]["values"]  # type: ignore[index] # an event is JSON
    assert [value["type"] for value in values] == ["OutOfStock", "ValueError"]


def test_failing_500_handler_is_one_event(app: Flask, mailbox: Mailbox) -> None:
    """A2: its exception escapes, with the one that it makes the page for as its context."""

    @app.errorhandler(500)
    def fail(error: Exception) -> str:
        raise ValueError("in the handler")

    app.add_url_rule("/fail", view_func=lambda: 1 / 0)
    with pytest.raises(ValueError, match="in the handler"):
        app.test_client().get("/fail")

    assert summary(mailbox) == [("ValueError", False, "500", "/fail")]
    values = the_event(mailbox)["exception"]["values"]  # type: ignore[index] # an event is JSON
    assert [value["type"] for value in values] == ["ZeroDivisionError", "ValueError"]


@pytest.mark.parametrize("hook", ["before_request", "after_request"])
def test_failing_hook_is_one_event(app: Flask, mailbox: Mailbox, hook: str) -> None:
    """A2: before_request or after_request fails; Flask calls after_request twice and logs it."""
    app.add_url_rule("/fine", view_func=lambda: "fine")

    def fail(*args: object) -> None:
        raise ValueError(hook)

    getattr(app, hook)(fail)
    app.test_client().get("/fine")

    assert summary(mailbox) == [("ValueError", False, "500", "/fine")]


def test_failing_teardown_is_one_event(app: Flask, mailbox: Mailbox) -> None:
    """A2: the exception reaches the server before the response was started."""
    app.add_url_rule("/fine", view_func=lambda: "fine")

    @app.teardown_request
    def fail(error: BaseException | None) -> None:
        raise ValueError("teardown")

    with pytest.raises(ValueError, match="teardown"):
        app.test_client().get("/fine")

    assert summary(mailbox) == [("ValueError", False, "500", "/fine")]


def test_failing_view_and_teardown_are_one_event(app: Flask, mailbox: Mailbox) -> None:
    """C: one event for a request: its first failure."""
    app.add_url_rule("/fail", view_func=lambda: 1 / 0)

    @app.teardown_request
    def fail(error: BaseException | None) -> None:
        raise ValueError("teardown")

    with pytest.raises(ValueError, match="teardown"):
        app.test_client().get("/fail")

    assert summary(mailbox) == [("ZeroDivisionError", False, "500", "/fail")]


def test_failing_stream_has_a_route(app: Flask, mailbox: Mailbox) -> None:
    """A8: Flask has popped the request context when the body fails."""

    @app.get("/orders/<int:order_id>/export")
    def export(order_id: int) -> Response:
        def rows() -> Iterator[str]:
            yield "first"
            raise ValueError("row 2")

        return Response(rows())

    with pytest.raises(ValueError, match="row 2"):
        app.test_client().get("/orders/17/export").get_data()

    assert summary(mailbox) == [("ValueError", False, "200", "/orders/{order_id}/export")]


def test_async_views(app: Flask, mailbox: Mailbox) -> None:
    """A2, A4: an async view fails and answers like any other."""

    @app.get("/raise")
    async def raises() -> str:
        raise ValueError("async")

    @app.get("/busy")
    async def busy() -> tuple[str, int]:
        return "busy", 503

    app.test_client().get("/raise")
    app.test_client().get("/busy")

    assert summary(mailbox) == [
        ("ValueError", False, "500", "/raise"),
        ("HTTP 503 GET /busy", None, "503", "/busy"),
    ]


def test_propagated_exception_is_one_event(app: Flask, mailbox: Mailbox) -> None:
    """A2, A3: with TESTING or PROPAGATE_EXCEPTIONS the exception reaches the server."""
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.add_url_rule("/fail", view_func=lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        app.test_client().get("/fail")

    assert summary(mailbox) == [("ZeroDivisionError", False, "500", "/fail")]


def test_flask_s_log_record_is_no_event(
    app: Flask, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    """C2: its logger has the name of the application, so no name can be ignored."""
    app.add_url_rule("/fail", view_func=lambda: 1 / 0)

    app.test_client().get("/fail")

    assert [record.name for record in caplog.records if record.levelno == logging.ERROR] == [
        "orders"
    ]
    assert summary(mailbox) == [("ZeroDivisionError", False, "500", "/fail")]


@pytest.mark.parametrize("key", [500, InternalServerError])
def test_500_handler_that_answers_below_500_is_no_event(
    app: Flask, mailbox: Mailbox, key: Any
) -> None:
    """A7: neither the exception nor Flask's log record is an event."""
    app.register_error_handler(key, lambda _: ("later", 202))
    app.add_url_rule("/fail", view_func=lambda: 1 / 0)

    assert app.test_client().get("/fail").status_code == 202
    assert summary(mailbox) == []


def test_hook_that_answers_below_500_is_no_event(
    app: Flask, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    """A7: the application's own log record is an event, and Flask still logs."""

    @app.after_request
    def always_good(response: Response) -> Response:
        app.logger.error("changed")
        response.status_code = 200
        return response

    app.add_url_rule("/fail", view_func=lambda: 1 / 0)
    app.test_client().get("/fail")

    assert [event["logentry"]["message"] for event in mailbox.events] == ["changed"]
    assert "Exception on /fail [GET]" in caplog.messages


def test_log_exception_outside_of_requests_is_an_event(app: Flask, mailbox: Mailbox) -> None:
    """``log_exception`` called outside of a request logs as usual."""
    with app.test_request_context("/"):
        app.log_exception((LookupError, LookupError("x"), None))

    assert [event["logger"] for event in mailbox.events] == ["orders"]


def trouble(error: type[Exception], cause: type[Exception] | None = None) -> Callable[[], Any]:
    def view() -> Any:
        raise error from cause

    return view


BUSY = ("HTTP 503 GET /orders", None, "503", "/orders")


@pytest.mark.parametrize(
    "error,cause,events",
    [
        (NotFound, None, []),
        (BadRequestKeyError, None, []),
        (Unauthorized, KeyError, []),
        (ServiceUnavailable, None, [BUSY]),
        (ServiceUnavailable, KeyError, [("KeyError", True, "503", "/orders")]),
    ],
)
@pytest.mark.parametrize("logged_in", ["handler", "view"])
def test_logged_http_exception_is_no_event_of_its_own(
    app: Flask,
    mailbox: Mailbox,
    error: type[HTTPException],
    cause: type[Exception] | None,
    events: list[object],
    logged_in: str,
) -> None:
    """A1, C2: it is logged with its traceback; the record is about the response."""
    log = logging.getLogger("shop")

    def answer(error: HTTPException) -> HTTPException:
        log.exception("it failed")  # noqa: LOG004 # the framework handles it
        return error

    def view() -> Any:
        try:
            raise error from cause
        except HTTPException:
            log.exception("it failed")
            raise

    if logged_in == "handler":
        app.register_error_handler(HTTPException, answer)
    app.add_url_rule("/orders", view_func=view if logged_in == "view" else trouble(error, cause))
    app.test_client().get("/orders")

    assert summary(mailbox) == events


def test_handler_that_answers_a_4xx_with_503_is_an_event_of_it(
    app: Flask, mailbox: Mailbox
) -> None:
    """A6: an exception below 500 is not the response, so it is the evidence."""
    app.register_error_handler(NotFound, lambda error: ("later", 503))
    app.add_url_rule("/orders", view_func=trouble(NotFound))
    app.test_client().get("/orders")

    assert summary(mailbox) == [("NotFound", True, "503", "/orders")]


def test_application_factory(mailbox: Mailbox) -> None:
    """An extension without application; a second init_app() does nothing."""
    extension = SentryInit()

    def create_app() -> Flask:
        app = Flask("orders")
        extension.init_app(app)
        extension.init_app(app)
        app.add_url_rule("/fail", view_func=lambda: 1 / 0)
        return app

    app = create_app()
    app.test_client().get("/fail")

    assert app.extensions["sentryinit"] is extension
    assert summary(mailbox) == [("ZeroDivisionError", False, "500", "/fail")]


def test_two_applications_in_one_process(mailbox: Mailbox) -> None:
    """D3: each application has its own routes, also if both are mounted."""
    apps = {}
    for name in ("orders", "stock"):
        apps[name] = Flask(name)
        SentryInit(apps[name])
        apps[name].add_url_rule(f"/{name}/<item>", view_func=lambda item: 1 / 0)
    both = Client(DispatcherMiddleware(apps["orders"], {"/second": apps["stock"]}))

    both.get("/orders/1")
    both.get("/second/stock/2")

    assert summary(mailbox) == [
        ("ZeroDivisionError", False, "500", "/orders/{item}"),
        ("ZeroDivisionError", False, "500", "/stock/{item}"),
    ]
    assert the_event(mailbox_of_last(mailbox))["request"]["url"] == (  # type: ignore[index] # an event is JSON
        "http://localhost/second/stock/2"
    )


def mailbox_of_last(mailbox: Mailbox) -> Mailbox:
    """Return a mailbox with only the newest envelope."""
    last = Mailbox()
    last.put(mailbox.envelopes[-1])
    return last


def test_options_and_app_config() -> None:
    """Arguments precede app.config, where text is parsed as in the environment."""
    sent: list[str] = []
    app = Flask("orders")
    app.config["SENTRYINIT_IGNORE_STATUSES"] = "503,520-529"
    app.config["SENTRYINIT_SERVICE"] = "from-config"
    app.add_url_rule("/busy", "busy", lambda: ("busy", 503))
    app.add_url_rule("/broken", "broken", lambda: ("broken", 502))
    with capture() as mailbox, pytest.MonkeyPatch.context() as patch:
        from sentryinit import _init
        from sentryinit._state import STATE

        transport = STATE.settings.transport  # type: ignore[union-attr] # capture() has set it
        STATE.reset()
        patch.setattr(_init, "install_hooks", lambda: None)
        SentryInit(
            app, service="from-argument", dsn="https://k@sentryinit.invalid/1", transport=transport
        )
        app.test_client().get("/busy")
        app.test_client().get("/broken")
        sent = [event["tags"]["service"] for event in mailbox.events]
        count = len(mailbox.events)

    assert (sent, count) == (["from-argument"], 1)


def test_cookies_of_the_framework_have_no_value() -> None:
    """G1: the session cookie of Flask, and those of its extensions, under any name."""
    app = Flask("orders")
    app.config |= {"SESSION_COOKIE_NAME": "shop", "REMEMBER_COOKIE_NAME": "who"}
    app.add_url_rule("/fail", view_func=lambda: 1 / 0)
    with capture(collect=["cookies"]) as mailbox:
        SentryInit(app)
        cookies = {"Cookie": "shop=tea; who=alice; theme=dark"}
        app.test_client(use_cookies=False).get("/fail", headers=cookies)

    hidden = dict.fromkeys(("shop", "who"), "[secret]")
    assert the_event(mailbox)["request"]["cookies"] == {**hidden, "theme": "dark"}  # type: ignore[index] # an event is JSON


def test_wrong_option_raises() -> None:
    """A misspelt key in app.config is an error that names it."""
    app = Flask("orders")
    app.config["SENTRYINIT_IGNORE_STATUS"] = "503"

    with pytest.raises(TypeError, match="unknown option ignore_status; did you mean ignore_status"):
        SentryInit(app)


WRONG = ["orders", "https://0a1b2c@sentryinit.invalid/1", object(), Flask, {"dsn": "x"}, 5]


@pytest.mark.parametrize("app", WRONG)
def test_wrong_object_is_refused(app: Any) -> None:
    """What is no application is a TypeError that says so, without the value: it may be a DSN."""
    words = r"^SentryInit\(app\): app must be a Flask application, not a value of type "
    for options in ({}, {"dsn": WRONG[1]}):
        with pytest.raises(TypeError, match=words) as caught:
            SentryInit(app, **options)
        assert "0a1b2c" not in str(caught.value)


def test_keys_of_app_config_may_be_anything() -> None:
    """A key of app.config that is no text is nothing of ours, and hides nothing of the event."""
    app = Flask("orders")
    app.config[5] = "x"  # type: ignore[index] # Flask itself does not refuse it
    app.add_url_rule("/fail", view_func=lambda: 1 / 0)
    with capture() as mailbox:
        SentryInit(app)
        app.test_client().get("/fail")

    assert the_event(mailbox)["transaction"] == "/fail"


def test_without_a_dsn_the_application_is_unchanged() -> None:
    """E3: nothing is wrapped, connected or replaced."""
    app = Flask("orders")
    before = app.wsgi_app

    SentryInit(app)

    assert app.wsgi_app == before
    assert "handle_user_exception" not in vars(app)


@pytest.mark.parametrize("method", "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE".split())
def test_debug_route_without_token_is_an_unknown_path(
    app: Flask, mailbox: Mailbox, method: str
) -> None:
    """I1: for any method a wrong token gets the response of an unknown path."""
    app.register_error_handler(404, lambda error: ("our own 404", 404))
    app.add_url_rule("/debug/sentry-panic", view_func=debug_panic)
    client = app.test_client()

    shut = client.open("/debug/sentry-panic?token=wrong", method=method)
    nowhere = client.open("/debug/nowhere?token=wrong", method=method)

    assert (shut.status, shut.data, list(shut.headers)) == (
        nowhere.status,
        nowhere.data,
        list(nowhere.headers),
    )
    assert mailbox.events == []


# -- clients in the process --------------------------------------------------------------------


def test_client_that_never_closes_tells_each_stream_with_its_request(
    app: Flask, mailbox: Mailbox
) -> None:
    """D6: Flask's test client closes no response by itself; each body runs as its own request."""

    @app.get("/rows/<name>")
    def rows(name: str) -> Response:
        sentry_sdk.set_tag("name", name)

        @stream_with_context
        def stream() -> Iterator[str]:
            for number in range(2):
                sentry_sdk.capture_message(f"{request.view_args['name']} {number}")  # type: ignore[index] # it has some
                yield "row"

        return Response(stream())

    client = app.test_client()
    bodies = {name: client.get(f"/rows/{name}").iter_encoded() for name in ("tea", "milk", "salt")}
    # Flask keeps its contexts on a stack.
    names = ("salt", "milk", "tea")
    for name in names:
        list(bodies[name])
    found = {
        (event["logentry"]["formatted"], event["tags"]["name"], event["request"]["url"][-4:])
        for event in mailbox.events
    }
    assert found == {(f"{name} {n}", name, f"/{name}"[-4:]) for name in names for n in (0, 1)}
    assert len(mailbox.events) == 6


def test_job_after_a_request_is_not_the_request_s(app: Flask, mailbox: Mailbox) -> None:
    """D6: What is captured in the thread after a request has nothing of it."""

    @app.get("/login")
    def login() -> str:
        sentry_sdk.set_user({"id": "alice"})
        return "fine"

    @app.get("/rows")
    def rows() -> Response:
        sentry_sdk.set_user({"id": "alice"})
        return Response(str(sentry_sdk.get_isolation_scope()._user) for _ in range(2))

    app.test_client().get("/login").close()
    sentry_sdk.capture_message("job")
    # Read to the end, and not closed.
    assert app.test_client().get("/rows").text == "{'id': 'alice'}" * 2
    sentry_sdk.capture_message("job")
    assert [("user" in e, "request" in e) for e in mailbox.events] == [(False, False)] * 2


@pytest.mark.parametrize(("status", "count"), [(400, 0), (503, 1)])
def test_logged_text_of_an_http_exception_is_no_event(
    app: Flask, mailbox: Mailbox, status: int, count: int
) -> None:
    """C2: a record with the description of the HTTP exception that is the response is about it."""

    @app.get("/orders")
    def orders() -> None:
        app.logger.error("the order has no lines")
        abort(status, "the order has no lines")

    app.test_client().get("/orders")

    assert len(mailbox.events) == count


# -- the order of middlewares ----------------------------------------------------------------------


class Auth:
    """A WSGI middleware."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)


class Hostile(Auth):
    """A middleware that refuses attributes."""

    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError

    def __getattribute__(self, name: str) -> Any:
        if name == "app" and sys._getframe(1).f_code.co_name != "__call__":
            raise ZeroDivisionError
        return object.__getattribute__(self, name)


def timed(app: Any) -> Any:
    """Return *app* in a function."""

    def timing(environ: Any, start_response: Any) -> Any:
        return app(environ, start_response)

    return timing


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return the warnings of sentryinit."""
    return functools.partial(warnings_of, caplog)


@pytest.mark.parametrize(
    ("layers", "named"),
    [
        ([], ""),
        ([ProxyFix], ""),
        ([DispatcherMiddleware], ""),
        ([Auth], "Auth"),
        ([timed], "timed.<locals>.timing"),
        ([Auth, ProxyFix], "Auth"),
        ([timed, Auth, ProxyFix], "Auth, timed.<locals>.timing"),
        ([wsgi.SentryInitMiddleware, Auth], ""),
        ([Hostile], ""),
    ],
)
def test_middlewares_outside_are_named_at_the_first_request(
    app: Flask, warnings: Any, layers: list[Any], named: str
) -> None:
    """E6: those of Werkzeug, as ProxyFix, have to be outside; a generic boundary reports itself."""
    for each in layers:
        app.wsgi_app = each(app.wsgi_app)
    assert warnings() == []
    for _ in range(2):
        assert app.test_client().get("/nowhere").status_code == 404

    text = f"Outside of sentryinit's middleware: {named}; errors there are reported "
    text += "without their requests. "
    hint = "Call SentryInit(app) after app.wsgi_app is wrapped."
    assert warnings() == [text + hint] * bool(named)


def test_middlewares_inside_are_no_warning(mailbox: Mailbox, warnings: Any) -> None:
    """E6: what was there before the extension is inside of it."""
    app = Flask("orders")
    app.wsgi_app = Auth(app.wsgi_app)  # type: ignore[method-assign] # the documented way
    SentryInit(app)
    app.test_client().get("/nowhere")

    assert warnings() == []


# -- other options than those of init() ------------------------------------------------------------


def test_options_that_come_too_late_are_named_and_masks_are_added(
    mailbox: Mailbox, warnings: Any
) -> None:
    """G1: the extension's options after an init(): masks count, the others are a warning."""
    sentryinit.init("orders")
    for _ in range(2):
        app = Flask("orders")
        app.config["SENTRYINIT_FLUSH_TIMEOUT"] = 7
        SentryInit(app, mask_keys=["pet"], environment="staging")
    sentry_sdk.capture_message("pet=cat")

    assert warnings() == [
        "A later set-up (flask configuration) has other values of flush_timeout, environment: "
        "they are ignored. The first set-up of a process counts: give them to that one."
    ]
    assert the_event(mailbox)["logentry"]["message"] == "pet=[secret]"  # type: ignore[index] # an event is JSON


# -- the id of the event ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [500, Exception, OutOfStock])
def test_error_handler_knows_the_event(kind: Any, app: Flask, mailbox: Mailbox) -> None:
    """D9: The template of an error handler has the id; ``after_request`` knows it, too."""

    @app.errorhandler(kind)
    def page(_error: Exception) -> tuple[str, int]:
        known = [sentryinit.event_id(), sentry_sdk.last_event_id()]
        return render_template_string("{{ ids | join(' ') }}", ids=known), 500

    @app.after_request
    def add(response: Response) -> Response:
        response.headers["X-Event"] = str(sentryinit.event_id())
        return response

    @app.get("/")
    def fail() -> str:
        raise OutOfStock

    response = app.test_client().get("/")

    (event,) = mailbox.events
    found = {*response.text.split(), response.headers["X-Event"]}
    assert found == {event["event_id"]}


def test_error_page_of_a_4xx_has_no_id(app: Flask, mailbox: Mailbox) -> None:
    """D9: The page of a 404 has no id: it is known that there is no event."""

    @app.errorhandler(404)
    def page(_error: Exception) -> tuple[str, int]:
        return f"{sentryinit.event_id()} {sentry_sdk.last_event_id()}", 404

    assert app.test_client().get("/nowhere").text == "None None"
    assert mailbox.events == []


def test_page_of_a_503_has_the_id_of_what_was_captured(app: Flask, mailbox: Mailbox) -> None:
    """D9: If the application has captured the reason of its 503, it is the id of that event."""

    @app.errorhandler(503)
    def page(_error: Exception) -> tuple[str, int]:
        return f"{sentryinit.event_id()} {sentry_sdk.last_event_id()}", 503

    @app.get("/")
    def fail() -> str:
        try:
            raise OutOfStock
        except OutOfStock as error:
            sentry_sdk.capture_exception(error)
            abort(503)

    text = app.test_client().get("/").text

    assert text.split() == [the_event(mailbox)["event_id"]] * 2


@pytest.mark.parametrize("inside", [False, True])
def test_url_is_what_a_proxy_says(mailbox: Mailbox, inside: bool) -> None:
    """D5: werkzeug's ProxyFix changes the environ, whichever of the two was set up first."""
    app = Flask("orders")
    seen = []

    @app.get("/fail")
    def fail() -> str:
        seen.append(request.url)
        raise ValueError

    steps = [
        lambda: setattr(app, "wsgi_app", ProxyFix(app.wsgi_app, x_proto=1, x_host=1, x_prefix=1)),
        lambda: SentryInit(app),
    ]
    for step in steps if inside else reversed(steps):
        step()
    forwarded = {"Proto": "https", "Host": "shop.example", "Prefix": "/eu"}
    headers = {f"X-Forwarded-{name}": text for name, text in forwarded.items()}
    app.test_client().get("/fail", headers=headers)

    assert mailbox.events[0]["request"]["url"] == seen[0] == "https://shop.example/eu/fail"


def test_failure_without_the_extension_is_unhandled(mailbox: Mailbox, warnings: Any) -> None:
    """C2: Flask's own record, by the logger of the application; a warning says so once."""
    app = Flask("orders")

    @app.get("/")
    def fail() -> str:
        raise OutOfStock

    for _ in range(2):
        assert app.test_client().get("/").status_code == 500

    assert summary(mailbox) == [("OutOfStock", False, None, None)] * 2
    assert [text.partition(":")[0] for text in warnings()] == [
        "the logger orders tells of a failure that no boundary has seen"
    ]


def test_masks_of_a_second_set_up_of_the_same_application(mailbox: Mailbox, warnings: Any) -> None:
    """G1: They are added; other options are named."""
    sentryinit.init("orders")
    app = Flask("orders")
    SentryInit(app)
    SentryInit(app, mask_keys=["pet"], environment="staging")
    sentry_sdk.capture_message("pet=cat")

    assert the_event(mailbox)["logentry"]["message"] == "pet=[secret]"  # type: ignore[index] # an event is JSON
    assert ["environment" in text for text in warnings()] == [True]

"""Django only: hooks, routes, responses, the database, and Django REST framework."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import logging
import os
import socket
import struct
import sys
import types
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from wsgiref import simple_server

import pytest
import sentry_sdk
from asgiref.sync import AsyncToSync, SyncToAsync
from django.core.exceptions import (
    BadRequest,
    DisallowedRedirect,
    MiddlewareNotUsed,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers import basehttp
from django.db import OperationalError, connection, connections
from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import RawPostDataException, UnreadablePostError
from django.template import Context, Engine
from django.test import AsyncClient, Client, RequestFactory
from django.test.utils import override_settings
from django.urls import include, path, re_path
from django.views import View
from reported import summary
from sentry_sdk.integrations.logging import _IGNORED_LOGGERS

import sentryinit
from drivers import django_app
from sentryinit import asgi, wsgi
from sentryinit.testing import DSN, Mailbox, capture
from sentryinit_django import debug_panic
from sentryinit_django.middleware import SentryInitMiddleware

OURS = "sentryinit_django.middleware.SentryInitMiddleware"
assert django_app.SORRY  # importing it configures Django once for this process
Site = Callable[..., Client]


class Middleware:
    """Middleware of the application; each test defines what it does."""

    async_capable = False
    before: Callable[[Any], Any] = staticmethod(lambda request: None)
    after: Callable[[Any], Any] = staticmethod(lambda response: response)

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        return type(self).before(request) or type(self).after(self.get_response(request))


class Catching(Middleware):
    """Middleware that answers exceptions of views."""

    status = 503

    def process_exception(self, request: Any, exception: Exception) -> HttpResponse:
        return HttpResponse("sorry", status=self.status)


THEIRS, CATCHING = f"{__name__}.Middleware", f"{__name__}.Catching"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with capture(debug_token="letmein") as box:
        yield box


@pytest.fixture
def site(mailbox: Mailbox) -> Iterator[Site]:
    """Return a function that makes a client for URLs, with middleware inside ours."""
    with contextlib.ExitStack() as stack:

        def make(*urls: Any, inside: tuple[str, ...] = (), **settings: Any) -> Client:
            given = {"ROOT_URLCONF": urls, "MIDDLEWARE": [OURS, *inside], **settings}
            stack.enter_context(override_settings(**given))
            return Client(raise_request_exception=False)

        yield make


def fail(request: Any, *args: object, **kwargs: object) -> HttpResponse:
    raise ValueError("out of stock")


def fine(request: Any, *args: object, **kwargs: object) -> HttpResponse:
    return HttpResponse("fine")


FAILED = ("ValueError", False, "500", "/fail")


def rows(number: int) -> Iterator[bytes]:
    for row in range(number):
        yield b"row %d;" % row
    raise ValueError("no more rows")


async def rows_later(number: int) -> AsyncIterator[bytes]:
    for row in rows(number):
        yield row


def environ_of(client: Client, path_: str, **more: Any) -> dict[str, Any]:
    return {**RequestFactory().get(path_).environ, **more}


# -- routes ----------------------------------------------------------------------------------------

ROUTES = [
    ("/", [path("", fail)], "/"),
    ("/orders/17/", [path("orders/<int:order_id>/", fail)], "/orders/{order_id}/"),
    (
        "/shop/tea/orders/17",
        [path("shop/<slug:shop>/", include([path("orders/<order_id>", fail)]))],
        "/shop/{shop}/orders/{order_id}",
    ),
    (
        "/articles/2026/tea/",
        [re_path(r"^articles/(?P<year>[0-9]{4})/(?P<slug>[\w-]+)/$", fail)],
        "/articles/{year}/{slug}/",
    ),
    (
        "/a.b/17/x(1)/2026/",
        [re_path(r"^a\.b/(\d+)/((?:x|y)\(\d\))/((19|20)\d{2})/\Z", fail)],
        "/a.b/{0}/{1}/{2}/",
    ),
    (
        "/blog/page-3/tea",
        [re_path(r"^blog/(?:page-(?P<page>[^/()]+)/)?(?=t)", include([path("<slug>", fail)]))],
        "/blog/page-{page}/{slug}",
    ),
    (
        "/shop/tea/17",
        [re_path("^shop/(?P<shop>[a-z]+)/", include([re_path(r"^(?P<order_id>\d+)$", fail)]))],
        "/shop/{shop}/{order_id}",
    ),
]


@pytest.mark.parametrize("url,urls,template", ROUTES, ids=[row[2] for row in ROUTES])
def test_routes_have_one_notation(
    site: Site, mailbox: Mailbox, url: str, urls: list[Any], template: str
) -> None:
    """D3: path and re_path, nested, with named and unnamed groups."""
    site(*urls).get(url)

    assert summary(mailbox) == [("ValueError", False, "500", template)]


@pytest.mark.parametrize(
    "url,template", [("/de/orders/1", "/{language}/orders/{id}"), ("/x", "/x")]
)
def test_language_prefix_is_a_route_parameter(
    site: Site, mailbox: Mailbox, url: str, template: str
) -> None:
    """D3: the prefix of i18n_patterns is a parameter; another first segment is not."""
    from django.conf.urls.i18n import i18n_patterns

    urls = [path("x", fail), *i18n_patterns(path("orders/<int:id>", fail))]
    languages = "django.middleware.locale.LocaleMiddleware"
    site(*urls, inside=(languages,), USE_I18N=True).get(url)

    assert summary(mailbox) == [("ValueError", False, "500", template)]


def test_language_code_without_i18n_patterns_is_kept(site: Site, mailbox: Mailbox) -> None:
    """D3: without i18n_patterns a first segment like a language code is kept."""
    site(path("de/orders", fail)).get("/de/orders")

    assert summary(mailbox) == [("ValueError", False, "500", "/de/orders")]


@pytest.mark.parametrize("url,route", [("/orders/17", "/orders/{order_id}"), ("/no", "<unknown>")])
def test_failure_before_the_view_has_a_route(
    site: Site, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, url: str, route: str
) -> None:
    """D3: a middleware can fail before Django has resolved the URL."""
    monkeypatch.setattr(Middleware, "before", staticmethod(fail))
    site(path("orders/<int:order_id>", fine), inside=(THEIRS,)).get(url)

    assert summary(mailbox) == [("ValueError", False, "500", route)]


# -- handled and unhandled exceptions --------------------------------------------------------------


def test_class_based_views(site: Site, mailbox: Mailbox) -> None:
    """A2, A4: a view class fails and answers like a function; a missing method is a 405."""

    class Orders(View):
        def get(self, request: Any) -> HttpResponse:
            raise ValueError

        async_post = None

        def post(self, request: Any) -> HttpResponse:
            return HttpResponse(status=503)

    client = site(path("orders", Orders.as_view()))
    client.get("/orders")
    client.post("/orders")
    assert client.put("/orders").status_code == 405

    assert summary(mailbox) == [
        ("ValueError", False, "500", "/orders"),
        ("HTTP 503 POST /orders", None, "503", "/orders"),
    ]


def test_5xx_of_an_inner_middleware_is_one_event(
    site: Site, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A4: a response of an inner middleware is the application's."""
    monkeypatch.setattr(Middleware, "before", lambda request: HttpResponse(status=503))
    site(path("fail", fail), inside=(THEIRS,)).get("/fail")

    assert summary(mailbox) == [("HTTP 503 GET /fail", None, "503", "/fail")]


@pytest.mark.parametrize(
    "status,events", [(200, []), (503, [("ValueError", False, "503", "/fail")])]
)
def test_inner_middleware_can_replace_the_500(
    site: Site,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    events: list[object],
) -> None:
    """A6, A7: the status that is sent counts; the exception is unhandled."""
    monkeypatch.setattr(Middleware, "after", lambda response: HttpResponse(status=status))
    site(path("fail", fail), inside=(THEIRS,)).get("/fail")

    assert summary(mailbox) == events


def test_inner_middleware_that_fails_after_the_view_is_one_event(
    site: Site, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A2: the exception of a middleware belongs to the request."""
    monkeypatch.setattr(Middleware, "after", staticmethod(fail))
    site(path("fine", fine), inside=(THEIRS,)).get("/fine")

    assert summary(mailbox) == [("ValueError", False, "500", "/fine")]


def test_inner_middleware_that_returns_none_fails_unchanged(
    site: Site, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E1: Django raises the same error as without sentryinit."""
    monkeypatch.setattr(Middleware, "after", lambda response: None)
    client = site(path("fine", fine), inside=(THEIRS,))
    with pytest.raises(AttributeError) as ours:
        client.get("/fine")
    with override_settings(MIDDLEWARE=[THEIRS]), pytest.raises(AttributeError) as bare:
        Client().get("/fine")

    assert str(ours.value) == str(bare.value)
    assert mailbox.events == []


@pytest.mark.parametrize(
    "last,event",
    [
        ((), ("HTTP 503 GET /fail", None, "503", "/fail")),
        ((OURS,), ("ValueError", True, "503", "/fail")),
    ],
    ids=["alone", "last as well"],
)
def test_last_middleware_entry_sees_exceptions_answered_by_another(
    site: Site, mailbox: Mailbox, last: tuple[str, ...], event: object
) -> None:
    """A6: Django asks the innermost process_exception first, and stops at a response."""
    site(path("fail", fail), inside=(CATCHING, *last)).get("/fail")

    assert summary(mailbox) == [event]


def test_process_exception_that_answers_below_500_is_no_event(
    site: Site, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A7: the exception counts as handled."""
    monkeypatch.setattr(Catching, "status", 409)
    site(path("fail", fail), inside=(CATCHING, OURS)).get("/fail")

    assert mailbox.events == []


def test_disallowed_host_is_no_event(site: Site, mailbox: Mailbox) -> None:
    """A1: DisallowedHost is a 400, although django.security logs it as an error."""
    common = "django.middleware.common.CommonMiddleware"
    client = site(path("fine", fine), inside=(common,), ALLOWED_HOSTS=["shop.example"])

    assert client.get("/fine", headers={"host": "other.example"}).status_code == 400
    assert mailbox.events == []


def test_handler500(site: Site, mailbox: Mailbox) -> None:
    """A6: handler500 makes the page for unhandled exceptions; if it fails, the first one counts."""

    class Urls:
        urlpatterns = (path("fail", fail),)
        handler500 = staticmethod(lambda request: HttpResponse("our page", status=500))

    class Broken(Urls):
        handler500 = staticmethod(lambda request: 1 / 0)

    assert site(ROOT_URLCONF=Urls).get("/fail").content == b"our page"
    with pytest.raises(ZeroDivisionError):
        site(ROOT_URLCONF=Broken).get("/fail")

    assert [event[1:] for event in summary(mailbox)] == [FAILED[1:]] * 2


def test_debug_propagate_exceptions(site: Site, mailbox: Mailbox) -> None:
    """A2, A3: with DEBUG_PROPAGATE_EXCEPTIONS the exception reaches the server."""
    urls = path("fail", fail), path("panic", debug_panic)
    client = site(*urls, DEBUG_PROPAGATE_EXCEPTIONS=True)
    with pytest.raises(ValueError, match="out of stock"):
        client.get("/fail")
    assert summary(mailbox) == [FAILED]

    answer = client.get("/panic?token=letmein")
    assert answer.status_code == 500
    assert answer["X-Sentry-Event-Id"] == mailbox.events[1]["event_id"]


def test_debug_page_is_one_event(site: Site, mailbox: Mailbox) -> None:
    """A2: with DEBUG, Django answers with a page about the exception."""
    assert b"out of stock" in site(path("fail", fail), DEBUG=True).get("/fail").content

    assert summary(mailbox) == [FAILED]


def test_exception_that_the_test_client_raises_is_one_event(site: Site, mailbox: Mailbox) -> None:
    """A2: Django's test client raises the exception again; it is one event."""
    site(path("fail", fail))
    with pytest.raises(ValueError, match="out of stock"):
        Client().get("/fail")

    assert summary(mailbox) == [FAILED]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_django_s_log_records_are_no_event(
    site: Site, mailbox: Mailbox, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    """C2: the records of django.request and django.security are not reported."""
    site(path("fail", fail), path("busy", lambda request: HttpResponse(status=503)))
    if mode == "sync":
        for url in ("/fail", "/busy"):
            Client(raise_request_exception=False).get(url)
    else:
        for url in ("/fail", "/busy"):
            asyncio.run(AsyncClient(raise_request_exception=False).get(url))
    logging.getLogger("django.security.csrf").error("outside of a request")

    logged = [record.name for record in caplog.records if record.levelno == logging.ERROR]
    assert logged == ["django.request", "django.request", "django.security.csrf"]
    assert summary(mailbox) == [FAILED, ("HTTP 503 GET /busy", None, "503", "/busy")]


@contextlib.contextmanager
def other_kind() -> Iterator[None]:
    """Allow a body of the kind that the other protocol uses; Django warns of it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "StreamingHttpResponse must consume")
        yield


# -- bodies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number,status", [(0, "500"), (2, "200")])
def test_failing_stream_is_one_event(
    site: Site, mailbox: Mailbox, number: int, status: str
) -> None:
    """A8: the event has the route, and the status that was sent."""
    client = site(path("export/<name>", lambda request, name: StreamingHttpResponse(rows(number))))
    with pytest.raises(ValueError, match="no more rows"):
        b"".join(client.get("/export/tea"))

    assert summary(mailbox) == [("ValueError", False, status, "/export/{name}")]


@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize("make", [rows, rows_later])
def test_failing_stream_under_asgi_is_one_event(
    site: Site, mailbox: Mailbox, number: int, make: Any
) -> None:
    """A8: under ASGI the status is sent before the body is read, whatever its kind."""
    site(path("export/<name>", lambda request, name: StreamingHttpResponse(make(number))))

    async def read() -> None:
        async for _ in await AsyncClient(raise_request_exception=False).get("/export/tea"):
            pass

    with other_kind(), pytest.raises(ValueError, match="no more rows"):
        asyncio.run(read())

    assert summary(mailbox) == [("ValueError", False, "200", "/export/{name}")]


def test_failing_async_stream_under_wsgi_is_one_event(site: Site, mailbox: Mailbox) -> None:
    """A8: Django reads an asynchronous body first; its failure belongs to the request."""
    client = site(path("export", lambda request: StreamingHttpResponse(rows_later(1))))
    with other_kind(), pytest.raises(ValueError, match="no more rows"):
        b"".join(client.get("/export"))

    # Nothing was sent, so the server answers 500.
    assert summary(mailbox) == [("ValueError", False, "500", "/export")]


def test_client_that_leaves_a_stream_is_no_event(site: Site, mailbox: Mailbox) -> None:
    """B1: GeneratorExit and CancelledError end the handler, and are aborts."""
    ended: list[str] = []

    def endless() -> Iterator[bytes]:
        try:
            while True:
                yield b"row;"
        except GeneratorExit:
            ended.append("GeneratorExit")
            raise

    async def endless_later() -> AsyncIterator[bytes]:
        try:
            yield b"row;"
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("CancelledError")
            raise

    client = site(
        path("export", lambda request: StreamingHttpResponse(endless())),
        path("later", lambda request: StreamingHttpResponse(endless_later())),
    )
    response = client.get("/export")
    next(iter(response))
    response.close()

    async def leave() -> None:
        response = await AsyncClient().get("/later")
        reading = asyncio.ensure_future(anext_of(response.streaming_content, 2))
        await asyncio.sleep(0.05)
        reading.cancel()
        await asyncio.wait([reading])

    asyncio.run(leave())
    assert ended == ["GeneratorExit", "CancelledError"]
    assert mailbox.events == []


async def anext_of(body: Any, number: int) -> None:
    iterator = body.__aiter__()
    for _ in range(number):
        await iterator.__anext__()


def test_503_with_an_unread_stream_is_reported_at_close(site: Site, mailbox: Mailbox) -> None:
    """A4: it is reported when the response is closed, in both modes."""

    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    site(
        path("sync", lambda request: StreamingHttpResponse(iter([b""]), status=503)),
        path("later", lambda request: StreamingHttpResponse(nothing(), status=503)),
    )
    Client().get("/sync").close()
    asyncio.run(AsyncClient().get("/later")).close()

    assert [event[0] for event in summary(mailbox)] == ["HTTP 503 GET /sync", "HTTP 503 GET /later"]


class Wrapper:
    """The file wrapper of a server."""

    def __init__(self, file: Any, block: int) -> None:
        self.file = file


class BrokenFile(io.BytesIO):
    """A file whose disk fails."""

    def read(self, size: int | None = -1) -> bytes:
        raise OSError("the disk is gone")


@pytest.mark.parametrize("wrapped", [True, False])
def test_file_responses(site: Site, mailbox: Mailbox, wrapped: bool) -> None:
    """E1, A8: the server's wrapper gets the file itself; a file that Django reads is watched."""
    file = BrokenFile(b"a large file")
    client = site(path("file", lambda request: FileResponse(file)))
    more = {"wsgi.file_wrapper": Wrapper} if wrapped else {}
    body = WSGIHandler()(environ_of(client, "/file", **more), lambda *args: None)
    if wrapped:
        assert (type(body), body.file) == (Wrapper, file)
        body.file.close()
    else:
        with pytest.raises(OSError, match="disk"):
            list(body)
        body.close()

    assert [event[0] for event in summary(mailbox)] == ([] if wrapped else ["OSError"])


# -- uploads ---------------------------------------------------------------------------------------


def gone(*args: object) -> bytes:
    raise ConnectionResetError(104, "Connection reset by peer")


def read(request: Any) -> HttpResponse:
    return HttpResponse(request.body)


def test_upload_error_of_a_stream_without_frames_is_no_event(site: Site, mailbox: Mailbox) -> None:
    """B2: a server's stream may be written in C; the frame of Django that reads it is enough."""
    # A function written in C that fails, because there is no such descriptor.
    broken = types.SimpleNamespace(read=functools.partial(os.read, -1), readline=None)
    client = site(path("upload", read))
    environ = environ_of(client, "/upload", CONTENT_LENGTH="10", **{"wsgi.input": broken})
    statuses: list[str] = []
    WSGIHandler()(environ, lambda status, *rest: statuses.append(status)).close()

    assert statuses == ["500 Internal Server Error"]
    assert mailbox.events == []


def test_request_body_that_cannot_be_read_from_disk_is_one_event(
    site: Site, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B2: under ASGI the body was received, so an error of the same class is a disk's."""

    def read_back(request: Any) -> HttpResponse:
        monkeypatch.setattr(request._stream, "read", gone)
        return read(request)

    site(path("upload", read_back))
    asyncio.run(AsyncClient(raise_request_exception=False).post("/upload"))

    assert [event[0] for event in summary(mailbox)] == ["UnreadablePostError"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells that a client has left")
@pytest.mark.parametrize("server_of", [simple_server, basehttp])
@pytest.mark.parametrize("captures", [False, True])
def test_body_that_is_read_again_after_its_client_has_left_is_no_event(
    site: Site, mailbox: Mailbox, server_of: Any, *, captures: bool
) -> None:
    """B3: a middleware may swallow the first error; Django has an error of its own for the next."""

    def read_again(request: Any) -> HttpResponse:
        client.close()
        with contextlib.suppress(UnreadablePostError):
            read(request)
        try:
            return read(request)
        except RawPostDataException:
            if captures:
                sentry_sdk.capture_exception()
            raise

    site(path("upload", read_again))
    kinds = server_of.WSGIServer, server_of.WSGIRequestHandler
    with (
        simple_server.make_server("127.0.0.1", 0, WSGIHandler(), *kinds) as server,
        socket.create_connection(server.server_address) as client,
    ):
        client.sendall(b"POST /upload HTTP/1.0\r\nContent-Length: 1000\r\n\r\nhalf")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.handle_request()

    assert mailbox.events == []


def test_body_that_is_read_again_while_its_client_waits_is_one_event(
    site: Site, mailbox: Mailbox
) -> None:
    """B3: that error is a bug of the application if the client is there."""

    def read_again(request: Any) -> HttpResponse:
        request.read(1)
        return read(request)

    site(path("upload", read_again)).post("/upload", {"a": "b"})

    assert [event[0] for event in summary(mailbox)] == ["RawPostDataException"]


def test_application_s_own_upload_error_is_one_event(site: Site, mailbox: Mailbox) -> None:
    """B2: the class alone is no abort if the client was not read."""

    def view(request: Any) -> HttpResponse:
        raise UnreadablePostError("made up")

    site(path("upload", view)).get("/upload")

    assert [event[0] for event in summary(mailbox)] == ["UnreadablePostError"]


# -- the database ----------------------------------------------------------------------------------


@pytest.fixture
def atomic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER)")
        cursor.execute("DELETE FROM orders")
    yield
    connection.close()


def count_orders() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders")
        return int(cursor.fetchone()[0])


def order_and_fail(request: Any) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO orders VALUES (1)")
        cursor.execute("SELECT * FROM nowhere")
    raise AssertionError


def test_database_error_in_an_atomic_request_is_one_event(
    site: Site, mailbox: Mailbox, atomic: None
) -> None:
    """A2: an error of a real database, with the driver's as cause, is rolled back."""
    site(path("order", order_and_fail)).get("/order")

    assert summary(mailbox) == [("OperationalError", False, "500", "/order")]
    types_ = [value["module"] for value in mailbox.events[0]["exception"]["values"]]
    assert types_ == ["sqlite3", "django.db.utils"]
    assert count_orders() == 0


def test_handled_database_error_is_no_event(site: Site, mailbox: Mailbox, atomic: None) -> None:
    """A7: the view handles the error."""

    def view(request: Any) -> HttpResponse:
        with contextlib.suppress(OperationalError), connection.cursor() as cursor:
            cursor.execute("SELECT * FROM nowhere")
        return HttpResponse("none")

    assert site(path("orders", view)).get("/orders").content == b"none"
    assert mailbox.events == []


def test_the_debug_route_needs_no_database(
    site: Site, mailbox: Mailbox, atomic: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I1: with ATOMIC_REQUESTS and an unreachable database, it is still a 404."""
    monkeypatch.setattr(connections["default"], "get_autocommit", gone)
    client = site(path("panic", debug_panic), path("fine", fine))

    assert client.get("/fine").status_code == 500
    assert client.get("/panic").status_code == 404


# -- the REST framework ----------------------------------------------------------------------------


def rest(behaviour: Callable[[], Any]) -> Any:
    """Return a view of Django REST framework."""
    from rest_framework.decorators import api_view

    return api_view()(lambda request: behaviour())


def busy(status: int = 503) -> Exception:
    from rest_framework.exceptions import APIException

    error = APIException("busy")
    error.status_code = status
    return error


def raises(error: Exception, cause: Exception | None = None) -> Callable[[], Any]:
    def behaviour() -> None:
        raise error from cause

    return behaviour


@pytest.mark.parametrize(
    "handler,event",
    [
        ("sentryinit_django.rest", ("KeyError", True, "503", "/orders")),
        ("rest_framework.views", ("HTTP 503 GET /orders", None, "503", "/orders")),
    ],
)
def test_cause_of_an_api_exception_is_the_event(
    site: Site, mailbox: Mailbox, handler: str, event: object
) -> None:
    """A5: our exception handler sees the cause; without it, only the status is known."""
    settings = {
        **django_app.settings.REST_FRAMEWORK,
        "EXCEPTION_HANDLER": f"{handler}.exception_handler",
    }
    client = site(path("orders", rest(raises(busy(), KeyError("tea")))), REST_FRAMEWORK=settings)

    assert client.get("/orders").status_code == 503
    assert summary(mailbox) == [event]


def test_api_exception_is_a_status(site: Site, mailbox: Mailbox) -> None:
    """A1, A5: a 503 is a status event, a 429 is no event."""
    client = site(path("busy", rest(raises(busy()))), path("slow", rest(raises(busy(429)))))
    client.get("/busy")
    client.get("/slow")

    assert summary(mailbox) == [("HTTP 503 GET /busy", None, "503", "/busy")]


def test_api_exception_in_a_django_view_is_one_event(site: Site, mailbox: Mailbox) -> None:
    """A2: in a view of Django it is an ordinary exception, whatever its status."""

    def view(request: Any) -> HttpResponse:
        raise busy(404)

    site(path("orders", view)).get("/orders")

    assert summary(mailbox) == [("APIException", False, "500", "/orders")]


def log_and_answer(exc: Exception, context: Any) -> Any:
    """An EXCEPTION_HANDLER as many applications have it."""
    from rest_framework.views import exception_handler

    response = exception_handler(exc, context)
    logging.getLogger("shop").error("it failed", exc_info=exc)
    return response


def log_and_note(exc: Exception, context: Any) -> Any:
    """Likewise, with our hook in it."""
    from sentryinit_django.rest import exception_handler

    logging.getLogger("shop").exception("it failed")  # noqa: LOG004 # the framework handles it
    return exception_handler(exc, context)


REST_ERRORS = {
    "AuthenticationFailed": 401,
    "NotAuthenticated": 401,
    "PermissionDenied": 403,
    "NotFound": 404,
    "ValidationError": 400,
    "ParseError": 400,
    "Throttled": 429,
}


@pytest.mark.parametrize("handler", [log_and_answer, log_and_note])
@pytest.mark.parametrize("name", [*REST_ERRORS, "Http404", "django.PermissionDenied"])
def test_logged_4xx_of_the_rest_framework_is_no_event(
    site: Site, mailbox: Mailbox, handler: Callable[..., Any], name: str
) -> None:
    """A1, C2: the exceptions of the framework, and those of Django that it answers."""
    from rest_framework import exceptions

    theirs = {"Http404": Http404, "django.PermissionDenied": PermissionDenied}
    error = theirs.get(name) or getattr(exceptions, name)
    rest_settings = {
        **django_app.settings.REST_FRAMEWORK,
        "EXCEPTION_HANDLER": f"{__name__}.{handler.__name__}",
    }
    client = site(path("orders", rest(raises(error()))), REST_FRAMEWORK=rest_settings)

    assert 400 <= client.get("/orders").status_code < 500
    assert summary(mailbox) == []


@pytest.mark.parametrize("handler", [log_and_answer, log_and_note])
@pytest.mark.parametrize(
    "cause,event",
    [
        (None, ("HTTP 503 GET /orders", None, "503", "/orders")),
        (KeyError, ("KeyError", True, "503", "/orders")),
    ],
)
def test_logged_5xx_of_the_rest_framework_is_one_event(
    site: Site, mailbox: Mailbox, handler: Callable[..., Any], cause: Any, event: object
) -> None:
    """A5, C2: a 503 that is logged with its traceback."""
    rest_settings = {
        **django_app.settings.REST_FRAMEWORK,
        "EXCEPTION_HANDLER": f"{__name__}.{handler.__name__}",
    }
    client = site(
        path("orders", rest(raises(busy(), cause and cause()))), REST_FRAMEWORK=rest_settings
    )
    client.get("/orders")

    assert summary(mailbox) == [event]


class LoggingErrors(Middleware):
    """Middleware that logs the exceptions of views."""

    async_capable = True

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        if asyncio.iscoroutinefunction(get_response):
            from asgiref.sync import markcoroutinefunction

            markcoroutinefunction(self)

    def process_exception(self, request: Any, exception: Exception) -> None:
        logging.getLogger("shop").error("it failed", exc_info=exception)


@pytest.mark.parametrize(
    "error,status",
    [
        (Http404, 404),
        (PermissionDenied, 403),
        (BadRequest, 400),
        (SuspiciousOperation, 400),
        (DisallowedRedirect, 400),
        (RequestDataTooBig, 400),
        (MultiPartParserError, 400),
    ],
)
@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize("inside", [(), (f"{__name__}.LoggingErrors",)], ids=["alone", "logged"])
def test_4xx_exception_is_no_event(  # its parameters
    site: Site,
    mailbox: Mailbox,
    error: type[Exception],
    status: int,
    inside: tuple[str, ...],
    client: Any,
) -> None:
    """A1, C2: each exception that Django answers below 500, also logged with its traceback."""

    def view(request: Any) -> HttpResponse:
        raise error("no")

    site(path("no", view), inside=inside)
    response = client(raise_request_exception=False).get("/no")
    response = asyncio.run(response) if asyncio.iscoroutine(response) else response

    assert response.status_code == status
    assert mailbox.events == []


# -- set-up ----------------------------------------------------------------------------------------


def test_without_a_dsn_the_middleware_is_removed() -> None:
    """E3: MiddlewareNotUsed makes Django leave it out."""
    with pytest.raises(MiddlewareNotUsed):
        SentryInitMiddleware(fine)


@pytest.mark.parametrize("key", ["service", "SERVICE"])
def test_settings(key: str) -> None:
    """The dict SENTRYINIT has the options, in either case; text is parsed as in the environment."""
    from sentryinit._state import STATE

    given = {key: "shop", "DSN": DSN, "ignore_statuses": "503,520-529"}
    with capture(), pytest.MonkeyPatch.context() as patch:
        settings = STATE.settings
        assert settings is not None
        STATE.reset()
        patch.setattr("sentryinit._init.install_hooks", lambda: None)
        with override_settings(SENTRYINIT={**given, "transport": settings.transport}):
            SentryInitMiddleware(fine)
        assert STATE.settings is not None
        assert (STATE.settings.service, STATE.settings.ignore_statuses[0]) == (
            "shop",
            range(503, 504),
        )


def test_default_service_is_the_project() -> None:
    """The default service is the package of ROOT_URLCONF."""
    from sentryinit._state import STATE

    with capture():
        STATE.reset()
        with override_settings(ROOT_URLCONF="shop.urls"), pytest.raises(MiddlewareNotUsed):
            SentryInitMiddleware(fine)
        assert STATE.settings is not None
        assert STATE.settings.service == "shop"


def test_wrong_option_raises(mailbox: Mailbox) -> None:
    """A misspelt option in the settings is an error that names it."""
    with (
        override_settings(SENTRYINIT={"ignore_status": "503"}),
        pytest.raises(TypeError, match="unknown option ignore_status; did you mean ignore_status"),
    ):
        SentryInitMiddleware(fine)


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_cookies_of_the_framework_have_no_value(client: Any) -> None:
    """G1: the cookies of the session and of the CSRF check, under any name."""
    names = {"SESSION_COOKIE_NAME": "shop", "CSRF_COOKIE_NAME": "form"}
    with (
        capture(collect=["cookies"]) as mailbox,
        override_settings(ROOT_URLCONF=(path("fail", fail),), MIDDLEWARE=[OURS], **names),
    ):
        asked = client(raise_request_exception=False)
        asked.cookies.load("shop=tea; form=milk; theme=dark")
        response = asked.get("/fail")
        if asyncio.iscoroutine(response):
            asyncio.run(response)

    (event,) = mailbox.events
    hidden = dict.fromkeys(("shop", "form"), "[secret]")
    assert event["request"]["cookies"] == {**hidden, "theme": "dark"}


# -- thread switches -------------------------------------------------------------------------------


@pytest.fixture
def thread_switches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the expected name for each switch between the loop and a thread."""
    made: list[str] = []
    for kind in (SyncToAsync, AsyncToSync):
        call = kind.__call__

        def counted(self: Any, *args: Any, call: Any = call, **kwargs: Any) -> Any:
            made.append(type(self).__name__)
            return call(self, *args, **kwargs)

        monkeypatch.setattr(kind, "__call__", counted)
    return made


async def fine_later(request: Any) -> HttpResponse:
    return HttpResponse("fine")


async def fail_later(request: Any) -> HttpResponse:
    raise ValueError("out of stock")


def serve(protocol: str, url: str) -> None:
    if protocol == "wsgi":
        WSGIHandler()(RequestFactory().get(url).environ, lambda *args: None).close()
        return

    async def receive() -> Any:
        if not received:
            received.append(True)
            return {"type": "http.request", "body": b""}
        await asyncio.sleep(60)
        raise AssertionError

    async def send(message: Any) -> None:
        """Drop the message."""

    received: list[bool] = []
    scope = {"type": "http", "method": "GET", "path": url, "headers": [], "query_string": b""}
    asyncio.run(ASGIHandler()(scope, receive, send))


@pytest.mark.parametrize("view", [fine, fine_later, fail, fail_later])
@pytest.mark.parametrize("protocol", ["wsgi", "asgi"])
@pytest.mark.parametrize("entries", [1, 2])
def test_no_thread_switch_is_added(
    site: Site, thread_switches: list[str], protocol: str, view: Any, entries: int
) -> None:
    """F1: the number of switches between loop and threads is unchanged, in each mode."""
    site(path("view", view))
    counts = []
    for middleware in ([], [OURS] * entries):
        thread_switches.clear()
        with override_settings(MIDDLEWARE=middleware):
            serve(protocol, "/view")
        counts.append(list(thread_switches))

    assert counts[1] == counts[0]


# -- an outer boundary -----------------------------------------------------------------------------


def test_outer_generic_middleware_knows_the_server(site: Site, mailbox: Mailbox) -> None:
    """B2, C3: an outer generic middleware is told the framework, and knows its server."""
    site(path("fine", fine), path("fail", fail))
    around = asgi.SentryInitMiddleware(ASGIHandler())
    received: list[bool] = []

    async def receive() -> Any:
        if not received:
            received.append(True)
            return {"type": "http.request", "body": b""}
        await asyncio.sleep(60)
        raise AssertionError

    async def send(message: Any) -> None:
        raise ConnectionResetError(104, "Connection reset by peer")

    for url in ("/fine", "/fail"):
        received.clear()
        scope = {"type": "http", "method": "GET", "path": url, "headers": [], "query_string": b""}
        with contextlib.suppress(ConnectionResetError):
            asyncio.run(around(scope, receive, send))

    assert summary(mailbox) == [FAILED]


def test_outer_generic_middleware_groups_by_route() -> None:
    """F3: 5xx of one route are one group, also for an outer middleware."""
    with (
        capture(storm_guard=True, storm_burst=1, storm_per_minute=0) as mailbox,
        override_settings(
            ROOT_URLCONF=(path("busy/<name>", lambda request, name: HttpResponse(status=503)),),
            MIDDLEWARE=[OURS],
        ),
    ):
        around = wsgi.SentryInitMiddleware(WSGIHandler())
        for name in ("tea", "milk"):
            environ = RequestFactory().get(f"/busy/{name}").environ
            around(environ, lambda *args: None).close()

    assert summary(mailbox) == [("HTTP 503 GET /busy/{name}", None, "503", "/busy/{name}")]


def test_outer_generic_middleware_answers_the_lifespan(mailbox: Mailbox) -> None:
    """A12: Django's handler has no lifespan; at its end the queue is flushed."""
    around, messages = asgi.SentryInitMiddleware(ASGIHandler()), []
    asked = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Any:
        return {"type": next(asked)}

    async def send(message: Any) -> None:
        messages.append(message["type"])

    asyncio.run(around({"type": "lifespan"}, receive, send))

    assert messages == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert mailbox.events == []


# -- the debug route -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE".split())
def test_debug_route_without_token_is_an_unknown_path(
    site: Site, mailbox: Mailbox, method: str
) -> None:
    """I1: no method, CSRF check or login middleware shows that the route exists."""
    theirs = ("common.CommonMiddleware", "csrf.CsrfViewMiddleware")
    middleware = [f"django.middleware.{name}" for name in theirs]

    class Urls:
        urlpatterns = (path("debug/sentry-panic", debug_panic),)
        handler404 = staticmethod(
            lambda request, exception: HttpResponse(
                f"{type(exception).__name__} {exception.args[0].keys()} {request.resolver_match}",
                status=404,
            )
        )

    site(ROOT_URLCONF=Urls, inside=(*middleware, f"{__name__}.Login"))
    client = Client(enforce_csrf_checks=True)
    shut = client.generic(method, "/debug/sentry-panic?token=wrong")
    nowhere = client.generic(method, "/debug/nowhere?token=wrong")

    assert (shut.status_code, shut.content, list(shut.items())) == (
        nowhere.status_code,
        nowhere.content,
        list(nowhere.items()),
    )
    assert shut.status_code == 404
    assert mailbox.events == []


class Login(Middleware):
    """Like Django's LoginRequiredMiddleware, which needs models; no user is logged in."""

    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> Any:
        return HttpResponse(status=302) if getattr(view, "login_required", True) else None


# -- mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config,words",
    [
        (["x"], "settings.SENTRYINIT must be a dict of options, not a value of type list"),
        ("x", "settings.SENTRYINIT must be a dict of options, not a value of type str"),
        ([], "settings.SENTRYINIT must be a dict of options, not a value of type list"),
        ({1: "x"}, "django configuration: each name must be text, not a value of type int"),
        ({"dsn": 5}, r"django configuration: dsn must be text, not a value of type int"),
        (
            {"ignore_path": "/x"},
            "unknown option ignore_path; did you mean ignore_paths?",
        ),
    ],
)
def test_wrong_configuration_is_refused(config: Any, words: str) -> None:
    """What is wrong in ``SENTRYINIT`` is an error that names it, also where reporting is off."""
    with override_settings(SENTRYINIT=config), pytest.raises(TypeError, match=words):
        SentryInitMiddleware(lambda request: HttpResponse())


def test_no_configuration_is_none() -> None:
    """None is no configuration."""
    with override_settings(SENTRYINIT=None), pytest.raises(MiddlewareNotUsed):
        SentryInitMiddleware(lambda request: HttpResponse())


# -- outside of the boundary -----------------------------------------------------------------------


def raise_outside(request: Any) -> None:
    """Fail for one path, in a middleware."""
    if request.path == "/outside":
        raise LookupError("outside")


@pytest.mark.parametrize("middlewares", [[THEIRS, OURS], [THEIRS]], ids=["too far in", "none"])
def test_failure_outside_of_the_boundary_is_an_event(
    site: Site, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, middlewares: list[str]
) -> None:
    """C2: Django's own record of it, each time."""
    monkeypatch.setattr(Middleware, "before", staticmethod(raise_outside))
    # The SDK's own integration, in another test, has ignored it.
    _IGNORED_LOGGERS.discard("django.request")
    client = site(path("outside", lambda _: HttpResponse()), MIDDLEWARE=middlewares)
    for _ in range(2):
        assert client.get("/outside").status_code == 500

    assert summary(mailbox) == [("LookupError", False, None, None)] * 2
    assert {event["logger"] for event in mailbox.events} == {"django.request"}


def test_what_a_client_did_wrong_is_no_event(site: Site, mailbox: Mailbox) -> None:
    """A bad host is at ERROR in Django's log, and a 400."""
    client = site(path("good", lambda request: HttpResponse(request.get_host())), MIDDLEWARE=[])
    with override_settings(ALLOWED_HOSTS=["shop.test"]):
        assert client.get("/good", headers={"host": "evil.example"}).status_code == 400

    assert mailbox.events == []


def test_exit_is_one_event_and_its_record_none(site: Site, mailbox: Mailbox) -> None:
    """A11: What the server logs of it has been told, although Django's middleware raises it."""

    def leave(_request: Any) -> HttpResponse:
        raise SystemExit(3)

    try:
        site(path("leave", leave)).get("/leave")
    except SystemExit:
        logging.getLogger("gunicorn.error").exception("Error handling request")

    assert summary(mailbox) == [("SystemExit", False, "500", "/leave")]


# -- the id of the event ---------------------------------------------------------------------------


def id_page(request: Any, status: int = 500) -> HttpResponse:
    """Return a page with the id of the event, by a template."""
    template = Engine().from_string("{{ event_id }} {{ last }}")
    known = {"event_id": sentryinit.event_id(), "last": sentry_sdk.last_event_id()}
    return HttpResponse(template.render(Context(known)), status=status)


class Showing(Middleware):
    """Middleware that answers exceptions of views, before ours sees them."""

    def process_exception(self, request: Any, exception: Exception) -> HttpResponse:
        return id_page(request, 503)


SHOWING = f"{__name__}.Showing"


def id_urls() -> Any:
    module: Any = types.ModuleType("id_urls")
    module.urlpatterns, module.handler500 = [path("fail", fail)], id_page
    return module


@pytest.mark.parametrize("inside", [(), (SHOWING,)])
@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_error_page_knows_the_event(
    inside: tuple[str, ...], client: Any, site: Site, mailbox: Mailbox
) -> None:
    """D9: ``handler500`` and ``process_exception`` know the id, also under ASGI."""
    site(inside=inside, ROOT_URLCONF=id_urls())
    asked = client(raise_request_exception=False).get("/fail")

    response = asyncio.run(_awaited(asked)) if client is AsyncClient else asked

    (event,) = mailbox.events
    assert response.content.decode().split() == [event["event_id"]] * 2


async def _awaited(response: Any) -> Any:
    return await response


# -- the URL of the request ------------------------------------------------------------------------

PROXIED = {
    "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
    "USE_X_FORWARDED_HOST": True,
    "USE_X_FORWARDED_PORT": True,
    "ALLOWED_HOSTS": ["shop.example", "testserver"],
}
FORWARDED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "shop.example",
    "Host": "testserver",
}


def seen_url(request: Any) -> str:
    """Return the URL of *request* as Django says, or an empty text if it refuses the host."""
    try:
        return str(request.build_absolute_uri())
    except SuspiciousOperation:
        return ""


@pytest.mark.parametrize(
    ("settings", "headers", "url"),
    [
        (PROXIED, FORWARDED, "https://shop.example/fail"),
        ({}, FORWARDED, "http://testserver/fail"),
        ({**PROXIED, "USE_X_FORWARDED_HOST": False}, FORWARDED, "https://testserver/fail"),
        (PROXIED, {**FORWARDED, "X-Forwarded-Proto": "http"}, "http://shop.example/fail"),
        (PROXIED, {**FORWARDED, "X-Forwarded-Host": "shop.example:8443"}, None),
        # Django refuses this host; the event says what was sent.
        (PROXIED, {**FORWARDED, "X-Forwarded-Host": "evil.example"}, "https://testserver/fail"),
        (
            {"SECURE_PROXY_SSL_HEADER": "HTTP_X_FORWARDED_PROTO"},
            FORWARDED,
            "http://testserver/fail",
        ),
    ],
)
@pytest.mark.parametrize("is_async", [False, True])
def test_url_is_what_django_says(
    site: Site,
    mailbox: Mailbox,
    settings: dict[str, Any],
    headers: dict[str, str],
    url: str | None,
    is_async: bool,
) -> None:
    """D5: scheme and host are those of Django's own URLs, by its settings for proxies."""
    seen = []

    def look(request: Any) -> HttpResponse:
        with contextlib.suppress(Exception):  # the setting is wrong
            seen.append(seen_url(request))
        raise ValueError

    names = {f"HTTP_{name.upper().replace('-', '_')}": text for name, text in headers.items()}
    site(path("fail", look), **{"ALLOWED_HOSTS": ["*"], **settings})
    if is_async:
        asyncio.run(AsyncClient(raise_request_exception=False).get("/fail", headers=headers))
    else:
        Client(raise_request_exception=False).get("/fail", **names)

    (event,) = mailbox.events
    assert event["request"]["url"] == (url or seen[0])
    assert seen in ([], [""], [event["request"]["url"]])

"""Make a running service send an event: every answer that is not that of the debug route."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sentryinit_cli.http import Http
from sentryinit_cli.remote import check_url, send_by_url
from sentryinit_cli.verdicts import Failure, Verdict
from sentryinit_cli.verify import Expected

TOKEN = "debug-token-0123456789"
ID = "0123456789abcdef0123456789abcdef"


class Service(ThreadingHTTPServer):
    """Answers *status* and *headers* to all, and holds the requests that it got."""

    daemon_threads = True

    def __init__(self, status: int, headers: Mapping[str, str], refuse: str = "") -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.headers, self.refuse = status, headers, refuse
        self.requests: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/debug/sentry-panic"


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Service

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        refused = self.server.refuse and self.server.refuse in self.headers
        self.send_response(401 if refused else self.server.status)
        for name, value in {} if refused else self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Write nothing."""


@contextmanager
def service(status: int, refuse: str = "", **headers: str) -> Iterator[Service]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    server = Service(status, named, refuse)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def http() -> Iterator[Http]:
    """Return a client; its connections are closed after the test."""
    client = Http(timeout=5.0)
    yield client
    close: Any = getattr(client, "close", lambda: None)
    close()


def failure_of(url: str, http: Http) -> Failure:
    with pytest.raises(Failure) as caught:
        send_by_url(url, http, TOKEN, Expected())
    said = f"{caught.value.text} {caught.value.remedy}"
    assert TOKEN not in said
    assert caught.value.verdict is Verdict.NOT_WIRED
    assert caught.value.remedy
    return caught.value


def test_the_request_to_the_debug_route(http: Http) -> None:
    """It has the token and a new nonce as headers, canaries, and no token in the address."""
    with service(500, X_Sentry_Event_Id=ID) as server:
        first = send_by_url(server.url, http, TOKEN, Expected(service="orders"))
        second = send_by_url(server.url, http, TOKEN, Expected(nonce="deployment-17"))
    (path, headers), (_path, others) = server.requests

    assert headers["X-Sentryinit-Debug-Token"] == TOKEN
    assert TOKEN not in path
    assert headers["X-Sentryinit-Nonce"] == first.expected.nonce
    assert others["X-Sentryinit-Nonce"] == second.expected.nonce == "deployment-17"
    assert len(first.expected.nonce) == 32
    planted = f"{path} {headers['Cookie']} {headers['Authorization']}"
    assert all(canary.secret in planted for canary in first.canaries)
    assert [each.carrier for each in first.canaries] == [
        *("query", "Cookie header", "Authorization header")
    ]
    assert (first.event_id, first.expected.status_code) == (ID, "500")
    assert (first.expected.service, first.expected.route) == ("orders", "/debug/sentry-panic")


def test_a_middleware_that_refuses_the_invented_credentials(http: Http) -> None:
    """A 401 because of our ``Authorization`` is asked again without it."""
    with service(500, refuse="Authorization", X_Sentry_Event_Id=ID) as server:
        sent = send_by_url(server.url, http, TOKEN, Expected())
    assert len(server.requests) == 2
    assert [each.carrier for each in sent.canaries] == ["query", "Cookie header"]


ANSWERS = {
    404: "no such route",
    200: "another page",
    204: "another page",
    400: "refuses the request",
    401: "authentication",
    403: "authentication",
    405: "does not take GET",
    429: "a limit of requests",
    500: "without the id of an event",
    501: "without the id of an event",
    502: "a proxy answers",
    503: "a proxy answers",
    504: "a proxy answers",
    522: "a proxy answers",
}


@pytest.mark.parametrize("status", ANSWERS)
def test_each_answer_has_its_words(status: int, http: Http) -> None:
    """Each answer without an id is told apart."""
    with service(status) as server:
        said = failure_of(server.url, http).text
    assert said.startswith(f"the debug route answered {status}: ")
    assert ANSWERS[status] in said


@pytest.mark.parametrize("value", ["", "17", "x" * 32, "<script>", ID[:-1]])
def test_an_id_that_is_none(value: str, http: Http) -> None:
    """A header that has no id is as if there were none; it is not shown."""
    with service(500, X_Sentry_Event_Id=value) as server:
        said = failure_of(server.url, http).text
    assert "without the id" in said
    assert not value or value not in said.replace("500", "")


def test_a_redirect_is_not_followed(http: Http) -> None:
    """The token is sent to no other place, and the query of the target is not shown."""
    with service(500, X_Sentry_Event_Id=ID) as other:
        target = f"http://127.0.0.1:{other.server_port}/login?next=secret#frag"
        with service(302, Location=target) as server:
            said = failure_of(server.url, http).text
    assert other.requests == []
    assert "a redirect to http://127.0.0.1/login;" in said
    assert "secret" not in said


def test_a_redirect_to_https(http: Http) -> None:
    """The remedy is the other scheme."""
    with service(301, Location="https://127.0.0.1/debug/sentry-panic") as server:
        assert failure_of(server.url, http).remedy == "use https:// in the URL"


def test_no_answer(http: Http) -> None:
    """A service that does not run is named by its host and port, without the path."""
    with service(200) as server:
        url = server.url
    said = failure_of(url, http).text
    assert said.startswith(f"127.0.0.1:{server.server_port} does not answer: ")


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("https://orders.example/debug/sentry-panic", ""),
        ("http://[::1]:8000/x?a=1", ""),
        ("orders.example/debug", "does not begin with https://"),
        ("ftp://orders.example/", "does not begin with https://"),
        ("https:///x", "does not begin with https://"),
        ("https://u:p@orders.example/", "a user name or a password"),
        ("https://orders.example/x?token=abc", "a token in it"),
        ("https://orders.example:99999/", "no URL"),
        ("https://[::1/", "no URL"),
    ],
)
def test_the_url_is_checked(url: str, wrong: str) -> None:
    """A URL that has a secret, or is none, is refused before anything is sent."""
    assert wrong in check_url(url)
    assert bool(check_url(url)) is bool(wrong)

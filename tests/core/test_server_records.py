"""Which records count: of servers (C2), of access logs (D5), by logger and by level."""

from __future__ import annotations

import contextvars
import logging
import types
from collections.abc import Callable
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.integrations.logging import (
    _IGNORED_LOGGERS,
    LoggingIntegration,
    ignore_logger,
)

from sentryinit import adapters, testing
from sentryinit._policy import loggers

Begin = Callable[..., adapters.Capture[Any]]
Said = Callable[[], list[str]]
Titles = Callable[[testing.Mailbox], list[str]]

SERVERS = (
    "uvicorn.error gunicorn.error hypercorn.error daphne.server waitress werkzeug aiohttp.server "
    "_granian.utils django.request falcon uvicorn.protocols.http.h11_impl"
).split()
ACCESS = (
    "uvicorn.access gunicorn.access hypercorn.access aiohttp.access granian.access "
    "_granian.access wsgi django.server django.channels.server uvicorn.access.child"
).split()
QUERY = "customer=Alice+Smith&diagnosis=flu"
LINE = f'127.0.0.1 - "GET /orders/17?{QUERY} HTTP/1.1" 503'


@pytest.fixture(autouse=True)
def _heard() -> None:
    """Undo what the SDK's own integrations of frameworks have ignored in other tests."""
    _IGNORED_LOGGERS.difference_update(SERVERS)


def fail(text: str = "no stock") -> None:
    raise LookupError(text)


def log_failure(name: str, call: Callable[[], object] = fail) -> BaseException | None:
    """Log what *call* raises, as the server *name* does."""
    try:
        call()
    except BaseException as error:  # a server catches them all
        # As gunicorn does.
        uri = f"/orders/17?{QUERY}"
        logging.getLogger(name).exception("Error handling request %s %s", "GET", uri)
        return error
    return None


def crumbs(event: dict[str, Any]) -> list[str]:
    return [crumb["message"] for crumb in event.get("breadcrumbs", {}).get("values", [])]


# -- failures that no boundary has seen ------------------------------------------------------------


@pytest.mark.parametrize("name", SERVERS)
def test_what_no_boundary_told_of_is_an_event(
    mailbox: testing.Mailbox, said: Said, name: str
) -> None:
    """C2: Each failure is an event, without a request; a warning says so once in a process."""
    for _ in range(2):
        log_failure(name)

    assert [event["logger"] for event in mailbox.events] == [name] * 2
    for event in mailbox.events:
        (value,) = event["exception"]["values"]
        assert (value["type"], value["mechanism"]["handled"]) == ("LookupError", False)
        assert (event["level"], event["tags"]) == ("error", {"service": "shop"})
        assert "request" not in event
        assert "Alice" not in str(event["logentry"])
    (warning,) = said()
    assert f"the logger {name} tells of a failure" in warning


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize(
    ("options", "counted"),
    [
        ({}, 1),
        ({"ignore_errors": [LookupError]}, 0),
        ({"ignore_paths": ["/orders/*"]}, 0),
        ({"before_send": lambda event, _hint: event if "request" not in event else None}, 0),
        ({"storm_guard": True, "storm_burst": 0, "storm_per_minute": 0}, 1),
    ],
    ids=["reported", "ignored", "path", "dropped", "suppressed"],
)
def test_what_a_boundary_told_of_is_no_event(
    begin: Begin, name: str, options: dict[str, Any], counted: int
) -> None:
    """C2: Whatever the boundary has decided."""
    with testing.capture("shop", **options) as box:
        for _ in range(2):
            capture = begin()
            try:
                fail()
            except LookupError as error:
                capture.exception_escaped(error)
                capture.close()
                logging.getLogger(name).exception("Error handling request")

    assert not any("logger" in event for event in box.events)


def test_an_abort_that_a_boundary_has_seen_is_no_event(
    begin: Begin, mailbox: testing.Mailbox
) -> None:
    """B1: The server's record about it neither."""

    class Gone(Exception):
        """The framework's class for a client that disconnected."""

    capture = begin(aborts=(Gone,))
    try:
        raise Gone
    except Gone as error:
        capture.exception_escaped(error)
        capture.close()
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")

    assert mailbox.events == []


def test_an_error_of_an_outer_component_is_news(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles, said: Said
) -> None:
    """What it raises ``from`` the failure is not (C1); what it raises in its handling is."""
    for source in (True, False):
        capture = begin()
        try:
            try:
                fail()
            except LookupError as error:
                capture.exception_escaped(error)
                capture.close()
                if source:
                    raise ValueError from error
                raise KeyError  # noqa: B904 # without a source
        except (ValueError, KeyError):
            logging.getLogger("gunicorn.error").exception("Error handling request")

    assert titles(mailbox) == ["LookupError", "LookupError", "KeyError"]
    assert len(said()) == 1


def test_one_instance_is_an_event_each_time(mailbox: testing.Mailbox, said: Said) -> None:
    """C4: Also where only the server sees it."""
    error = LookupError("no stock")

    def again() -> None:
        raise error

    for _ in range(3):
        log_failure("uvicorn.error", again)

    assert len(mailbox.events) == 3
    assert len(said()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "WORKER TIMEOUT (pid:17)",
        "Worker (pid:17) was sent SIGKILL! Perhaps out of memory?",
        "Cancel 3 running task(s), timeout graceful shutdown exceeded",
        "Application startup failed. Exiting.",
        "Service Unavailable: /orders/17",
    ],
)
def test_what_a_server_says_of_itself_is_no_event(mailbox: testing.Mailbox, text: str) -> None:
    """It is about its workers and sockets; of statuses the boundary tells."""
    for name in SERVERS:
        logging.getLogger(name).critical(text)

    assert mailbox.events == []


def test_an_application_that_returns_without_an_answer(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles, said: Said
) -> None:
    """There is no exception; the server's text is the event, unless the boundary has told."""
    text = "ASGI callable returned without starting response."
    log = logging.getLogger("uvicorn.error")

    def serve() -> None:
        log.error(text)
        capture = begin()
        capture.response_started(500)
        capture.close()
        log.error(text)
        log.error(text)

    # Other tests were requests in this context.
    contextvars.Context().run(serve)
    assert titles(mailbox) == [text, "HTTP 500 GET /orders/{order_id}", text]
    assert len(said()) == 1


def test_a_traceback_in_a_text(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles, said: Said
) -> None:
    """The records of granian under WSGI have the traceback of an exception only."""
    text = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nKeyError: 1'
    log = logging.getLogger("_granian.utils")
    log.error("Application callable raised an exception\n%s", text)
    capture = begin()
    try:
        fail()
    except LookupError as error:
        capture.exception_escaped(error)
        line = error.__traceback__.tb_next.tb_lineno  # type: ignore[union-attr] # it was raised
    capture.close()
    log.error(
        "Application callable raised an exception\nTraceback (most recent call last):\n"
        '  File "b.py", line %s, in fail\nLookupError: no stock',
        line,
    )

    assert [title.partition("\n")[0] for title in titles(mailbox)] == [
        "Application callable raised an exception",
        "LookupError",
    ]
    assert len(said()) == 1


def module(name: str, source: str) -> Any:
    made = types.ModuleType(name)
    exec(source, made.__dict__)  # noqa: S102 # a frame of that module
    return made


@pytest.mark.parametrize("package", ["gunicorn.http.unreader", "uvicorn.protocols.utils"])
def test_a_client_that_has_left_is_no_event(
    mailbox: testing.Mailbox, titles: Titles, said: Said, package: str
) -> None:
    """B2: An error of the server's socket is about its client, what came from it too (B3)."""
    server = module(package, "def read():\n    raise ConnectionResetError('gone')")

    def upload() -> None:
        try:
            server.read()
        except OSError as error:
            raise ValueError("no photo") from error

    def upstream() -> None:
        raise ConnectionResetError("a database")

    log_failure("gunicorn.error", server.read)
    log_failure("gunicorn.error", upload)
    assert mailbox.events == []

    log_failure("gunicorn.error", upstream)
    assert titles(mailbox) == ["ConnectionResetError"]
    assert len(said()) == 1


def test_a_class_for_a_disconnect_is_no_event(
    mailbox: testing.Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B2: A framework's class for it decides, where no request is known."""
    requests = module("starlette.requests", "class ClientDisconnect(Exception): pass")
    monkeypatch.setitem(__import__("sys").modules, "starlette.requests", requests)

    def read() -> None:
        raise requests.ClientDisconnect

    log_failure("uvicorn.error", read)
    assert mailbox.events == []


def test_below_error_no_server_tells_of_a_failure() -> None:
    """Django's warnings of 4xx responses are no events, whatever the level."""
    with testing.capture("shop", log_level="INFO") as box:
        logging.getLogger("django.request").warning("Not Found: /orders/18")
        logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")

    assert box.events == []


def test_a_client_s_bad_host_is_no_event(mailbox: testing.Mailbox) -> None:
    """Django logs it at ERROR, and answers 400."""
    log_failure("django.security.DisallowedHost")
    assert mailbox.events == []


# -- access logs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ACCESS)
@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR])
@pytest.mark.parametrize("own", [None, logging.DEBUG], ids=["default", "own"])
def test_lines_of_an_access_log_are_nowhere(
    begin: Begin, name: str, level: int, own: int | None
) -> None:
    """D5: Neither a breadcrumb nor an event, also with a LoggingIntegration of the application."""
    integrations = [] if own is None else [LoggingIntegration(level=own)]
    log = logging.getLogger(name)
    log.setLevel(logging.DEBUG)
    with testing.capture("shop", integrations=integrations) as box:
        capture = begin()
        log.log(level, LINE)
        logging.getLogger("shop").warning("low")
        capture.response_started(503)
        log.log(level, LINE)
        capture.close()

    (event,) = box.events
    assert crumbs(event) == ["low"]


def test_functions_that_log_access_lines(
    begin: Begin, mailbox: testing.Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D5: The logger of an access log may have any name: aiohttp is given one."""
    source = "def log(logger, line):\n    logger.warning(line)"
    web_log = module("aiohttp.web_log", source)
    web_log.__file__ = "<string>"
    monkeypatch.setitem(__import__("sys").modules, "aiohttp.web_log", web_log)
    capture = begin()
    web_log.log(logging.getLogger("shop.requests"), LINE)
    logging.getLogger("shop.requests").warning("low")
    capture.response_started(503)
    capture.close()

    assert crumbs(mailbox.events[0]) == ["low"]


@pytest.mark.parametrize("name", SERVERS)
def test_what_servers_log_is_no_breadcrumb(
    begin: Begin, mailbox: testing.Mailbox, name: str
) -> None:
    """Their lines have the request line, too."""
    capture = begin()
    logging.getLogger(name).warning(LINE)
    capture.response_started(503)
    capture.close()

    assert crumbs(mailbox.events[0]) == []


# -- values of queries -----------------------------------------------------------------------------

TEXTS = [
    f"GET /orders/17?{QUERY} HTTP/1.1",
    f"Server error for url: https://api.example/x?{QUERY}#top",
    f"called with {QUERY}",
    "went to '/orders/17?x=1&customer=Alice%20Smith'",
]


def with_query(_request: object) -> adapters.RequestInfo:
    return adapters.RequestInfo("GET", "http", "shop.test", "/orders/17", query=QUERY)


@pytest.mark.parametrize("text", TEXTS)
def test_values_of_queries_are_in_no_text(
    begin: Begin, mailbox: testing.Mailbox, text: str
) -> None:
    """D5: Not in a breadcrumb, a log record, or the text of an exception."""
    capture = begin(describe=with_query)
    logging.getLogger("shop").warning(text)
    sentry_sdk.set_extra("where", text)
    logging.getLogger("shop").error("oh: %s", text)
    capture.exception_escaped(LookupError(text))
    capture.close()

    assert len(mailbox.events) == 2 or len(crumbs(mailbox.events[0])) == 2
    assert "Alice" not in str(mailbox.events)
    assert "[query]" in str(mailbox.events)


def test_values_of_queries_if_asked_for(begin: Begin) -> None:
    """``collect=["query"]`` keeps them; secrets are masked as everywhere."""
    with testing.capture("shop", collect=["query"]) as box:
        capture = begin(describe=with_query)
        capture.exception_escaped(LookupError(f"/orders/17?{QUERY}&token=hunter2hunter2"))
        capture.close()

    (value,) = box.events[0]["exception"]["values"]
    assert value["value"] == f"/orders/17?{QUERY}&token=[secret]"


def test_a_query_without_a_name_is_masked_in_a_url(begin: Begin, mailbox: testing.Mailbox) -> None:
    """It may be a word of any other text."""
    capture = begin(
        describe=lambda _: adapters.RequestInfo("GET", "http", "s", "/orders", query="Alice")
    )
    capture.exception_escaped(LookupError("GET /orders?Alice for Alice"))
    capture.close()

    assert mailbox.events[0]["exception"]["values"][0]["value"] == "GET /orders?[query] for Alice"


# -- settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "heard"),
    [
        ((), ["noisy", "noisy.part", "noisier", "shop"]),
        (("noisy",), ["noisier", "shop"]),
        (("noisy.*",), ["noisy", "noisier", "shop"]),
        (("nois*", "other"), ["shop"]),
    ],
)
def test_ignored_loggers(begin: Begin, names: tuple[str, ...], heard: list[str]) -> None:
    """Their records are no events, no breadcrumbs and no evidence; so are those below them."""
    with testing.capture("shop", ignore_loggers=names) as box:
        for name in ("noisy", "noisy.part", "noisier", "shop"):
            logging.getLogger(name).error("loud")
        assert [event["logger"] for event in box.events] == heard
        box.clear()
        capture = begin()
        for name in ("noisy", "noisy.part", "noisier", "shop"):
            logging.getLogger(name).warning(name)
        capture.response_started(503)
        capture.close()

    assert crumbs(box.events[0]) == heard


def test_what_the_sdk_ignores_is_no_breadcrumb(begin: Begin, mailbox: testing.Mailbox) -> None:
    """``ignore_logger`` of sentry-sdk counts as well."""
    ignore_logger("shop.carrier")
    capture = begin()
    logging.getLogger("shop.carrier").warning("low")
    capture.response_started(503)
    capture.close()

    assert crumbs(mailbox.events[0]) == []


@pytest.mark.parametrize(
    ("level", "events"),
    [
        ("debug", ["info", "warning", "error", "critical"]),
        ("WARNING", ["warning", "error", "critical"]),
        (35, ["error", "critical"]),
        ("CRITICAL", ["critical"]),
        ("off", []),
    ],
)
def test_level_of_events(begin: Begin, titles: Titles, level: str | int, events: list[str]) -> None:
    """Records from this level on are events, and those below are breadcrumbs."""
    log = logging.getLogger("shop")
    names = ["info", "warning", "error", "critical"]
    with testing.capture("shop", log_level=level) as box:
        log.setLevel(logging.INFO)
        capture = begin()
        for name in names:
            log.log(getattr(logging, name.upper()), name)
        capture.response_started(200)
        assert titles(box) == events
        box.clear()
        sentry_sdk.capture_message("captured")
        capture.close()
    log.setLevel(logging.NOTSET)

    assert crumbs(box.events[0]) == [name for name in names if name not in events]


def test_a_warning_waits_like_an_error(begin: Begin, titles: Titles) -> None:
    """A record at the level is no event if its request fails with what it is about."""
    with testing.capture("shop", log_level="WARNING") as box:
        capture = begin()
        try:
            fail()
        except LookupError as error:
            logging.getLogger("shop").warning("cannot order", exc_info=True)
            capture.exception_escaped(error)
        capture.close()

    assert titles(box) == ["LookupError"]
    assert box.events[0]["tags"]["status_code"] == "500"


def test_settings_of_the_environment(child: Callable[..., Any]) -> None:
    """Both settings have a variable."""
    done = child(
        "import os\n"
        "os.environ |= {'SENTRYINIT_LOG_LEVEL': 'warning', 'SENTRYINIT_IGNORE_LOGGERS': 'a,b.*'}\n"
        "sentryinit.init('shop', dsn=DSN, transport=Pipe())\n"
        "for name in ('a', 'a.b', 'b', 'b.c', 'c'):\n"
        "    logging.getLogger(name).warning(name)\n"
    )

    assert (done.code, done.titles) == (0, ["b", "c"])


def test_patterns_match_whole_names() -> None:
    """A name covers itself and what is below it."""
    record = logging.makeLogRecord({"name": "uvicornish"})
    assert not loggers.is_of_server(record)


@pytest.mark.parametrize("name", ["uvicorn.error", "gunicorn.error", "wsgi", "django.request"])
def test_application_that_logs_by_the_logger_of_its_server(
    begin: Begin, mailbox: testing.Mailbox, titles: Titles, name: str
) -> None:
    """C2: What it handles in a request is an event, or the reason of its 503."""
    for status in (200, 503):
        capture = begin()
        try:
            raise LookupError("the bank is away")
        except LookupError:
            logging.getLogger(name).exception("cannot pay")
        capture.response_started(status)
        capture.close()

    assert [event["exception"]["values"][-1]["type"] for event in mailbox.events] == [
        "LookupError"
    ] * 2
    assert mailbox.events[1]["tags"]["status_code"] == "503"

"""The generic boundaries: what servers and applications do at the edge of the protocols."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import logging
import pickle
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sentry_sdk

import sentryinit.asgi
import sentryinit.wsgi
from conftest import environ
from sentryinit import adapters, testing

log = logging.getLogger("shop")
Serve = Callable[..., Any]
START = {"type": "http.response.start", "status": 200, "headers": []}
PART = {"type": "http.response.body", "body": b"row", "more_body": True}
END = {"type": "http.response.body", "body": b"row"}
GONE = {"type": "http.disconnect"}
WEBSOCKET = {"type": "websocket", "scheme": "ws"}


def summary(box: testing.Mailbox) -> list[tuple[str, str]]:
    """Return title and status of each event."""
    found = []
    for event in box.events:
        values = event.get("exception", {}).get("values") or [{}]
        title = values[-1].get("type") or event["logentry"]["formatted"]
        found.append((title, event["tags"].get("status_code")))
    return found


def fails() -> None:
    raise LookupError("no stock")


# -- ASGI: responses that are not complete -----------------------------------------------------


def sends(*messages: dict[str, Any], awaits: int = 0) -> Any:
    """Return an ASGI application that receives *awaits* messages, sends *messages* and returns."""

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        for _ in range(awaits):
            await receive()
        for message in messages:
            await send(message)

    return sentryinit.asgi.SentryInitMiddleware(app)


@pytest.mark.parametrize(
    "messages,expected",
    [
        ([], [("HTTP 500 GET <unknown>", "500")]),
        ([START], [("RuntimeError", "200")]),
        ([START, PART], [("RuntimeError", "200")]),
        ([START, PART, END], []),
        ([START, END, END], []),
        ([{**START, "status": 503}], [("RuntimeError", "503")]),
        ([START, {"type": "http.response.pathsend", "path": "/file"}], []),
        ([{"type": "http.response.early_hint", "links": []}], [("HTTP 500 GET <unknown>", "500")]),
    ],
)
@pytest.mark.parametrize("gone", [False, True])
def test_unfinished_response_is_one_event(
    mailbox: testing.Mailbox, asgi: Serve, messages: Any, expected: Any, gone: bool
) -> None:
    """A4, A8: The server answers 500, or breaks off; not if the client has left (B4)."""
    asgi(sends(*messages, awaits=gone), incoming=[GONE])
    if gone and messages[:1] == [{**START, "status": 503}]:
        expected = []
    assert summary(mailbox) == ([] if gone else expected)


@pytest.mark.parametrize(
    "messages,expected",
    [
        ([], [("HTTP 500 GET <unknown>", "500")]),
        ([{"type": "websocket.close"}], []),
        ([{"type": "websocket.accept"}], []),
        ([{"type": "websocket.accept"}, {"type": "websocket.send", "text": "tea"}], []),
        (
            [
                {"type": "websocket.http.response.start", "status": 403, "headers": []},
                {"type": "websocket.http.response.body", "body": b""},
            ],
            [],
        ),
    ],
)
def test_websocket_that_is_neither_accepted_nor_closed_is_one_event(
    mailbox: testing.Mailbox, asgi: Serve, messages: Any, expected: Any
) -> None:
    """A10: The server answers 500; a WebSocket that is closed before it is accepted is a 403."""
    asgi(sends(*messages), **WEBSOCKET)
    assert summary(mailbox) == expected


def test_websocket_that_left_before_it_was_accepted_is_no_event(
    mailbox: testing.Mailbox, asgi: Serve
) -> None:
    """B4: The 500 of the server is for nobody."""
    asgi(sends(awaits=1), incoming=[{"type": "websocket.disconnect"}], **WEBSOCKET)
    assert mailbox.events == []


def test_scope_of_another_type_is_left_alone(mailbox: testing.Mailbox, asgi: Serve) -> None:
    """Channels calls applications for its workers, too: there is no response to miss."""
    assert asgi(sends(), type="channel")[1] is None
    assert mailbox.events == []


@pytest.mark.parametrize("first,second", [(200, 500), (200, 404), (503, 200)])
def test_second_start_does_not_change_the_status(
    mailbox: testing.Mailbox, asgi: Serve, first: int, second: int
) -> None:
    """A8: The server refuses a second response; the client has the first status."""

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({**START, "status": first})
        await send({**START, "status": second})
        fails()

    asgi(sentryinit.asgi.SentryInitMiddleware(app))
    assert summary(mailbox) == [("LookupError", str(first))]


def test_send_looks_like_a_coroutine_function(mailbox: testing.Mailbox, asgi: Serve) -> None:
    """E1: The server's is one, and asgiref warns of any other."""
    found = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        found.append(asyncio.iscoroutinefunction(send))
        await send(START)
        await send(END)

    asgi(sentryinit.asgi.SentryInitMiddleware(app))
    assert found == [True]


# -- ASGI: the lifespan ------------------------------------------------------------------------


def test_application_that_refuses_the_lifespan_is_stood_in_for(
    mailbox: testing.Mailbox, asgi: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """A12: The generic boundary responds, and says so, with the class of the exception."""

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        fails()

    incoming = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    with caplog.at_level(logging.INFO, "sentryinit"):
        sent, error = asgi(
            sentryinit.asgi.SentryInitMiddleware(app), type="lifespan", incoming=incoming
        )
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert (error, mailbox.events) == (None, [])
    assert [line for line in caplog.messages if "LookupError" in line and "lifespan" in line]


def test_adapter_of_a_framework_is_never_stood_in_for(
    mailbox: testing.Mailbox, asgi: Serve
) -> None:
    """A12: A framework knows the lifespan: its start-up has failed."""

    class Boundary(sentryinit.asgi.SentryInitMiddleware):
        adapter: Any = adapters.Adapter("shop", sentryinit.asgi.describe)

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        fails()

    for around in (lambda app: app, sentryinit.asgi.SentryInitMiddleware):
        mailbox.clear()
        sent, error = asgi(around(Boundary(app)), type="lifespan")
        assert (sent, type(error), summary(mailbox)) == ([], LookupError, [("LookupError", None)])


STARTED, STOPPED = "lifespan.startup.complete", "lifespan.shutdown.complete"


@pytest.mark.parametrize(
    "does",
    ["", "r", "rs", "s", "rsr", "rsrt", "rr", "rrs", "rst"],
)
@pytest.mark.parametrize("is_generic", [True, False])
def test_lifespan_that_is_left_early_is_answered(
    mailbox: testing.Mailbox,
    asgi: Serve,
    monkeypatch: pytest.MonkeyPatch,
    does: str,
    *,
    is_generic: bool,
) -> None:
    """A12: The boundary says what the application did not, and flushes before the end.

    *does*: the application receives, says that it has started, or stopped; then it returns.
    """
    order: list[str] = []
    monkeypatch.setattr(
        adapters, "shutdown", lambda name, exc=None: order.append(f"flush {name} {exc}")
    )

    class Boundary(sentryinit.asgi.SentryInitMiddleware):
        adapter: Any = adapters.Adapter("shop", sentryinit.asgi.describe, generic=is_generic)

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        for each in does:
            await {
                "r": receive,
                "s": lambda: send({"type": STARTED}),
                "t": lambda: send({"type": STOPPED}),
            }[each]()

    async def server(scope: Any, receive: Any, send: Any) -> None:
        async def watched_receive() -> Any:
            order.append("receive")
            return await receive()

        async def watched_send(message: Any) -> None:
            order.append(message["type"])
            await send(message)

        await Boundary(app)(scope, watched_receive, watched_send)

    incoming = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    _, error = asgi(server, type="lifespan", incoming=incoming)
    assert (error, mailbox.events) == (None, [])
    assert order.count("receive") == (1 if does == "rst" else 2)
    said = [each for each in order if each != "receive"]
    assert said == [STARTED, "flush shop None", STOPPED]


# -- WSGI: start_response and write ------------------------------------------------------------


class Sized:
    """A body with a length that calls ``start_response`` once it is iterated, or never."""

    def __init__(self, start: Callable[[], object]) -> None:
        self._start = start

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[bytes]:
        self._start()
        yield b"row"


def starts_late(start: Callable[[], object]) -> Iterator[bytes]:
    start()
    yield b""
    yield b"row"


def starts_too_late(start: Callable[[], object]) -> Iterator[bytes]:
    yield b"row"
    start()


@pytest.mark.parametrize("body", [starts_late, Sized, iter])
@pytest.mark.parametrize("status", ["200 OK", "503 Service Unavailable"])
def test_start_response_in_the_body_is_legal(
    mailbox: testing.Mailbox, wsgi: Serve, body: Any, status: str
) -> None:
    """A4: PEP 3333 allows it until the first bytes; the status counts as usual."""

    def app(_environ: Any, start_response: Any) -> Any:
        if body is iter:
            start_response(status, [])
            return iter([b"row"])
        return body(lambda: start_response(status, []))

    assert wsgi(sentryinit.wsgi.SentryInitMiddleware(app)).status == status
    expected = [("HTTP 503 GET <unknown>", "503")] if status.startswith("503") else []
    assert summary(mailbox) == expected


@pytest.mark.parametrize(
    "body",
    [
        list,
        tuple,
        lambda: [b"row"],
        lambda: iter([]),
        lambda: iter([b"row"]),
        lambda: starts_late(lambda: None),
        lambda: starts_too_late(lambda: None),
        lambda: Sized(lambda: None),
    ],
)
@pytest.mark.parametrize("stops", [False, True])
def test_no_start_response_is_one_event(
    mailbox: testing.Mailbox, wsgi: Serve, body: Any, stops: bool
) -> None:
    """A4: The server has no status to send, and answers 500: at the first bytes, or at the end."""

    def server(app: Any) -> Any:
        def serve(environ: Any, start_response: Any) -> Any:
            found = app(environ, start_response)
            for chunk in found:
                if chunk and stops:
                    break
            if hasattr(found, "close"):
                found.close()
            return []

        return serve

    wsgi(server(sentryinit.wsgi.SentryInitMiddleware(lambda *_: body())))
    assert summary(mailbox) == [("HTTP 500 GET <unknown>", "500")]


def test_lazy_body_that_nobody_iterates_is_no_event(mailbox: testing.Mailbox, wsgi: Serve) -> None:
    """E6: An outer middleware may answer in its place."""

    def outer(environ: Any, start_response: Any) -> Any:
        app = sentryinit.wsgi.SentryInitMiddleware(lambda *_: starts_late(lambda: None))
        app(environ, start_response).close()
        start_response("200 OK", [])
        return [b"instead"]

    wsgi(outer)
    assert mailbox.events == []


@pytest.mark.parametrize("where", ["handler", "body"])
@pytest.mark.parametrize("data,status", [(b"row", "200"), (b"", "500")])
def test_failure_after_write_has_the_status_sent(
    mailbox: testing.Mailbox, wsgi: Serve, where: str, data: bytes, status: str
) -> None:
    """A8: write() sends the status, start_response() does not."""
    written: list[bytes] = []

    def body(write: Any) -> Iterator[bytes]:
        write(data)
        fails()
        yield b""

    def app(_environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [])
        return body(write) if where == "body" else list(body(write))

    wsgi(sentryinit.wsgi.SentryInitMiddleware(app), write=written.append)
    assert (written, summary(mailbox)) == ([data], [("LookupError", status)])


@pytest.mark.parametrize("sent", [False, True])
def test_error_response_counts_only_if_nothing_was_sent(
    mailbox: testing.Mailbox, sent: bool
) -> None:
    """A8: start_response(500, exc_info) is legal before the first bytes; after them it raises."""
    headers_sent: list[bytes] = []

    def start_response(_status: str, _headers: Any, exc_info: Any = None) -> Any:
        if exc_info and headers_sent:
            raise exc_info[1]
        return headers_sent.append

    def app(_environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        if sent:
            yield b"row"
        try:
            fails()
        except LookupError:
            start_response("500 Internal Server Error", [], sys.exc_info())
        yield b"sorry"

    body = sentryinit.wsgi.SentryInitMiddleware(app)(environ(), start_response)
    try:
        headers_sent.extend(body)
    except LookupError:
        assert sent
    body.close()
    assert summary(mailbox) == [("LookupError", "200" if sent else "500")]


# -- what hangs in environ and scope -------------------------------------------------------------


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_capture_copies_pickles_and_prints_as_nothing(
    mailbox: testing.Mailbox, wsgi: Serve, protocol: int
) -> None:
    """E1: An environ that is copied, pickled or logged works as without us."""
    found: list[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        found.extend(
            (
                copy.deepcopy(environ),
                pickle.loads(pickle.dumps(environ, protocol)),  # noqa: S301 # made a moment ago
                json.loads(json.dumps({"sentryinit.capture": environ["sentryinit.capture"]})),
                copy.copy(environ)["sentryinit.capture"] is environ["sentryinit.capture"],
            )
        )
        start_response("200 OK", [])
        return [b""]

    wsgi(sentryinit.wsgi.SentryInitMiddleware(app))
    assert [each["sentryinit.capture"] for each in found[:3]] == [""] * 3
    assert found[3] is True


def test_deep_copied_scope_is_the_same_request(mailbox: testing.Mailbox, asgi: Serve) -> None:
    """C3: A middleware between two boundaries that copies the scope: one event."""
    inner = sends({**START, "status": 503}, END)

    async def copies(scope: Any, receive: Any, send: Any) -> None:
        await inner(copy.deepcopy(scope), receive, send)

    asgi(sentryinit.asgi.SentryInitMiddleware(copies))
    assert summary(mailbox) == [("HTTP 503 GET <unknown>", "503")]


# -- clients in the same context -----------------------------------------------------------------


def streams(environ: Any, start_response: Any) -> Iterator[bytes]:
    """Stream rows, each with an event of its own."""
    name = environ["PATH_INFO"][1:]
    sentry_sdk.set_tag("name", name)
    start_response("200 OK", [])

    def rows() -> Iterator[bytes]:
        for number in range(2):
            sentry_sdk.capture_message(f"{name} {number}")
            yield b"row"

    return rows()


def told(box: testing.Mailbox) -> list[tuple[str, str, str]]:
    """Return message, tag and path of each event."""
    return [
        (
            event["logentry"]["formatted"] if "logentry" in event else event["message"],
            event["tags"]["name"],
            event["request"]["url"].rpartition("/")[2],
        )
        for event in box.events
    ]


@pytest.mark.parametrize("order", ["tea milk", "milk tea"])
def test_bodies_that_are_never_closed_are_told_with_their_own_request(
    mailbox: testing.Mailbox, order: str
) -> None:
    """D6: A client in the process may close no response: each body runs as its own request."""
    boundary = sentryinit.wsgi.SentryInitMiddleware(streams)
    bodies = {name: boundary(environ(f"/{name}"), lambda *_: len) for name in ("tea", "milk")}
    for name in order.split():
        list(bodies[name])
    assert told(mailbox) == [(f"{n} {number}", n, n) for n in order.split() for number in range(2)]


def test_bodies_that_are_read_in_turns_are_told_with_their_own_request(
    mailbox: testing.Mailbox,
) -> None:
    """D6: Also if the bodies are read by turns, and closed in any order."""
    boundary = sentryinit.wsgi.SentryInitMiddleware(streams)
    bodies = [boundary(environ(f"/{name}"), lambda *_: len) for name in ("tea", "milk", "salt")]
    steps = [iter(body) for body in bodies]
    for each in (0, 2, 1, 1, 0, 2):
        next(steps[each])
    for body in bodies:
        body.close()
    expected = ["tea 0", "salt 0", "milk 0", "milk 1", "tea 1", "salt 1"]
    assert [message for message, _, _ in told(mailbox)] == expected
    assert all(message.split()[0] == tag == path for message, tag, path in told(mailbox))


def test_job_after_a_request_belongs_to_the_start_up(mailbox: testing.Mailbox, wsgi: Serve) -> None:
    """D6: What is captured and set after a request in its thread is not the request's."""

    def app(environ: Any, start_response: Any) -> Any:
        sentry_sdk.set_user({"id": "alice"})
        sentry_sdk.set_tag("name", "tea")
        with sentry_sdk.new_scope() as scope:
            scope.set_tag("inner", "tea")
        start_response("200 OK", [])
        return [b""] if environ["PATH_INFO"] == "/list" else iter([b""])

    for path in ("/list", "/stream"):
        wsgi(sentryinit.wsgi.SentryInitMiddleware(app), path)
        sentry_sdk.capture_message("job")
        sentry_sdk.set_tag(path[1:], "set by the job")
    wsgi(sentryinit.wsgi.SentryInitMiddleware(app), "/list")
    sentry_sdk.capture_message("last")
    first, second, last = mailbox.events
    assert [event.get("user") for event in mailbox.events] == [None] * 3
    assert {"name", "inner"}.isdisjoint({**first["tags"], **second["tags"], **last["tags"]})
    assert {"list", "stream"} <= last["tags"].keys()


def test_refused_error_response_is_one_event(mailbox: testing.Mailbox) -> None:
    """A8: the server refuses a second start; the application may answer that as well."""

    def start_response(_status: str, _headers: Any, exc_info: Any = None) -> Any:
        if exc_info:
            raise exc_info[1]

    def app(_environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"row"
        try:
            fails()
        except LookupError:
            with contextlib.suppress(LookupError):
                start_response("500 Internal Server Error", [], sys.exc_info())

    body = sentryinit.wsgi.SentryInitMiddleware(app)(environ(), start_response)
    list(body)
    body.close()
    assert summary(mailbox) == [("LookupError", "200")]


def test_write_to_a_client_that_left_is_no_event(mailbox: testing.Mailbox, wsgi: Serve) -> None:
    """B2: the server's ``write`` raises as its input stream does."""

    def write(_data: bytes) -> None:
        raise BrokenPipeError

    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])(b"row")
        return []

    with contextlib.suppress(BrokenPipeError):
        wsgi(sentryinit.wsgi.SentryInitMiddleware(app), write=write)
    assert mailbox.events == []

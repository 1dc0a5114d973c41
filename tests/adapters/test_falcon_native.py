"""Falcon only: error handlers, components, sinks, streams, scheduled work."""

from __future__ import annotations

import asyncio
import inspect
import io
import logging
import sys
import types
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import falcon
import falcon.asgi
import falcon.inspect
import falcon.testing
import pytest
import sentry_sdk

from sentryinit.testing import Mailbox, capture
from sentryinit_falcon import SentryInitComponent, debug_panic, install
from sentryinit_testkit._watch import calls

REPORTER = hasattr(falcon.App, "set_error_reporter")
needs_reporter = pytest.mark.skipif(not REPORTER, reason="Falcon has it from 4.4 on")


class OutOfStock(Exception):
    """An exception of the application."""


class SoldOut(OutOfStock):
    """A subclass without a handler of its own."""


class Kind:
    """One of Falcon's two kinds of application; functions are adapted to it."""

    def __init__(self, name: str) -> None:
        self.name, self.asgi = name, name == "asgi"
        self.type: Any = falcon.asgi.App if self.asgi else falcon.App

    def made(self, function: Callable[..., Any]) -> Any:
        if not self.asgi:
            return function

        async def made(*args: Any, **named: Any) -> None:
            function(*args, **named)

        return made

    def thing(self, **methods: Callable[..., Any]) -> Any:
        """Return a resource or a component with *methods*."""
        thing = type("Thing", (), {})()
        for name, method in methods.items():
            made = self.made(lambda _, *given, m=method, **named: m(*given, **named))
            setattr(thing, name, types.MethodType(made, thing))
        return thing

    def app(self, get: Callable[..., Any], *components: Any, **options: Any) -> Any:
        """Return an application that answers GET with *get*."""
        app = self.type(middleware=list(components), **options)
        app.add_route("/orders/{order_id:int}", self.thing(on_get=get))
        return app

    def chunks(self, *pieces: bytes | Exception) -> Any:
        """Return a stream of *pieces*; pieces that are exceptions are raised."""

        def plain() -> Iterator[bytes]:
            for piece in pieces:
                if isinstance(piece, Exception):
                    raise piece
                yield piece

        async def later() -> AsyncIterator[bytes]:
            for piece in plain():
                yield piece

        return later() if self.asgi else plain()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with capture(debug_token="letmein") as box:
        yield box


@pytest.fixture(params=["wsgi", "asgi"])
def kind(request: pytest.FixtureRequest, mailbox: Mailbox) -> Kind:
    return Kind(request.param)


@pytest.fixture(params=[pytest.param("reporter", marks=needs_reporter), "handlers"])
def hook(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test with each of the two ways to see handled exceptions."""
    if request.param == "handlers":
        monkeypatch.delattr(falcon.App, "set_error_reporter", raising=False)
    return str(request.param)


def get(app: Any, path: str = "/orders/17", **options: Any) -> Any:
    """Return the response to a GET, in an event loop of its own."""
    if not inspect.iscoroutinefunction(app.__call__):
        return falcon.testing.TestClient(app).simulate_get(path, **options)

    async def main() -> Any:
        async with falcon.testing.ASGIConductor(app) as conductor:
            return await conductor.simulate_get(path, **options)

    return asyncio.run(main())


def summary(mailbox: Mailbox) -> list[tuple[object, ...]]:
    """Return type or text, handled, status and route of each event."""
    found = []
    for event in mailbox.events:
        values = event.get("exception", {}).get("values", [{}])
        what = values[-1].get("type", "").split(".")[-1] or event["logentry"]["formatted"]
        handled = values[-1].get("mechanism", {}).get("handled")
        found.append((what, handled, event["tags"].get("status_code"), event["transaction"]))
    return found


def fails(req: Any, resp: Any, **params: Any) -> None:
    raise SoldOut("no stock")


def answers(status: int) -> Callable[..., None]:
    def answer(req: Any, resp: Any, *_: Any, **__: Any) -> None:
        resp.status = status

    return answer


def raises(make: Callable[[], BaseException]) -> Callable[..., None]:
    def fail(*_: Any, **__: Any) -> None:
        raise make()

    return fail


ROUTE = "/orders/{order_id}"


# -- error handlers --------------------------------------------------------------------------------


@pytest.mark.usefixtures("hook")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("handles", [Exception, OutOfStock, SoldOut])
def test_error_answered_by_a_user_s_handler_is_handled(
    kind: Kind, mailbox: Mailbox, handles: Any, when: str
) -> None:
    """A6: a handler for Exception or for a class, added before or after install()."""
    app = kind.app(fails)
    if when == "after":
        install(app)
    app.add_error_handler(handles, kind.made(answers(503)))
    if when == "before":
        install(app)

    assert get(app).status_code == 503
    assert summary(mailbox) == [("SoldOut", True, "503", ROUTE)]


@pytest.mark.usefixtures("hook")
def test_error_answered_by_falcon_is_unhandled(kind: Kind, mailbox: Mailbox) -> None:
    """A2: Falcon's own handler only makes a page; handlers for other classes do not count."""
    app = kind.app(fails)
    app.add_error_handler(ZeroDivisionError, kind.made(answers(503)))
    install(app)
    app.add_error_handler(LookupError, kind.made(answers(503)))

    assert get(app).status_code == 500
    assert summary(mailbox) == [("SoldOut", False, "500", ROUTE)]


@pytest.mark.usefixtures("hook")
@pytest.mark.parametrize("handles", [Exception, OutOfStock])
def test_error_answered_below_500_is_no_event(kind: Kind, mailbox: Mailbox, handles: Any) -> None:
    """A7: the exception counts as handled."""
    app = kind.app(fails)
    install(app)
    app.add_error_handler(handles, kind.made(answers(404)))

    assert get(app).status_code == 404
    assert mailbox.events == []


@pytest.mark.usefixtures("hook")
@pytest.mark.parametrize("disowned", [True, False])
@pytest.mark.parametrize("make", [falcon.HTTPServiceUnavailable, lambda: falcon.HTTPStatus(503)])
def test_error_that_a_handler_turns_into_a_503_is_the_event(
    kind: Kind, mailbox: Mailbox, make: Any, disowned: bool
) -> None:
    """A6: the handler raises the response; the first error is reported."""

    def handle(req: Any, resp: Any, error: Exception, params: Any) -> None:
        if disowned:
            raise make() from None
        raise make()

    app = kind.app(fails)
    app.add_error_handler(OutOfStock, kind.made(handle))
    install(app)

    assert get(app).status_code == 503
    assert summary(mailbox) == [("SoldOut", True, "503", ROUTE)]


@pytest.mark.usefixtures("hook")
def test_error_of_a_handler_reaches_the_server(kind: Kind, mailbox: Mailbox) -> None:
    """A3: it reaches the server unchanged, and is one event with its cause."""
    error = RuntimeError("the handler")
    app = kind.app(fails)
    app.add_error_handler(OutOfStock, kind.made(raises(lambda: error)))
    install(app)

    with pytest.raises(RuntimeError) as caught:
        get(app)
    assert caught.value is error
    assert summary(mailbox) == [("RuntimeError", False, "500", ROUTE)]
    types = [value["type"] for value in mailbox.events[0]["exception"]["values"]]
    assert types == ["SoldOut", "RuntimeError"]


@pytest.mark.usefixtures("hook")
def test_error_that_a_handler_raises_again_is_one_event(kind: Kind, mailbox: Mailbox) -> None:
    """A3: an error that its handler raises again reaches the server."""

    def handle(req: Any, resp: Any, error: Exception, params: Any) -> None:
        raise error

    app = kind.app(fails)
    app.add_error_handler(Exception, kind.made(handle))
    install(app)

    with pytest.raises(SoldOut):
        get(app)
    assert summary(mailbox) == [("SoldOut", False, "500", ROUTE)]


@pytest.mark.usefixtures("hook")
def test_handlers_for_several_classes_and_on_the_class(kind: Kind, mailbox: Mailbox) -> None:
    """A6: the two other ways to add a handler are seen as well."""

    class Late(Exception):
        handle = staticmethod(kind.made(answers(504)))

    app = kind.app(raises(lambda: Late("too late")))
    app.add_route("/stock", kind.thing(on_get=fails))
    install(app)
    app.add_error_handler(Late)
    app.add_error_handler((OutOfStock, LookupError), kind.made(answers(503)))

    assert (get(app).status_code, get(app, "/stock").status_code) == (504, 503)
    assert summary(mailbox) == [("Late", True, "504", ROUTE), ("SoldOut", True, "503", "/stock")]


@pytest.mark.usefixtures("hook")
def test_wrong_error_handler_is_refused_unchanged(kind: Kind) -> None:
    """E1: Falcon raises its own error for a wrong handler."""
    app = kind.app(fails)
    install(app)
    with pytest.raises(TypeError):
        app.add_error_handler(int, kind.made(answers(503)))
    with pytest.raises(AttributeError):
        app.add_error_handler(OutOfStock)


@pytest.mark.usefixtures("hook")
def test_last_error_is_reported(kind: Kind, mailbox: Mailbox) -> None:
    """A6: a handled error is not reported for a later one."""

    def close(req: Any, resp: Any, resource: Any, succeeded: bool) -> None:
        raise LookupError("in the end")

    app = kind.app(fails, kind.thing(process_response=close))
    app.add_error_handler(OutOfStock, kind.made(answers(404)))
    install(app)

    get(app)
    assert summary(mailbox) == [("LookupError", False, "500", ROUTE)]


@pytest.mark.parametrize(
    "make",
    [
        falcon.HTTPServiceUnavailable,
        lambda: falcon.HTTPError("503 Service Unavailable"),
        lambda: falcon.HTTPStatus("503 Service Unavailable"),
        lambda: falcon.HTTPStatus(503),
    ],
)
@pytest.mark.usefixtures("hook")
def test_raised_503_is_a_status_event(kind: Kind, mailbox: Mailbox, make: Any) -> None:
    """A5: in every notation of a status."""
    app = kind.app(raises(make))
    install(app)
    assert get(app).status_code == 503
    assert summary(mailbox) == [("HTTP 503 GET /orders/{order_id}", None, "503", ROUTE)]


@pytest.mark.parametrize("status", [503, "503 Service Unavailable", falcon.HTTP_503])
def test_503_set_on_the_response_is_a_status_event(
    kind: Kind, mailbox: Mailbox, status: Any
) -> None:
    """A4: a 503 that the responder sets."""
    app = kind.app(answers(status))
    install(app)
    assert get(app).status_code == 503
    assert summary(mailbox) == [("HTTP 503 GET /orders/{order_id}", None, "503", ROUTE)]


@pytest.mark.usefixtures("hook")
@pytest.mark.parametrize("when", ["before", "after"])
def test_user_s_error_serializer_is_kept(kind: Kind, mailbox: Mailbox, when: str) -> None:
    """E1: its output is sent; if it fails, that is an event."""

    def serialise(req: Any, resp: Any, error: Any) -> None:
        resp.text = {falcon.HTTP_503: "not now"}[error.status]

    app = kind.app(raises(falcon.HTTPServiceUnavailable))
    app.add_route("/broken", kind.thing(on_get=raises(falcon.HTTPBadGateway)))
    if when == "after":
        install(app)
    app.set_error_serializer(serialise)
    if when == "before":
        install(app)

    assert get(app).text == "not now"
    with pytest.raises(KeyError):
        get(app, "/broken")
    assert summary(mailbox) == [
        ("HTTP 503 GET /orders/{order_id}", None, "503", ROUTE),
        ("KeyError", False, "500", "/broken"),
    ]


@pytest.mark.usefixtures("hook")
def test_body_that_cannot_be_serialized_is_one_event(kind: Kind, mailbox: Mailbox) -> None:
    """A2: it fails after all components have seen the response."""

    def media(req: Any, resp: Any, order_id: int) -> None:
        resp.media = object()

    app = kind.app(media)
    install(app)
    assert get(app).status_code == 500
    assert summary(mailbox) == [("TypeError", False, "500", ROUTE)]


# -- the error reporter ----------------------------------------------------------------------------


@needs_reporter
@pytest.mark.parametrize("when", ["before", "after", "both"])
def test_user_s_error_reporter_is_still_called(kind: Kind, mailbox: Mailbox, when: str) -> None:
    """There is one reporter: the user's, set before or after install(), is still called."""
    reports: list[tuple[str, Any]] = []

    def reporter(name: str) -> Callable[..., None]:
        def report(req: Any, error: Exception, params: Any, handled: bool) -> None:
            reports.append((name, (req.path, type(error), params, handled)))

        return report

    app = kind.app(fails)
    if when != "after":
        app.set_error_reporter(reporter("before"))
    install(app)
    if when != "before":
        app.set_error_reporter(reporter("after"))

    get(app)
    last = "before" if when == "before" else "after"
    assert reports == [(last, ("/orders/17", SoldOut, {"order_id": 17}, True))]
    assert summary(mailbox) == [("SoldOut", False, "500", ROUTE)]


# -- components, sinks and hooks -------------------------------------------------------------------


@pytest.mark.usefixtures("hook")
@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("moment", ["process_request", "process_resource", "process_response"])
@pytest.mark.parametrize("independent", [True, False])
def test_component_that_raises_is_one_event(
    kind: Kind, mailbox: Mailbox, moment: str, place: str, independent: bool
) -> None:
    """A2: at any position and in any method; with the route if it was known."""
    component = kind.thing(**{moment: raises(lambda: SoldOut("no stock"))})
    first = [component] if place == "before" else []
    app = kind.app(answers(200), *first, independent_middleware=independent)
    install(app)
    if place == "after":
        app.add_middleware(component)

    assert get(app).status_code == 500
    route = "<unknown>" if moment == "process_request" else ROUTE
    assert summary(mailbox) == [("SoldOut", False, "500", route)]


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("status", [503, 302])
@pytest.mark.parametrize("moment", ["process_request", "process_resource"])
def test_component_that_completes_the_request_sets_its_status(
    kind: Kind, mailbox: Mailbox, moment: str, status: int, place: str
) -> None:
    """A1, A4: a component that answers and sets ``resp.complete``."""

    def complete(req: Any, resp: Any, *_: Any) -> None:
        resp.status, resp.complete = status, True

    component = kind.thing(**{moment: complete})
    app = kind.app(fails, *([component] if place == "before" else []))
    install(app)
    if place == "after":
        app.add_middleware(component)

    assert get(app).status_code == status
    # Falcon skips our component if an earlier one has completed the request.
    route = ROUTE if (moment, place) == ("process_resource", "after") else "<unknown>"
    expected = [(f"HTTP 503 GET {route}", None, "503", route)]
    assert summary(mailbox) == (expected if status == 503 else [])


def test_component_added_first_knows_the_route(kind: Kind, mailbox: Mailbox) -> None:
    """D3: added first by the user, it is called before the others."""

    def complete(req: Any, resp: Any, *_: Any) -> None:
        resp.status, resp.complete = 503, True

    app = kind.app(fails, SentryInitComponent(), kind.thing(process_resource=complete))
    install(app)
    get(app)
    assert summary(mailbox) == [("HTTP 503 GET /orders/{order_id}", None, "503", ROUTE)]


@pytest.mark.parametrize(("first", "sent"), [(503, 200), (200, 503)])
def test_status_that_is_sent_counts(kind: Kind, mailbox: Mailbox, first: int, sent: int) -> None:
    """A1, A4: a component can change the status."""
    app = kind.app(answers(first), kind.thing(process_response=answers(sent)))
    install(app)
    assert get(app).status_code == sent
    expected = [("HTTP 503 GET /orders/{order_id}", None, "503", ROUTE)]
    assert summary(mailbox) == (expected if sent == 503 else [])


def test_system_exit_in_an_earlier_component_is_one_event(kind: Kind, mailbox: Mailbox) -> None:
    """A11: Falcon does not catch SystemExit, which gunicorn's timeout raises."""
    app = kind.app(answers(200), kind.thing(process_request=lambda *_: sys.exit(1)))
    install(app)
    with pytest.raises(SystemExit):
        get(app)
    assert summary(mailbox) == [("SystemExit", False, "500", "<unknown>")]
    assert mailbox.events[0]["level"] == "fatal"


@pytest.mark.usefixtures("hook")
def test_sinks_and_static_routes_have_no_route(kind: Kind, mailbox: Mailbox, tmp_path: Any) -> None:
    """D3: the event has the fixed placeholder, never the path."""
    app = kind.app(answers(200))
    app.add_sink(kind.made(fails), "/legacy")
    app.add_static_route("/files", str(tmp_path))
    install(app)

    assert get(app, "/legacy/17").status_code == 500
    assert get(app, "/files/17").status_code == 404
    assert get(app, "/nowhere").status_code == 404
    assert summary(mailbox) == [("SoldOut", False, "500", "<unknown>")]


@pytest.mark.usefixtures("hook")
def test_failing_responder_hook_is_one_event(kind: Kind, mailbox: Mailbox) -> None:
    """A2: falcon.before and falcon.after."""

    def before(req: Any, resp: Any, resource: Any, params: Any) -> None:
        raise LookupError("before")

    def after(req: Any, resp: Any, resource: Any) -> None:
        raise SoldOut("after")

    app = kind.type()
    responder = kind.made(lambda self, req, resp: None)
    for path, hooked in (
        ("/before", falcon.before(kind.made(before))(responder)),
        ("/after", falcon.after(kind.made(after))(responder)),
    ):
        app.add_route(path, type("Thing", (), {"on_get": hooked})())
    install(app)

    get(app, "/before")
    get(app, "/after")
    assert summary(mailbox) == [
        ("LookupError", False, "500", "/before"),
        ("SoldOut", False, "500", "/after"),
    ]


@pytest.mark.parametrize(
    ("template", "path", "route"),
    [
        ("/a/{one}/{two:int}", "/a/x/2", "/a/{one}/{two}"),
        ("/b/{day:dt('%Y-%m-%d')}", "/b/2026-01-02", "/b/{day}"),
        ("/c/{low:int(min=1)}-{high}", "/c/2-4", "/c/{low}-{high}"),
        ("/d/x:y/{name}", "/d/x:y/z", "/d/x:y/{name}"),
    ],
)
def test_routes_have_one_notation(
    kind: Kind, mailbox: Mailbox, template: str, path: str, route: str
) -> None:
    """D3: converters with and without arguments, several parameters in a segment."""
    app = kind.type()
    app.add_route(template.replace("'", '"'), kind.thing(on_get=fails))
    install(app)
    get(app, path)
    assert summary(mailbox) == [("SoldOut", False, "500", route)]


# -- bodies ----------------------------------------------------------------------------------------


def test_failing_stream_is_one_event(kind: Kind, mailbox: Mailbox) -> None:
    """A8: the event has the status that was sent, the route, and the responder's tags."""

    def stream(req: Any, resp: Any, order_id: int) -> None:
        sentry_sdk.set_tag("order", order_id)
        resp.stream = kind.chunks(b"one", SoldOut("no stock"))

    app = kind.app(stream)
    install(app)
    with pytest.raises(SoldOut):
        get(app)
    assert summary(mailbox) == [("SoldOut", False, "200", ROUTE)]
    assert mailbox.events[0]["tags"]["order"] == "17"


@pytest.mark.parametrize("close", [True, False])
def test_failing_file_is_one_event(kind: Kind, mailbox: Mailbox, close: bool) -> None:
    """A8: an object with ``read``, which fails there or in ``close``."""

    class File:
        def __init__(self) -> None:
            self.read = kind.made(raises(lambda: SoldOut("no stock")))
            if close:
                self.read, self.close = io.BytesIO(b"one").read, self.read

    class AsyncFile(File):
        def __init__(self) -> None:
            super().__init__()
            if close:
                plain = self.read

                async def read(size: int) -> bytes:
                    return plain(size)

                self.read = read  # type: ignore[assignment] # as asynchronous as the rest

    def stream(req: Any, resp: Any, order_id: int) -> None:
        resp.stream = AsyncFile() if kind.asgi else File()

    app = kind.app(stream)
    install(app)
    with pytest.raises(SoldOut):
        get(app)
    status = "200" if kind.asgi or close else "500"
    assert summary(mailbox) == [("SoldOut", False, status, ROUTE)]


def test_failing_server_sent_events_are_one_event(mailbox: Mailbox) -> None:
    """A8: ``resp.sse``."""

    async def emit() -> AsyncIterator[falcon.asgi.SSEvent]:
        yield falcon.asgi.SSEvent(text="one")
        raise SoldOut("no stock")

    def stream(req: Any, resp: Any, order_id: int) -> None:
        resp.sse = emit()

    app = Kind("asgi").app(stream)
    install(app)
    with pytest.raises(SoldOut):
        get(app)
    assert summary(mailbox) == [("SoldOut", False, "200", ROUTE)]


# -- scheduled work --------------------------------------------------------------------------------


def scheduling(mailbox: Mailbox, job: Any, method: str, status: int = 202) -> Any:
    """Serve a request that schedules *job*, until the job has ended."""

    def handle(req: Any, resp: Any, order_id: int) -> None:
        sentry_sdk.set_tag("order", order_id)
        resp.status = status
        getattr(resp, method)(job)

    app = Kind("asgi").app(handle)
    install(app)

    async def main() -> Any:
        loop, logged = asyncio.get_running_loop(), []
        loop.set_exception_handler(lambda _, context: logged.append(context["exception"]))
        async with falcon.testing.ASGIConductor(app) as conductor:
            answer = await conductor.simulate_get("/orders/17")
            await asyncio.sleep(0.05)
        return answer, logged

    return asyncio.run(main())[0]


async def fails_later() -> None:
    raise SoldOut("no stock")


async def leaves_later() -> None:
    raise asyncio.CancelledError


def fails_in_a_thread() -> None:
    raise SoldOut("no stock")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # raised in a thread
@pytest.mark.parametrize(
    ("method", "job"), [("schedule", fails_later), ("schedule_sync", fails_in_a_thread)]
)
def test_failing_scheduled_work_is_one_event(mailbox: Mailbox, method: str, job: Any) -> None:
    """A9: the event has the status that was sent, the route, the tags and the trace."""
    assert scheduling(mailbox, job, method).status_code == 202
    assert summary(mailbox) == [("SoldOut", False, "202", ROUTE)]
    assert mailbox.events[0]["tags"]["order"] == "17"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # raised in a thread
def test_scheduled_work_has_the_trace_of_its_request(mailbox: Mailbox) -> None:
    """D7: two failures of one request have the same trace."""
    scheduling(mailbox, fails_later, "schedule", 503)
    assert [entry[0] for entry in summary(mailbox)] == [
        "HTTP 503 GET /orders/{order_id}",
        "SoldOut",
    ]
    first, second = (event["contexts"]["trace"]["trace_id"] for event in mailbox.events)
    assert first == second


def test_cancelled_scheduled_work_is_no_event(mailbox: Mailbox) -> None:
    """B1: a cancellation is an abort."""
    scheduling(mailbox, leaves_later, "schedule")
    assert mailbox.events == []


def test_scheduled_work_runs_once(mailbox: Mailbox) -> None:
    """E1: both kinds of scheduled work run once."""
    done: list[int] = []

    async def job() -> None:
        done.append(1)

    scheduling(mailbox, job, "schedule")
    scheduling(mailbox, lambda: done.append(2), "schedule_sync")
    assert (done, mailbox.events) == ([1, 2], [])


@pytest.mark.parametrize("wrong", [fails_in_a_thread, 17])
def test_invalid_scheduled_work_is_refused_unchanged(mailbox: Mailbox, wrong: Any) -> None:
    """E1: Falcon raises its own error for a function that is not asynchronous, if it does."""

    def schedule(resp: Any) -> str:
        try:
            resp.schedule(wrong)
        except TypeError as error:
            return str(error)
        return "taken"

    def handle(req: Any, resp: Any, order_id: int) -> None:
        resp.text = schedule(resp)
        resp.unset_cookie  # noqa: B018 # still a response
        if resp.text == "taken":
            resp._registered_callbacks = None

    bare, ours = (Kind("asgi").app(handle) for _ in range(2))
    install(ours)
    assert get(ours).text == get(bare).text


def test_work_scheduled_outside_of_a_request_is_not_reported(mailbox: Mailbox) -> None:
    """E1: a response object that is kept after its request."""
    kept: list[Any] = []
    app = Kind("asgi").app(lambda req, resp, order_id: kept.append(resp))
    install(app)
    get(app)
    kept[0].schedule(fails_later)
    kept[0].schedule_sync(fails_in_a_thread)
    (job, _), (sync_job, _) = kept[0]._registered_callbacks
    with pytest.raises(SoldOut):
        asyncio.run(job())
    with pytest.raises(SoldOut):
        sync_job()
    assert mailbox.events == []


def test_response_class_that_cannot_be_subclassed_is_kept(mailbox: Mailbox) -> None:
    """E2: its scheduled work is not watched, and the response is sent."""

    class Sealed(falcon.asgi.Response):
        def __init_subclass__(cls) -> None:
            raise TypeError("no subclass")

    app = Kind("asgi").app(answers(202), response_type=Sealed)
    install(app)
    assert get(app).status_code == 202
    assert mailbox.events == []


# -- WebSockets and the lifespan -------------------------------------------------------------------


class Chat:
    """A WebSocket responder; *does* runs before or after it accepts."""

    def __init__(self, does: Callable[..., None], *, accepts: bool = True) -> None:
        self.does, self.accepts = does, accepts

    async def on_websocket(self, req: Any, ws: Any, room: str) -> None:
        if self.accepts:
            await ws.accept()
            await ws.receive_text()
        self.does()
        while True:
            await ws.receive_text()


def talk(
    app: Any, path: str = "/rooms/tea", *, leaves: bool = False
) -> tuple[list[dict[str, Any]], BaseException | None]:
    """Open a WebSocket, send one message, *leave*; return the messages and the exception."""
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"shop.test")],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "subprotocols": [],
    }
    sent: list[dict[str, Any]] = []

    async def main() -> BaseException | None:
        incoming = iter(
            [
                {"type": "websocket.connect"},
                {"type": "websocket.receive", "text": "hello"},
                *([{"type": "websocket.disconnect", "code": 1001}] if leaves else []),
            ]
        )

        async def receive() -> Any:
            return next(incoming, None) or await asyncio.Future()

        async def send(message: Any) -> None:
            sent.append(message)

        try:
            await app(scope, receive, send)
        except Exception as error:
            return error
        return None

    return sent, asyncio.run(main())


def chatting(*components: Any, **chats: Any) -> Any:
    app: Any = falcon.asgi.App(middleware=list(components))
    app.add_route("/rooms/{room}", Chat(**chats))
    return app


ROOM = "/rooms/{room}"


@pytest.mark.usefixtures("hook")
@pytest.mark.parametrize(("accepts", "status"), [(True, "101"), (False, "500")])
def test_websocket_that_raises_is_one_event(mailbox: Mailbox, accepts: bool, status: str) -> None:
    """A10: the exception is unhandled, although Falcon closes the connection."""
    bare, ours = (chatting(does=fails_in_a_thread, accepts=accepts) for _ in range(2))
    expected = talk(bare)
    # No boundary has seen it: Falcon's own record is an event.
    assert [event["logger"] for event in mailbox.events] == ["falcon"]
    mailbox.clear()
    install(ours)
    assert talk(ours) == expected
    assert summary(mailbox) == [("SoldOut", False, status, ROOM)]


@pytest.mark.usefixtures("hook")
def test_websocket_disconnect_is_no_event(mailbox: Mailbox) -> None:
    """A10: Falcon raises WebSocketDisconnected in the responder."""
    app = chatting(does=lambda: None)
    install(app)
    talk(app, leaves=True)
    assert mailbox.events == []


@pytest.mark.usefixtures("hook")
def test_websocket_disconnected_of_another_socket_is_an_event(mailbox: Mailbox) -> None:
    """B2: another client left; this one is there, and Falcon closes its connection with 1011."""
    app = chatting(does=raises(falcon.WebSocketDisconnected))
    install(app)
    talk(app)
    assert [(what, status) for what, _, status, _ in summary(mailbox)] == [
        ("WebSocketDisconnected", "101")
    ]


@pytest.mark.usefixtures("hook")
def test_websocket_used_after_it_was_closed_is_no_event(mailbox: Mailbox) -> None:
    """B2: a task of the application closed it, and Falcon ends the responder without an error."""

    class Closing:
        async def on_websocket(self, _req: Any, ws: Any) -> None:
            await ws.accept()
            await ws.close(1000)
            await ws.send_text("hello")

    app: Any = falcon.asgi.App()
    app.add_route("/rooms/tea", Closing())
    install(app)
    talk(app)
    assert mailbox.events == []


@pytest.mark.usefixtures("hook")
@pytest.mark.parametrize("status", [403, 503])
@pytest.mark.parametrize("accepts", [True, False])
def test_websocket_closed_by_an_http_error_is_its_status(
    mailbox: Mailbox, status: int, accepts: bool
) -> None:
    """A1, A5: Falcon closes with status + 3000; a refused client is no failure."""
    error = falcon.HTTPForbidden if status == 403 else falcon.HTTPServiceUnavailable
    bare, ours = (chatting(does=raises(error), accepts=accepts) for _ in range(2))
    install(ours)
    assert talk(ours)[0][-1] == talk(bare)[0][-1]
    expected = [(f"HTTP 503 GET {ROOM}", None, "503", ROOM)]
    assert summary(mailbox) == (expected if status == 503 else [])


@pytest.mark.usefixtures("hook")
def test_websocket_error_that_a_handler_closes_is_no_event(mailbox: Mailbox) -> None:
    """A7: a user's handler that accepts the connection and closes it."""

    async def handle(req: Any, resp: Any, error: Any, params: Any, ws: Any = None) -> None:
        await ws.close(4001)

    app = chatting(does=fails_in_a_thread)
    app.add_error_handler(OutOfStock, handle)
    install(app)
    sent, error = talk(app)
    assert (sent[-1]["code"], error, mailbox.events) == (4001, None, [])


@needs_reporter
def test_websocket_error_that_a_handler_turns_into_a_503_is_the_event(mailbox: Mailbox) -> None:
    """A6: the event is the first error."""

    async def handle(req: Any, resp: Any, error: Any, params: Any, ws: Any = None) -> None:
        raise falcon.HTTPServiceUnavailable

    app = chatting(does=fails_in_a_thread)
    install(app)
    app.add_error_handler(OutOfStock, handle)
    sent, error = talk(app)
    assert (sent[-1]["code"], error) == (3503, None)
    assert summary(mailbox) == [("SoldOut", True, "503", ROOM)]


@pytest.mark.usefixtures("hook")
def test_error_handler_without_ws_fails_unchanged(mailbox: Mailbox) -> None:
    """E1: it gets no ``ws``, and its own exception reaches the server."""

    async def handle(req: Any, resp: Any, error: Any, params: Any) -> None:
        resp.status = 503

    app = chatting(does=fails_in_a_thread)
    app.add_error_handler(OutOfStock, handle)
    install(app)
    assert isinstance(talk(app)[1], AttributeError)
    assert summary(mailbox) == [("AttributeError", False, "101", ROOM)]


@pytest.mark.usefixtures("hook")
def test_component_that_raises_for_a_websocket_is_one_event(mailbox: Mailbox) -> None:
    """A10: it raises before the responder is known."""

    class Component:
        async def process_request_ws(self, req: Any, ws: Any) -> None:
            raise SoldOut("no stock")

    app = chatting(Component(), does=fails_in_a_thread)
    install(app)
    talk(app)
    assert summary(mailbox) == [("SoldOut", False, "500", "<unknown>")]


@pytest.mark.parametrize("moment", ["process_startup", "process_shutdown"])
def test_failing_lifespan_is_one_event(mailbox: Mailbox, moment: str) -> None:
    """A12: Falcon tells the server by a message, and the server exits."""

    async def fail(*_: Any) -> None:
        raise SoldOut("no stock")

    app: Any = falcon.asgi.App(middleware=[SentryInitComponent()])
    install(app)
    component = type("Component", (), {moment: fail})()
    app.add_middleware(component)
    messages: list[str] = []

    async def main() -> None:
        incoming = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive() -> Any:
            return next(incoming)

        async def send(message: Any) -> None:
            messages.append(message["type"])

        await app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)

    asyncio.run(main())
    assert messages[-1] == f"lifespan.{moment.removeprefix('process_')}.failed"
    assert [entry["exception"]["values"][-1]["type"] for entry in mailbox.events] == ["SoldOut"]


# -- install() -------------------------------------------------------------------------------------


def test_application_class_looks_unchanged(kind: Kind) -> None:
    """E1: name, module and isinstance are unchanged; inspection works."""
    app = kind.app(answers(200))
    before = type(app)
    install(app)
    assert isinstance(app, before)
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        assert getattr(type(app), name) == getattr(before, name)
    assert inspect.iscoroutinefunction(app.__call__) == kind.asgi
    assert "/orders/{order_id:int}" in falcon.inspect.inspect_app(app).to_string()


def test_application_subclass_keeps_its_overrides(kind: Kind, mailbox: Mailbox) -> None:
    """E1: its methods stay and ours wrap them, also if install() runs in __init__."""
    served: list[str] = []

    class Wsgi(falcon.App):
        def __init__(self) -> None:
            super().__init__()
            install(self)
            self.tax = 19

        def __call__(self, environ: Any, start_response: Any) -> Any:
            served.append(environ["PATH_INFO"])
            return super().__call__(environ, start_response)

    class Asgi(falcon.asgi.App):
        def __init__(self) -> None:
            super().__init__()
            install(self)
            self.tax = 19

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            served.append(scope.get("path", "lifespan"))
            await super().__call__(scope, receive, send)

    app: Any = Asgi() if kind.asgi else Wsgi()
    app.add_route("/orders/{order_id:int}", kind.thing(on_get=fails))
    get(app)
    assert (app.tax, "/orders/17" in served) == (19, True)
    assert summary(mailbox) == [("SoldOut", False, "500", ROUTE)]


def test_request_and_response_subclasses_work(kind: Kind, mailbox: Mailbox) -> None:
    """E1: with and without slots."""
    module: Any = falcon.asgi if kind.asgi else falcon

    class Request(module.Request):  # type: ignore[misc] # one of two
        __slots__ = ("basket",)

    class Response(module.Response):  # type: ignore[misc] # one of two
        __slots__ = ("basket",)

    def handle(req: Any, resp: Any, order_id: int) -> None:
        req.basket = resp.basket = order_id
        assert type(resp).__name__ == "Response"
        resp.status = 500 + req.basket - resp.basket

    app = kind.app(handle, request_type=Request, response_type=Response)
    install(app)
    get(app)
    get(app)
    assert summary(mailbox) == [("HTTP 500 GET /orders/{order_id}", None, "500", ROUTE)] * 2


def test_two_applications_have_their_own_handlers(kind: Kind, mailbox: Mailbox) -> None:
    """A6: a handler of one application does not count for the other."""
    one, two = kind.app(fails), kind.app(fails)
    install(one)
    install(two)
    two.add_error_handler(OutOfStock, kind.made(answers(500)))
    get(one)
    get(two)
    assert [entry[1] for entry in summary(mailbox)] == [False, True]


def test_install_is_idempotent(kind: Kind, mailbox: Mailbox) -> None:
    """C3: one boundary, one component, one reporter."""
    app = kind.app(fails)
    install(app)
    before = type(app)
    install(app)
    assert type(app) is before
    get(app)
    assert len(mailbox.events) == 1


@pytest.mark.usefixtures("hook")
def test_call_around_the_boundary_is_not_reported(mailbox: Mailbox) -> None:
    """E6: a kept reference to the old ``__call__`` is served and not reported."""
    app = Kind("wsgi").app(fails)
    kept = app.__call__
    install(app)
    assert falcon.testing.TestClient(kept).simulate_get("/orders/17").status_code == 500
    assert mailbox.events == []


def test_wrong_option_raises(kind: Kind) -> None:
    """The error names the option, and the application is unchanged."""
    app = kind.app(fails)
    with pytest.raises(TypeError, match="no_such_option"):
        install(app, no_such_option=1)  # type: ignore[call-arg] # the case
    assert type(app) is kind.type


def test_falcon_s_test_client_works(kind: Kind, mailbox: Mailbox) -> None:
    """E1: ``falcon.testing`` tells the kinds of application apart by their ``__call__``."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = kind.app(lambda req, resp, order_id: setattr(resp, "text", "hello"))
    install(app)
    client = falcon.testing.TestClient(app)
    assert client.simulate_get("/orders/17").text == "hello"
    assert client.simulate_post("/orders/17").status == falcon.HTTP_405
    asyncio.set_event_loop(None)
    loop.close()
    assert mailbox.events == []


def test_good_request_makes_one_or_two_calls(kind: Kind, mailbox: Mailbox) -> None:
    """F1: the route is stored, and under ASGI the response class is replaced."""
    app = kind.app(answers(200))
    install(app)
    get(app)
    with calls() as made:
        get(app)
    ours = [name for module, name in made if module.startswith("sentryinit_falcon")]
    expected = ["process_request_async", "process_resource_async"]
    assert ours == (expected if kind.asgi else ["process_resource"])


@pytest.mark.usefixtures("hook")
def test_invalid_status_of_an_exception_fails_unchanged(kind: Kind, mailbox: Mailbox) -> None:
    """E2: an exception with an invalid status is treated as without sentryinit."""

    def outcome(app: Any) -> Any:
        try:
            return get(app).status_code
        except Exception as error:
            return type(error)

    bare, ours = (kind.app(raises(lambda: falcon.HTTPStatus("nonsense"))) for _ in range(2))
    install(ours)
    assert outcome(ours) == outcome(bare)
    assert len(mailbox.events) == 1


# -- the debug route -------------------------------------------------------------------------------

TOKEN = {"X-Sentryinit-Debug-Token": "letmein"}


def asked(app: Any, method: str, path: str, **headers: str) -> tuple[Any, ...]:
    """Return everything of the response; the path in it is always the same."""

    async def main() -> Any:
        async with falcon.testing.ASGIConductor(app) as conductor:
            return await conductor.simulate_request(method, path, headers=headers)

    if inspect.iscoroutinefunction(app.__call__):
        answer = asyncio.run(main())
    else:
        answer = falcon.testing.TestClient(app).simulate_request(method, path, headers=headers)
    return answer.status, answer.content, sorted(answer.headers.items())


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")  # wsgiref's, which Falcon tests with
@pytest.mark.parametrize("way", ["sink", "route"])
@pytest.mark.parametrize("method", [*falcon.HTTP_METHODS, *falcon.WEBDAV_METHODS])
def test_debug_route_without_token_is_an_unknown_path(
    kind: Kind, mailbox: Mailbox, method: str, way: str
) -> None:
    """I1: byte for byte, with a component that sees resources and an error serializer."""
    app = kind.app(answers(200), kind.thing(process_resource=lambda *_: None))
    install(app)
    add = app.add_sink if way == "sink" else lambda debug, path: app.add_route(path, debug)
    add(debug_panic, "/debug/sentry-panic")
    wrong = {"X-Sentryinit-Debug-Token": "letmeout"}
    assert asked(app, method, "/debug/sentry-panic", **wrong) == asked(app, method, "/nowhere")
    assert asked(app, method, "/debug/sentry-panic") == asked(app, method, "/nowhere")
    assert mailbox.events == []


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")  # wsgiref's, which Falcon tests with
def test_debug_sink_answers_unknown_methods_and_websockets(kind: Kind, mailbox: Mailbox) -> None:
    """I1: it answers them as an unknown path does."""
    app = kind.app(answers(200))
    install(app)
    app.add_sink(debug_panic, "/debug/sentry-panic")
    assert asked(app, "BREW", "/debug/sentry-panic") == asked(app, "BREW", "/nowhere")
    if kind.asgi:
        assert talk(app, "/debug/sentry-panic") == talk(app, "/nowhere")
    assert mailbox.events == []


def test_debug_route_uses_the_user_s_page_for_unknown_paths(kind: Kind, mailbox: Mailbox) -> None:
    """I1: a handler for Falcon's own exception for unknown paths is called."""
    app = kind.app(answers(200))
    install(app)
    app.add_error_handler(falcon.HTTPRouteNotFound, kind.made(answers(410)))
    app.add_sink(debug_panic, "/debug/sentry-panic")
    assert asked(app, "GET", "/debug/sentry-panic") == asked(app, "GET", "/nowhere")
    assert asked(app, "GET", "/nowhere")[0].startswith("410")
    assert mailbox.events == []


@pytest.mark.parametrize(("way", "route"), [("sink", "<unknown>"), ("route", "/debug/{kind}")])
def test_debug_route_with_token_is_one_event(
    kind: Kind, mailbox: Mailbox, way: str, route: str
) -> None:
    """I2: Falcon's own 500 has the event id."""
    app = kind.app(answers(200))
    install(app)
    if way == "sink":
        app.add_sink(debug_panic, "/debug/panic")
    else:
        app.add_route("/debug/{kind}", debug_panic)
    status, _, headers = asked(app, "GET", "/debug/panic", **TOKEN)
    assert status == falcon.HTTP_500
    assert summary(mailbox) == [("DebugPanic", False, "500", route)]
    assert ("x-sentry-event-id", mailbox.events[0]["event_id"]) in headers


def test_debug_route_has_only_responders() -> None:
    """E1: as a resource it has responders and no other attributes."""
    assert debug_panic.on_get is debug_panic
    with pytest.raises(AttributeError):
        debug_panic.process_request  # noqa: B018 # asking is the case


ROUTE = "/orders/{order_id}"
BUSY = ("HTTP 503 GET /orders/{order_id}", None, "503", ROUTE)


@pytest.mark.parametrize(
    "error,cause,events",
    [
        (falcon.HTTPNotFound, None, []),
        (falcon.HTTPInvalidParam, None, []),
        (falcon.HTTPUnauthorized, KeyError, []),
        (falcon.HTTPServiceUnavailable, None, [BUSY]),
        (falcon.HTTPServiceUnavailable, KeyError, [("KeyError", True, "503", ROUTE)]),
    ],
)
@pytest.mark.parametrize("logged_in", ["handler", "responder"])
def test_logged_http_error_is_no_event_of_its_own(
    kind: Kind,
    mailbox: Mailbox,
    hook: str,
    error: type[falcon.HTTPError],
    cause: type[Exception] | None,
    events: list[object],
    logged_in: str,
) -> None:
    """A1, C2: it is logged with its traceback; the record is about the response."""
    log = logging.getLogger("shop")

    def respond(req: Any, resp: Any, **params: Any) -> None:
        try:
            raise error("no", "name") if error is falcon.HTTPInvalidParam else error() from cause
        except falcon.HTTPError:
            if logged_in == "responder":
                log.exception("it failed")
            raise

    def answer(req: Any, resp: Any, ex: Exception, params: Any) -> None:
        log.exception("it failed")  # noqa: LOG004 # the framework handles it
        raise ex

    app = kind.app(respond)
    if logged_in == "handler":
        app.add_error_handler(falcon.HTTPError, kind.made(answer))
    install(app)
    get(app)

    assert summary(mailbox) == events


@pytest.mark.parametrize(
    ("status", "events"), [(400, []), (503, ["HTTP 503 GET /orders/{order_id}"])]
)
def test_logged_text_of_an_http_error_is_no_event(
    kind: Kind, mailbox: Mailbox, status: int, events: list[str]
) -> None:
    """C2: a record with the description of the HTTP error that is the response is about it."""

    def respond(req: Any, resp: Any, **params: Any) -> None:
        logging.getLogger("shop").error("the order has no lines")
        raise falcon.HTTPError(
            falcon.code_to_http_status(status), description="the order has no lines"
        )

    app = kind.app(respond)
    install(app)
    get(app)

    assert [event["logentry"]["formatted"] for event in mailbox.events] == events


# -- mistakes -------------------------------------------------------------------------------------

WRONG = ["orders", "https://0a1b2c@sentryinit.invalid/1", object(), falcon.App, {"dsn": "x"}, 5]


@pytest.mark.parametrize("app", WRONG)
def test_wrong_object_is_refused(app: Any) -> None:
    """What is no application is a TypeError that says so, without the value: it may be a DSN."""
    words = r"^install\(app\): app must be a Falcon application, not a value of type "
    for options in ({}, {"dsn": WRONG[1]}):
        with pytest.raises(TypeError, match=words) as caught:
            install(app, **options)
        assert "0a1b2c" not in str(caught.value)


def test_route_is_known_after_an_early_event(mailbox: Mailbox) -> None:
    """D3: an event from before the routing has no route; those of the same request after it do."""

    class Early:
        def process_request(self, req: Any, resp: Any) -> None:
            sentry_sdk.capture_message("early")

    class Orders:
        def on_get(self, req: Any, resp: Any, order_id: str) -> None:
            raise SoldOut

    app = falcon.App()
    app.add_middleware(Early())
    app.add_route(ROUTE, Orders())
    install(app)
    get(app)

    assert [event["tags"]["route"] for event in mailbox.events] == ["<unknown>", ROUTE]
    assert [event["transaction"] for event in mailbox.events] == ["<unknown>", ROUTE]


def test_masks_of_a_second_set_up_of_the_same_application(mailbox: Mailbox) -> None:
    """G1: They are added."""
    app: Any = falcon.App()
    install(app)
    install(app, mask_keys=["pet"])
    sentry_sdk.capture_message("pet=cat")

    (event,) = mailbox.events
    assert event["logentry"]["message"] == "pet=[secret]"


class Templateless(falcon.routing.CompiledRouter):
    """A router of an application, which finds resources and gives no template."""

    def find(self, uri: str, req: Any = None) -> Any:
        """Return what is found, without its template."""
        found: Any = super().find(uri, req)
        return found and (*found[:3], None)


@pytest.mark.parametrize("fail", [fails, answers(503)], ids=["raises", "answers"])
def test_router_without_templates(kind: Kind, mailbox: Mailbox, fail: Any) -> None:
    """D3: Without a template the resource's class and responder are the route."""
    app = kind.type(router=Templateless())
    resource = kind.thing(on_get=fail)
    app.add_route("/orders/{order_id}", resource)
    install(app)

    get(app)
    get(app, "/nothing/here")

    (event,) = mailbox.events
    assert event["transaction"] == event["tags"]["route"] == "Thing.on_get"

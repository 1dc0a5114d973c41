"""Cases of D6, D7 and D9: work in threads, the trace of a request, the id of its failure."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
import sentry_sdk
from sentry_sdk.integrations.threading import ThreadingIntegration

import sentryinit
from sentryinit import testing
from sentryinit.wsgi import SentryInitMiddleware
from sentryinit_testkit import _events, behaviours
from sentryinit_testkit._contract import Contract, Param, param, params, requires
from sentryinit_testkit._driver import Behaviour, HandledError, Request, ResponseSpec
from sentryinit_testkit._harness import Harness
from sentryinit_testkit._server import Call

TRACE, SPAN = "771a43a4192642f0b136d5159a501700", "b7ad6b7169203331"
W3C = ("traceparent", f"00-0af7651916cd43dd8448eb211c80319c-{SPAN}-01")
SENTRY = ("sentry-trace", f"{TRACE}-{SPAN}-1")
FAILURES: list[Behaviour] = [behaviours.fails, behaviours.answers(503)]
log: logging.Logger = logging.getLogger("shop")


def _ids() -> str:
    """Return the id of the failure, as an error page shows it, by each function that knows it."""
    scope = sentry_sdk.get_isolation_scope()
    known = sentryinit.event_id(), sentry_sdk.last_event_id(), scope.last_event_id()
    return " ".join(map(str, known))


def _shown(event_id: object) -> str:
    return " ".join([str(event_id)] * 3)


class Shown(HandledError):
    """An exception whose error handler shows the id of the event."""

    def __init__(self, status: int, before: Callable[[], object] = lambda: None) -> None:
        self.status: int = status
        self.before: Callable[[], object] = before
        Exception.__init__(self, "out of stock")

    @property
    def response(self) -> ResponseSpec:  # type: ignore[override] # it is made when it is asked for
        """Return the page of the handler."""
        self.before()
        return ResponseSpec(self.status, _ids().encode())


def _raises(error: Callable[[], BaseException], found: list[Any]) -> Behaviour:
    """Return a behaviour that asks for the id in an ``except`` block, and raises on."""

    def fail(_request: Request) -> Any:
        try:
            raise error()  # noqa: TRY301 # it is the case
        except Exception:
            found.append(_ids())
            raise

    return fail


def _serve_another(app: Any) -> None:
    """Serve a request with the WSGI application *app*, in the middle of the current one."""
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    SentryInitMiddleware(app)(environ, lambda *_: len)


def _traces() -> set[str]:
    """Return the trace ids that sentry-sdk names to other services now."""
    scope = sentry_sdk.get_current_scope()
    headers = dict(scope.iter_trace_propagation_headers())
    texts = [
        str(sentry_sdk.get_traceparent()),
        str(sentry_sdk.get_baggage()),
        scope.trace_propagation_meta(),
        headers["sentry-trace"],
    ]
    context: Any = sentry_sdk.get_isolation_scope().get_trace_context()
    return {context["trace_id"], *(re.findall("[0-9a-f]{32}", text)[0] for text in texts)}


def _trace_ids(harness: Harness) -> list[str]:
    return [event["contexts"]["trace"]["trace_id"] for event in harness.events]


def _touch(name: str) -> None:
    sentry_sdk.set_tag("name", name)
    sentry_sdk.set_user({"id": name})


def _touched(event: _events.Event) -> tuple[Any, Any]:
    return _events.tags(event).get("name"), (event.get("user") or {}).get("id")


class Identity(Contract):
    """Clauses D6, D7 and D9."""

    @pytest.mark.parametrize("status", [500, 503])
    def test_d9_error_handler_knows_the_event(self, harness: Harness, status: int) -> None:
        """D9: The error handler's page has the id of the event; sentry-sdk says the same."""
        exchange = harness.serve(behaviours.raises(lambda: Shown(status)))
        assert exchange.body.decode() == _shown(harness.one_event()["event_id"])

    @pytest.mark.parametrize("error", [ValueError, behaviours.ShopError])
    def test_d9_except_block_knows_the_event(self, harness: Harness, error: Any) -> None:
        """D9: An ``except`` block that raises on knows the id of the event."""
        found: list[str] = []
        harness.serve(_raises(error, found))
        assert found == [_shown(harness.our_event()["event_id"])]

    def test_d9_except_block_that_answers_knows_the_event(self, harness: Harness) -> None:
        """D9: An ``except`` block that responds with a 5xx knows the id of the event."""

        def answer(_request: Request) -> ResponseSpec:
            try:
                behaviours.fails()
            except behaviours.ShopError:
                return ResponseSpec(503, _ids().encode())

        exchange = harness.serve(answer)
        assert exchange.body.decode() == _shown(harness.one_event()["event_id"])

    def test_d9_body_that_fails_knows_the_event(self, harness: Harness) -> None:
        """D9: A body that fails while it is sent knows the id of the event."""
        found: list[str] = []

        def rows() -> Any:
            yield b"row"
            _raises(ValueError, found)(None)  # type: ignore[arg-type] # it does not use its request

        harness.serve(lambda _: ResponseSpec(stream=rows()))
        assert found == [_shown(harness.one_event()["event_id"])]

    def test_d9_without_a_failure_there_is_none(self, harness: Harness) -> None:
        """D9: A request that does not fail has no id, also after one that did."""
        turns = iter([behaviours.fails, lambda _: ResponseSpec(body=_ids().encode())])

        def behaviour(request: Request) -> Any:
            return next(turns)(request)

        app = harness.app(behaviour)
        exchange = harness.server.serve(app, Call(), Call())[1]
        assert exchange.body.decode() == _shown(None)
        assert sentryinit.event_id() is None

    @params(
        param("ignored", ({"ignore_errors": [behaviours.ShopError]}, behaviours.ShopError)),
        param("message", ({"ignore_messages": ["no stock"]}, lambda: ValueError("no stock"))),
        param("path", ({"ignore_paths": ["/orders/*"]}, behaviours.ShopError)),
    )
    def test_d9_without_an_event_there_is_none(self, harness: Harness, param: Param) -> None:
        """D9: There is no id where it is known that there will be no event."""
        options, error = param.value
        harness.start(**options)
        found: list[Any] = []

        def fail(_request: Request) -> Any:
            try:
                raise error()  # noqa: TRY301 # it is the case
            except BaseException:
                found.append(_ids())
                raise

        harness.serve(fail)
        assert found == [_shown(None)]
        harness.no_event()

    def test_d9_what_the_storm_guard_holds_back_has_none(self, harness: Harness) -> None:
        """D9: A failure that the rate limit suppresses has no id."""
        harness.start(storm_guard=True, storm_burst=2)
        found: list[Any] = []
        calls = [Call()] * 5
        harness.server.serve(harness.app(_raises(behaviours.ShopError, found)), *calls)
        ids = [event["event_id"] for event in harness.events]
        # One more from the reserve for what is new.
        assert found == list(map(_shown, ids)) + [_shown(None)] * (5 - len(ids))
        assert 1 <= len(ids) < 5

    def test_d9_handled_below_500_is_no_event(self, harness: Harness) -> None:
        """D9: An id may be asked for where a handler then responds below 500: no event."""
        exchange = harness.serve(behaviours.raises(lambda: Shown(409)))
        assert exchange.status == 409
        harness.no_event()

    def test_d9_captured_event_is_the_one(self, harness: Harness) -> None:
        """D9: If the application has captured the exception, it is that event's id."""
        captured: list[Any] = []

        def fail(_request: Request) -> Any:
            try:
                raise Shown(500)  # noqa: TRY301 # it is the case
            except Shown as error:
                captured.append(sentry_sdk.capture_exception(error))
                raise

        exchange = harness.serve(fail)
        assert exchange.body.decode() == _shown(captured[0])
        assert harness.one_event()["event_id"] == captured[0]

    @params(param("raises"), param("answers-503"))
    def test_d9_id_is_that_of_a_later_capture(self, harness: Harness, param: Param) -> None:
        """D9: If the application captures the exception after it has asked, the id stays."""
        found: list[Any] = []

        def fail(_request: Request) -> Any:
            try:
                behaviours.fails()
            except behaviours.ShopError as error:
                found.append(sentryinit.event_id())
                found.append(sentry_sdk.capture_exception(error))
                found.append(sentry_sdk.last_event_id())
                if param.id == "raises":
                    raise
            return ResponseSpec(503)

        harness.serve(fail)
        assert set(found) == {harness.one_event()["event_id"]}

    def test_d9_second_failure_has_its_own(self, harness: Harness) -> None:
        """D9: An id is used for the failure for which it was asked, and for no other one."""
        found: list[str] = []

        def fail(request: Request) -> Any:
            with contextlib.suppress(ValueError):
                _raises(ValueError, found)(request)
            _raises(behaviours.ShopError, found)(request)

        harness.server.serve(harness.app(fail), Call(), Call())
        ids = [_shown(event["event_id"]) for event in harness.events]
        assert found[1::2] == ids
        assert len({*found}) == 4

    def test_d9_request_in_the_middle_of_another_has_its_own(self, harness: Harness) -> None:
        """D9: A request that an ``except`` block serves has no id, or one of its own."""
        found: list[str] = []

        def another(_environ: Any, start_response: Any) -> list[bytes]:
            found.append(_ids())
            start_response("200 OK", [])
            return [b""]

        def failing(_environ: Any, start_response: Any) -> list[bytes]:
            try:
                raise LookupError  # noqa: TRY301 # it is the case
            except LookupError:
                found.append(_ids())
            start_response("503 Service Unavailable", [])
            return [b""]

        def fail(_request: Request) -> Any:
            try:
                behaviours.fails()
            except behaviours.ShopError:
                _serve_another(another)
                _serve_another(failing)
                found.append(_ids())
                raise

        harness.serve(fail)
        inner, outer = (_shown(event["event_id"]) for event in harness.events)
        assert found == [_shown(None), inner, outer]

    @pytest.mark.parametrize("behaviour", FAILURES)
    @params(
        param("sampled", f"{TRACE}-{SPAN}-1"),
        param("not-sampled", f"{TRACE}-{SPAN}-0"),
        param("open", f"{TRACE}-{SPAN}"),
        param("upper-case", f" {TRACE}-{SPAN}-1 ".upper()),
    )
    def test_d7_sentry_trace_is_taken_up(
        self, harness: Harness, param: Param, behaviour: Behaviour
    ) -> None:
        """D7: The event has the trace of the incoming ``sentry-trace``."""
        harness.serve(behaviour, Call(headers=(("sentry-trace", param.value),)))
        trace = harness.event()["contexts"]["trace"]
        assert (trace["trace_id"], trace["parent_span_id"]) == (TRACE, SPAN)

    @pytest.mark.parametrize(
        "value", ["", TRACE, f"{TRACE}-{SPAN}-2", f"{'0' * 32}-{SPAN}-1", f"{TRACE}-{'z' * 16}"]
    )
    def test_d7_wrong_sentry_trace_is_no_trace(self, harness: Harness, value: str) -> None:
        """D7: A ``sentry-trace`` of another format is not taken up."""
        harness.serve(behaviours.fails, Call(headers=(("sentry-trace", value),)))
        trace = harness.event()["contexts"]["trace"]
        assert trace["trace_id"] not in {TRACE, "0" * 32}
        assert "parent_span_id" not in trace

    def test_d7_traceparent_comes_first(self, harness: Harness) -> None:
        """D7: If both headers name a trace, it is that of ``traceparent``."""
        harness.serve(behaviours.fails, Call(headers=(SENTRY, W3C)))
        assert _trace_ids(harness) == [W3C[1].split("-")[1]]

    @pytest.mark.parametrize("then", FAILURES)
    @pytest.mark.parametrize("headers", [(), (W3C,), (SENTRY,), (("traceparent", "x"), SENTRY)])
    def test_d7_request_has_one_trace(
        self, harness: Harness, headers: Any, then: Behaviour
    ) -> None:
        """D7: All events of a request, and what sentry-sdk tells other services, have one trace."""
        harness.start(log_record_timeout=0)
        found: set[str] = set()

        def ask() -> ResponseSpec:
            found.update(_traces())
            return ResponseSpec()

        def behaviour(request: Request) -> Any:
            sentry_sdk.capture_message("before")
            found.update(_traces())
            log.error("the price is unknown")
            with sentry_sdk.isolation_scope():
                sentry_sdk.capture_message("inside")
                found.update(_traces())
            behaviours.in_thread(ask)(request)
            return then(request)

        harness.serve(behaviour, Call(headers=headers))
        assert len(harness.events) == 4, harness.titles
        assert {*_trace_ids(harness)} == found
        assert len(found) == 1

    @requires("background")
    def test_d7_work_after_the_response_has_the_trace(self, harness: Harness) -> None:
        """D7: What fails after the response has the trace of its request."""
        found: set[str] = set()

        def behaviour(_request: Request) -> ResponseSpec:
            found.update(_traces())
            return ResponseSpec(background=behaviours.fails)

        harness.serve(behaviour, Call(headers=(SENTRY,)))
        assert _trace_ids(harness) == [*found] == [TRACE]

    @pytest.mark.parametrize("then", FAILURES)
    def test_d7_trace_of_the_application_wins(self, harness: Harness, then: Behaviour) -> None:
        """D7: If the application continues another trace, the events have that one."""

        def behaviour(request: Request) -> Any:
            sentry_sdk.continue_trace({"sentry-trace": SENTRY[1]})
            assert _traces() == {TRACE}
            return then(request)

        harness.serve(behaviour, Call(headers=(W3C,)))
        assert _trace_ids(harness) == [TRACE]

    def test_d7_span_of_opentelemetry_is_named(self, harness: Harness) -> None:
        """D7: With OpenTelemetry, sentry-sdk names the active trace to other services."""
        trace = pytest.importorskip("opentelemetry.trace", reason="it is about this library")
        context = trace.SpanContext(int(TRACE, 16), int(SPAN, 16), False)
        found: set[str] = set()

        def behaviour(_request: Request) -> Any:
            with trace.use_span(trace.NonRecordingSpan(context)):
                found.update(_traces())
                behaviours.fails()

        harness.serve(behaviour, Call(headers=(W3C,)))
        assert _trace_ids(harness) == [*found] == [TRACE]

    def test_d7_good_request_pays_when_it_asks(self, harness: Harness) -> None:
        """D7: A request is described for its trace only if somebody asks for the trace."""
        found: list[set[str]] = []

        def touch(_request: Request) -> ResponseSpec:
            sentry_sdk.set_tag("name", "tea")
            with sentry_sdk.isolation_scope():
                sentry_sdk.set_tag("name", "milk")
            return ResponseSpec()

        def ask(_request: Request) -> ResponseSpec:
            found.append(_traces())
            return ResponseSpec()

        for behaviour, described in ((touch, 0), (ask, 2)):
            app = harness.app(behaviour)
            with testing.count_work() as work:
                harness.server.serve(app, Call(), Call())
            assert work.requests_described == described
        assert len(set().union(*found)) == 2

    @pytest.mark.parametrize("start", ["thread", "executor"])
    def test_d6_bound_function_is_work_of_its_request(self, harness: Harness, start: str) -> None:
        """D6: What a bound function captures in a thread has what its request has set."""

        def behaviour(_request: Request) -> ResponseSpec:
            _touch("tea")
            job = sentryinit.bind(sentry_sdk.capture_message)
            if start == "thread":
                thread = threading.Thread(target=job, args=("job",))
                thread.start()
                thread.join()
            else:
                with ThreadPoolExecutor(4) as pool:
                    assert None not in [*pool.map(job, ["job"] * 4)]
            return ResponseSpec()

        harness.serve(behaviour, Call(headers=(SENTRY,)))
        assert {_touched(event) for event in harness.events} == {("tea", "tea")}
        assert {*_trace_ids(harness)} == {TRACE}
        assert len(harness.events) == (1 if start == "thread" else 4)

    def test_d6_bound_function_outlives_its_request(self, harness: Harness) -> None:
        """D6: A bound function that runs later has what its own request has set, and its trace."""
        jobs: list[Callable[[], object]] = []
        names = iter(["tea", "milk"])

        def behaviour(_request: Request) -> ResponseSpec:
            name = next(names)
            jobs.append(sentryinit.bind(lambda: sentry_sdk.capture_message(name)))
            _touch(name)
            return ResponseSpec()

        harness.server.serve(harness.app(behaviour), Call(headers=(SENTRY,)), Call())
        harness.no_event()
        with ThreadPoolExecutor(1) as pool:
            for job in [*jobs, *jobs]:
                pool.submit(job).result()
        assert list(map(_touched, harness.events)) == [("tea", "tea"), ("milk", "milk")] * 2
        first, second, *_rest = _trace_ids(harness)
        assert first == TRACE != second
        assert _trace_ids(harness) == [first, second] * 2

    @params(
        param("nobody-asks", (False, None)),
        param("asked-and-raised", (True, None)),
        param("asked-and-answered-503", (True, 503)),
    )
    def test_d6_failure_of_a_bound_job_is_one_event(self, harness: Harness, param: Param) -> None:
        """D6: A job whose exception nobody handles is one event, of its request (C6)."""
        asks, status = param.value

        def behaviour(_request: Request) -> ResponseSpec:
            _touch("tea")
            with ThreadPoolExecutor(1) as pool:
                future = pool.submit(sentryinit.bind(behaviours.fails))
            if asks:
                try:
                    future.result()
                except behaviours.ShopError:
                    if status is None:
                        raise
            return ResponseSpec(status or 200)

        harness.serve(behaviour, Call(headers=(SENTRY,)))
        event = harness.one_event()
        # Old releases of anyio put it in a group.
        assert _events.types(event)[-1] in {"ShopError", "ExceptionGroup"}
        assert _touched(event) == ("tea", "tea")
        assert _trace_ids(harness) == [TRACE]

    def test_d6_handled_failure_of_a_bound_job_is_none(self, harness: Harness) -> None:
        """D6: A job whose exception the request gets and handles is no event (A7)."""

        def behaviour(_request: Request) -> ResponseSpec:
            with ThreadPoolExecutor(1) as pool:
                future = pool.submit(sentryinit.bind(behaviours.fails))
            try:
                return future.result()
            except behaviours.ShopError:
                return ResponseSpec(200)

        harness.serve(behaviour)
        harness.no_event()

    @pytest.mark.parametrize("integrations", [[], [ThreadingIntegration()]])
    def test_d6_bound_function_that_fails_in_a_thread_is_one_event(
        self, harness: Harness, integrations: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """D6: A thread that fails in a bound function is one event, of its request."""
        _unpatch_threads(monkeypatch)
        harness.start(integrations=integrations)
        _quiet(monkeypatch)

        def behaviour(_request: Request) -> ResponseSpec:
            _touch("tea")
            thread = threading.Thread(target=sentryinit.bind(behaviours.fails))
            thread.start()
            thread.join()
            return ResponseSpec()

        harness.serve(behaviour)
        event = harness.one_event()
        assert (_events.mechanism(event), _touched(event)) == (("threading", False), ("tea", "tea"))

    @pytest.mark.parametrize("propagate", [True, False])
    def test_d6_threads_by_the_integration_of_sentry_sdk(
        self, harness: Harness, propagate: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """D6: With sentry-sdk's ``ThreadingIntegration`` a thread has what its request has set."""
        _unpatch_threads(monkeypatch)
        harness.start(integrations=[ThreadingIntegration(propagate_scope=propagate)])
        _quiet(monkeypatch)
        names = iter(["tea", "milk", None])

        def behaviour(_request: Request) -> ResponseSpec:
            name = next(names)
            if name is not None:
                _touch(name)
            thread = threading.Thread(target=behaviours.fails)
            thread.start()
            thread.join()
            return ResponseSpec()

        calls = Call(headers=(SENTRY,)), Call(), Call()
        harness.server.serve(harness.app(behaviour), *calls)
        found = list(map(_touched, harness.events))
        assert {_events.mechanism(event) for event in harness.events} == {("threading", False)}
        none = (None, None)
        assert found == ([("tea", "tea"), ("milk", "milk"), none] if propagate else [none] * 3)
        assert (_trace_ids(harness)[0] == TRACE) is propagate
        assert len({*_trace_ids(harness)}) == 3


def _unpatch_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo at the end what sentry-sdk's integration patches, once in a process if not told."""
    monkeypatch.setattr(threading.Thread, "start", threading.Thread.start)
    monkeypatch.setattr(ThreadPoolExecutor, "submit", ThreadPoolExecutor.submit)
    for name in ("_processed_integrations", "_installed_integrations"):
        getattr(sentry_sdk.integrations, name).discard("threading")


def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep pytest from warning of the exceptions of threads: ours is called first."""
    hook: Any = threading.excepthook
    cells = dict(zip(hook.__code__.co_freevars, hook.__closure__ or (), strict=False))
    if "previous" in cells:
        monkeypatch.setattr(cells["previous"], "cell_contents", lambda _args: None)

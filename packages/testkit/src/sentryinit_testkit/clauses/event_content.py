"""Cases of clause D: the content of events, the same for every framework."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
import sentry_sdk

from sentryinit.wsgi import SentryInitMiddleware
from sentryinit_testkit import _events, behaviours, golden
from sentryinit_testkit._contract import Contract, Param, param, params, requires
from sentryinit_testkit._driver import ROUTE, Behaviour, Request, ResponseSpec
from sentryinit_testkit._harness import Harness
from sentryinit_testkit._server import HOST, Call

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = "c4nary"
FAILURES: list[Behaviour] = [behaviours.fails, behaviours.answers(503)]


def _touches(name: str, then: Behaviour = behaviours.fails) -> Behaviour:
    """Return a behaviour that sets tags, user, context and breadcrumb, all with *name*."""

    def touch(request: Request) -> Any:
        sentry_sdk.set_tag("name", name)
        sentry_sdk.set_tag(name, "here")
        sentry_sdk.set_user({"id": name})
        sentry_sdk.set_context("basket", {"name": name})
        sentry_sdk.add_breadcrumb(message=f"looked at {name}")
        sentry_sdk.get_current_scope().set_tag(f"{name}-current", "here")
        return then(request)

    return touch


def _tells(kind: str, numbers: Iterator[int] | None = None) -> Behaviour:
    """Return a behaviour that reports by itself, in a text with the next of *numbers*."""

    def tell(_request: Request) -> ResponseSpec:
        text = f"order {next(numbers) if numbers else 0} has no price"
        if kind == "exception":
            sentry_sdk.capture_exception(ValueError(text))
        elif kind == "message":
            sentry_sdk.capture_message(text)
        elif kind == "record":
            behaviours.log.error("order %s has no price", text)
        else:
            behaviours.log.error(text)
        return ResponseSpec()

    return tell


# As the code of an application: neither installed, nor of this package. Two lines are equal.
_APPLICATION = """
def fail(line, text):
    if line == 1:
        raise ValueError(text)
    if line == 2:
        raise ValueError(text)
    if line == 3:
        raise LookupError(text)
    cause = KeyError if line == 4 else OSError
    raise ValueError(text) from cause()
"""


def _fails_at(line: int, numbers: Iterator[int]) -> Behaviour:
    """Return a behaviour that fails in a *line* of the application; the text has a number."""
    names: dict[str, Any] = {"__name__": "shop"}
    exec(compile(_APPLICATION, "/app/shop.py", "exec"), names)  # noqa: S102 # see above
    return lambda _: names["fail"](line, f"order {next(numbers)} has no price")


def _fingerprints(harness: Harness) -> set[tuple[str, ...]]:
    return {tuple(event["fingerprint"]) for event in harness.events}


# Everything that makes an event in a request.
_REPORTS = [*FAILURES, *map(_tells, ("exception", "message", "record"))]


def _asks_another(name: str, then: Behaviour) -> Behaviour:
    """Return a behaviour that serves another, failing application, whose event has *name*."""

    def fail(_environ: Any, start_response: Any) -> list[bytes]:
        sentry_sdk.set_tag(name, "here")
        start_response("503 Service Unavailable", [])
        return [b"sorry"]

    def ask(request: Request) -> Any:
        sentry_sdk.set_tag("asked", "here")
        environ: dict[str, Any] = {}
        setup_testing_defaults(environ)
        SentryInitMiddleware(fail)(environ, lambda *_: len)
        return then(request)

    return ask


def _touched(event: _events.Event) -> tuple[Any, ...]:
    """Return what :func:`_touches` has set on *event*."""
    return (
        _events.tags(event).get("name"),
        (event.get("user") or {}).get("id"),
        (event.get("contexts") or {}).get("basket"),
        _events.breadcrumbs(event)[-1:],
    )


def _expected(name: str) -> tuple[Any, ...]:
    return name, name, {"name": name}, [f"looked at {name}"]


def _trace(event: _events.Event) -> Any:
    return event["contexts"]["trace"]


def _spanning(harness: Harness, app: Any) -> tuple[Any, str, str]:
    """Return *app* in an active OpenTelemetry span, and the ids of trace and span."""
    trace = pytest.importorskip(
        "opentelemetry.trace", reason="what is tested is living with opentelemetry-api"
    )
    context = trace.SpanContext(0x0AF7651916CD43DD8448EB211C80319D, 0xB7AD6B7169203332, False)

    def activate() -> None:
        from opentelemetry import context as active

        active.attach(trace.set_span_in_context(trace.NonRecordingSpan(context)))

    return (
        harness.wrap(app, activate),
        "0af7651916cd43dd8448eb211c80319d",
        "b7ad6b7169203332",
    )


class EventContent(Contract):
    """Clauses D1 to D8."""

    @params(
        *(Param(name, scenario, scenario.requires) for name, scenario in golden.SCENARIOS.items())
    )
    def test_d1_event_is_the_golden_one(self, harness: Harness, param: Param) -> None:
        """D1: Without ids, times and versions, the event is the same for all adapters."""
        golden.check(param.id, param.value.play(harness), harness.driver)

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_d2_event_says_where_it_comes_from(
        self, harness: Harness, behaviour: Behaviour
    ) -> None:
        """D2: The event has service, environment, release and server name, as configured."""
        harness.start(environment="staging", release="shop@1.2.3", server_name="shop-7")
        harness.serve(behaviour)
        event = harness.event()
        assert _events.tags(event)["service"] == "shop"
        found = (event["environment"], event["release"], event["server_name"])
        assert found == ("staging", "shop@1.2.3", "shop-7")

    def test_d2_defaults(self, harness: Harness) -> None:
        """D2: By default the environment is production, the server name is the service."""
        harness.serve(behaviours.fails)
        event = harness.event()
        found = (event["environment"], event["server_name"], event.get("release"))
        assert found == ("production", "shop", None)

    @pytest.mark.parametrize("behaviour", _REPORTS)
    def test_d2_event_says_what_made_it(self, harness: Harness, behaviour: Behaviour) -> None:
        """D2: The event has the Python that it comes from, and the version of sentryinit."""
        harness.serve(behaviour)
        event = harness.event()
        version = ".".join(map(str, sys.version_info[:3]))
        runtime = {"name": platform.python_implementation(), "version": version}
        assert event["contexts"]["runtime"] == runtime
        ours = {"name": "pypi:sentryinit", "version": metadata.version("sentryinit")}
        assert event["sdk"]["packages"].count(ours) == 1

    @pytest.mark.parametrize(("behaviour", "status"), list(zip(FAILURES, (500, 503), strict=True)))
    def test_d2_status_is_a_tag_and_a_context(
        self, harness: Harness, behaviour: Behaviour, status: int
    ) -> None:
        """D2: The status is a tag (text), and in the response context (number)."""
        harness.serve(behaviour)
        event = harness.event()
        assert _events.tags(event)["status_code"] == str(status)
        assert event["contexts"]["response"] == {"status_code": status}

    @pytest.mark.parametrize("then", FAILURES)
    def test_d2_static_tags_are_on_every_event(self, harness: Harness, then: Behaviour) -> None:
        """D2: Every event has the static tags, masked; the service wins."""
        tags = {"region": "north", "shard": 3, "service": "x", "team": "a@shop.example"}
        harness.start(tags=tags)
        harness.serve(then)
        found = _events.tags(harness.event())
        wanted = {"region": "north", "shard": "3", "service": "shop", "team": "[email]"}
        assert {name: found.get(name) for name in wanted} == wanted

    def test_d2_static_tags_are_on_all_other_events(self, harness: Harness) -> None:
        """D2: Messages, log records and the summary of the storm guard have the static tags."""
        harness.start(tags={"region": "north"}, storm_guard=True, storm_burst=0, storm_per_minute=0)

        def tell(_request: Request) -> ResponseSpec:
            sentry_sdk.capture_message("low stock")
            behaviours.log.error("no stock")
            return ResponseSpec()

        harness.server.serve(harness.app(tell), Call())
        for _ in range(40):  # more than the reserve for new kinds
            harness.server.serve(harness.app(behaviours.fails), Call())
        harness.flush()
        titles = harness.titles
        assert len(titles) >= 4
        assert [_events.tags(event).get("region") for event in harness.events] == ["north"] * len(
            titles
        )

    @requires("route")
    @pytest.mark.parametrize("behaviour", [*FAILURES, behaviours.streams_and_fails(1)])
    def test_d3_transaction_is_the_route(self, harness: Harness, behaviour: Behaviour) -> None:
        """D3: The transaction is the route template, in one notation."""
        harness.serve(behaviour)
        event = harness.event()
        assert (event["transaction"], event["transaction_info"]) == (ROUTE, {"source": "route"})

    @requires("route")
    @params(
        param("handled", behaviours.handled(500)),
        param("aborted", behaviours.aborts(503), "abort"),
        param("exit", behaviours.exits(1)),
        param("background", behaviours.fails_in_background, "background"),
    )
    def test_d3_transaction_is_the_route_however_it_failed(
        self, harness: Harness, param: Param
    ) -> None:
        """D3: The transaction is the route template, whatever kind of failure it is."""
        harness.serve(param.value)
        assert harness.event()["transaction"] == ROUTE

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_d3_transaction_is_never_the_path(self, harness: Harness, behaviour: Behaviour) -> None:
        """D3: The transaction is never the raw path: it is ``<unknown>`` without a route."""
        harness.serve(behaviour, Call(path="/orders/4711"))
        assert harness.event()["transaction"] in {ROUTE, _events.UNKNOWN}

    @pytest.mark.parametrize("behaviour", _REPORTS)
    def test_d3_route_is_a_tag(self, harness: Harness, behaviour: Behaviour) -> None:
        """D3: Every event of a request has the tag ``route``, whoever made the event."""
        harness.serve(behaviour)
        assert _events.tags(harness.event())["route"] == harness.route

    @pytest.mark.parametrize("behaviour", _REPORTS)
    @pytest.mark.parametrize("scope", ["get_isolation_scope", "get_current_scope"])
    def test_d3_own_transaction_is_kept_without_a_route(
        self, harness: Harness, scope: str, behaviour: Behaviour
    ) -> None:
        """D3: If the route is not known, a transaction that the application has named is kept."""

        def both(request: Request) -> Any:
            getattr(sentry_sdk, scope)().set_transaction_name("checkout")
            return behaviour(request)

        harness.serve(both)
        known = harness.route != _events.UNKNOWN
        assert harness.event()["transaction"] == (ROUTE if known else "checkout")

    def test_d4_paths_of_a_route_are_one_group(self, harness: Harness) -> None:
        """D4: Status events of one route have one fingerprint, whatever the path."""
        harness.server.serve(harness.app(behaviours.answers(503)), Call(), Call(path="/orders/18"))
        first, second = (event.get("fingerprint") for event in harness.events)
        assert first == second
        assert first is not None

    def test_d4_one_place_is_one_issue(self, harness: Harness) -> None:
        """D4: With ``place``, an error whose text names the order is one issue."""
        harness.start(grouping="place")
        calls = [Call(path=f"/orders/{number}") for number in range(38)]
        harness.server.serve(harness.app(_fails_at(1, iter(range(38)))), *calls)
        assert len(set(harness.titles)) == len(harness.events) == 38
        assert len(_fingerprints(harness)) == 1

    def test_d4_places_and_causes_are_issues_of_their_own(self, harness: Harness) -> None:
        """D4: Another line, also an equal one, another class, another cause: another issue."""
        harness.start(grouping="place")
        for line in range(1, 6):
            harness.server.serve(harness.app(_fails_at(line, iter(range(2)))), Call(), Call())
        assert len(harness.events) == 10
        assert len(_fingerprints(harness)) == 5

    def test_d4_what_the_application_reports_is_grouped_too(self, harness: Harness) -> None:
        """D4: An exception or message that it captures, and a log record, are one issue each."""
        harness.start(grouping="place")
        for kind in ("exception", "message", "record", "text"):
            numbers = iter(range(3))
            harness.server.serve(harness.app(_tells(kind, numbers)), *[Call()] * 3)
        assert len(harness.events) == 12
        assert len(_fingerprints(harness)) == 4

    def test_d4_backend_decides_if_asked_to(self, harness: Harness) -> None:
        """D4: With ``backend``, only status events have a fingerprint."""
        harness.start(grouping="backend")
        for kind in ("exception", "message", "record"):
            harness.serve(_tells(kind, iter([1])))
        harness.serve(behaviours.fails)
        assert [event.get("fingerprint") for event in harness.events] == [None] * 4
        harness.serve(behaviours.answers(503))
        assert harness.events[-1]["fingerprint"][0] == "sentryinit"

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_d4_fingerprint_of_the_application_wins(
        self, harness: Harness, behaviour: Behaviour
    ) -> None:
        """D4: A fingerprint that the application has set on a scope is that of the event."""

        def both(request: Request) -> Any:
            sentry_sdk.get_isolation_scope().fingerprint = ["price list"]
            return behaviour(request)

        harness.serve(both)
        assert harness.event()["fingerprint"] == ["price list"]

    def test_d4_fingerprint_is_explicit(self, harness: Harness) -> None:
        """D4: The fingerprint is service, method, route and status."""
        harness.serve(behaviours.answers(503), Call("POST"))
        found = harness.event().get("fingerprint")
        assert found == ["sentryinit", "shop", "POST", harness.route, "503"]

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_d5_request_is_described(self, harness: Harness, behaviour: Behaviour) -> None:
        """D5: The event has the method, the URL and the allowed headers."""
        harness.serve(behaviour, Call("POST", headers=(("content-language", "de"),)))
        request = harness.event()["request"]
        found = (request["method"], request["url"])
        assert found == ("POST", f"http://{HOST}/orders/17")
        # In this case, which is what backends look for.
        assert request["headers"]["User-Agent"] == "testkit"

    @pytest.mark.parametrize("behaviour", FAILURES)
    @params(
        param("query", Call(query=f"q={SECRET}")),
        param("cookie", Call(headers=(("cookie", f"basket={SECRET}"),))),
        param("authorization", Call(headers=(("authorization", f"Bearer {SECRET}"),))),
        param("unknown-header", Call(headers=(("x-shop", SECRET),))),
        param("forwarded", Call(headers=(("x-forwarded-for", SECRET), ("forwarded", SECRET)))),
        param("referer", Call(headers=(("referer", f"http://other.example/?q={SECRET}"),))),
        param("body", Call("POST", body=SECRET.encode())),
    )
    def test_d5_nothing_personal_is_collected(
        self, harness: Harness, param: Param, behaviour: Behaviour
    ) -> None:
        """D5: Query, cookies, body and all other headers are not sent."""

        async def read(request: Request) -> Any:
            await request.read()
            return behaviour(request)

        harness.serve(read, param.value)
        assert harness.events
        assert SECRET.encode() not in harness.sent_bytes()

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_d5_client_address_is_not_collected(
        self, harness: Harness, behaviour: Behaviour
    ) -> None:
        """D5: The client's address is not sent."""
        harness.serve(behaviour)
        assert harness.events
        assert harness.server.client.encode() not in harness.sent_bytes()

    def test_d5_what_is_asked_for_is_collected(self, harness: Harness) -> None:
        """D5: Query, address and headers are sent if configured, and are masked."""
        asked = {"collect": ["query", "client_address"], "collect_headers": ["X-Shop"]}
        harness.start(mask_ip="network", **asked)
        harness.serve(behaviours.fails, Call(query="colour=blue", headers=(("x-shop", "north"),)))
        sent = harness.sent_bytes()
        client = harness.server.client
        # A loopback address is not masked: it identifies nobody.
        left = client if client.startswith("127.") else client.rpartition(".")[0] + ".0"
        wanted = (b"colour", b"blue", b"north", left.encode())
        assert [text for text in wanted if text not in sent] == []

    @pytest.mark.parametrize("then", FAILURES)
    def test_d5_user_that_nobody_has_set(self, harness: Harness, then: Behaviour) -> None:
        """D5: Without a user there is none, also if asked for, and that is no warning."""
        harness.start(collect=["user"])
        harness.serve(then)
        assert harness.event().get("user") is None
        assert harness.complaints == []

    @pytest.mark.parametrize("then", FAILURES)
    def test_d6_what_the_handler_sets_is_on_its_event(
        self, harness: Harness, then: Behaviour
    ) -> None:
        """D6: The event has the tags, user, contexts and breadcrumbs that the handler sets."""
        harness.serve(_touches("tea", then))
        assert _touched(harness.event()) == _expected("tea")

    @pytest.mark.parametrize("then", FAILURES)
    def test_d6_what_the_handler_sets_wins(self, harness: Harness, then: Behaviour) -> None:
        """D6: A tag that the handler sets wins over the static tag of the same name."""
        harness.start(tags={"name": "coffee"})
        harness.serve(_touches("tea", then))
        assert _touched(harness.event()) == _expected("tea")

    @pytest.mark.parametrize("somewhere", [behaviours.in_thread, behaviours.in_task])
    @pytest.mark.parametrize("then", FAILURES)
    def test_d6_what_its_children_set_is_on_its_event(
        self, harness: Harness, somewhere: Any, then: Behaviour
    ) -> None:
        """D6: The event has what a thread or a child task of the handler sets."""

        def touch() -> Any:
            return _touches("tea", lambda _: ResponseSpec())(None)  # type: ignore[arg-type] # it does not use its request

        delegate = somewhere(touch)

        @behaviours.needs_loop
        async def both(request: Request) -> Any:
            response = delegate(request)
            if not isinstance(response, ResponseSpec):
                await response
            return then(request)

        harness.serve(both)
        assert _touched(harness.event()) == _expected("tea")

    def test_d6_what_the_handler_sets_survives_into_the_stream(self, harness: Harness) -> None:
        """D6: The event of a streamed body that raises has what the handler sets."""
        harness.serve(_touches("tea", behaviours.streams_and_fails(1)))
        assert _touched(harness.event()) == _expected("tea")

    @pytest.mark.parametrize("then", FAILURES)
    def test_d6_what_start_up_sets_is_on_every_event(
        self, harness: Harness, then: Behaviour
    ) -> None:
        """D6: Every event has what was set at start-up, in any thread or context."""
        app = harness.app(then)
        sentry_sdk.set_tag("region", "north")
        harness.server.serve(app, Call(), Call())
        harness.server.serve_concurrently(app, Call())
        assert [_events.tags(event).get("region") for event in harness.events] == ["north"] * 3

    @pytest.mark.parametrize("before", [behaviours.good, behaviours.fails, behaviours.answers(503)])
    @pytest.mark.parametrize("then", FAILURES)
    def test_d6_next_request_of_the_connection_has_none_of_it(
        self, harness: Harness, before: Behaviour, then: Behaviour
    ) -> None:
        """D6: The next request on the connection has nothing of the one before."""
        touch, turns = _touches("tea", before), iter([True, False])

        async def behaviour(request: Request) -> Any:
            await request.read()
            return touch(request) if next(turns) else then(request)

        harness.server.serve(harness.app(behaviour), Call("POST", body=b"x" * 200_000), Call())
        event = harness.events[-1]
        assert _touched(event) == (None, None, None, [])
        assert [tag for tag in _events.tags(event) if tag.startswith("tea")] == []

    @pytest.mark.parametrize("then", [behaviours.good, *FAILURES])
    def test_d6_what_comes_after_a_request_has_none_of_it(
        self, harness: Harness, then: Behaviour
    ) -> None:
        """D6: What is captured in the same context after a request has nothing of the request."""
        turns = iter([False, True])

        def work() -> None:
            if next(turns):
                sentry_sdk.capture_message("job")

        app = harness.app(_touches("tea", then))
        harness.server.serve(harness.wrap(app, work), Call(), Call())
        (event,) = [event for event in harness.events if _events.message(event) == "job"]
        assert _touched(event) == (None, None, None, [])
        assert [tag for tag in _events.tags(event) if tag.startswith("tea")] == []

    @pytest.mark.parametrize("then", FAILURES)
    def test_d6_request_in_the_middle_of_another_keeps_its_own(
        self, harness: Harness, then: Behaviour
    ) -> None:
        """D6: A request that serves another one in its handler keeps what it has set."""
        harness.serve(_asks_another("milk", _touches("tea", then)))
        marks = [{"milk", "asked"} & _events.tags(event).keys() for event in harness.events]
        assert (marks[0], marks[-1]) == ({"milk"}, {"asked"})
        assert _touched(harness.events[-1]) == _expected("tea")

    def test_d6_requests_in_parallel_keep_theirs_apart(self, harness: Harness) -> None:
        """D6: Of two concurrent requests each event has what its own request has set."""
        meeting, names = behaviours.Meeting(harness.driver.threaded()), iter(["tea", "milk"])

        async def behaviour(request: Request) -> Any:
            touch = _touches(next(names))
            try:
                touch(request)
            finally:
                await meeting.wait()

        harness.server.serve_concurrently(harness.app(behaviour), Call(), Call())
        found = sorted(map(_touched, harness.events), key=str)
        assert found == sorted(map(_expected, ["tea", "milk"]), key=str)

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_d7_incoming_trace_is_taken_up(self, harness: Harness, behaviour: Behaviour) -> None:
        """D7: The event has the trace of the incoming ``traceparent``."""
        harness.serve(behaviour, Call(headers=(("traceparent", PARENT),)))
        trace = _trace(harness.event())
        assert trace["trace_id"] == PARENT.split("-")[1]
        assert re.fullmatch("[0-9a-f]{16}", trace["span_id"])

    @pytest.mark.parametrize("header", ["", "00-zz-11-01", f"00-{'0' * 32}-{'0' * 16}-00"])
    def test_d7_trace_is_fresh_for_each_request(self, harness: Harness, header: str) -> None:
        """D7: Without a valid ``traceparent``, each request has a trace of its own."""
        call = Call(headers=(("traceparent", header),) if header else ())
        harness.server.serve(harness.app(behaviours.fails), call, call)
        first, second = (_trace(event)["trace_id"] for event in harness.events)
        assert all(re.fullmatch("[0-9a-f]{32}", found) for found in (first, second))
        assert first != second
        assert "0" * 32 not in {first, second}

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_d7_active_span_wins(self, harness: Harness, behaviour: Behaviour) -> None:
        """D7: With OpenTelemetry, the event has the ids of the active trace and span."""
        app, trace_id, span_id = _spanning(harness, harness.app(behaviour))
        harness.server.serve(app, Call(headers=(("traceparent", PARENT),)))
        trace = _trace(harness.event())
        assert (trace["trace_id"], trace["span_id"]) == (trace_id, span_id)

    @params(
        param("raised", (behaviours.fails, "error", False, "ShopError: no stock")),
        param("returned", (behaviours.answers(500), "error", None, "HTTP 500 GET <route>")),
        param("aborted", (behaviours.aborts(503), "error", None, "HTTP 503 GET <route>"), "abort"),
        param(
            "handled",
            (behaviours.handled(500), "error", True, "HandledError: out of stock"),
            "evidence",
        ),
        param(
            "streamed",
            (behaviours.streams_and_fails(1), "error", False, "ShopError: no stock"),
            "stream-error",
        ),
        param("exit", (behaviours.exits(1), "fatal", False, "SystemExit: 1")),
    )
    def test_d8_level_handled_and_title(self, harness: Harness, param: Param) -> None:
        """D8: Level, ``handled`` and title are the same for the same failure."""
        behaviour, level, handled, title = param.value
        harness.serve(behaviour)
        event = harness.event()
        found = _events.mechanism(event)[1] if _events.exceptions(event) else None
        expected = level, handled, title.replace("<route>", harness.route)
        assert (event["level"], found, _events.title(event)) == expected

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_d8_level_of_the_application_is_kept(
        self, harness: Harness, behaviour: Behaviour
    ) -> None:
        """D8: A level that the application has set on a scope is that of the event."""

        def both(request: Request) -> Any:
            sentry_sdk.set_level("warning")
            return behaviour(request)

        harness.serve(both)
        assert harness.event()["level"] == "warning"

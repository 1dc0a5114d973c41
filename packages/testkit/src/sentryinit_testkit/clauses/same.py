"""D: the event is the same from every framework."""

from __future__ import annotations

import re
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
import sentry_sdk

from sentryinit.wsgi import SentryInitMiddleware
from sentryinit_testkit import _events, behaviours, golden
from sentryinit_testkit._contract import Contract, Row, needs, row, rows
from sentryinit_testkit._driver import ROUTE, Behaviour, Reply, Request
from sentryinit_testkit._lab import Lab
from sentryinit_testkit._peer import HOST, Call

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = "c4nary"
FAILURES: list[Behaviour] = [behaviours.fails, behaviours.answers(503)]


def _touches(name: str, then: Behaviour = behaviours.fails) -> Behaviour:
    """Return a behaviour that sets what an application sets, each marked with *name*."""

    def touch(request: Request) -> Any:
        sentry_sdk.set_tag("name", name)
        sentry_sdk.set_tag(name, "here")
        sentry_sdk.set_user({"id": name})
        sentry_sdk.set_context("basket", {"name": name})
        sentry_sdk.add_breadcrumb(message=f"looked at {name}")
        sentry_sdk.get_current_scope().set_tag(f"{name}-current", "here")
        return then(request)

    return touch


def _asks_another(name: str, then: Behaviour) -> Behaviour:
    """Return a behaviour that asks an application that fails, marked with *name*, in between."""

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
    """Return what :func:`_touches` left on *event*."""
    return (
        _events.tags(event).get("name"),
        (event.get("user") or {}).get("id"),
        (event.get("contexts") or {}).get("basket"),
        _events.crumbs(event)[-1:],
    )


def _expected(name: str) -> tuple[Any, ...]:
    return name, name, {"name": name}, [f"looked at {name}"]


def _trace(event: _events.Event) -> Any:
    return event["contexts"]["trace"]


def _spanning(lab: Lab, app: Any) -> tuple[Any, str, str]:
    """Return *app* behind an active OpenTelemetry span, and the ids of its trace and span."""
    trace = pytest.importorskip(
        "opentelemetry.trace", reason="what is tested is living with opentelemetry-api"
    )
    context = trace.SpanContext(0x0AF7651916CD43DD8448EB211C80319D, 0xB7AD6B7169203332, False)

    def activate() -> None:
        from opentelemetry import context as active

        active.attach(trace.set_span_in_context(trace.NonRecordingSpan(context)))

    return (
        lab.behind(app, activate),
        "0af7651916cd43dd8448eb211c80319d",
        "b7ad6b7169203332",
    )


class TheSameEvent(Contract):
    """Clauses D1 to D8."""

    @rows(*(Row(name, scenario, scenario.needs) for name, scenario in golden.SCENARIOS.items()))
    def test_d1_event_is_the_golden_one(self, lab: Lab, row: Row) -> None:
        """D1: What is left of an event without ids, times and versions is the same for everyone."""
        golden.check(row.id, row.value.play(lab), lab.driver)

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_d2_event_says_where_it_comes_from(self, lab: Lab, behaviour: Behaviour) -> None:
        """D2: Service, environment, release and server are on the event, as configured."""
        lab.start(environment="staging", release="shop@1.2.3", server_name="shop-7")
        lab.serve(behaviour)
        event = lab.event()
        assert _events.tags(event)["service"] == "shop"
        found = (event["environment"], event["release"], event["server_name"])
        assert found == ("staging", "shop@1.2.3", "shop-7")

    def test_d2_defaults(self, lab: Lab) -> None:
        """D2: Unset they are production, the service, and no release."""
        lab.serve(behaviours.fails)
        event = lab.event()
        found = (event["environment"], event["server_name"], event.get("release"))
        assert found == ("production", "shop", None)

    @pytest.mark.parametrize(("behaviour", "status"), list(zip(FAILURES, (500, 503), strict=True)))
    def test_d2_status_is_a_tag_and_a_context(
        self, lab: Lab, behaviour: Behaviour, status: int
    ) -> None:
        """D2: The status is a tag, as text, and in the response context, as a number."""
        lab.serve(behaviour)
        event = lab.event()
        assert _events.tags(event)["status_code"] == str(status)
        assert event["contexts"]["response"] == {"status_code": status}

    @needs("route")
    @pytest.mark.parametrize("behaviour", [*FAILURES, behaviours.streams_and_fails(1)])
    def test_d3_transaction_is_the_route(self, lab: Lab, behaviour: Behaviour) -> None:
        """D3: The transaction is the template, in one notation."""
        lab.serve(behaviour)
        event = lab.event()
        assert (event["transaction"], event["transaction_info"]) == (ROUTE, {"source": "route"})

    @needs("route")
    @rows(
        row("handled", behaviours.handled(500)),
        row("aborted", behaviours.aborts(503), "abort"),
        row("exit", behaviours.exits(1)),
        row("background", behaviours.fails_in_background, "background"),
    )
    def test_d3_transaction_is_the_route_however_it_failed(self, lab: Lab, row: Row) -> None:
        """D3: So it is wherever the failure comes from."""
        lab.serve(row.value)
        assert lab.event()["transaction"] == ROUTE

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_d3_transaction_is_never_the_path(self, lab: Lab, behaviour: Behaviour) -> None:
        """D3: The raw path is not in it, known route or not: a fixed word stands there."""
        lab.serve(behaviour, Call(path="/orders/4711"))
        assert lab.event()["transaction"] in {ROUTE, _events.UNKNOWN}

    def test_d4_paths_of_a_route_are_one_group(self, lab: Lab) -> None:
        """D4: Status events of one route are one group, whatever the path."""
        lab.peer.serve(lab.app(behaviours.answers(503)), Call(), Call(path="/orders/18"))
        first, second = (event.get("fingerprint") for event in lab.events)
        assert first == second
        assert first is not None

    def test_d4_fingerprint_is_explicit(self, lab: Lab) -> None:
        """D4: The group is service, method, route and status."""
        lab.serve(behaviours.answers(503), Call("POST"))
        found = lab.event().get("fingerprint")
        route = _events.UNKNOWN if "route" in lab.driver.missing() else ROUTE
        assert found == ["sentryinit", "shop", "POST", route, "503"]

    def test_d4_error_is_grouped_by_its_stack(self, lab: Lab) -> None:
        """D4: Exception events have no fingerprint of ours: backends group those well."""
        lab.serve(behaviours.fails)
        assert "fingerprint" not in lab.event()

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_d5_request_is_described(self, lab: Lab, behaviour: Behaviour) -> None:
        """D5: Method and URL are on the event, and harmless headers."""
        lab.serve(behaviour, Call("POST", headers=(("content-language", "de"),)))
        request = lab.event()["request"]
        found = (request["method"], request["url"])
        assert found == ("POST", f"http://{HOST}/orders/17")
        headers = {name.lower(): value for name, value in dict(request["headers"]).items()}
        assert headers.get("user-agent") == "testkit"

    @pytest.mark.parametrize("behaviour", FAILURES)
    @rows(
        row("query", Call(query=f"q={SECRET}")),
        row("cookie", Call(headers=(("cookie", f"basket={SECRET}"),))),
        row("authorization", Call(headers=(("authorization", f"Bearer {SECRET}"),))),
        row("unknown-header", Call(headers=(("x-shop", SECRET),))),
        row("forwarded", Call(headers=(("x-forwarded-for", SECRET), ("forwarded", SECRET)))),
        row("referer", Call(headers=(("referer", f"http://other.example/?q={SECRET}"),))),
        row("body", Call("POST", body=SECRET.encode())),
    )
    def test_d5_nothing_personal_is_collected(
        self, lab: Lab, row: Row, behaviour: Behaviour
    ) -> None:
        """D5: Query, cookies, body and all but harmless headers stay in the process."""

        async def read(request: Request) -> Any:
            await request.read()
            return behaviour(request)

        lab.serve(read, row.value)
        assert lab.events
        assert SECRET.encode() not in lab.sent()

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_d5_client_address_is_not_collected(self, lab: Lab, behaviour: Behaviour) -> None:
        """D5: Nor is the client's address."""
        lab.serve(behaviour)
        assert lab.events
        assert lab.peer.client.encode() not in lab.sent()

    def test_d5_what_is_asked_for_is_collected(self, lab: Lab) -> None:
        """D5: Each carrier can be asked for; what it adds is masked as all else is."""
        asked = {"collect": ["query", "client_address"], "collect_headers": ["X-Shop"]}
        lab.start(mask_ip="network", **asked)
        lab.serve(behaviours.fails, Call(query="colour=blue", headers=(("x-shop", "north"),)))
        sent = lab.sent()
        client = lab.peer.client
        # A loopback address is nobody's: it is not masked.
        left = client if client.startswith("127.") else client.rpartition(".")[0] + ".0"
        wanted = (b"colour", b"blue", b"north", left.encode())
        assert [text for text in wanted if text not in sent] == []

    @pytest.mark.parametrize("then", FAILURES)
    def test_d6_what_the_handler_sets_is_on_its_event(self, lab: Lab, then: Behaviour) -> None:
        """D6: Tags, user, contexts and breadcrumbs of the handler are on its event."""
        lab.serve(_touches("tea", then))
        assert _touched(lab.event()) == _expected("tea")

    @pytest.mark.parametrize("somewhere", [behaviours.in_thread, behaviours.in_task])
    @pytest.mark.parametrize("then", FAILURES)
    def test_d6_what_its_children_set_is_on_its_event(
        self, lab: Lab, somewhere: Any, then: Behaviour
    ) -> None:
        """D6: So is what a thread or a child task of the handler sets."""

        def touch() -> Any:
            return _touches("tea", lambda _: Reply())(None)  # type: ignore[arg-type] # nor does it look at its request

        delegate = somewhere(touch)

        @behaviours.needs_loop
        async def both(request: Request) -> Any:
            reply = delegate(request)
            if not isinstance(reply, Reply):
                await reply
            return then(request)

        lab.serve(both)
        assert _touched(lab.event()) == _expected("tea")

    def test_d6_what_the_handler_sets_survives_into_the_stream(self, lab: Lab) -> None:
        """D6: It is on the event of a body that fails later."""
        lab.serve(_touches("tea", behaviours.streams_and_fails(1)))
        assert _touched(lab.event()) == _expected("tea")

    @pytest.mark.parametrize("then", FAILURES)
    def test_d6_what_start_up_sets_is_on_every_event(self, lab: Lab, then: Behaviour) -> None:
        """D6: What was set at start-up is on every event, in whichever thread or context."""
        app = lab.app(then)
        sentry_sdk.set_tag("region", "north")
        lab.peer.serve(app, Call(), Call())
        lab.peer.together(app, Call())
        assert [_events.tags(event).get("region") for event in lab.events] == ["north"] * 3

    @pytest.mark.parametrize("before", [behaviours.good, behaviours.fails, behaviours.answers(503)])
    @pytest.mark.parametrize("then", FAILURES)
    def test_d6_next_request_of_the_connection_has_none_of_it(
        self, lab: Lab, before: Behaviour, then: Behaviour
    ) -> None:
        """D6: The next request on the thread or connection, large body or not, begins clean."""
        touch, turns = _touches("tea", before), iter([True, False])

        async def behaviour(request: Request) -> Any:
            await request.read()
            return touch(request) if next(turns) else then(request)

        lab.peer.serve(lab.app(behaviour), Call("POST", body=b"x" * 200_000), Call())
        event = lab.events[-1]
        assert _touched(event) == (None, None, None, [])
        assert [tag for tag in _events.tags(event) if tag.startswith("tea")] == []

    @pytest.mark.parametrize("then", FAILURES)
    def test_d6_request_in_the_middle_of_another_keeps_its_own(
        self, lab: Lab, then: Behaviour
    ) -> None:
        """D6: A handler that asks an application in its own context goes on with what it had."""
        lab.serve(_asks_another("milk", _touches("tea", then)))
        marks = [{"milk", "asked"} & _events.tags(event).keys() for event in lab.events]
        assert (marks[0], marks[-1]) == ({"milk"}, {"asked"})
        assert _touched(lab.events[-1]) == _expected("tea")

    def test_d6_requests_in_parallel_keep_theirs_apart(self, lab: Lab) -> None:
        """D6: Two requests that run at the same time have their own on their events."""
        meeting, names = behaviours.Meeting(lab.driver.threaded()), iter(["tea", "milk"])

        async def behaviour(request: Request) -> Any:
            touch = _touches(next(names))
            try:
                touch(request)
            finally:
                await meeting.wait()

        lab.peer.together(lab.app(behaviour), Call(), Call())
        found = sorted(map(_touched, lab.events), key=str)
        assert found == sorted(map(_expected, ["tea", "milk"]), key=str)

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_d7_incoming_trace_is_taken_up(self, lab: Lab, behaviour: Behaviour) -> None:
        """D7: The event belongs to the trace of the incoming ``traceparent``."""
        lab.serve(behaviour, Call(headers=(("traceparent", PARENT),)))
        trace = _trace(lab.event())
        assert trace["trace_id"] == PARENT.split("-")[1]
        assert re.fullmatch("[0-9a-f]{16}", trace["span_id"])

    @pytest.mark.parametrize("header", ["", "00-zz-11-01", f"00-{'0' * 32}-{'0' * 16}-00"])
    def test_d7_trace_is_fresh_for_each_request(self, lab: Lab, header: str) -> None:
        """D7: Without a usable one, each request has a trace of its own."""
        call = Call(headers=(("traceparent", header),) if header else ())
        lab.peer.serve(lab.app(behaviours.fails), call, call)
        first, second = (_trace(event)["trace_id"] for event in lab.events)
        assert all(re.fullmatch("[0-9a-f]{32}", found) for found in (first, second))
        assert first != second
        assert "0" * 32 not in {first, second}

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_d7_active_span_wins(self, lab: Lab, behaviour: Behaviour) -> None:
        """D7: With OpenTelemetry in the process, the event has the active trace and span."""
        app, trace_id, span_id = _spanning(lab, lab.app(behaviour))
        lab.peer.serve(app, Call(headers=(("traceparent", PARENT),)))
        trace = _trace(lab.event())
        assert (trace["trace_id"], trace["span_id"]) == (trace_id, span_id)

    @rows(
        row("raised", (behaviours.fails, "error", False, "ShopError: no stock")),
        row("returned", (behaviours.answers(500), "error", None, "HTTP 500 GET /orders/17")),
        row("aborted", (behaviours.aborts(503), "error", None, "HTTP 503 GET /orders/17"), "abort"),
        row(
            "handled",
            (behaviours.handled(500), "error", True, "HandledError: out of stock"),
            "evidence",
        ),
        row(
            "streamed",
            (behaviours.streams_and_fails(1), "error", False, "ShopError: no stock"),
            "stream-error",
        ),
        row("exit", (behaviours.exits(1), "fatal", False, "SystemExit: 1")),
    )
    def test_d8_level_handled_and_title(self, lab: Lab, row: Row) -> None:
        """D8: Level, handled and title say the same of the same failure."""
        behaviour, level, handled, title = row.value
        lab.serve(behaviour)
        event = lab.event()
        found = _events.mechanism(event)[1] if _events.exceptions(event) else None
        assert (event["level"], found, _events.title(event)) == (level, handled, title)

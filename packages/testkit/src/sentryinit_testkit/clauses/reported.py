"""Cases of clause A: what is reported."""

from __future__ import annotations

import functools
import logging
from typing import Any

import pytest
import sentry_sdk

from sentryinit_testkit import _events, behaviours
from sentryinit_testkit._contract import Contract, Param, param, params, requires
from sentryinit_testkit._driver import Behaviour, Request, ResponseSpec
from sentryinit_testkit._harness import SERVICE, Harness
from sentryinit_testkit._server import Call


def _chain(error: BaseException | None) -> list[tuple[str, list[str]]]:
    """Return the types and notes of *error* and of its causes and contexts."""
    if error is None:
        return []
    here = (type(error).__name__, list(getattr(error, "__notes__", ())))
    return [
        here,
        ("cause", []),
        *_chain(error.__cause__),
        ("context", []),
        *(_chain(error.__context__) if error.__context__ is not error.__cause__ else []),
    ]


class Reported(Contract):
    """Clauses A1 to A12."""

    @pytest.mark.parametrize("status", [200, 204, 302, 404, 499])
    def test_a1_returned_below_500_is_no_event(self, harness: Harness, status: int) -> None:
        """A1: A response with a status below 500 gives no event."""
        harness.serve(behaviours.answers(status))
        harness.no_event()

    @requires("abort")
    @pytest.mark.parametrize("status", [400, 404, 429])
    def test_a1_http_exception_below_500_is_no_event(self, harness: Harness, status: int) -> None:
        """A1: The framework's HTTP exception for a 4xx gives no event."""
        exchange = harness.serve(behaviours.aborts(status))
        assert exchange.status == status
        harness.no_event()

    @requires("abort")
    def test_a1_http_exception_below_500_from_an_error_is_no_event(self, harness: Harness) -> None:
        """A1: A 404 raised from another exception gives no event: the status decides."""

        def not_found(request: Request) -> ResponseSpec:
            try:
                behaviours.fails()
            except behaviours.ShopError as error:
                raise request.abort(404) from error

        harness.serve(not_found)
        harness.no_event()

    def test_a1_unknown_path_is_no_event(self, harness: Harness) -> None:
        """A1: The framework's own 404 for an unknown path gives no event."""
        exchange = harness.serve(call=Call(path="/nowhere"))
        assert exchange.status == 404
        harness.no_event()

    def test_a2_raised_error_is_one_event(self, harness: Harness) -> None:
        """A2: An unhandled exception gives one event, by the adapter, with ``handled`` false."""
        exchange = harness.serve(behaviours.fails)
        event = harness.our_event()
        assert (event["level"], _events.mechanism(event)) == ("error", (harness.driver.name, False))
        assert _events.types(event)[-1:] == ["ShopError"]
        assert _events.tags(event)["status_code"] == str(exchange.status) == "500"

    def test_a2_whole_chain_is_on_the_event(self, harness: Harness) -> None:
        """A2: The event contains the causes and contexts of the exception."""
        harness.serve(behaviours.fails_in_chain)
        chain = ["UpstreamError", "KeyError", "ShopError", "RuntimeError"]
        assert _events.types(harness.event()) == chain

    def test_a2_group_is_on_the_event(self, harness: Harness) -> None:
        """A2: An exception group gives one event, which contains its members."""
        harness.serve(behaviours.fails_in_group)
        event = harness.our_event()
        assert set(_events.types(event)) == {"ShopError", "UpstreamError", "ExceptionGroup"}

    @params(
        # The frameworks' own walk through groups is recursive.
        *(
            param(f"{fail.__name__}-{how}", (fail, count, how), *(needs if how == "raised" else ()))
            for fail, count, needs in (
                (behaviours.fails_with_contexts, 1000, ["chain"]),
                (behaviours.fails_with_causes, 1000, []),
                (behaviours.fails_in_nested_groups, 200, ["chain", "groups"]),
                (behaviours.fails_with_a_group_in_its_chain, 1000, []),
                (behaviours.fails_in_a_ring, 1000, []),
            )
            for how in ("raised", "captured")
        )
    )
    def test_a2_long_chain_is_one_event(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch, param: Param
    ) -> None:
        """A2: A failure with many exceptions behind it is one event, with the first one."""
        fail, count, how = param.value
        # Python's own formatting of nested groups is recursive.
        monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)

        def behaviour(_request: Request) -> ResponseSpec:
            try:
                fail(count)
            except Exception as error:
                if how == "captured":
                    sentry_sdk.capture_exception(error)
                raise
            return ResponseSpec()

        harness.serve(behaviour)
        event = harness.one_event()
        values = _events.exceptions(event)
        assert (values[-1]["value"].partition(" (")[0], len(values)) == ("the last", 100)
        oldest = "the first" in [value["value"] for value in values[:2]]
        assert oldest or fail is behaviours.fails_in_a_ring
        assert event["contexts"]["sentryinit"]["cut"] is True
        tags = _events.tags(event)
        assert tags["service"] == SERVICE
        assert tags.get("status_code") == (None if how == "captured" else "500")

    def test_a2_error_after_reading_the_body_is_one_event(self, harness: Harness) -> None:
        """A2: An exception that is raised after the body was read gives one event."""

        async def read(request: Request) -> ResponseSpec:
            await request.read()
            behaviours.fails()

        harness.serve(read, Call("POST", body=b"two of them"))
        harness.our_event()

    def test_a3_error_goes_on_as_the_same_object(self, harness: Harness) -> None:
        """A3: The exception that reaches the server is the same object, unchanged."""
        raised: list[BaseException] = []

        def fail(request: Request) -> ResponseSpec:
            try:
                behaviours.fails_in_chain(request)
            except RuntimeError as error:
                vars(error)["__notes__"] = ["while ordering"]  # add_note() exists from 3.11 on
                raised.append(error)
                raise

        bare, ours = harness.compare(fail)
        assert (ours.error is raised[1]) == (bare.error is raised[0])
        assert _chain(ours.error) == _chain(bare.error)
        assert _chain(raised[1]) == _chain(raised[0])

    @params(
        param("raised", behaviours.fails),
        param("returned", behaviours.answers(503)),
        param("aborted", behaviours.aborts(503), "abort"),
        param("handled", behaviours.handled(500)),
        param("streamed", behaviours.streams_and_fails(2)),
        param("before-streaming", behaviours.streams_and_fails(0)),
        param("exit", behaviours.exits(1)),
    )
    def test_a3_client_gets_the_same_bytes(self, harness: Harness, param: Param) -> None:
        """A3: The client gets the same bytes as without the adapter."""
        bare, ours = harness.compare(param.value)
        assert ours.wire_response == bare.wire_response

    @pytest.mark.parametrize("status", [500, 503, 599])
    def test_a4_returned_5xx_is_one_status_event(self, harness: Harness, status: int) -> None:
        """A4: A returned 5xx gives one event, titled by status, method and path."""
        harness.serve(behaviours.answers(status))
        event = harness.our_event()
        assert _events.message(event) == f"HTTP {status} GET {harness.route}"
        assert (event["level"], _events.exceptions(event)) == ("error", [])
        assert _events.tags(event)["status_code"] == str(status)

    def test_a4_streamed_503_is_one_status_event(self, harness: Harness) -> None:
        """A4: A 5xx whose body is streamed gives one event."""
        harness.serve(lambda _: ResponseSpec(503, stream=iter([b"not", b"now"])))
        assert _events.message(harness.our_event()) == f"HTTP 503 GET {harness.route}"

    @pytest.mark.parametrize("status", [500, 503])
    @requires("abort")
    def test_a5_http_exception_is_one_status_event(self, harness: Harness, status: int) -> None:
        """A5: The framework's HTTP exception for a 5xx is reported as a returned status."""
        exchange = harness.serve(behaviours.aborts(status))
        event = harness.our_event()
        assert exchange.status == status
        assert _events.title(event) == f"HTTP {status} GET {harness.route}"

    @requires("abort")
    def test_a5_disowned_error_is_no_evidence(self, harness: Harness) -> None:
        """A5: If the HTTP exception is raised ``from None``, the status is reported."""
        harness.serve(behaviours.aborts_from_none)
        assert _events.title(harness.our_event()) == f"HTTP 503 GET {harness.route}"

    @pytest.mark.parametrize(
        "behaviour", [behaviours.aborts_from_error, behaviours.aborts_in_context]
    )
    @requires("abort", "evidence")
    def test_a5_real_error_behind_it_is_the_evidence(
        self, harness: Harness, behaviour: Behaviour
    ) -> None:
        """A5: A real exception as cause or context is reported, with the status sent."""
        harness.serve(behaviour)
        event = harness.our_event()
        assert _events.types(event)[-1:] == ["ShopError"]
        assert _events.mechanism(event) == (harness.driver.name, True)
        assert _events.tags(event)["status_code"] == "503"

    @requires("evidence")
    @pytest.mark.parametrize("status", [500, 503])
    def test_a6_error_handled_into_5xx_is_one_event(self, harness: Harness, status: int) -> None:
        """A6: An exception that an error handler answers 5xx gives one event, handled."""
        exchange = harness.serve(behaviours.handled(status))
        event = harness.our_event()
        assert exchange.status == status
        assert _events.types(event)[-1:] == ["HandledError"]
        assert _events.mechanism(event) == (harness.driver.name, True)
        assert _events.tags(event)["status_code"] == str(status)

    @requires("evidence")
    def test_a6_traceback_is_the_original(self, harness: Harness) -> None:
        """A6: The stack is that of the exception, down to the frame that raised it."""
        harness.serve(behaviours.handled(500))
        assert _events.frames(_events.outermost(harness.event())) == ["sell_out"]

    @pytest.mark.parametrize("status", [200, 404, 418])
    def test_a7_error_handled_below_500_is_no_event(self, harness: Harness, status: int) -> None:
        """A7: An exception that an error handler answers below 500 gives no event."""
        exchange = harness.serve(behaviours.handled(status))
        assert exchange.status == status
        harness.no_event()

    @requires("stream-error")
    @pytest.mark.parametrize("chunks", [0, 1, 2])
    def test_a8_failing_stream_is_one_event(self, harness: Harness, chunks: int) -> None:
        """A8: A streamed body that raises gives one event, with the status that was sent."""
        exchange = harness.serve(behaviours.streams_and_fails(chunks))
        event = harness.our_event()
        assert _events.types(event)[-1:] == ["ShopError"]
        assert _events.mechanism(event) == (harness.driver.name, False)
        assert _events.tags(event)["status_code"] == str(exchange.status)

    @requires("route")
    def test_a8_route_is_kept(self, harness: Harness) -> None:
        """A8: The event of a streamed body that raises has the route."""
        harness.serve(behaviours.streams_and_fails(2))
        assert harness.event()["transaction"] == "/orders/{order_id}"

    @requires("stream-error")
    def test_a8_failing_body_of_a_503_is_one_event(self, harness: Harness) -> None:
        """A8: A 503 whose body raises gives one event, about the exception."""
        exchange = harness.serve(behaviours.streams_and_fails(2, 503))
        event = harness.our_event()
        assert _events.types(event)[-1:] == ["ShopError"]
        assert _events.tags(event)["status_code"] == str(exchange.status)

    @requires("inside")
    def test_a4_application_without_a_response_is_one_status_event(self, harness: Harness) -> None:
        """A4: An application that returns without a response gives one event: the server's 500."""
        exchange = harness.serve(inside=behaviours.silent)
        event = harness.our_event()
        # A framework that routes in its application has not routed.
        routes = harness.route, _events.UNKNOWN
        assert _events.message(event) in {f"HTTP 500 GET {route}" for route in routes}
        assert _events.tags(event)["status_code"] == str(exchange.status) == "500"

    @requires("inside")
    def test_a8_second_response_does_not_change_the_status(self, harness: Harness) -> None:
        """A8: A body that fails, and is to become a 500, gives one event, with the status sent."""
        exchange = harness.serve(inside=behaviours.answers_twice)
        event = harness.our_event()
        assert "ShopError" in _events.types(event)
        assert _events.tags(event)["status_code"] == str(exchange.status) == "200"

    @requires("background")
    def test_a9_failing_background_work_is_one_event(self, harness: Harness) -> None:
        """A9: Background work that raises gives one event; the response was sent before."""
        exchange = harness.serve(behaviours.fails_in_background)
        event = harness.our_event()
        assert (exchange.status, exchange.body) == (200, b"ok")
        assert _events.types(event)[-1:] == ["ShopError"]

    @requires("websocket")
    def test_a10_failing_websocket_is_one_event(self, harness: Harness) -> None:
        """A10: A WebSocket handler that raises gives one event, with status 101."""
        harness.server.websocket(harness.app(behaviours.fails), "hello")
        event = harness.our_event()
        assert _events.mechanism(event) == (harness.driver.name, False)
        assert _events.tags(event)["status_code"] == "101"

    @requires("websocket")
    def test_a10_websocket_that_fails_on_a_message_is_one_event(self, harness: Harness) -> None:
        """A10: A WebSocket handler that raises after a message gives one event."""

        async def listen(request: Request) -> ResponseSpec:
            await request.read()
            behaviours.fails()

        harness.server.websocket(harness.app(listen), "hello")
        assert _events.types(harness.our_event())[-1:] == ["ShopError"]

    @requires("websocket", "websocket-close")
    def test_a10_closing_peer_is_no_event(self, harness: Harness) -> None:
        """A10: A client that closes gives no event, though the handler does not catch it."""

        async def listen(request: Request) -> ResponseSpec:
            await request.read()
            await request.read()
            return ResponseSpec()

        exchange = harness.server.websocket(harness.app(listen), "hello")
        assert [message["type"] for message in exchange.messages][:1] == ["websocket.accept"]
        harness.no_event()

    @pytest.mark.parametrize("code", [1, "cannot go on"])
    def test_a11_exit_with_an_error_is_one_fatal_event(
        self, harness: Harness, code: object
    ) -> None:
        """A11: ``sys.exit(1)`` gives one fatal event, with the stack."""
        harness.serve(behaviours.exits(code))
        event = harness.our_event()
        assert event["level"] == "fatal"
        found = [value for value in _events.exceptions(event) if value["type"] == "SystemExit"]
        assert [_events.frames(value)[-1:] for value in found] == [["leave"]]

    @pytest.mark.parametrize("code", [0, None])
    def test_a11_clean_exit_is_no_event(self, harness: Harness, code: object) -> None:
        """A11: ``sys.exit()`` and ``sys.exit(0)`` give no event."""
        harness.serve(behaviours.exits(code))
        harness.no_event()

    @requires("startup")
    def test_a12_failing_startup_is_one_event(self, harness: Harness) -> None:
        """A12: A start-up that raises gives one event."""
        exchange = harness.server.run_lifespan(harness.app(on_startup=behaviours.fails))
        event = harness.one_event()
        assert _events.types(event)[-1:] == ["ShopError"]
        told = [message["type"] for message in exchange.messages]
        assert "lifespan.startup.complete" not in told

    @requires("startup", "inside", "route")
    def test_a12_startup_that_is_never_awaited_is_one_event(self, harness: Harness) -> None:
        """A12: A start-up that raises before it receives a message is not responded to."""
        app = harness.app(inside=behaviours.refuses_the_lifespan)
        exchange = harness.server.run_lifespan(app)
        assert _events.types(harness.one_event())[-1:] == ["ShopError"]
        assert (type(exchange.error), exchange.messages) == (behaviours.ShopError, [])

    @requires("startup", "inside", "route")
    def test_a12_generic_middleware_around_does_not_respond_either(self, harness: Harness) -> None:
        """A12: A generic boundary around a framework that knows the lifespan lets it fail."""
        app = harness.generic(harness.app(inside=behaviours.refuses_the_lifespan))
        exchange = harness.server.run_lifespan(app)
        assert _events.types(harness.one_event())[-1:] == ["ShopError"]
        assert (type(exchange.error), exchange.messages) == (behaviours.ShopError, [])

    @requires("startup", "inside")
    def test_a12_lifespan_without_a_message_is_responded_to(self, harness: Harness) -> None:
        """A12: Where the application returns without a message, the boundary sends them."""
        called: list[Any] = []
        inside = functools.partial(behaviours.ignores_the_lifespan, called)
        exchange = harness.server.run_lifespan(harness.app(inside=inside))
        assert called
        told = [message["type"] for message in exchange.messages]
        assert told == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        harness.no_event()

    @requires("startup")
    def test_a12_clean_startup_is_no_event(self, harness: Harness) -> None:
        """A12: A start-up that succeeds gives no event, and the server is told of it."""
        exchange = harness.server.run_lifespan(harness.app())
        told = [message["type"] for message in exchange.messages]
        assert told == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        harness.no_event()

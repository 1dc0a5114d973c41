"""A: what is reported."""

from __future__ import annotations

import pytest

from sentryinit_testkit import _events, behaviours
from sentryinit_testkit._contract import Contract, Row, needs, row, rows
from sentryinit_testkit._driver import Behaviour, Reply, Request
from sentryinit_testkit._lab import Lab
from sentryinit_testkit._peer import Call


def _chain(error: BaseException | None) -> list[tuple[str, list[str]]]:
    """Return the types and notes of *error* and all behind it, causes and contexts apart."""
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


class WhatIsReported(Contract):
    """Clauses A1 to A12."""

    @pytest.mark.parametrize("status", [200, 204, 302, 404, 499])
    def test_a1_returned_below_500_is_no_event(self, lab: Lab, status: int) -> None:
        """A1: A handler that returns 1xx to 4xx is no event."""
        lab.serve(behaviours.answers(status))
        lab.no_event()

    @needs("abort")
    @pytest.mark.parametrize("status", [400, 404, 429])
    def test_a1_http_exception_below_500_is_no_event(self, lab: Lab, status: int) -> None:
        """A1: The framework's own exception for a 4xx is no event."""
        exchange = lab.serve(behaviours.aborts(status))
        assert exchange.status == status
        lab.no_event()

    @needs("abort")
    def test_a1_http_exception_below_500_from_an_error_is_no_event(self, lab: Lab) -> None:
        """A1: A 404 raised while an error was being handled is no event: the answer counts."""

        def not_found(request: Request) -> Reply:
            try:
                behaviours.fails()
            except behaviours.ShopError as error:
                raise request.abort(404) from error

        lab.serve(not_found)
        lab.no_event()

    def test_a1_unknown_path_is_no_event(self, lab: Lab) -> None:
        """A1: The framework's own 404 is no event."""
        exchange = lab.serve(call=Call(path="/nowhere"))
        assert exchange.status == 404
        lab.no_event()

    def test_a2_raised_error_is_one_event(self, lab: Lab) -> None:
        """A2: An error that nobody handles is one exception event, by the adapter, unhandled."""
        exchange = lab.serve(behaviours.fails)
        event = lab.our_event()
        assert (event["level"], _events.mechanism(event)) == ("error", (lab.driver.name, False))
        assert _events.types(event)[-1:] == ["ShopError"]
        assert _events.tags(event)["status_code"] == str(exchange.status) == "500"

    def test_a2_whole_chain_is_on_the_event(self, lab: Lab) -> None:
        """A2: The causes and contexts of the error are on its event."""
        lab.serve(behaviours.fails_in_chain)
        chain = ["UpstreamError", "KeyError", "ShopError", "RuntimeError"]
        assert _events.types(lab.event()) == chain

    def test_a2_group_is_on_the_event(self, lab: Lab) -> None:
        """A2: A group of errors is one event, with its members."""
        lab.serve(behaviours.fails_in_group)
        event = lab.our_event()
        assert set(_events.types(event)) == {"ShopError", "UpstreamError", "ExceptionGroup"}

    def test_a2_error_after_reading_the_body_is_one_event(self, lab: Lab) -> None:
        """A2: So it is when the handler has read its request before."""

        async def read(request: Request) -> Reply:
            await request.read()
            behaviours.fails()

        lab.serve(read, Call("POST", body=b"two of them"))
        lab.our_event()

    def test_a3_error_goes_on_as_the_same_object(self, lab: Lab) -> None:
        """A3: What the server gets without us it gets with us: the same object, as it was."""
        raised: list[BaseException] = []

        def fail(request: Request) -> Reply:
            try:
                behaviours.fails_in_chain(request)
            except RuntimeError as error:
                vars(error)["__notes__"] = ["while ordering"]  # add_note() is of 3.11
                raised.append(error)
                raise

        bare, ours = lab.compare(fail)
        assert (ours.error is raised[1]) == (bare.error is raised[0])
        assert _chain(ours.error) == _chain(bare.error)
        assert _chain(raised[1]) == _chain(raised[0])

    @rows(
        row("raised", behaviours.fails),
        row("returned", behaviours.answers(503)),
        row("aborted", behaviours.aborts(503), "abort"),
        row("handled", behaviours.handled(500)),
        row("streamed", behaviours.streams_and_fails(2)),
        row("before-streaming", behaviours.streams_and_fails(0)),
        row("exit", behaviours.exits(1)),
    )
    def test_a3_client_gets_the_same_bytes(self, lab: Lab, row: Row) -> None:
        """A3: The client gets what it would get without us."""
        bare, ours = lab.compare(row.value)
        assert ours.answer == bare.answer

    @pytest.mark.parametrize("status", [500, 503, 599])
    def test_a4_returned_5xx_is_one_status_event(self, lab: Lab, status: int) -> None:
        """A4: A returned 5xx is one event, named by status, method and path."""
        lab.serve(behaviours.answers(status))
        event = lab.our_event()
        assert _events.message(event) == f"HTTP {status} GET /orders/17"
        assert (event["level"], _events.exceptions(event)) == ("error", [])
        assert _events.tags(event)["status_code"] == str(status)

    def test_a4_streamed_503_is_one_status_event(self, lab: Lab) -> None:
        """A4: A 5xx whose body is streamed is one event as well."""
        lab.serve(lambda _: Reply(503, stream=iter([b"not", b"now"])))
        assert _events.message(lab.our_event()) == "HTTP 503 GET /orders/17"

    @pytest.mark.parametrize("status", [500, 503])
    @needs("abort")
    def test_a5_http_exception_is_one_status_event(self, lab: Lab, status: int) -> None:
        """A5: The framework's own exception for a 5xx is a status, as if it had been returned."""
        exchange = lab.serve(behaviours.aborts(status))
        event = lab.our_event()
        assert exchange.status == status
        assert _events.title(event) == f"HTTP {status} GET /orders/17"

    @needs("abort")
    def test_a5_disowned_error_is_no_evidence(self, lab: Lab) -> None:
        """A5: ``raise ... from None`` leaves the status as the evidence."""
        lab.serve(behaviours.aborts_from_none)
        assert _events.title(lab.our_event()) == "HTTP 503 GET /orders/17"

    @pytest.mark.parametrize(
        "behaviour", [behaviours.aborts_from_error, behaviours.aborts_in_context]
    )
    @needs("abort", "evidence")
    def test_a5_real_error_behind_it_is_the_evidence(self, lab: Lab, behaviour: Behaviour) -> None:
        """A5: A real error as cause or context is what is reported, with the status answered."""
        lab.serve(behaviour)
        event = lab.our_event()
        assert _events.types(event)[-1:] == ["ShopError"]
        assert _events.mechanism(event) == (lab.driver.name, True)
        assert _events.tags(event)["status_code"] == "503"

    @needs("evidence")
    @pytest.mark.parametrize("status", [500, 503])
    def test_a6_error_handled_into_5xx_is_one_event(self, lab: Lab, status: int) -> None:
        """A6: An error that the application's handler answers 5xx is one event, handled."""
        exchange = lab.serve(behaviours.handled(status))
        event = lab.our_event()
        assert exchange.status == status
        assert _events.types(event)[-1:] == ["HandledError"]
        assert _events.mechanism(event) == (lab.driver.name, True)
        assert _events.tags(event)["status_code"] == str(status)

    @needs("evidence")
    def test_a6_traceback_is_the_original(self, lab: Lab) -> None:
        """A6: The stack is that of the error, down to where it was raised."""
        lab.serve(behaviours.handled(500))
        assert _events.frames(_events.outermost(lab.event())) == ["sell_out"]

    @pytest.mark.parametrize("status", [200, 404, 418])
    def test_a7_error_handled_below_500_is_no_event(self, lab: Lab, status: int) -> None:
        """A7: An error that a handler answers below 500 is no event."""
        exchange = lab.serve(behaviours.handled(status))
        assert exchange.status == status
        lab.no_event()

    @needs("stream-error")
    @pytest.mark.parametrize("chunks", [0, 1, 2])
    def test_a8_failing_stream_is_one_event(self, lab: Lab, chunks: int) -> None:
        """A8: A body that fails is one event, tagged with the status that the client has got."""
        exchange = lab.serve(behaviours.streams_and_fails(chunks))
        event = lab.our_event()
        assert _events.types(event)[-1:] == ["ShopError"]
        assert _events.mechanism(event) == (lab.driver.name, False)
        assert _events.tags(event)["status_code"] == str(exchange.status)

    @needs("route")
    def test_a8_route_is_kept(self, lab: Lab) -> None:
        """A8: The event of a body that fails names the route."""
        lab.serve(behaviours.streams_and_fails(2))
        assert lab.event()["transaction"] == "/orders/{order_id}"

    @needs("stream-error")
    def test_a8_failing_body_of_a_503_is_one_event(self, lab: Lab) -> None:
        """A8: A 503 whose body fails is one event: the error says more than the status."""
        exchange = lab.serve(behaviours.streams_and_fails(2, 503))
        event = lab.our_event()
        assert _events.types(event)[-1:] == ["ShopError"]
        assert _events.tags(event)["status_code"] == str(exchange.status)

    @needs("background")
    def test_a9_failing_background_work_is_one_event(self, lab: Lab) -> None:
        """A9: Work after the response that fails is one event; the client had its answer."""
        exchange = lab.serve(behaviours.fails_in_background)
        event = lab.our_event()
        assert (exchange.status, exchange.body) == (200, b"ok")
        assert _events.types(event)[-1:] == ["ShopError"]

    @needs("websocket")
    def test_a10_failing_websocket_is_one_event(self, lab: Lab) -> None:
        """A10: A WebSocket handler that raises is one event, with the status of the upgrade."""
        lab.peer.websocket(lab.app(behaviours.fails), "hello")
        event = lab.our_event()
        assert _events.mechanism(event) == (lab.driver.name, False)
        assert _events.tags(event)["status_code"] == "101"

    @needs("websocket")
    def test_a10_websocket_that_fails_on_a_message_is_one_event(self, lab: Lab) -> None:
        """A10: So is one that raises in the middle of a conversation."""

        async def listen(request: Request) -> Reply:
            await request.read()
            behaviours.fails()

        lab.peer.websocket(lab.app(listen), "hello")
        assert _events.types(lab.our_event())[-1:] == ["ShopError"]

    @needs("websocket", "websocket-close")
    def test_a10_closing_peer_is_no_event(self, lab: Lab) -> None:
        """A10: A peer that closes is no event, though the handler does not catch it."""

        async def listen(request: Request) -> Reply:
            await request.read()
            await request.read()
            return Reply()

        exchange = lab.peer.websocket(lab.app(listen), "hello")
        assert [message["type"] for message in exchange.messages][:1] == ["websocket.accept"]
        lab.no_event()

    @pytest.mark.parametrize("code", [1, "cannot go on"])
    def test_a11_exit_with_an_error_is_one_fatal_event(self, lab: Lab, code: object) -> None:
        """A11: ``sys.exit(1)``, a killed worker's as well, is one fatal event with the stack."""
        lab.serve(behaviours.exits(code))
        event = lab.our_event()
        assert event["level"] == "fatal"
        found = [value for value in _events.exceptions(event) if value["type"] == "SystemExit"]
        assert [_events.frames(value)[-1:] for value in found] == [["leave"]]

    @pytest.mark.parametrize("code", [0, None])
    def test_a11_clean_exit_is_no_event(self, lab: Lab, code: object) -> None:
        """A11: ``sys.exit()`` and ``sys.exit(0)`` are no event."""
        lab.serve(behaviours.exits(code))
        lab.no_event()

    @needs("startup")
    def test_a12_failing_startup_is_one_event(self, lab: Lab) -> None:
        """A12: A start-up that raises is one event."""
        exchange = lab.peer.start(lab.app(on_startup=behaviours.fails))
        event = lab.one_event()
        assert _events.types(event)[-1:] == ["ShopError"]
        told = [message["type"] for message in exchange.messages]
        assert "lifespan.startup.complete" not in told

    @needs("startup")
    def test_a12_clean_startup_is_no_event(self, lab: Lab) -> None:
        """A12: One that goes well is none, and the server hears of it."""
        exchange = lab.peer.start(lab.app())
        told = [message["type"] for message in exchange.messages]
        assert told == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        lab.no_event()

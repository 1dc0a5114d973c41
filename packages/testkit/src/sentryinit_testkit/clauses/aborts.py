"""Cases of clause B: aborts and ignore lists."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import sys
import traceback
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from sentryinit_testkit import _events, behaviours
from sentryinit_testkit._contract import Contract, Param, param, params, requires
from sentryinit_testkit._driver import Behaviour, Request, ResponseSpec
from sentryinit_testkit._harness import Harness
from sentryinit_testkit._server import Call, reset

ABORTS: list[type[BaseException]] = [asyncio.CancelledError, GeneratorExit, KeyboardInterrupt]
# Those that need no other task that was cancelled.
RAISED = ABORTS[1:]
# Raised for a lost connection, to a client or to an upstream.
LOST: list[type[OSError]] = [
    ConnectionResetError,
    BrokenPipeError,
    ConnectionAbortedError,
    ConnectionRefusedError,
]
MODULE = behaviours.__name__
UPLOAD = b"half of this never arrives"


def _log_without_traceback(error: BaseException) -> None:
    """Log *error* as a service does whose filter removes tracebacks."""
    record = behaviours.log.makeRecord(
        behaviours.log.name, logging.ERROR, __file__, 1, "cannot read the order", (), None
    )
    behaviours.log.handle(record)


def _log_structlog(error: BaseException) -> None:
    """Log the dictionary that structlog gives to ``logging``."""
    behaviours.log.error({"event": "cannot read the order", "exc_info": error})


# How a handler may say what reading its request has raised.
LOGGED = [
    param("exception", lambda error: behaviours.log.error("cannot read", exc_info=error)),
    param("argument", lambda error: behaviours.log.error("cannot read: %s", error)),
    param("message", behaviours.log.error),
    param(
        "traceback",
        lambda error: behaviours.log.error("cannot read: %s", "".join(_traceback(error))),
    ),
    param("text", lambda error: behaviours.log.error(f"cannot read: {error}")),
    param("no-traceback", _log_without_traceback),
    param("structlog", _log_structlog),
    param("warning", lambda error: behaviours.log.warning("cannot read", exc_info=error)),
    param("warning-argument", lambda error: behaviours.log.warning("cannot read: %s", error)),
    param(
        "warning-structlog",
        lambda error: behaviours.log.warning({"event": "cannot read", "exc_info": error}),
    ),
]
# Those that carry the exception itself.
LOGGED_LATER = {
    *("exception", "argument", "message", "structlog"),
    *("warning", "warning-argument", "warning-structlog"),
}


def _close_a_generator() -> None:
    def rows() -> Generator[int, None, None]:
        try:
            yield 1
        finally:
            raise behaviours.ShopError("the cursor is gone")

    opened = rows()
    next(opened)
    opened.close()


knows_cancelled: pytest.MarkDecorator = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="before 3.11 a task does not say if it was cancelled itself"
)


def _traceback(error: BaseException) -> list[str]:
    return traceback.format_exception(type(error), error, error.__traceback__)


def _from(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def _wrapped(cause: type[BaseException]) -> Behaviour:
    """Return a behaviour that raises an exception of the application from *cause*."""
    return behaviours.raises(lambda: _from(RuntimeError("cannot order"), cause("gone")))


def _group(*members: type[BaseException]) -> Behaviour:
    return behaviours.raises(
        lambda: behaviours.BaseExceptionGroup("several", [member("one") for member in members])
    )


class Aborts(Contract):
    """Clauses B1 to B6."""

    @params(
        param("GeneratorExit", GeneratorExit, "raised-abort"),
        param("KeyboardInterrupt", KeyboardInterrupt),
    )
    def test_b1_abort_is_no_event(self, harness: Harness, param: Param) -> None:
        """B1: ``GeneratorExit`` and ``KeyboardInterrupt`` give no event."""
        harness.serve(behaviours.raises(param.value))
        harness.no_event()

    @pytest.mark.parametrize("kind", ABORTS)
    def test_b1_abort_goes_on_as_the_same_object(
        self, harness: Harness, kind: type[BaseException]
    ) -> None:
        """B1: An abort reaches the server as the same object, as without the adapter."""
        raised: list[BaseException] = []

        def make() -> BaseException:
            raised.append(kind())
            return raised[-1]

        bare, ours = harness.compare(behaviours.raises(make))
        assert (ours.error is raised[1]) == (bare.error is raised[0])
        assert type(ours.error) is type(bare.error)

    @requires("cancellation")
    def test_b1_cancelled_request_is_no_event(self, harness: Harness) -> None:
        """B1: A request that the server cancels gives no event, and ends as cancelled."""
        started = asyncio.Event()
        exchange = harness.serve(behaviours.waits_for_ever(started), Call(cancel=started))
        assert isinstance(exchange.error, asyncio.CancelledError)
        harness.no_event()

    @knows_cancelled
    @requires("raised-abort")
    def test_b1_cancellation_of_another_task_is_an_event(self, harness: Harness) -> None:
        """B1: A client gets a 500, because its handler awaits a task that somebody cancelled."""
        harness.serve(behaviours.awaits_a_cancelled_task)
        assert _events.types(harness.our_event())[-1:] == ["CancelledError"]

    @knows_cancelled
    @requires("abort", "evidence")
    def test_b1_cancellation_turned_into_a_503_is_an_event(self, harness: Harness) -> None:
        """B1: The framework's 503, raised because another task was cancelled, is a failure."""
        harness.serve(behaviours.aborts_from_a_cancelled_task)
        assert _events.types(harness.our_event())[-1:] == ["CancelledError"]

    @pytest.mark.parametrize("client", ["leaves", "resets"])
    def test_b1_client_that_leaves_its_upload_is_no_event(
        self, harness: Harness, client: str
    ) -> None:
        """B1: The framework's exception for a disconnected client gives no event."""
        harness.serve(
            behaviours.reads_and_fails_if_it_can, Call("POST", body=UPLOAD, client=client)
        )
        harness.no_event()

    def test_b1_client_that_leaves_its_upload_gets_on_as_without_us(self, harness: Harness) -> None:
        """B1: A disconnected client has the same result as without the adapter."""
        call = Call("POST", body=UPLOAD, client="resets")
        bare, ours = harness.compare(behaviours.reads_and_fails_if_it_can, call)
        assert (type(ours.error), ours.wire_response) == (type(bare.error), bare.wire_response)

    @pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
    def test_b1_client_that_leaves_the_stream_is_no_event(
        self, harness: Harness, spec_version: str
    ) -> None:
        """B1: A client that disconnects while a body is streamed gives no event."""
        harness.serve(
            lambda _: ResponseSpec(stream=(b"row %d;" % number for number in range(9))),
            Call(disconnect_after=2, spec_version=spec_version),
        )
        harness.no_event()

    @pytest.mark.parametrize("kind", LOST)
    def test_b2_lost_upstream_is_an_event(self, harness: Harness, kind: type[OSError]) -> None:
        """B2: A lost connection to an upstream is a failure."""
        harness.serve(behaviours.raises(lambda: kind(104, "gone")))
        assert _events.types(harness.our_event())[-1:] == [kind.__name__]

    def test_b2_lost_upstream_after_a_whole_upload_is_an_event(self, harness: Harness) -> None:
        """B2: A lost connection to an upstream is a failure, also after the body was read."""
        harness.serve(behaviours.loses_its_upstream, Call("POST", body=UPLOAD))
        assert _events.types(harness.our_event())[-1:] == ["ConnectionResetError"]

    @pytest.mark.parametrize("kind", [ConnectionResetError, FileNotFoundError])
    @pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
    def test_b2_lost_upstream_in_a_stream_is_an_event(
        self, harness: Harness, spec_version: str, kind: type[OSError]
    ) -> None:
        """B2: A file or an upstream that is lost in the middle of a body is the failure."""

        def rows() -> Iterator[bytes]:
            yield b"row 0;"
            raise kind(104, "gone")

        harness.serve(lambda _: ResponseSpec(stream=rows()), Call(spec_version=spec_version))
        event = harness.our_event()
        assert kind.__name__ in _events.types(event)
        assert "ClientDisconnect" not in _events.types(event)
        assert _events.tags(event)["status_code"] == "200"

    def test_b2_lost_client_is_no_event(self, harness: Harness) -> None:
        """B2: The same exception class, raised by the server's input, is an abort."""
        harness.serve(
            behaviours.reads_and_fails_if_it_can, Call("POST", body=UPLOAD, client="resets")
        )
        harness.no_event()

    def test_b2_lost_client_in_the_response_is_no_event(self, harness: Harness) -> None:
        """B2: The same exception class, raised by sending to the client, is an abort."""
        harness.serve(
            lambda _: ResponseSpec(stream=iter([b"one", b"two", b"three"])),
            Call(disconnect_after=1),
        )
        harness.no_event()

    @requires("raised-abort")
    def test_b3_group_of_aborts_is_no_event(self, harness: Harness) -> None:
        """B3: A group that has only aborts is an abort."""
        harness.serve(_group(KeyboardInterrupt, GeneratorExit))
        harness.no_event()

    def test_b3_mixed_group_is_an_event(self, harness: Harness) -> None:
        """B3: A group that has an abort and a failure is a failure."""
        harness.serve(_group(asyncio.CancelledError, behaviours.ShopError))
        harness.our_event()

    @pytest.mark.parametrize("kind", RAISED)
    def test_b3_error_because_of_an_abort_is_no_event(
        self, harness: Harness, kind: type[BaseException]
    ) -> None:
        """B3: An exception raised from an abort is an abort."""
        harness.serve(_wrapped(kind))
        harness.no_event()

    @requires("cancellation")
    def test_b3_error_because_of_a_cancelled_request_is_no_event(self, harness: Harness) -> None:
        """B3: An exception raised from the cancellation of the request is an abort."""
        started = asyncio.Event()
        harness.serve(behaviours.wraps_its_cancellation(started), Call(cancel=started))
        harness.no_event()

    @requires("websocket", "websocket-close")
    def test_b3_reading_on_after_the_peer_left_is_no_event(self, harness: Harness) -> None:
        """B3: What one more read of a closed WebSocket raises is an abort."""
        exchange = harness.server.websocket(harness.app(behaviours.reads_on), "hello")
        assert [message["type"] for message in exchange.messages][:1] == ["websocket.accept"]
        harness.no_event()

    @requires("websocket", "websocket-afterwards")
    def test_b3_bug_after_the_peer_left_is_an_event(self, harness: Harness) -> None:
        """B3: An exception of the application's own is a failure, also if the peer has left."""
        harness.server.websocket(harness.app(behaviours.reads_then_has_a_bug), "hello")
        assert _events.types(harness.our_event())[-1:] == ["RuntimeError"]

    def test_b3_error_because_of_a_lost_client_is_no_event(self, harness: Harness) -> None:
        """B3: The application's exception raised from a broken upload is an abort."""
        harness.serve(behaviours.reads_then_wraps, Call("POST", body=UPLOAD, client="resets"))
        harness.no_event()

    @requires("disconnect")
    def test_b3_error_about_the_disconnect_is_no_event(self, harness: Harness) -> None:
        """B3: What the application raises about the server's message that its client is gone."""
        call = Call("POST", body=UPLOAD, client="leaves")
        harness.serve(behaviours.reads_then_refuses_the_end, call)
        harness.no_event()

    def test_b3_error_about_a_disconnect_is_an_event(self, harness: Harness) -> None:
        """B3: The same exception, while its own client waits, is about another connection."""
        harness.serve(behaviours.reads_then_refuses_the_end)
        # Starlette 0.37's BaseHTTPMiddleware raises a group.
        assert _events.types(harness.our_event())[-1:] == ["AssertionError"]

    def test_b3_timeout_is_an_event(self, harness: Harness) -> None:
        """B3: A timeout is a failure, though its cause is a cancellation."""
        harness.serve(
            behaviours.raises(lambda: _from(asyncio.TimeoutError(), asyncio.CancelledError()))
        )
        assert _events.types(harness.our_event())[-1:] == [asyncio.TimeoutError.__name__]

    def test_b3_real_timeout_is_an_event(self, harness: Harness) -> None:
        """B3: A timeout of ``asyncio.wait_for`` is a failure."""

        @behaviours.needs_loop
        async def wait(_request: Request) -> ResponseSpec:
            await asyncio.wait_for(asyncio.Event().wait(), 0)
            return ResponseSpec()

        harness.serve(wait)
        assert _events.types(harness.our_event())[-1:] == [asyncio.TimeoutError.__name__]

    def test_b4_error_page_for_a_lost_client_is_no_event(self, harness: Harness) -> None:
        """B4: The framework's 500 for a broken upload gives no event."""
        call = Call("POST", body=UPLOAD, client="resets")
        harness.serve(behaviours.reads_and_fails_if_it_can, call)
        harness.no_event()

    @requires("abort", "evidence")
    def test_b4_abort_for_a_lost_client_is_no_event(self, harness: Harness) -> None:
        """B4: The framework's 503 raised for a broken upload gives no event."""
        # If the server or framework reads the body first, the handler does not run.
        harness.driver.abort(503)
        harness.serve(behaviours.reads_then_aborts, Call("POST", body=UPLOAD, client="resets"))
        harness.no_event()

    @requires("disconnect")
    def test_b4_returned_503_for_a_gone_client_is_no_event(self, harness: Harness) -> None:
        """B4: A 503 returned after the server announced the disconnect gives no event."""
        harness.serve(behaviours.reads_then_answers_503, Call("POST", body=UPLOAD, client="leaves"))
        harness.no_event()

    @params(*LOGGED)
    def test_b4_logged_loss_of_the_client_is_no_event(self, harness: Harness, param: Param) -> None:
        """B4: A handler logs that its client is lost, and returns 500 after its except block."""
        call = Call("POST", body=UPLOAD, client="resets")
        harness.serve(behaviours.logs_then_answers_500(param.value, later=False), call)
        harness.no_event()

    @params(*(each for each in LOGGED if each.id in LOGGED_LATER))
    def test_b4_loss_of_the_client_that_is_logged_later_is_no_event(
        self, harness: Harness, param: Param
    ) -> None:
        """B4: A handler keeps the loss of its client, and logs it after its except block."""
        call = Call("POST", body=UPLOAD, client="resets")
        harness.serve(behaviours.logs_then_answers_500(param.value, later=True), call)
        harness.no_event()

    @params(*LOGGED)
    def test_b2_logged_loss_of_an_upstream_is_an_event(
        self, harness: Harness, param: Param
    ) -> None:
        """B2: A lost upstream that is logged, and answered 500 after the block, is a failure."""

        def lose(_request: Request) -> ResponseSpec:
            try:
                raise reset()
            except ConnectionResetError as error:
                param.value(error)
            return ResponseSpec(500)

        harness.serve(lose)
        harness.our_event()

    def test_b3_error_of_a_generator_that_the_handler_closes_is_an_event(
        self, harness: Harness
    ) -> None:
        """B3: A generator ends because its handler closes it: nobody has given up."""
        if "raised-abort" in harness.driver.all_unsupported():
            pytest.skip("a BaseHTTPMiddleware of Starlette may make a cause of the context")

        def close(_request: Request) -> ResponseSpec:
            _close_a_generator()
            return ResponseSpec()

        harness.serve(close)
        assert _events.types(harness.our_event())[-1:] == ["ShopError"]

    def test_b4_logged_error_of_a_generator_is_no_lost_client(self, harness: Harness) -> None:
        """B4: A generator fails as its handler closes it; a warning, and then a 500, say so."""

        def close(_request: Request) -> ResponseSpec:
            try:
                _close_a_generator()
            except behaviours.ShopError as error:
                behaviours.log.warning("cannot close the cursor", exc_info=error)
            return ResponseSpec(500)

        harness.serve(close)
        harness.our_event()

    def test_b4_program_that_ended_is_no_lost_client(self, harness: Harness) -> None:
        """B4: The handler calls a program, which ends with 0, and logs what came of that."""

        def run(_request: Request) -> ResponseSpec:
            try:
                try:
                    sys.exit(0)
                except SystemExit as end:
                    raise behaviours.ShopError("the program printed nothing") from end
            except behaviours.ShopError:
                behaviours.log.warning("cannot order", exc_info=True)
            return ResponseSpec(500)

        harness.serve(run)
        harness.our_event()

    @params(
        param("status", ("order 17 was answered with 500", False)),
        param("another-number", ("only 1500 orders left", True)),
        param("failure", ("the warehouse is down", True)),
    )
    def test_b4_text_about_a_response_for_nobody_is_no_event(
        self, harness: Harness, param: Param
    ) -> None:
        """B4: A text at ERROR that names the status is about the response; another is an event."""
        text, is_event = param.value
        ran: list[str] = []

        def say(error: BaseException) -> None:
            behaviours.log.warning("cannot read", exc_info=error)
            if is_event:
                ran.append(text)

        async def answer(request: Request) -> ResponseSpec:
            failed = await behaviours.logs_then_answers_500(say, later=True)(request)  # type: ignore[misc] # a coroutine
            if failed.status == 500:
                behaviours.log.error(text)
            return failed  # type: ignore[no-any-return] # as the behaviour

        harness.serve(answer, Call("POST", body=UPLOAD, client="resets"))
        # If the server or framework reads the body first, the handler does not run.
        assert [event["logentry"]["message"] for event in harness.events] == ran

    @requires("evidence")
    def test_b4_error_of_the_application_for_a_gone_client_is_an_event(
        self, harness: Harness
    ) -> None:
        """B4: An exception that a handler turns into a 503 is reported, also for a gone client."""
        ran: list[str] = []
        harness.serve(
            behaviours.reads_then_is_sold_out(ran), Call("POST", body=UPLOAD, client="leaves")
        )
        # If the server or framework reads the body first, the handler does not run.
        assert [_events.types(event)[-1:] for event in harness.events] == [[each] for each in ran]

    @params(
        param("class", {"ignore_errors": [behaviours.ShopError]}),
        param("name", {"ignore_errors": [f"{MODULE}.SoldOutError"]}),
        param("name-of-base", {"ignore_errors": [f"{MODULE}.ShopError"]}),
        param("builtin", {"ignore_errors": ["Exception"]}),
        param("message", {"ignore_messages": [r"no \w+ stock"]}),
        param("type-in-message", {"ignore_messages": ["^SoldOutError: "]}),
        param("not-imported", {"ignore_errors": ["no.such.module.Error", "Exception"]}),
    )
    def test_b5_ignored_error_is_no_event(self, harness: Harness, param: Param) -> None:
        """B5: Exceptions on an ignore list give no event: by class, name or message."""
        harness.start(**param.value)
        harness.serve(behaviours.raises(lambda: behaviours.SoldOutError("no more stock")))
        harness.no_event()

    @params(
        param("class", {"ignore_errors": [behaviours.SoldOutError]}),
        param("name", {"ignore_errors": [f"{MODULE}.SoldOutError"]}),
        param("short-name", {"ignore_errors": ["shop.ShopError"]}),
        param("message", {"ignore_messages": ["no more money"]}),
    )
    def test_b5_other_error_is_an_event(self, harness: Harness, param: Param) -> None:
        """B5: Exceptions that are on no ignore list are reported."""
        harness.start(**param.value)
        harness.serve(behaviours.raises(lambda: behaviours.ShopError("no more stock")))
        assert _events.types(harness.our_event())[-1:] == ["ShopError"]

    @pytest.mark.parametrize("rule", [behaviours.ShopError, f"{MODULE}.ShopError"])
    def test_b5_cause_is_looked_at(self, harness: Harness, rule: Any) -> None:
        """B5: An exception raised from an ignored one is ignored."""
        harness.start(ignore_errors=[rule])
        harness.serve(_wrapped(behaviours.ShopError))
        harness.no_event()

    def test_b5_group_of_ignored_errors_is_no_event(self, harness: Harness) -> None:
        """B5: A group that has only ignored exceptions is ignored."""
        harness.start(ignore_errors=[behaviours.ShopError])
        harness.serve(_group(behaviours.ShopError, behaviours.SoldOutError))
        harness.no_event()

    def test_b5_mixed_group_is_an_event(self, harness: Harness) -> None:
        """B5: A group that has an ignored and another exception is reported."""
        harness.start(ignore_errors=[behaviours.ShopError])
        harness.serve(_group(behaviours.ShopError, behaviours.UpstreamError))
        harness.our_event()

    @params(
        param("errors", ("SENTRYINIT_IGNORE_ERRORS", f"KeyError, {MODULE}.ShopError")),
        param("messages", ("SENTRYINIT_IGNORE_MESSAGES", r"nothing, no \w+ stock")),
    )
    def test_b5_lists_come_from_the_environment(
        self, harness: Harness, param: Param, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """B5: The ignore lists can be set as CSV in the environment."""
        monkeypatch.setenv(*param.value)
        harness.start()
        harness.serve(behaviours.raises(lambda: behaviours.ShopError("no more stock")))
        harness.no_event()

    @requires("given-up")
    def test_b5_work_given_up_is_ignored_by_default(self, harness: Harness) -> None:
        """B5: ``concurrent.futures.CancelledError`` is ignored by default."""
        harness.serve(behaviours.raises(concurrent.futures.CancelledError))
        harness.no_event()

    @requires("evidence")
    def test_b5_ignored_error_handled_into_503_is_no_event(self, harness: Harness) -> None:
        """B5: An ignored exception that an error handler answers 5xx gives no event."""
        harness.start(ignore_errors=["sentryinit_testkit.HandledError"])
        harness.serve(behaviours.handled(503))
        harness.no_event()

    @requires("abort", "evidence")
    def test_b5_ignored_error_behind_a_503_is_no_event(self, harness: Harness) -> None:
        """B5: An ignored exception that the framework's 503 is raised from gives no event."""
        harness.start(ignore_errors=[behaviours.ShopError])
        harness.serve(behaviours.aborts_from_error)
        harness.no_event()

    def test_b5_ignored_error_that_was_logged_is_no_event(self, harness: Harness) -> None:
        """B5: An ignored exception that is logged and then raised gives no event."""

        def fail(_request: Request) -> ResponseSpec:
            try:
                behaviours.fails()
            except behaviours.ShopError:
                behaviours.log.exception("cannot order")
                raise

        harness.start(ignore_errors=[behaviours.ShopError])
        harness.serve(fail)
        harness.no_event()

    @pytest.mark.parametrize("statuses", [[503], ["503"], ["502-504"], ["500", "503"]])
    def test_b6_ignored_status_is_no_event(self, harness: Harness, statuses: list[Any]) -> None:
        """B6: A response with an ignored status gives no event."""
        harness.start(ignore_statuses=statuses)
        harness.serve(behaviours.answers(503))
        harness.no_event()

    def test_b6_other_status_is_an_event(self, harness: Harness) -> None:
        """B6: A response with another 5xx status gives an event."""
        harness.start(ignore_statuses=["502-503"])
        harness.serve(behaviours.answers(504))
        harness.our_event()

    def test_b6_ignored_status_does_not_hide_an_error(self, harness: Harness) -> None:
        """B6: An unhandled exception is reported, also if its status is ignored."""
        harness.start(ignore_statuses=["500-599"])
        harness.serve(behaviours.fails)
        harness.our_event()

    @pytest.mark.parametrize("paths", [["/orders/17"], ["/health", "/orders/*"]])
    @pytest.mark.parametrize("behaviour", [behaviours.answers(503), behaviours.fails])
    def test_b6_ignored_path_is_no_event(
        self, harness: Harness, paths: list[str], behaviour: Behaviour
    ) -> None:
        """B6: A failure of an ignored path gives no event."""
        harness.start(ignore_paths=paths)
        harness.serve(behaviour)
        harness.no_event()

    def test_b6_other_path_is_an_event(self, harness: Harness) -> None:
        """B6: An ignored path matches that path only."""
        harness.start(ignore_paths=["/orders", "/orders/1", "/orders/17/*"])
        harness.serve(behaviours.answers(503))
        harness.our_event()

    def test_b6_lists_come_from_the_environment(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """B6: Ignored statuses and paths can be set as CSV in the environment."""
        monkeypatch.setenv("SENTRYINIT_IGNORE_STATUSES", "500, 502-503")
        monkeypatch.setenv("SENTRYINIT_IGNORE_PATHS", "/health, /orders/1*")
        harness.start()
        harness.serve(behaviours.answers(503))
        harness.serve(behaviours.answers(504))
        harness.no_event()

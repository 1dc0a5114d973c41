"""Cases of clause E: never harm."""

from __future__ import annotations

import copy
import io
import json
import pickle
from typing import Any

import pytest
import sentry_sdk

import sentryinit.adapters
from sentryinit.testing import failing_redaction
from sentryinit_testkit import _events, _isolated, behaviours
from sentryinit_testkit._contract import Contract, Param, param, params, requires
from sentryinit_testkit._driver import Behaviour, Request, ResponseSpec
from sentryinit_testkit._harness import SERVICE, Harness
from sentryinit_testkit._server import Call

FAILURES: list[Behaviour] = [behaviours.fails, behaviours.answers(503)]
BODY = b"x" * 70_000


def _breaks(*_args: object, **_options: object) -> Any:
    raise ZeroDivisionError("reporting is broken")


def _streams(journal: list[str]) -> Behaviour:
    """Return a behaviour that records each chunk when it is produced."""

    def chunks() -> Any:
        for name in ("one", "two", "three"):
            journal.append(f"made {name}")
            yield name.encode()

    return lambda _: ResponseSpec(stream=chunks())


class NoHarm(Contract):
    """Clauses E1 to E6, as far as they depend on the adapter."""

    @pytest.mark.parametrize("behaviour", [behaviours.good, *FAILURES])
    def test_e1_body_is_not_read(self, harness: Harness, behaviour: Behaviour) -> None:
        """E1: A body that the handler does not read is not read, whatever the outcome."""
        bare, ours = harness.compare(behaviour, Call("POST", body=BODY))
        assert (ours.body_bytes_read, ours.input_unchanged) == (bare.body_bytes_read, True)

    @pytest.mark.parametrize("then", [behaviours.good, *FAILURES])
    def test_e1_body_reaches_the_handler_whole(self, harness: Harness, then: Behaviour) -> None:
        """E1: A handler that reads the body gets all of it, once."""
        got: list[bytes] = []

        async def read(request: Request) -> Any:
            got.append(await request.read())
            return then(request)

        exchange = harness.serve(read, Call("POST", body=BODY))
        assert (got, exchange.body_bytes_read) == ([BODY], len(BODY))

    @params(
        param("plain", lambda: ResponseSpec(200, b"hello", (("x-shop", "north"),))),
        param("empty", lambda: ResponseSpec(204, b"")),
        param("redirect", lambda: ResponseSpec(302, b"", (("location", "/there"),))),
        param("failure", lambda: ResponseSpec(503, b"no", (("retry-after", "7"),))),
        param("cookies", lambda: ResponseSpec(200, b"", (("set-cookie", "a=1"),))),
        param("stream", lambda: ResponseSpec(200, stream=iter([b"one", b"two"]))),
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
    def test_e1_response_is_the_same(self, harness: Harness, param: Param, method: str) -> None:
        """E1: Status, headers and body are the same as without the adapter."""
        bare, ours = harness.compare(lambda _: param.value(), Call(method))
        assert ours.wire_response == bare.wire_response
        assert ours.messages == bare.messages

    @params(
        *(
            param(f"{name}-{place}", (status, name == "logged", place), *needed)
            for name, status in (("good", 200), ("logged", 200), ("failure", 503))
            for place, needed in (("adapter", ()), ("generic", ("gateway",)))
        )
    )
    def test_e1_stream_that_is_iterable_both_ways_is_the_same(
        self, harness: Harness, param: Param
    ) -> None:
        """E1: A stream with ``__iter__`` and ``__aiter__`` is iterated as the protocol says."""
        status, logs, place = param.value

        def stream(_request: Request) -> ResponseSpec:
            if logs:
                behaviours.log.warning("no tea today")
            return ResponseSpec(status, stream=behaviours.BothWays())

        around = place == "generic"
        bare, app = harness.serve(stream, copies=0), harness.app(stream, copies=not around)
        ours = harness.server.serve(harness.generic(app) if around else app, Call())[0]
        assert (ours.wire_response, ours.body, ours.error) == (bare.wire_response, b"onetwo", None)

    @requires("inside")
    def test_e1_request_can_be_copied_and_printed(self, harness: Harness) -> None:
        """E1: What the adapter adds to the environ or scope is equal to all copies of it."""
        added: list[Any] = []

        def look(app: Any) -> Any:
            def watch(environ_or_scope: Any, *callables: Any) -> Any:
                ours = [v for key, v in environ_or_scope.items() if key.startswith("sentryinit")]
                pickled = pickle.loads(pickle.dumps(ours))  # noqa: S301 # our own
                copies = copy.deepcopy(ours), pickled, json.loads(json.dumps(ours))
                added.append([each == ours for each in copies])
                return app(environ_or_scope, *callables)

            return watch

        harness.serve(inside=look)
        assert added == [[True, True, True]]

    def test_e1_list_body_stays_one(self, harness: Harness) -> None:
        """E1: A body that has a length reaches the server with a length."""
        bare, ours = harness.compare(lambda _: ResponseSpec(body=b"hello"))
        assert hasattr(ours.iterable, "__len__") == hasattr(bare.iterable, "__len__")

    @requires("file")
    def test_e1_file_wrapper_reaches_the_server(self, harness: Harness) -> None:
        """E1: The server's file wrapper reaches it unchanged, for ``sendfile()``."""
        bare, ours = harness.compare(lambda _: ResponseSpec(file=io.BytesIO(b"a large file")))
        assert type(ours.iterable) is type(bare.iterable)
        assert type(ours.iterable).__name__ == "FileWrapper"
        assert ours.body == b"a large file"

    def test_e1_streaming_is_lazy(self, harness: Harness) -> None:
        """E1: Each chunk is sent before the next one is produced."""
        journal: list[str] = []
        exchange = harness.compare(_streams(journal))[1]
        del journal[: len(journal) // 2]
        assert journal == ["made one", "made two", "made three"]
        assert exchange.journal == ["sent one", "sent two", "sent three"]

    def test_e1_client_that_leaves_stops_the_stream_as_soon(self, harness: Harness) -> None:
        """E1: After a disconnect, no more chunks are produced than without the adapter."""
        journals: list[list[str]] = []

        def stream(request: Request) -> Any:
            journals.append([])
            return _streams(journals[-1])(request)

        harness.compare(stream, Call(disconnect_after=1))
        assert journals[1] == journals[0]

    @requires("websocket")
    def test_e1_websocket_is_the_same(self, harness: Harness) -> None:
        """E1: The messages of a WebSocket are the same as without the adapter."""
        got: list[str] = []

        async def listen(request: Request) -> ResponseSpec:
            got.append(await request.read())
            return ResponseSpec()

        bare = harness.server.websocket(harness.app(listen, copies=0), "hello")
        ours = harness.server.websocket(harness.app(listen), "hello")
        assert (got, ours.messages) == (["hello"] * 2, bare.messages)

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_e2_failing_description_harms_nobody(
        self, harness: Harness, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """E2: If describing the request fails: same response, one warning, one event."""
        bare = harness.serve(behaviour, copies=0)
        app = harness.app(behaviour)
        monkeypatch.setattr(sentryinit.adapters.RequestInfo, "__init__", _breaks)
        ours = harness.server.serve(app, Call())[0]
        assert (ours.wire_response, len(harness.events)) == (bare.wire_response, 1)
        harness.expect_complaints()

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_e2_failing_user_hook_harms_nobody(
        self, harness: Harness, behaviour: Behaviour
    ) -> None:
        """E2: If ``before_send`` raises: same response, one warning, one event."""
        bare = harness.serve(behaviour, copies=0)
        harness.start(before_send=_breaks)
        ours = harness.serve(behaviour)
        assert (ours.wire_response, len(harness.events)) == (bare.wire_response, 1)
        harness.expect_complaints()

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_e2_user_hook_that_cannot_be_loaded_withholds_all_text(
        self, harness: Harness, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """E2: A ``before_send`` that is named and cannot be loaded: as one that raises."""
        bare = harness.serve(behaviour, copies=0)
        monkeypatch.setenv("SENTRYINIT_BEFORE_SEND", "sentryinit_testkit.nowhere:hook")
        harness.start()
        ours = harness.serve(behaviour, Call(path="/orders/c4nary"))
        assert ours.wire_response == bare.wire_response
        assert _events.tags(harness.one_event())["before_send_error"] == "true"
        assert b"c4nary" not in harness.sent_bytes()
        # At the start, and at the event.
        harness.expect_complaints(2)

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_e2_failing_redaction_harms_nobody(
        self, harness: Harness, behaviour: Behaviour
    ) -> None:
        """E2: If redaction raises: same response, one warning, one event without content."""
        bare = harness.serve(behaviour, copies=0)
        harness.start()
        with failing_redaction():
            ours = harness.serve(behaviour, Call(path="/orders/c4nary"))
        assert (ours.wire_response, len(harness.events)) == (bare.wire_response, 1)
        assert b"c4nary" not in harness.sent_bytes()
        harness.expect_complaints()

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_e2_failing_transport_harms_nobody(
        self, harness: Harness, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """E2: If the transport raises: same response, one warning."""
        bare = harness.serve(behaviour, copies=0)
        harness.start()
        transport = sentry_sdk.get_client().transport
        assert transport is not None
        monkeypatch.setattr(transport, "capture_envelope", _breaks)
        ours = harness.serve(behaviour)
        assert ours.wire_response == bare.wire_response
        harness.expect_complaints()

    @pytest.mark.parametrize("kind", [behaviours.StrictError, behaviours.SecretiveError])
    @pytest.mark.parametrize("captured", [False, True], ids=["raised", "captured"])
    def test_e2_hostile_exception_is_one_complete_event(
        self, harness: Harness, kind: type[Exception], captured: bool
    ) -> None:
        """E2: An exception that refuses attributes, or has none, gives one event with all parts."""

        def fail(_request: Request) -> ResponseSpec:
            try:
                raise kind("no stock")
            except behaviours.ShopError as error:
                if captured:
                    sentry_sdk.capture_exception(error)
                raise

        bare, ours = harness.compare(fail)
        assert ours.wire_response == bare.wire_response
        event = harness.one_event()
        value = _events.outermost(event)
        assert (value["type"], value["value"]) == (kind.__name__, "no stock")
        assert value["stacktrace"]["frames"]
        assert _events.tags(event)["service"] == SERVICE
        assert _events.tags(event).get("status_code") == (None if captured else "500")
        assert event["request"]["url"].endswith("/orders/17")
        assert event["transaction"]

    def test_e2_error_without_a_text_harms_nobody(self, harness: Harness) -> None:
        """E2: An exception whose ``str()`` raises is reported."""
        bare, ours = harness.compare(behaviours.raises(behaviours.SpeechlessError))
        assert (ours.wire_response, type(ours.error)) == (bare.wire_response, type(bare.error))
        assert _events.types(harness.event())[-1:] == ["SpeechlessError"]

    @pytest.mark.parametrize("scenario", ["off", "disabled"])
    def test_e3_where_it_is_off_nothing_is_there(self, harness: Harness, scenario: str) -> None:
        """E3: Without a DSN, or disabled: same responses, no call of ours, no sentry_sdk."""
        result = _isolated.run(scenario, harness.driver)
        assert result["ours"] == result["bare"]
        assert result["calls"] == []
        assert result["sentry_sdk"] is False

    def test_e4_malformed_dsn_is_a_warning_and_off(self, harness: Harness) -> None:
        """E4: A malformed DSN: one warning, with the service, without the key; then as E3."""
        result = _isolated.run("malformed", harness.driver)
        warned = [text for level, text in result["records"] if level == "WARNING"]
        assert len(warned) == 1, result["records"]
        assert "shop" in warned[0]
        assert all(_isolated.KEY not in text for _level, text in result["records"])
        assert (result["ours"], result["calls"]) == (result["bare"], [])

    def test_e5_import_has_no_side_effect(self, harness: Harness) -> None:
        """E5: Importing the adapter does not change the state of the process."""
        result = _isolated.run("off", harness.driver)
        assert result["changed"] == {}

    def test_e6_answer_before_us_is_left_alone(self, harness: Harness) -> None:
        """E6: A 503 by a middleware outside the adapter is unchanged, and gives no event."""
        busy = ResponseSpec(503, b"busy", (("retry-after", "7"),))
        bare, ours = (
            harness.server.serve(harness.wrap(harness.app(copies=copies), lambda: busy), Call())[0]
            for copies in (0, 1)
        )
        assert (ours.status, ours.body) == (503, b"busy")
        assert ("retry-after", "7") in ours.headers
        assert ours.wire_response == bare.wire_response
        harness.no_event()

    def test_e6_error_outside_of_us_is_left_alone(self, harness: Harness) -> None:
        """E6: An exception of a middleware outside the adapter passes.

        The event, if its server logs it, is about that record: it has no request (C2).
        """
        error = behaviours.ShopError("before us")

        def fail() -> ResponseSpec:
            raise error

        exchange = harness.server.serve(harness.wrap(harness.app(), fail), Call())[0]
        assert exchange.error is error
        assert harness.mailbox is not None
        logged = harness.mailbox.events
        assert len(logged) <= 1
        assert all("logger" in event and "request" not in event for event in logged)
        harness.expect_complaints(len(logged))

    def test_e7_where_it_is_required_and_off_nothing_is_served(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """E7: The set-up, or at the latest the first request, raises and names the setting."""
        harness.start(dsn="")
        monkeypatch.setenv("SENTRYINIT_REQUIRED", "true")
        try:
            error = harness.serve().error
        except RuntimeError as raised:
            error = raised
        assert isinstance(error, RuntimeError)
        assert str(error).startswith("required=true (from SENTRYINIT_REQUIRED)")

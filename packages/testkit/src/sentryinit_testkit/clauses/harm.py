"""E: never harm."""

from __future__ import annotations

import io
from typing import Any

import pytest
import sentry_sdk

import sentryinit.adapters
from sentryinit.testing import failing_redaction
from sentryinit_testkit import _events, _isolated, behaviours
from sentryinit_testkit._contract import Contract, Row, needs, row, rows
from sentryinit_testkit._driver import Behaviour, Reply, Request
from sentryinit_testkit._lab import Lab
from sentryinit_testkit._peer import Call

FAILURES: list[Behaviour] = [behaviours.fails, behaviours.answers(503)]
BODY = b"x" * 70_000


def _breaks(*_args: object, **_options: object) -> Any:
    raise ZeroDivisionError("reporting is broken")


def _streams(journal: list[str]) -> Behaviour:
    """Return a behaviour that notes each chunk that it makes."""

    def chunks() -> Any:
        for name in ("one", "two", "three"):
            journal.append(f"made {name}")
            yield name.encode()

    return lambda _: Reply(stream=chunks())


class NeverHarm(Contract):
    """Clauses E1 to E6, as far as an adapter has a part in them."""

    @pytest.mark.parametrize("behaviour", [behaviours.good, *FAILURES])
    def test_e1_body_is_not_read(self, lab: Lab, behaviour: Behaviour) -> None:
        """E1: A body that the handler leaves alone is left alone, whatever becomes of it."""
        bare, ours = lab.compare(behaviour, Call("POST", body=BODY))
        assert (ours.taken, ours.input_kept) == (bare.taken, True)

    @pytest.mark.parametrize("then", [behaviours.good, *FAILURES])
    def test_e1_body_reaches_the_handler_whole(self, lab: Lab, then: Behaviour) -> None:
        """E1: A handler that reads its body gets all of it, once."""
        got: list[bytes] = []

        async def read(request: Request) -> Any:
            got.append(await request.read())
            return then(request)

        exchange = lab.serve(read, Call("POST", body=BODY))
        assert (got, exchange.taken) == ([BODY], len(BODY))

    @rows(
        row("plain", lambda: Reply(200, b"hello", (("x-shop", "north"),))),
        row("empty", lambda: Reply(204, b"")),
        row("redirect", lambda: Reply(302, b"", (("location", "/there"),))),
        row("failure", lambda: Reply(503, b"no", (("retry-after", "7"),))),
        row("cookies", lambda: Reply(200, b"", (("set-cookie", "a=1"),))),
        row("stream", lambda: Reply(200, stream=iter([b"one", b"two"]))),
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
    def test_e1_response_is_the_same(self, lab: Lab, row: Row, method: str) -> None:
        """E1: Status, headers and body are those of the application without us."""
        bare, ours = lab.compare(lambda _: row.value(), Call(method))
        assert ours.answer == bare.answer
        assert ours.messages == bare.messages

    def test_e1_list_body_stays_one(self, lab: Lab) -> None:
        """E1: What reaches the server is of the same kind: a body with a length keeps it."""
        bare, ours = lab.compare(lambda _: Reply(body=b"hello"))
        assert hasattr(ours.iterable, "__len__") == hasattr(bare.iterable, "__len__")

    @needs("file")
    def test_e1_file_wrapper_reaches_the_server(self, lab: Lab) -> None:
        """E1: The server's own file wrapper reaches it as itself, so that it can use the kernel."""
        bare, ours = lab.compare(lambda _: Reply(file=io.BytesIO(b"a large file")))
        assert type(ours.iterable) is type(bare.iterable)
        assert type(ours.iterable).__name__ == "FileWrapper"
        assert ours.body == b"a large file"

    def test_e1_streaming_is_lazy(self, lab: Lab) -> None:
        """E1: Each chunk is sent before the next one is made."""
        journal: list[str] = []
        exchange = lab.compare(_streams(journal))[1]
        del journal[: len(journal) // 2]
        assert journal == ["made one", "made two", "made three"]
        assert exchange.journal == ["sent one", "sent two", "sent three"]

    def test_e1_client_that_leaves_stops_the_stream_as_soon(self, lab: Lab) -> None:
        """E1: A client that leaves early costs no more chunks than without us."""
        journals: list[list[str]] = []

        def stream(request: Request) -> Any:
            journals.append([])
            return _streams(journals[-1])(request)

        lab.compare(stream, Call(takes=1))
        assert journals[1] == journals[0]

    @needs("websocket")
    def test_e1_websocket_is_the_same(self, lab: Lab) -> None:
        """E1: A WebSocket has the same conversation."""
        got: list[str] = []

        async def listen(request: Request) -> Reply:
            got.append(await request.read())
            return Reply()

        bare = lab.peer.websocket(lab.app(listen, copies=0), "hello")
        ours = lab.peer.websocket(lab.app(listen), "hello")
        assert (got, ours.messages) == (["hello"] * 2, bare.messages)

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_e2_failing_description_harms_nobody(
        self, lab: Lab, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """E2: A request that cannot be described: same answer, one line, and an event."""
        bare = lab.serve(behaviour, copies=0)
        app = lab.app(behaviour)
        monkeypatch.setattr(sentryinit.adapters.RequestInfo, "__init__", _breaks)
        ours = lab.peer.serve(app, Call())[0]
        assert (ours.answer, len(lab.events)) == (bare.answer, 1)
        lab.complained()

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_e2_failing_user_hook_harms_nobody(self, lab: Lab, behaviour: Behaviour) -> None:
        """E2: A ``before_send`` that raises: same answer, one line, and an event."""
        bare = lab.serve(behaviour, copies=0)
        lab.start(before_send=_breaks)
        ours = lab.serve(behaviour)
        assert (ours.answer, len(lab.events)) == (bare.answer, 1)
        lab.complained()

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_e2_failing_redaction_harms_nobody(self, lab: Lab, behaviour: Behaviour) -> None:
        """E2: Redaction that raises: same answer, one line, and an event without content."""
        bare = lab.serve(behaviour, copies=0)
        lab.start()
        with failing_redaction():
            ours = lab.serve(behaviour, Call(path="/orders/c4nary"))
        assert (ours.answer, len(lab.events)) == (bare.answer, 1)
        assert b"c4nary" not in lab.sent()
        lab.complained()

    @pytest.mark.parametrize("behaviour", FAILURES)
    def test_e2_failing_transport_harms_nobody(
        self, lab: Lab, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """E2: A transport that raises: same answer, and one line."""
        bare = lab.serve(behaviour, copies=0)
        lab.start()
        transport = sentry_sdk.get_client().transport
        assert transport is not None
        monkeypatch.setattr(transport, "capture_envelope", _breaks)
        ours = lab.serve(behaviour)
        assert ours.answer == bare.answer
        lab.complained()

    def test_e2_error_without_a_text_harms_nobody(self, lab: Lab) -> None:
        """E2: An error whose text cannot be had is reported all the same."""
        bare, ours = lab.compare(behaviours.raises(behaviours.SpeechlessError))
        assert (ours.answer, type(ours.error)) == (bare.answer, type(bare.error))
        assert _events.types(lab.event())[-1:] == ["SpeechlessError"]

    def test_e3_without_a_dsn_nothing_is_there(self, lab: Lab) -> None:
        """E3: No DSN: the same answers, no call of ours in a request, and no sentry_sdk."""
        result = _isolated.run("off", lab.driver)
        assert result["ours"] == result["bare"]
        assert result["calls"] == []
        assert result["sentry_sdk"] is False

    def test_e4_malformed_dsn_is_a_warning_and_off(self, lab: Lab) -> None:
        """E4: A malformed DSN is one warning, with the service and without the key; then as E3."""
        result = _isolated.run("malformed", lab.driver)
        warned = [text for level, text in result["records"] if level == "WARNING"]
        assert len(warned) == 1, result["records"]
        assert "shop" in warned[0]
        assert all(_isolated.KEY not in text for _level, text in result["records"])
        assert (result["ours"], result["calls"]) == (result["bare"], [])

    def test_e5_import_has_no_side_effect(self, lab: Lab) -> None:
        """E5: Importing the adapter changes nothing in the process."""
        result = _isolated.run("off", lab.driver)
        assert result["changed"] == {}

    def test_e6_answer_before_us_is_left_alone(self, lab: Lab) -> None:
        """E6: A component outside of us that answers, 5xx or not, answers; there is no event."""
        busy = Reply(503, b"busy", (("retry-after", "7"),))
        bare, ours = (
            lab.peer.serve(lab.behind(lab.app(copies=copies), lambda: busy), Call())[0]
            for copies in (0, 1)
        )
        assert (ours.status, ours.body) == (503, b"busy")
        assert ("retry-after", "7") in ours.headers
        assert ours.answer == bare.answer
        lab.no_event()

    def test_e6_error_outside_of_us_is_left_alone(self, lab: Lab) -> None:
        """E6: An error of a component outside of us passes; there is no event."""
        error = behaviours.ShopError("before us")

        def fail() -> Reply:
            raise error

        exchange = lab.peer.serve(lab.behind(lab.app(), fail), Call())[0]
        assert exchange.error is error
        lab.no_event()

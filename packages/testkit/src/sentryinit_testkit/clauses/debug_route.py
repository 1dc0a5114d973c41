"""Cases of clause I: the debug route."""

from __future__ import annotations

import re

import pytest

from sentryinit.adapters import DebugPanic
from sentryinit_testkit import _events, behaviours
from sentryinit_testkit._contract import Contract, Param, param, params
from sentryinit_testkit._driver import DEBUG_PATH
from sentryinit_testkit._harness import Harness
from sentryinit_testkit._server import Call
from sentryinit_testkit._watch import record_logs

TOKEN = "open-5esame"
HEADER = "X-Sentryinit-Debug-Token"
WITH_HEADER = Call(path=DEBUG_PATH, headers=((HEADER, TOKEN),))
WITH_QUERY = Call(path=DEBUG_PATH, query=f"token={TOKEN}")
NONCE_HEADER = "X-Sentryinit-Nonce"
# Redaction would mask it in any other place.
NONCE = "9f86d081884c7d659a2feaa0c55ad015"
ODD_NONCES = ("", "a b", "a/b", "a" * 65, "\u00e9", "${jndi:x}", f"{TOKEN}-1")


def with_nonce(nonce: str, token: str = TOKEN) -> Call:
    """Return a call of the debug route with *nonce* in its header."""
    return Call(path=DEBUG_PATH, headers=((HEADER, token), (NONCE_HEADER, nonce)))


class DebugRoute(Contract):
    """Clauses I1 to I4."""

    @pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "PUT"])
    @params(
        param("no-token-configured", (None, Call(path=DEBUG_PATH, headers=((HEADER, TOKEN),)))),
        param("no-token-configured-nor-given", (None, Call(path=DEBUG_PATH))),
        param("empty-token", (None, Call(path=DEBUG_PATH, query="token="))),
        param("none-given", (TOKEN, Call(path=DEBUG_PATH))),
        param("wrong-header", (TOKEN, Call(path=DEBUG_PATH, headers=((HEADER, TOKEN[:-1]),)))),
        param("wrong-query", (TOKEN, Call(path=DEBUG_PATH, query="token=open"))),
        param("odd-header", (TOKEN, Call(path=DEBUG_PATH, headers=((HEADER, "\u00e9"),)))),
        param("odd-query", (TOKEN, Call(path=DEBUG_PATH, query="token=%ff%C3%A9&token"))),
    )
    def test_i1_without_the_token_it_is_an_unknown_path(
        self, harness: Harness, param: Param, method: str
    ) -> None:
        """I1: Without the right token the response is the framework's 404, byte for byte."""
        token, call = param.value
        call = Call(method, call.path, call.query, call.headers)
        bare = harness.server.serve(harness.app(copies=0), call)[0]
        harness.start(debug_token=token)
        ours = harness.server.serve(harness.app(), call)[0]
        assert ours.wire_response == bare.wire_response
        harness.no_event()

    @pytest.mark.parametrize("call", [WITH_HEADER, WITH_QUERY], ids=["header", "query"])
    def test_i2_with_the_token_it_fails_and_says_which_event(
        self, harness: Harness, call: Call
    ) -> None:
        """I2: With the token it raises, and the 500 has the id of the event in a header."""
        harness.start(debug_token=TOKEN)
        exchange = harness.server.serve(harness.app(), call)[0]
        assert exchange.status == 500
        event = harness.our_event()
        assert _events.mechanism(event)[0] == harness.driver.name
        header = dict(exchange.headers).get("x-sentry-event-id", "")
        assert re.fullmatch("[0-9a-f]{32}", header)
        assert header == event["event_id"]

    def test_i2_each_call_is_an_event(self, harness: Harness) -> None:
        """I2: Each request has its own event and id."""
        harness.start(debug_token=TOKEN)
        exchanges = harness.server.serve(harness.app(), WITH_HEADER, WITH_HEADER)
        ids = [dict(exchange.headers)["x-sentry-event-id"] for exchange in exchanges]
        assert ids == [event["event_id"] for event in harness.events]
        assert len(set(ids)) == 2

    @pytest.mark.parametrize("collect", [(), ("query",)])
    @pytest.mark.parametrize("call", [WITH_HEADER, WITH_QUERY], ids=["header", "query"])
    def test_i3_token_is_nowhere(
        self, harness: Harness, call: Call, collect: tuple[str, ...]
    ) -> None:
        """I3: The token is in no event and in no log record."""
        with record_logs() as records:
            harness.start(debug_token=TOKEN, collect=list(collect), collect_headers=[HEADER])
            harness.server.serve(harness.app(), call)
        assert harness.events
        assert TOKEN.encode() not in harness.sent_bytes()
        said = [f"{record.getMessage()} {record.__dict__}" for record in records]
        assert [text for text in said if TOKEN in text] == []

    @params(
        param("header", with_nonce(NONCE)),
        param("query", Call(path=DEBUG_PATH, query=f"token={TOKEN}&nonce={NONCE}")),
    )
    def test_i4_nonce_comes_back_as_a_tag(self, harness: Harness, param: Param) -> None:
        """I4: The nonce of the caller is a tag of the event, as it was given."""
        harness.start(debug_token=TOKEN)
        harness.server.serve(harness.app(), param.value)
        assert harness.our_event()["tags"]["nonce"] == NONCE

    def test_i4_longest_nonce_with_all_marks(self, harness: Harness) -> None:
        """I4: 64 letters, digits, or any of ``_.-`` are a nonce."""
        nonce = "Az09_.-x" * 8
        harness.start(debug_token=TOKEN)
        harness.server.serve(harness.app(), with_nonce(nonce))
        assert harness.our_event()["tags"]["nonce"] == nonce

    @pytest.mark.parametrize("nonce", ODD_NONCES)
    def test_i4_anything_else_is_no_tag(self, harness: Harness, nonce: str) -> None:
        """I4: A nonce of other characters, too long, or with the token in it is ignored."""
        harness.start(debug_token=TOKEN)
        harness.server.serve(harness.app(), with_nonce(nonce))
        assert "nonce" not in harness.our_event()["tags"]
        assert TOKEN.encode() not in harness.sent_bytes()

    def test_i4_without_a_nonce_there_is_no_tag(self, harness: Harness) -> None:
        """I4: A request without a nonce has no such tag."""
        harness.start(debug_token=TOKEN)
        harness.server.serve(harness.app(), WITH_HEADER)
        assert "nonce" not in harness.our_event()["tags"]

    def test_i4_without_the_token_it_is_nowhere(self, harness: Harness) -> None:
        """I4: The nonce of a caller without the token is in no event, of no request."""
        harness.start(debug_token=TOKEN)
        wrong = with_nonce(NONCE, TOKEN[:-1])
        elsewhere = Call(headers=((NONCE_HEADER, NONCE),))
        harness.server.serve(harness.app(behaviours.fails), wrong, elsewhere)
        # Code of the application raises it.
        harness.server.serve(harness.app(behaviours.raises(DebugPanic)), elsewhere)
        assert len(harness.events) == 2
        assert NONCE.encode() not in harness.sent_bytes()

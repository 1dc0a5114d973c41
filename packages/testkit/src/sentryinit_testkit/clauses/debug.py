"""I: the debug route."""

from __future__ import annotations

import re

import pytest

from sentryinit_testkit import _events
from sentryinit_testkit._contract import Contract, Row, row, rows
from sentryinit_testkit._driver import DEBUG_PATH
from sentryinit_testkit._lab import Lab
from sentryinit_testkit._peer import Call
from sentryinit_testkit._watch import recorded

TOKEN = "open-5esame"
HEADER = "X-Sentryinit-Debug-Token"
WITH_HEADER = Call(path=DEBUG_PATH, headers=((HEADER, TOKEN),))
WITH_QUERY = Call(path=DEBUG_PATH, query=f"token={TOKEN}")


class DebugRoute(Contract):
    """Clauses I1 to I3."""

    @pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "PUT"])
    @rows(
        row("no-token-configured", (None, Call(path=DEBUG_PATH, headers=((HEADER, TOKEN),)))),
        row("no-token-configured-nor-given", (None, Call(path=DEBUG_PATH))),
        row("empty-token", (None, Call(path=DEBUG_PATH, query="token="))),
        row("none-given", (TOKEN, Call(path=DEBUG_PATH))),
        row("wrong-header", (TOKEN, Call(path=DEBUG_PATH, headers=((HEADER, TOKEN[:-1]),)))),
        row("wrong-query", (TOKEN, Call(path=DEBUG_PATH, query="token=open"))),
        row("odd-header", (TOKEN, Call(path=DEBUG_PATH, headers=((HEADER, "\u00e9"),)))),
        row("odd-query", (TOKEN, Call(path=DEBUG_PATH, query="token=%ff%C3%A9&token"))),
    )
    def test_i1_without_the_token_it_is_an_unknown_path(
        self, lab: Lab, row: Row, method: str
    ) -> None:
        """I1: Without the right token the answer is the framework's own 404, byte for byte."""
        token, call = row.value
        call = Call(method, call.path, call.query, call.headers)
        bare = lab.peer.serve(lab.app(copies=0), call)[0]
        lab.start(debug_token=token)
        ours = lab.peer.serve(lab.app(), call)[0]
        assert ours.answer == bare.answer
        lab.no_event()

    @pytest.mark.parametrize("call", [WITH_HEADER, WITH_QUERY], ids=["header", "query"])
    def test_i2_with_the_token_it_fails_and_says_which_event(self, lab: Lab, call: Call) -> None:
        """I2: With the token it raises, and the 500 carries the id of the event."""
        lab.start(debug_token=TOKEN)
        exchange = lab.peer.serve(lab.app(), call)[0]
        assert exchange.status == 500
        event = lab.our_event()
        assert _events.mechanism(event)[0] == lab.driver.name
        header = dict(exchange.headers).get("x-sentry-event-id", "")
        assert re.fullmatch("[0-9a-f]{32}", header)
        assert header == event["event_id"]

    def test_i2_each_call_is_an_event(self, lab: Lab) -> None:
        """I2: Each call has its own event and id."""
        lab.start(debug_token=TOKEN)
        exchanges = lab.peer.serve(lab.app(), WITH_HEADER, WITH_HEADER)
        ids = [dict(exchange.headers)["x-sentry-event-id"] for exchange in exchanges]
        assert ids == [event["event_id"] for event in lab.events]
        assert len(set(ids)) == 2

    @pytest.mark.parametrize("collect", [(), ("query",)])
    @pytest.mark.parametrize("call", [WITH_HEADER, WITH_QUERY], ids=["header", "query"])
    def test_i3_token_is_nowhere(self, lab: Lab, call: Call, collect: tuple[str, ...]) -> None:
        """I3: The token is in no event and in no log line."""
        with recorded() as records:
            lab.start(debug_token=TOKEN, collect=list(collect), collect_headers=[HEADER])
            lab.peer.serve(lab.app(), call)
        assert lab.events
        assert TOKEN.encode() not in lab.sent()
        said = [f"{record.getMessage()} {record.__dict__}" for record in records]
        assert [text for text in said if TOKEN in text] == []

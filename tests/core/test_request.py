"""What an event says of a request: an allow-list; and the trace that it belongs to."""

from __future__ import annotations

import re
import sys
import types
from typing import Any

import pytest

from sentryinit import adapters
from sentryinit._boundary.debug_route import check_debug_token
from sentryinit._boundary.request_info import UNDESCRIBED, RequestInfo, trace_context
from sentryinit._events.request import request_section
from sentryinit._state import STATE
from sentryinit.testing import Mailbox, capture

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = [
    ("Host", "shop.test"),
    ("Authorization", "Bearer hunter2"),
    ("Cookie", "theme=dark; sid=hunter2"),
    ("X-Forwarded-For", "192.0.2.1"),
    ("Referer", "http://shop.test/?token=hunter2"),
    ("USER-AGENT", "curl"),
    ("X-Tenant", "acme"),
]


def info(**more: Any) -> RequestInfo:
    given: dict[str, Any] = {"headers": HEADERS, "query": "a=b", "client": "192.0.2.1", **more}
    return RequestInfo("POST", "https", "shop.test", "/orders/17", **given)


def section(
    described: RequestInfo, collect: tuple[str, ...] = (), headers: tuple[str, ...] = ()
) -> dict[str, Any]:
    return request_section(described, collect, headers)


def check(header: str | None, query: str) -> bool:
    return check_debug_token({} if header is None else {"x-sentryinit-debug-TOKEN": header}, query)


def test_the_allow_list() -> None:
    """Method, address without query, and harmless headers: nothing else unless asked for."""
    assert section(info()) == {
        "method": "POST",
        "url": "https://shop.test/orders/17",
        "headers": {"host": "shop.test", "user-agent": "curl"},
    }


@pytest.mark.parametrize(
    "name",
    [
        "accept",
        "content-length",
        "content-type",
        "host",
        "traceparent",
        "user-agent",
        "x-correlation-id",
        "x-request-id",
    ],
)
def test_the_headers_of_the_allow_list(name: str) -> None:
    """These are on events, whatever their case on the wire."""
    sent = section(info(headers=[(name.title(), "value")]))

    assert sent["headers"] == {name: "value"}


def test_a_header_that_is_asked_for() -> None:
    """collect_headers adds single ones, in any case."""
    assert section(info(), headers=("x-TENANT",))["headers"]["x-tenant"] == "acme"


def test_the_query_if_asked_for() -> None:
    """collect=["query"] adds the query."""
    assert section(info(), ("query",))["query_string"] == "a=b"


def test_no_query() -> None:
    """A request without one has none on its event."""
    assert "query_string" not in section(info(query=""), ("query",))


def test_the_cookies_if_asked_for() -> None:
    """collect=["cookies"] adds them by name."""
    cookies = section(info(), ("cookies",))["cookies"]

    assert cookies == {"theme": "dark", "sid": "hunter2"}


@pytest.mark.parametrize("header", ["", "a b=c; [x]=y", "\x00"])
def test_cookies_that_cannot_be_read(header: str) -> None:
    """A client's nonsense is no cookies."""
    cookies = section(info(headers=[("cookie", header)]), ("cookies",))["cookies"]

    assert cookies == {}


def test_the_client_s_address_if_asked_for() -> None:
    """collect=["client_address"] adds the peer's."""
    assert section(info(), ("client_address",))["env"] == {"REMOTE_ADDR": "192.0.2.1"}


def test_no_client() -> None:
    """A Unix socket's peer has no address."""
    assert "env" not in section(info(client=None), ("client_address",))


def test_a_request_that_could_not_be_described() -> None:
    """Nothing is made up."""
    assert section(UNDESCRIBED) == {}


def test_collected_cookies_arrive(begin: Any) -> None:
    """What was asked for is on the event: harmless cookies as they are, others masked."""
    with capture("shop", collect=["cookies"]) as box:
        begin(describe=lambda request: info()).exception_escaped(ValueError())

    assert box.events[0]["request"]["cookies"] == {"theme": "dark", "sid": "[secret]"}


def test_a_header_by_its_name() -> None:
    """The first of that name counts; none is nothing."""
    twice = info(headers=[("X-A", "1"), ("x-a", "2")])

    assert (twice.header("x-a"), twice.header("x-b")) == ("1", "")


# -- trace ---------------------------------------------------------------------------------------


def with_parent(value: str) -> RequestInfo:
    return info(headers=[("Traceparent", value)])


def test_the_caller_s_trace() -> None:
    """An incoming traceparent is taken on, as the parent."""
    found = trace_context(with_parent(f" 00-{TRACE}-{SPAN}-01 "))

    assert (found["trace_id"], found["parent_span_id"]) == (TRACE, SPAN)
    assert re.fullmatch("[0-9a-f]{16}", found["span_id"])


@pytest.mark.parametrize(
    "value",
    [
        "",
        "nonsense",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE[:-1]}-{SPAN}-01",
    ],
)
def test_a_wrong_traceparent(value: str) -> None:
    """What is not as W3C says starts a trace anew."""
    found = trace_context(with_parent(value))

    assert re.fullmatch("[0-9a-f]{32}", found["trace_id"])
    assert found["trace_id"] != TRACE
    assert "parent_span_id" not in found


def test_the_trace_that_a_request_has() -> None:
    """A second event of a request is in the trace of the first."""
    known = {"trace_id": "1" * 32, "span_id": "2" * 16}

    assert trace_context(with_parent(f"00-{TRACE}-{SPAN}-01"), known) == known


def open_telemetry(monkeypatch: pytest.MonkeyPatch, *, valid: bool) -> None:
    context = types.SimpleNamespace(is_valid=valid, trace_id=0xA, span_id=0xB)
    span = types.SimpleNamespace(get_span_context=lambda: context)
    module: Any = types.ModuleType("opentelemetry.trace")
    module.get_current_span = lambda: span
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", module)


def test_the_trace_of_open_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """An active span goes before all else."""
    open_telemetry(monkeypatch, valid=True)

    assert trace_context(with_parent(f"00-{TRACE}-{SPAN}-01"), {"trace_id": "1"}) == {
        "trace_id": "0000000000000000000000000000000a",
        "span_id": "000000000000000b",
    }


def test_no_active_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenTelemetry without a span leaves it to the caller's header."""
    open_telemetry(monkeypatch, valid=False)

    assert trace_context(with_parent(f"00-{TRACE}-{SPAN}-01"))["trace_id"] == TRACE


# -- the debug route's token ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "query", "opens"),
    [
        ("letmein", "", True),
        (None, "token=letmein", True),
        (None, "a=b&token=letmein", True),
        ("", "token=letmein", True),
        ("wrong", "token=letmein", False),
        ("letmein ", "", False),
        (None, "token=", False),
        (None, "", False),
        ("", "", False),
        ("l\u00e9tmein", "", False),
        ("\udcff", "", False),
    ],
)
def test_the_token(header: str | None, query: str, opens: bool) -> None:  # a column of the table
    """The right token opens the debug route, by header or, without one, by query."""
    with capture("shop", debug_token="letmein"):
        assert check(header, query) is opens


@pytest.mark.parametrize(("header", "query"), [(None, ""), ("", "token="), ("x", "token=x")])
def test_no_token_is_configured(header: str | None, query: str, mailbox: Mailbox) -> None:
    """Without a token nothing opens it."""
    assert check(header, query) is False


def test_reporting_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token opens nothing where nothing would be reported."""
    with capture("shop", debug_token="letmein"):
        monkeypatch.setattr(STATE, "reporter", None)
        opens = check("letmein", "")
        monkeypatch.undo()

    assert opens is False


def test_nobody_has_called_init() -> None:
    """Before init() the route is closed."""
    assert check("x", "") is False


def test_a_token_that_is_no_text() -> None:
    """A variable may hold any bytes: a request to the route is refused, not broken."""
    with capture("shop", debug_token="\udcff"):
        assert check("x", "") is False


def test_the_panic_says_what_it_is() -> None:
    """Whoever finds the event knows that it was made on purpose."""
    assert str(adapters.DebugPanic()) == "raised on purpose by the debug route of sentryinit"

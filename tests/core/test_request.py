"""The request section of an event, the trace context, and the token of the debug route."""

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


def test_request_section_by_default() -> None:
    """Method, URL without query, and allowed headers; nothing else."""
    assert section(info()) == {
        "method": "POST",
        "url": "https://shop.test/orders/17",
        "headers": {"Host": "shop.test", "User-Agent": "curl"},
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
def test_allowed_headers(name: str) -> None:
    """These headers are on events, in the case in which backends look for them."""
    for given in (name, name.upper(), name.title()):
        sent = section(info(headers=[(given, "value")]))

        assert sent["headers"] == {name.title(): "value"}


def test_collect_headers_adds_a_header() -> None:
    """collect_headers adds single headers, whatever their case."""
    assert section(info(), headers=("x-TENANT",))["headers"]["X-Tenant"] == "acme"


def test_collect_query() -> None:
    """collect=["query"] adds the query."""
    assert section(info(), ("query",))["query_string"] == "a=b"


def test_request_without_query_has_no_query_string() -> None:
    """A request without a query has no query_string."""
    assert "query_string" not in section(info(query=""), ("query",))


def test_collect_cookies() -> None:
    """collect=["cookies"] adds the cookies by name."""
    cookies = section(info(), ("cookies",))["cookies"]

    assert cookies == {"theme": "dark", "sid": "hunter2"}


def test_secret_cookies_of_the_framework() -> None:
    """G1: the cookies that the adapter names have no value, whatever it looks like."""
    cookies = section(info(secret_cookies=["theme", "other"]), ("cookies",))["cookies"]

    assert cookies == {"theme": "[secret]", "sid": "hunter2"}


@pytest.mark.parametrize(
    "value,shown",
    [
        ("3q8x0vkd6e1mwy2j7r5tzu4hbn9lcgfa", False),
        ("eyJiYXNrZXQiOjE3fQ.aSsq1w.K0mVd-xm3dPq", False),
        ("s%3A7f0b1c2d3e4f5a6b7c8d.Zm9v", False),
        ('"d2hlbiBpcyBub3cgMTIzNDU2Nzg5"', False),
        ("dark", True),
        ("17", True),
        ("2026-11-29", True),
        ("a-long-name-without-digits", True),
        ("12345678901234567890123", True),
    ],
)
def test_cookie_that_looks_like_a_token_has_no_value(value: str, shown: bool) -> None:
    """G1: a long value of letters and digits is a session or token under any name."""
    header = [("cookie", f"shop={value}")]
    cookies = section(info(headers=header), ("cookies",))["cookies"]

    assert cookies == {"shop": value if shown else "[secret]"}


@pytest.mark.parametrize("header", ["", "a b=c; [x]=y", "\x00"])
def test_malformed_cookies_are_left_out(header: str) -> None:
    """A malformed Cookie header gives no cookies."""
    cookies = section(info(headers=[("cookie", header)]), ("cookies",))["cookies"]

    assert cookies == {}


def test_collect_client_address() -> None:
    """collect=["client_address"] adds the address of the peer."""
    assert section(info(), ("client_address",))["env"] == {"REMOTE_ADDR": "192.0.2.1"}


def test_client_without_address_has_no_env() -> None:
    """The peer of a Unix socket has no address."""
    assert "env" not in section(info(client=None), ("client_address",))


def test_undescribed_request_has_an_empty_section() -> None:
    """A request that could not be described has an empty section."""
    assert section(UNDESCRIBED) == {}


def test_collected_cookies_are_masked(begin: Any) -> None:
    """Collected cookies are on the event, and secret ones are masked."""
    with capture("shop", collect=["cookies"]) as box:
        begin(describe=lambda request: info()).exception_escaped(ValueError())

    assert box.events[0]["request"]["cookies"] == {"theme": "dark", "sid": "[secret]"}


def test_header_returns_the_first_value() -> None:
    """header() returns the first value of that name, or an empty string."""
    twice = info(headers=[("X-A", "1"), ("x-a", "2")])

    assert (twice.header("x-a"), twice.header("x-b")) == ("1", "")


# -- trace -----------------------------------------------------------------------------------------


def with_parent(value: str) -> RequestInfo:
    return info(headers=[("Traceparent", value)])


def test_traceparent_is_continued() -> None:
    """The ids of an incoming traceparent are the trace id and the parent span id."""
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
def test_invalid_traceparent_starts_a_new_trace(value: str) -> None:
    """A traceparent that is not valid by the W3C specification starts a new trace."""
    found = trace_context(with_parent(value))

    assert re.fullmatch("[0-9a-f]{32}", found["trace_id"])
    assert found["trace_id"] != TRACE
    assert "parent_span_id" not in found


def open_telemetry(monkeypatch: pytest.MonkeyPatch, *, valid: bool) -> None:
    context = types.SimpleNamespace(is_valid=valid, trace_id=0xA, span_id=0xB)
    span = types.SimpleNamespace(get_span_context=lambda: context)
    module: Any = types.ModuleType("opentelemetry.trace")
    module.get_current_span = lambda: span
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", module)


def test_active_opentelemetry_span_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """An active OpenTelemetry span is used before anything else."""
    open_telemetry(monkeypatch, valid=True)

    assert trace_context(with_parent(f"00-{TRACE}-{SPAN}-01")) == {
        "trace_id": "0000000000000000000000000000000a",
        "span_id": "000000000000000b",
    }


def test_traceparent_is_used_without_an_active_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an active span the traceparent header is used."""
    open_telemetry(monkeypatch, valid=False)

    assert trace_context(with_parent(f"00-{TRACE}-{SPAN}-01"))["trace_id"] == TRACE


# -- the debug route's token -----------------------------------------------------------------------


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
def test_debug_token(header: str | None, query: str, opens: bool) -> None:  # a column of the table
    """The right token opens the debug route, by header or, without the header, by query."""
    with capture("shop", debug_token="letmein"):
        assert check(header, query) is opens


@pytest.mark.parametrize(("header", "query"), [(None, ""), ("", "token="), ("x", "token=x")])
def test_debug_route_is_closed_without_a_token(
    header: str | None, query: str, mailbox: Mailbox
) -> None:
    """Without a configured token nothing opens the route."""
    assert check(header, query) is False


def test_debug_route_is_closed_when_reporting_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token opens nothing if nothing would be reported."""
    with capture("shop", debug_token="letmein"):
        monkeypatch.setattr(STATE, "reporter", None)
        opens = check("letmein", "")
        monkeypatch.undo()

    assert opens is False


def test_debug_route_is_closed_before_init() -> None:
    """Before init() the route is closed."""
    assert check("x", "") is False


def test_token_that_cannot_be_encoded_refuses_the_request() -> None:
    """A token from the environment can hold any bytes; the request is refused without an error."""
    with capture("shop", debug_token="\udcff"):
        assert check("x", "") is False


def test_debug_panic_has_an_explanation() -> None:
    """The text of the exception says that it was raised on purpose."""
    assert str(adapters.DebugPanic()) == "raised on purpose by the debug route of sentryinit"

"""Check that the demo's report finds each kind of error in a stored event."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

DEMO = Path(__file__).resolve().parents[2] / "demo"
Change = Callable[[list[dict[str, Any]], dict[str, Any]], None]
"""Changes the stored events, or the visits of the scenarios."""


ARRIVED = [
    "GET /orders/1?customer=Alice+Smith&diagnosis=flu HTTP/1.1",
    "GET /orders/1?customer=Alice%20Smith HTTP/1.1",
    "the order of ALICE SMITH",
    "no customer",
    "Northern%20Mutual",
    "{'Referer': 'http://shop.example/?diagnosis=hay fever'}",
    "HTTP_X_CLINIC",
    "bee+venom",
]
"""Texts with a planted value in each encoding, or with the name of one."""


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Change], bool]]:
    """Return a function that applies a change, and returns True if the report is clean."""
    monkeypatch.syspath_prepend(str(DEMO))
    before = set(sys.modules)
    import backend
    import report
    import scenarios
    import traffic

    def judge(change: Change) -> bool:
        events: list[dict[str, Any]] = []
        visits: dict[str, Any] = {}
        for scenario in scenarios.SCENARIOS:
            visit = visits[scenario.name] = traffic.Visit(scenario.name, 0, DEMO)
            for _ in range(scenario.requests):
                request = visit.headers()["X-Request-Id"]
                if scenario.stored:
                    events.append(_event(scenario.stored, request))
        change(events, visits)
        stored = [
            backend.Event(
                event["event_id"], event["issue"], event["title"], event["data"], str(event)
            )
            for event in events
        ]
        return report.show([report.Column("shop", True, visits, stored)])

    yield judge
    # Their names are everybody's: "report", "traffic".
    for name in set(sys.modules) - before:
        if str(DEMO) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def _event(stored: Any, request: str) -> dict[str, Any]:
    mechanism = {"mechanism": {"handled": stored.handled}}
    data = {
        "level": "error",
        "environment": "demo",
        "release": "demo-1",
        "server_name": "shop",
        "transaction": stored.route,
        "tags": {"service": "shop", "status_code": str(stored.status), "route": stored.route},
        "request": {"url": "http://shop.example/", "headers": {"x-request-id": request}},
        "exception": {"values": [mechanism] if stored.handled is not None else []},
    }
    return {"event_id": request, "issue": stored.title, "title": stored.title, "data": data}


def _nothing(events: list[dict[str, Any]], visits: dict[str, Any]) -> None:
    """Change nothing."""


def _missing(events: list[dict[str, Any]], visits: dict[str, Any]) -> None:
    del events[0]


def _twice(events: list[dict[str, Any]], visits: dict[str, Any]) -> None:
    events.append(copy.deepcopy(events[0]))


def _stray(events: list[dict[str, Any]], visits: dict[str, Any]) -> None:
    events.append(copy.deepcopy(events[0]))
    events[-1]["data"]["request"] = {}


def _of_an_abort(events: list[dict[str, Any]], visits: dict[str, Any]) -> None:
    events.append(copy.deepcopy(events[0]))
    events[-1]["data"]["request"]["headers"]["x-request-id"] = "upload-1"


def _split(events: list[dict[str, Any]], visits: dict[str, Any]) -> None:
    events[1]["issue"] = "an issue for each path"


def _leaks(events: list[dict[str, Any]], visits: dict[str, Any]) -> None:
    import traffic

    events[0]["data"]["extra"] = {"cookie": traffic.SECRET}


def _not_sent(events: list[dict[str, Any]], visits: dict[str, Any]) -> None:
    visits["healthy"].requests.pop()


def _oddly_answered(events: list[dict[str, Any]], visits: dict[str, Any]) -> None:
    visits["healthy"].oddities.append("expected 200 got 502")


def _id_unknown(events: list[dict[str, Any]], visits: dict[str, Any]) -> None:
    visits["token"].event_ids.append("f" * 32)


def _set(name: str, value: object) -> Change:
    def change(events: list[dict[str, Any]], visits: dict[str, Any]) -> None:
        events[0]["data"][name] = value

    change.__name__ = name
    return change


def _set_tag(name: str, value: str) -> Change:
    def change(events: list[dict[str, Any]], visits: dict[str, Any]) -> None:
        events[0]["data"]["tags"][name] = value

    change.__name__ = f"tag {name}"
    return change


def _title_of_the_path(events: list[dict[str, Any]], visits: dict[str, Any]) -> None:
    events[0]["title"] = "HTTP 503 GET /orders/17/unavailable"


def test_what_is_promised_is_right(judged: Callable[[Change], bool]) -> None:
    """Events that match the scenarios give a clean report."""
    assert judged(_nothing)


@pytest.mark.parametrize(
    "change",
    [
        _missing,
        _twice,
        _stray,
        _of_an_abort,
        _split,
        _title_of_the_path,
        _leaks,
        _not_sent,
        _oddly_answered,
        _id_unknown,
        _set("transaction", "/orders/17/unavailable"),
        _set_tag("status_code", "500"),
        _set_tag("service", "other"),
        _set_tag("route", "/orders/17/unavailable"),
        _set("level", "warning"),
        _set("release", "demo-2"),
        _set("environment", "production"),
        _set("server_name", "host"),
        _set("exception", {"values": [{"mechanism": {"handled": False}}]}),
    ],
    ids=lambda change: change.__name__,
)
def test_a_difference_is_not_as_promised(
    judged: Callable[[Change], bool], change: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each difference is printed with its service."""
    assert not judged(change)
    assert "  ! shop" in capsys.readouterr().out


@pytest.mark.parametrize("text", ARRIVED)
@pytest.mark.parametrize("request_of", ["returned-1", "nobody"])
def test_a_harmless_value_that_arrived_is_printed(
    judged: Callable[[Change], bool],
    text: str,
    request_of: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The line names the service and the value; the event may belong to no request."""
    import traffic

    def leak(events: list[dict[str, Any]], visits: dict[str, Any]) -> None:
        event = next(event for event in events if event["event_id"] == "returned-1")
        event["data"]["request"]["headers"]["x-request-id"] = request_of
        event["data"]["breadcrumbs"] = {"values": [{"message": text}]}

    assert not judged(leak)
    (planted,) = [one for one in traffic.PLANTED if one.found_in(text)][:1]
    printed = capsys.readouterr().out
    (line,) = [line for line in printed.splitlines() if planted.value in line and "!" in line]
    assert line.startswith(f"  ! shop: expected no {planted.place} {planted.name}")
    assert "harmless values, stored  " in printed

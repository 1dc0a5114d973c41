"""Resolve, send, wait, compare: against a backend in memory, whose answers a test chooses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from sentryinit_cli.backends import Stored
from sentryinit_cli.canaries import Canary, invent, invent_card, leaked
from sentryinit_cli.compare import differences, is_route_of
from sentryinit_cli.http import Answer
from sentryinit_cli.verdicts import Failure, Verdict
from sentryinit_cli.verify import Expected, Outcome, Sent, verify

ID = "0123456789abcdef0123456789abcdef"
EXPECTED = Expected(
    service="orders",
    environment="production",
    release="1.4.2",
    server_name="orders",
    status_code="500",
    level="error",
    title="DebugPanic: raised on purpose",
    route="/debug/sentry-panic",
    nonce="n1",
)
STORED = Stored(
    event_id=ID,
    page="https://pages.example/1",
    title="DebugPanic: raised on purpose",
    tags={
        "service": "orders",
        "status_code": "500",
        "route": "/debug/sentry-panic",
        "nonce": "n1",
    },
    level="error",
    environment="production",
    release="1.4.2",
    server_name="orders",
    transaction="/debug/sentry-panic",
    whole="{}",
)


class Memory:
    """A backend that finds the event after some looks. *steps*: what was asked, in order."""

    name = "memory"
    first_look, interval, timeout = 0.0, 0.001, 0.05

    def __init__(self, finds: Any = STORED, looks: int = 1, resolves: Any = None) -> None:
        self.steps: list[str] = []
        self._finds, self._looks, self._resolves = finds, looks, resolves

    def resolve(self) -> None:
        self.steps.append("resolve")
        if self._resolves:
            raise self._resolves

    def find(self, event_id: str, sent_at: datetime) -> Stored | None:
        self.steps.append("find")
        if isinstance(self._finds, Failure) and self.steps.count("find") == 1:
            raise self._finds
        there = self.steps.count("find") >= self._looks
        return (
            STORED if there and isinstance(self._finds, Failure) else self._finds if there else None
        )

    def refused(self, answer: Answer) -> Failure:
        return Failure(Verdict.REFUSED, f"HTTP {answer.status}")

    def why_missing(self) -> str:
        return "the worker may be down"

    def send(self) -> Sent:
        self.steps.append("send")
        return Sent(ID, datetime.now(timezone.utc), EXPECTED)


def run(backend: Memory, send: Callable[[], Sent] | None = None, **more: Any) -> Outcome:
    return verify("orders", backend, send or backend.send, **more)


def test_the_project_is_resolved_before_anything_is_sent() -> None:
    """The order is: resolve, send, look; the outcome names the page and the time."""
    backend = Memory(looks=3)
    outcome = run(backend)

    assert backend.steps == ["resolve", "send", "find", "find", "find"]
    assert (outcome.verdict, outcome.page, outcome.is_sent) == (Verdict.FOUND, STORED.page, True)
    assert outcome.milliseconds is not None
    assert (outcome.environment, outcome.release) == ("production", "1.4.2")


@pytest.mark.parametrize("verdict", [Verdict.TOKEN, Verdict.SCOPE, Verdict.PROJECT])
def test_nothing_is_sent_if_the_project_is_not_found(verdict: Verdict) -> None:
    """A failure to resolve is the outcome, with its remedy, and nothing was sent."""
    backend = Memory(resolves=Failure(verdict, "no", "do this"))
    outcome = run(backend)

    assert backend.steps == ["resolve"]
    assert (outcome.verdict, outcome.remedy, outcome.is_sent) == (verdict, "do this", False)


def test_a_refused_event_is_not_waited_for() -> None:
    """A refusal is the outcome; nobody looks for the event."""
    backend = Memory()

    def send() -> Sent:
        raise backend.refused(Answer(403, {}, b""))

    outcome = run(backend, send)
    assert (outcome.verdict, outcome.text) == (Verdict.REFUSED, "HTTP 403")
    assert backend.steps == ["resolve"]


def test_an_event_that_never_comes() -> None:
    """After the timeout: not stored, with what the backend says about reasons."""
    outcome = run(Memory(finds=None))
    assert outcome.verdict is Verdict.NOT_STORED
    assert (outcome.event_id, outcome.is_sent) == (ID, True)
    assert outcome.remedy == "the worker may be down"
    assert "0.05 s" in outcome.text


def test_an_answer_of_a_proxy_while_waiting_is_no_end() -> None:
    """A look that the backend fails to answer is repeated; a token that expires is the end."""
    flaky = Memory(finds=Failure(Verdict.BACKEND, "502"))
    assert run(flaky).verdict is Verdict.FOUND
    expired = Memory(finds=Failure(Verdict.TOKEN, "expired"))
    assert (run(expired).verdict, expired.steps.count("find")) == (Verdict.TOKEN, 1)


def test_a_backend_that_stays_away() -> None:
    """If the last look is not answered either, that is the outcome, and not "not stored"."""

    class Away(Memory):
        def find(self, event_id: str, sent_at: datetime) -> Stored | None:
            raise Failure(Verdict.BACKEND, "502")

    assert run(Away()).verdict is Verdict.BACKEND


ALTERED = {
    "service": {"tags": {**STORED.tags, "service": "other"}},
    "environment": {"environment": "staging"},
    "release": {"release": ""},
    "server_name": {"server_name": "host-17"},
    "status_code": {"tags": {**STORED.tags, "status_code": "200"}},
    "level": {"level": "warning"},
    "title": {"title": "Something else"},
    "route": {"tags": {**STORED.tags, "route": "/orders"}},
    "nonce": {"tags": {**STORED.tags, "nonce": "n0"}},
}


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Expected)])
def test_each_difference_is_named(name: str) -> None:
    """What was stored otherwise than sent is named, with both values, and a remedy."""
    outcome = run(Memory(finds=dataclasses.replace(STORED, **ALTERED[name])))
    (text,) = outcome.differences
    assert outcome.verdict is Verdict.ALTERED
    assert text.startswith(f"{name}: expected {getattr(EXPECTED, name)!r}, found ")
    assert outcome.text == text
    assert outcome.remedy


def test_what_a_backend_does_not_tell_is_not_compared() -> None:
    """GlitchTip tells no level: None is no difference; nor is what was not expected."""
    untold = dataclasses.replace(STORED, level=None, release=None)
    assert differences(untold, EXPECTED, ()) == []
    assert differences(STORED, Expected(), ()) == []


def test_a_canary_is_named_by_its_carrier_only() -> None:
    """A planted secret that was stored is a difference, and is itself in no text."""
    canary = invent("Cookie header")
    title = f"Boom {canary.secret}"
    stored = dataclasses.replace(STORED, title=title, whole=f'{{"a": "{canary.secret.upper()}"}}')
    found = [each.text for each in differences(stored, EXPECTED, (canary,))]

    assert found[-1] == "secret: the one planted in the Cookie header was stored unmasked"
    assert len(found) == 2
    assert canary.secret not in " ".join(found)
    assert canary.secret not in repr(canary)


@pytest.mark.parametrize("cut", [slice(0, 14), slice(-14, None), slice(None)])
def test_a_part_of_a_canary_is_a_leak(cut: slice) -> None:
    """A mask that leaves the beginning or the end of a secret is a leak."""
    canary = Canary("tag", "0123456789abcdef0123456789abcdef")
    assert leaked([canary], f"a {canary.secret[cut]} b") == ["tag"]


def test_canaries_are_new_and_cards_are_valid() -> None:
    """Two canaries are never the same, and a card has a valid check digit."""
    assert len({invent("x").secret for _ in range(50)}) == 50
    for _ in range(50):
        digits = [int(each) for each in invent_card("x").secret]
        doubled = [2 * d if place % 2 == len(digits) % 2 else d for place, d in enumerate(digits)]
        assert len(digits) == 16
        assert sum(each - 9 if each > 9 else each for each in doubled) % 10 == 0


@pytest.mark.parametrize(
    ("route", "path", "same"),
    [
        ("/debug/sentry-panic", "/debug/sentry-panic", True),
        ("/debug/sentry-panic", "/shop/debug/sentry-panic", True),
        ("/debug/sentry-panic/", "/debug/sentry-panic", True),
        ("/{tenant}/debug/sentry-panic", "/acme/debug/sentry-panic", True),
        ("/<language>/debug/sentry-panic", "/de/debug/sentry-panic", True),
        ("<unknown>", "/debug/sentry-panic", True),
        ("/orders", "/debug/sentry-panic", False),
        ("", "/debug/sentry-panic", False),
        ("/{a}/x", "/debug/sentry-panic", False),
    ],
)
def test_the_route_is_a_template_of_the_path(route: str, path: str, same: bool) -> None:
    """A mount, a parameter, and a boundary that knows no routes are no difference."""
    assert is_route_of(route, path) is same


def test_a_cut_title_is_no_difference() -> None:
    """A backend may cut a long title."""
    expected = Expected(title="VerifyPanic: " + "x" * 200)
    for cut in (expected.title[:100], expected.title[:97] + "..."):
        assert differences(dataclasses.replace(STORED, title=cut), expected, ()) == []


def test_any_name_of_the_server() -> None:
    """``*`` takes any name, but not none: the hosts of a service have names of their own."""
    expected = Expected(server_name="*")
    assert differences(dataclasses.replace(STORED, server_name="host-17"), expected, ()) == []
    assert len(differences(dataclasses.replace(STORED, server_name=""), expected, ())) == 1

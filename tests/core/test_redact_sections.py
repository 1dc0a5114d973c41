"""Size limits, and sections of an event with invalid content."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sentry_sdk
from planted import Event, refused

from sentryinit import testing
from sentryinit._redaction.limits import truncate
from sentryinit._redaction.redactor import Redactor
from sentryinit._sdk.envelopes import EnvelopeFilter

REDACTOR = Redactor()


def masked(**event: Any) -> Event:
    """Return the masked *event*; it can be stored, and masking is idempotent."""
    made = REDACTOR.event(event)
    assert refused(made) == []
    assert REDACTOR.event(made) == made
    return made


def is_cut(event: Event) -> bool:
    return event.get("contexts", {}).get("sentryinit", {}).get("cut") is True


class Odd(str):
    """A text whose ``str()`` is another text."""

    __slots__ = ()

    def __str__(self) -> str:
        return "ann@shop.example"


class Speechless:
    """An object without a text."""

    def __repr__(self) -> str:
        raise ZeroDivisionError


def test_a_typical_event_is_not_cut() -> None:
    """An event within all limits has no ``cut``."""
    assert masked(message="hello") == {"logentry": {"message": "hello", "formatted": "hello"}}


@pytest.mark.parametrize(
    "extra",
    [
        {"long": "x" * 10_000},
        {"words": "word " * 10_000},
        {"huge": "x" * 2_000_000},
        {"many": {f"key {n}": n for n in range(300)}},
        {"list": list(range(300))},
        {"all": [["x" * 900] * 200] * 200},
        {"keys": [{f"{'k' * 150}{n}": 1 for n in range(250)} for _ in range(60)]},
        {"empty": [[[[] for _ in range(240)] for _ in range(240)] for _ in range(2)]},
        {"deep": json.loads("[" * 40 + "]" * 40)},
        {"deep": json.loads('{"a":' * 40 + "1" + "}" * 40)},
        {"wide characters": ["\U0001f600" * 2000] * 100},
    ],
)
def test_a_truncated_event_says_so(extra: Event) -> None:
    """Whatever is too long, too many or too deep is truncated, and the event has ``cut``."""
    assert is_cut(masked(extra=extra))


def test_a_list_that_is_too_long() -> None:
    """Its first and last items stay: the ends of a stack trace are the most useful."""
    found = masked(extra={"a": list(range(1000))})["extra"]["a"]

    assert (len(found), found[0], found[-1]) == (250, 0, 999)


def test_a_list_that_contains_itself() -> None:
    """It ends at the maximal depth."""
    ring: list[Any] = ["ann@shop.example"]
    ring += [ring, ring]

    assert "ann" not in str(masked(extra={"a": ring}))


def test_frames_beyond_the_size_limit() -> None:
    """A frame for which there is no room keeps its file, function and line."""
    frame = {
        "filename": "shop.py",
        "function": "order",
        "lineno": 7,
        "pre_context": ["x" * 399] * 20,
    }
    frames = [{**frame, "lineno": number} for number in range(200)]
    found = masked(exception={"values": [{"type": "A", "stacktrace": {"frames": frames}}]})

    last = found["exception"]["values"][0]["stacktrace"]["frames"][-1]
    assert last == {"filename": "shop.py", "function": "order", "lineno": 199}
    assert is_cut(found)


def test_frames_that_cannot_be_cached() -> None:
    """The parts of a frame may have any type."""
    frame = {"filename": {"a": ["b"]}, "function": 17, "lineno": "x", "context_line": None}
    found = masked(exception={"values": [{"type": "A", "stacktrace": {"frames": [frame, 5]}}]})

    (one,) = found["exception"]["values"][0]["stacktrace"]["frames"]
    assert (one["filename"], one["function"], one["lineno"]) == ("dict", "17", None)


def test_a_placeholder_is_not_cut_in_two() -> None:
    """Half a placeholder would be masked again."""
    redactor = Redactor(hash_key="key")
    once = redactor.event({"tags": {"a": f"{'x' * 175} {{'pin': '1234'}} and so on"}})

    assert redactor.event(once) == once
    assert truncate("a [secret] b", 9) == "a ..."


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Odd("plain"), "plain"),
        (b"bytes \xff", "bytes \ufffd"),
        (Speechless(), "<Speechless without a text>"),
        (4111111111111111, "[secret]"),
        (4111111111111112, 4111111111111112),
        (2**70, str(2**70)),
        (2**2000, "a number of 2001 bits"),
        (float("nan"), "nan"),
        (["--password", "hunter2", "--verbose", "x"], ["--password", "[secret]", "--verbose", "x"]),
        (["--password=a1", "x", "y"], ["--password=[secret]", "x", "y"]),
        (
            {"max_tokens": 17, "token": 17, "pin": 17},
            {"max_tokens": 17, "token": 17, "pin": "[secret]"},
        ),
        ({"a@x.example": 1, "b@x.example": 2}, {"[email]": 1, "[email]_": 2}),
        ({"python_version": "3.12.1.0"}, {"python_version": "3.12.1.0"}),
    ],
)
def test_a_value(value: Any, text: Any) -> None:
    """A value of any type becomes JSON, and is masked."""
    assert masked(extra={"a": value}) == {"extra": {"a": text}}


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"level": "critical"}, {"level": "fatal"}),
        ({"level": "odd"}, {"level": "error"}),
        ({"timestamp": "soon"}, {}),
        ({"timestamp": True}, {}),
        ({"timestamp": 1.5}, {"timestamp": 1.5}),
        ({"release": "latest"}, {}),
        ({"release": "a/b c"}, {"release": "a-b-c"}),
        ({"environment": "None"}, {}),
        ({"environment": "a/b"}, {"environment": "a-b"}),
        ({"dist": "ann@shop.example"}, {}),
        ({"tags": {"a": 1, "b": "", "c": None, "d e": "f\ng"}}, {"tags": {"a": "1", "d_e": "f g"}}),
        ({"tags": {"a b": 1, "a_b": 2}}, {"tags": {"a_b": "1", "a_b_": "2"}}),
        ({"tags": [["a", 1], "b"]}, {"tags": [["a", "1"]]}),
        ({"fingerprint": ["{{default}}", 1]}, {"fingerprint": ["{{ default }}", "1"]}),
        ({"fingerprint": "a"}, {"fingerprint": ["a"]}),
        ({"user": "ann"}, {"user": {"id": "ann"}}),
        ({"user": {"ip_address": "203.0.113.9"}}, {"user": {}}),
        ({"user": {"ip_address": "127.0.0.1"}}, {"user": {"ip_address": "127.0.0.1"}}),
        ({"request": "a"}, {"request": {"data": "a"}}),
        ({"request": {"method": "a b"}}, {"request": {}}),
        ({"contexts": {"a": "b"}}, {"contexts": {"a": {"value": "b"}}}),
        ({"contexts": {"trace": {"trace_id": "x"}, "b": None}}, {"contexts": {}}),
        ({"contexts": {"pin": {"a": 1}}}, {"contexts": {"pin": {"a": "[secret]"}}}),
        ({"breadcrumbs": ["a"]}, {"breadcrumbs": [{"message": "a"}]}),
        (
            {"breadcrumbs": [{"odd": 1, "data": {"a": 2}, "message": None}]},
            {"breadcrumbs": [{"data": {"odd": 1, "a": 2}}]},
        ),
        ({"exception": [{}]}, {"exception": [{"type": "Exception"}]}),
        ({"threads": [5]}, {"threads": [{}]}),
        ({"sdk": "a"}, {}),
        ({"extra": "a"}, {"extra": {"value": "a"}}),
        ({"odd": 1, "extra": "a"}, {"extra": {"odd": 1, "extra": "a"}}),
        ({"_meta": 5}, {"_meta": 5}),
        (
            {"logentry": {"message": "%s", "params": [1, 2]}},
            {"logentry": {"message": "%s", "formatted": "%s"}},
        ),
        (
            {"logentry": {"message": "%9999999d", "params": [1]}},
            {"logentry": {"message": "%9999999d", "formatted": "%9999999d"}},
        ),
        (
            {"logentry": {"message": "pin=%s", "params": ["1234"]}},
            {
                "logentry": {
                    "message": "pin=%s",
                    "formatted": "pin=[secret]",
                    "params": ["[secret]"],
                }
            },
        ),
    ],
)
def test_a_section_of_an_event(given: Event, made: Event) -> None:
    """Content that a backend would refuse is replaced by content that it accepts."""
    assert masked(**given) == made


def test_a_release_that_is_too_long() -> None:
    """It is truncated, and the event has ``cut``."""
    found = masked(release="x" * 300)

    assert (found["release"], is_cut(found)) == ("x" * 197 + "...", True)


def test_an_invalid_id() -> None:
    """It becomes a valid one, always the same."""
    first, second = (masked(event_id="ann@shop.example")["event_id"] for _ in "ab")

    assert first == second
    assert len(first) == 32


def test_an_empty_sdk_section_of_a_first_event() -> None:
    """Backends refuse the section without a name, also before one has been masked and kept."""
    assert Redactor().event({"sdk": {}}) == {}


def test_a_long_name_is_not_cached() -> None:
    """Long names would fill the memory."""
    names = REDACTOR.names
    before = names._cached.cache_info()
    assert names.is_sensitive("password" * 100)
    assert names._cached.cache_info() == before


@pytest.mark.parametrize("character", ["a", "@", "1"])
def test_a_long_text_of_one_character(character: str) -> None:
    """A mebibyte of one character is truncated as every text is."""
    found = masked(extra={"a": character * 2**20})

    assert len(found["extra"]["a"]) == 8192


def test_a_client_without_a_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client whose transport the application replaced can be captured as well."""
    with testing.capture("shop"):
        sentry_sdk.get_client().transport = None
        with testing.capture() as box:
            sentry_sdk.capture_message("a")

        assert len(box.events) == 1
        assert not isinstance(box, EnvelopeFilter)

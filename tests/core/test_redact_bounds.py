"""Every part of an event is bounded: in its size, and in the operations that masking it takes."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

import pytest

from sentryinit._redaction import redactor as redactor_module
from sentryinit._redaction import walker
from sentryinit._redaction.redactor import Redactor

REDACTOR = Redactor()
# The limit of an event's bytes here: with the real one, counting takes minutes.
SIZE = 20_000
# Calls of functions in the package for one event, whatever is in it. The limit has room for 2,500
# empty items, and each item takes some calls; so do 250 parameters of a message.
MOST_CALLS = 200_000
# Characters that all patterns together look at.
MOST_CHARACTERS = 400_000


class Endless(Mapping[Any, Any]):
    """A mapping without an end, whose length is a lie."""

    def items(self) -> Any:
        return ((f"key {number}", self) for number in itertools.count())

    def __iter__(self) -> Iterator[Any]:
        return itertools.count()

    def __len__(self) -> int:
        return 1

    def __getitem__(self, key: object) -> Any:
        return self


class LyingList(list[Any]):
    """A list whose methods are lies."""

    def __len__(self) -> int:
        return 10**9

    def __iter__(self) -> Iterator[Any]:
        return itertools.count()

    def __getitem__(self, key: Any) -> Any:
        return self


class LyingDict(dict[Any, Any]):
    """A dictionary whose methods are lies."""

    def __len__(self) -> int:
        return 10**9

    def __iter__(self) -> Iterator[Any]:
        return itertools.count()

    def items(self) -> Any:
        return zip(itertools.count(), itertools.repeat(self))

    def get(self, *_args: Any) -> Any:
        return self

    __getitem__ = get


def ring(text: str) -> list[Any]:
    made: list[Any] = [text]
    made += [made] * 249
    return made


def mapping_in_a_circle() -> dict[str, Any]:
    made: dict[str, Any] = {}
    made.update((f"key {number}", made) for number in range(250))
    return made


def deep() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for _ in range(10_000):
        made = {"a": made}
    return made


CONTENTS: dict[str, Callable[[], Any]] = {
    "circle": lambda: ring("ann@shop.example"),
    "circle with long texts": lambda: ring("ann@shop.example " * 1000),
    "mapping in a circle": mapping_in_a_circle,
    "deep": deep,
    "wide": lambda: {f"key {number}": number for number in range(20_000)},
    "long keys": lambda: [{f"{'k' * 20_000}{number}": 1 for number in range(250)}] * 250,
    "long secrets": lambda: [[f"-----BEGIN PRIVATE KEY-----{'A' * 16_000}"] * 250] * 250,
    "nothing": lambda: [[[None] * 250] * 250] * 250,
    "secrets": lambda: [[{"password": {}}] * 250] * 250,
    "pairs": lambda: [["password", "x"]] * 20_000,
    "keys with one placeholder": lambda: [{f"{n}@shop.example": 1 for n in range(250)}] * 250,
    "quotes": lambda: ['"' * 8000] * 250,
    "wide characters": lambda: ["\U0001f600" * 8000] * 250,
    "endless": Endless,
    "lying list": lambda: LyingList([LyingList([1]), "x"]),
    "lying mapping": lambda: LyingDict(a=LyingDict(b=1)),
}
SHAPES: dict[str, Callable[[Any], Any]] = {
    "alone": lambda content: content,
    "parts": lambda content: {
        "values": [{"a": content, "stacktrace": content, "data": content, "message": content}],
        "frames": [{"vars": content, "filename": content}] * 300,
        "headers": content,
        "trace": content,
        "message": "%s",
        "params": content,
    },
}
SECTIONS = (
    "_meta breadcrumbs contexts debug_meta errors event_id exception extra fingerprint level "
    "logentry modules request sdk stacktrace tags threads transaction unknown user"
).split()
HAVE_PARTS = "breadcrumbs contexts exception logentry request stacktrace threads".split()


def count(event: Any) -> tuple[Any, int, int]:
    """Return the masked *event*, how many calls it took, and how many characters were masked."""
    calls, characters = 0, 0

    def profile(frame: FrameType, what: str, _arg: object) -> None:
        nonlocal calls, characters
        if what == "call" and "_redaction" in frame.f_code.co_filename:
            calls += 1
            if frame.f_code.co_name == "_mask_plain":
                characters += len(frame.f_locals["text"])

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        return REDACTOR.event(event), calls, characters
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize("content", CONTENTS)
def test_every_section_is_bounded(content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Size and operations have a bound, an event that was cut says so, and nothing fails."""
    monkeypatch.setattr(redactor_module, "SIZE", SIZE)
    made = CONTENTS[content]()
    for section, (shape, put) in itertools.product(SECTIONS, SHAPES.items()):
        if shape == "parts" and section not in HAVE_PARTS:
            continue
        masked, calls, characters = count({section: put(made)})

        where = section, shape
        assert len(json.dumps(masked)) < 2.5 * SIZE, where
        assert "tags" not in masked or "redaction_error" not in masked["tags"], where
        assert calls < MOST_CALLS, (*where, calls)
        assert characters < MOST_CHARACTERS, (*where, characters)
        assert REDACTOR.event(masked) == masked, where


@pytest.mark.parametrize("section", ["extra", "request", "user", "contexts", "_meta", "modules"])
def test_a_section_with_many_keys_is_cut(section: str) -> None:
    """The event says that it is not whole."""
    masked = REDACTOR.event({section: {f"key {number}": "x" for number in range(300)}})

    assert masked["contexts"]["sentryinit"]["cut"] is True


def test_a_thing_that_is_no_text_has_no_length() -> None:
    """The text of a container is not asked for: it is as long as all that is in it."""
    assert walker.text_of(ring("x")) == "list"


SECRETS = [
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "DE89 3704 0044 0532 0130 00",
    "GB29 NWBK 6016 1331 9268 19",
    "ann.example@mail.example",
    "AKIAIOSFODNN7EXAMPL1",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("before", ["word ", "ann@shop.example ", "word,"])
def test_half_a_secret_where_a_text_is_cut(secret: str, before: str) -> None:
    """Wherever the cut is, no half stays: no pattern recognises it."""
    redactor = Redactor(limit=400)
    for length in range(len(secret) + 1):
        for limit in (200, 400, 800):
            size = limit - length
            text = (before * size)[:size] + " " + secret + " and more" * 100
            parts = {"message": text, "extra": {"a": text, text: 1}, "transaction": text}
            made = json.dumps(redactor.event({**parts, "tags": {"a": text}}))
            assert not any(part in made for part in halves(secret)), (length, limit)


def halves(secret: str) -> list[str]:
    return [secret[:size] for size in range(8, len(secret) + 1)]


@pytest.mark.parametrize(
    "text", ["4111  1111  1111  1111", "4111\n1111\n1111\n1111", "DE89  3704 0044  0532 0130 00"]
)
@pytest.mark.parametrize(
    "part",
    [
        lambda text: {"tags": {"a": text}},
        lambda text: {"tags": {text: "a"}},
        lambda text: {"transaction": text},
        lambda text: {"release": text},
        lambda text: {"environment": text},
        lambda text: {"user": {"id": text}},
        lambda text: {"modules": {"a": text}},
        lambda text: {"exception": [{"type": text}]},
    ],
)
def test_blanks_that_are_put_together(part: Callable[[str], Any], text: str) -> None:
    """What looks like a secret only in one line is masked."""
    masked = REDACTOR.event(part(text))

    assert "1111" not in json.dumps(masked)
    assert "3704" not in json.dumps(masked)
    assert REDACTOR.event(masked) == masked

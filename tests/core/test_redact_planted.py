"""Secrets of every kind in every part of an event, at any depth, within any text."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import CARRIERS, CODE, KINDS, NOT_IN_CODE, VERSIONS, Event, refused

from sentryinit._redaction.redactor import Redactor

REDACTOR = Redactor()
NETWORKS = Redactor(ip="network")
HASHING = Redactor(hash_key="a key of tests")

# Words, and separators between them and a secret.
WORDS = st.sampled_from(["", "order 17 failed", "at 12:30", "über", "line\nbreak", "(see", "{}"])
EDGES = st.sampled_from([" ", "\n", "'", '"', "(", ", ", "; ", "|", "\t", "<", " - "])


def text_of(event: Event) -> str:
    return json.dumps(event, ensure_ascii=False)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=4)
@given(data=st.data())
def test_a_secret_in_every_carrier(kind: str, data: st.DataObject) -> None:
    """A secret of any kind is masked in any part of an event; the event stays valid."""
    secret, canary = data.draw(KINDS[kind])
    before, after = data.draw(WORDS), data.draw(WORDS)
    planted = before + data.draw(EDGES) + secret + data.draw(EDGES) + after
    for carrier, plant in CARRIERS.items():
        if (carrier in CODE and kind in NOT_IN_CODE) or (carrier in VERSIONS and kind == "ipv4"):
            continue
        for text in (secret, planted):
            masked = REDACTOR.event(plant(text))
            assert canary not in text_of(masked), (carrier, masked)
            assert refused(masked) == [], carrier
            assert REDACTOR.event(masked) == masked, carrier


ENCODINGS = {
    "once": lambda text: quote(text, ""),
    "twice": lambda text: quote(quote(text, ""), ""),
    "as a query": quote_plus,
    "as a path": quote,
    "in lower case": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, "")),
}
URLS = {
    "url": lambda s: {"request": {"url": f"https://shop.example/a/{s}/b"}},
    "query": lambda s: {"request": {"query_string": f"a={s}&b=1"}},
    "referer": lambda s: {"request": {"headers": {"Referer": f"https://shop.example/o?q={s}"}}},
    "breadcrumb": lambda s: {"breadcrumbs": [{"data": {"url": f"http://crm.example/x/{s}"}}]},
    "text": lambda s: {"message": f"cannot get {s} again"},
}
ASKED_FOR = Redactor(queries=True)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12)
@given(data=st.data())
def test_a_percent_encoded_secret(kind: str, data: st.DataObject) -> None:
    """A secret of any kind is masked in URLs, where it is percent-encoded."""
    secret, canary = data.draw(KINDS[kind])
    encode = ENCODINGS[data.draw(st.sampled_from(sorted(ENCODINGS)))]
    for carrier, plant in URLS.items():
        masked = ASKED_FOR.event(plant(encode(secret)))
        assert canary not in text_of(masked), carrier
        assert encode(canary) not in text_of(masked), carrier
        assert ASKED_FOR.event(masked) == masked, carrier


@pytest.mark.parametrize(
    "text",
    ["/a%20b/caf%C3%A9?x=%2Fy", "100%25 of 5%AB", "C++ and a+b+c", "%3Fpage%3D2", "12:00:00+00:00"],
)
def test_a_harmless_percent_encoded_text(text: str) -> None:
    """It stays as it is."""
    assert ASKED_FOR.text(text) == text


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)


@given(st.data())
def test_secrets_at_any_depth(data: st.DataObject) -> None:
    """Secrets are masked at any depth and in keys; masking is idempotent; all can be stored."""
    kinds = data.draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=3))
    found = [data.draw(KINDS[kind]) for kind in kinds]
    leaves = st.sampled_from([secret for secret, _ in found]) | st.text(max_size=8) | st.integers()
    tree = data.draw(st.recursive(leaves, nested, max_leaves=10))
    event = {"extra": tree, "contexts": {"a": tree}, "tags": {"a": tree}, "user": {"data": tree}}
    for redactor in (REDACTOR, NETWORKS, HASHING):
        masked = redactor.event(event)
        for kind, (_, canary) in zip(kinds, found, strict=True):
            hidden = canary not in text_of(masked)
            # A network address may be that very address.
            assert hidden or (redactor is NETWORKS and kind in {"ipv4", "ipv6"})
        assert redactor.event(masked) == masked
        assert refused(masked) == []


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.binary(max_size=8)
    | st.sampled_from(["\0", "\ud800", "{{default}}", "x" * 300, 10**400, object(), {1, 2}]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=4)
            | st.sampled_from(
                ["values", "frames", "stacktrace", "type", "params", "message", "trace"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
PARTS = sorted({part for plant in CARRIERS.values() for part in plant("a")})


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(PARTS) | st.text(max_size=3), ANYTHING, max_size=5))
def test_anything_for_an_event(event: Event) -> None:
    """Whatever a hook puts into an event, the result can be stored, and masking is idempotent."""
    masked = REDACTOR.event(event)

    assert refused(masked) == []
    assert REDACTOR.event(masked) == masked

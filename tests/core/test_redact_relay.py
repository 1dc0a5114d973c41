"""Relay accepts masked events and finds no secret in them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import sentry_sdk
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import CARRIERS, CODE, KINDS, NOT_IN_CODE, VERSIONS, Event
from relay import invalid, leaks
from test_redact_planted import ANYTHING, PARTS

from sentryinit import adapters, testing
from sentryinit._redaction.redactor import Redactor

REDACTOR = Redactor()
Begin = Callable[..., adapters.Capture[Any]]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=2)
@given(data=st.data())
def test_a_planted_secret(kind: str, data: st.DataObject) -> None:
    """Relay's rules find no planted secret, and its normaliser finds no error."""
    secret, _ = data.draw(KINDS[kind])
    for carrier, plant in CARRIERS.items():
        if (carrier in CODE and kind in NOT_IN_CODE) or (carrier in VERSIONS and kind == "ipv4"):
            continue
        masked = REDACTOR.event(plant(f"see {secret} there"))
        assert (invalid(masked), leaks(masked)) == ([], []), carrier


def test_relay_finds_a_secret_that_is_not_masked() -> None:
    """The check works: Relay complains about an event that is not masked."""
    event = {"level": "bogus", "tags": {"a": "ann@shop.example"}}

    assert (invalid(event), leaks(event)) == (
        ["level: ['invalid_data', {'reason': 'invalid enum'}]"],
        ["@email extra.e.tags.a: 'ann@shop.example'"],
    ) or (len(invalid(event)), len(leaks(event))) == (1, 1)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(PARTS) | st.text(max_size=3), ANYTHING, max_size=5))
def test_anything_for_an_event(event: Event) -> None:
    """Whatever a hook puts into an event, Relay accepts the masked event."""
    assert invalid(REDACTOR.event(event)) == []


def test_events_of_an_application(begin: Begin) -> None:
    """Events of exceptions, responses, log records and messages are valid."""
    log = logging.getLogger("shop")
    with testing.capture("shop", release="shop@1.2.3", environment="staging") as box:
        sentry_sdk.set_tag("basket", "17")
        sentry_sdk.set_user({"id": 17, "email": "ann@shop.example", "ip_address": "203.0.113.9"})
        sentry_sdk.add_breadcrumb(message="looked", level="critical", data={"a": 1})
        try:
            try:
                raise KeyError("ann@shop.example")
            except KeyError as cause:
                raise ValueError("no order") from cause
        except ValueError as error:
            begin().exception_escaped(error)
        begin().response_started(503)
        begin("other").close()
        log.error("%s and %s", None, {"a": 1})
        sentry_sdk.capture_message("hello")

    assert len(box.events) >= 3
    for event in box.events:
        assert (invalid(event), leaks(event)) == ([], [])

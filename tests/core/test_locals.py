"""Variables are told of without running the application's code."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest
import sentry_sdk

from sentryinit import testing
from sentryinit._redaction.local_variables import described


class Slow:
    """Takes its time to say what it is."""

    def __repr__(self) -> str:
        time.sleep(30)
        return "slow"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Slow(), "<test_locals.Slow>"),
        (type(Slow()), "<builtins.type>"),
        (ValueError(Slow()), "<builtins.ValueError>"),
        ("x" * 50, repr("x" * 20)),
        (b"x" * 50, repr(b"x" * 20)),
        (17, None),
        (dt.date(2026, 1, 2), None),
    ],
)
def test_the_text_of_a_value(value: Any, told: str | None) -> None:
    """Plain values are the SDK's to write; of an object there is the class."""
    found = described(None, 20, value)

    assert found == told or str(found).endswith(str(told).rpartition(".")[2])


def test_the_user_s_own() -> None:
    """It goes first; where it says nothing, the rule stands."""
    assert described(lambda value: "mine", 20, Slow()) == "mine"
    assert described(lambda value: None, 20, 17) is None


def test_locals_of_a_failure() -> None:
    """They are masked by name and by value, and nothing waits for them."""

    def fail() -> None:
        password, mail, slow = "hunter2", ["ann@shop.example"], Slow()
        raise ValueError(len((password, mail, slow)))

    with testing.capture("shop", collect=["locals"]) as box:
        try:
            fail()
        except ValueError as error:
            sentry_sdk.capture_exception(error)

    found = box.events[0]["exception"]["values"][0]["stacktrace"]["frames"][-1]["vars"]
    assert (found["password"], found["mail"]) == ("[secret]", ["'[email]'"])
    assert found["slow"].endswith("Slow>")

"""Local variables become text without calling the application's code."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest
import sentry_sdk

from sentryinit import testing
from sentryinit._redaction.stacktrace import safe_repr


class Slow:
    """An object with a slow ``__repr__``."""

    def __repr__(self) -> str:
        time.sleep(30)
        return "slow"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Slow(), "<test_redact_locals.Slow>"),
        (type(Slow()), "<builtins.type>"),
        (ValueError(Slow()), "<builtins.ValueError>"),
        ("x" * 50, repr("x" * 20)),
        (b"x" * 50, repr(b"x" * 20)),
        (17, None),
        (dt.date(2026, 1, 2), None),
    ],
)
def test_the_text_of_a_value(value: Any, text: str | None) -> None:
    """The SDK makes the text of plain values; any other object becomes its class."""
    found = safe_repr(None, 20, value)

    assert found == text or str(found).endswith(str(text).rpartition(".")[2])


def test_the_user_s_custom_repr() -> None:
    """It is called first; if it returns None, the rule above applies."""
    assert safe_repr(lambda value: "mine", 20, Slow()) == "mine"
    assert safe_repr(lambda value: None, 20, 17) is None


def test_local_variables_of_an_exception() -> None:
    """They are masked by name and by value, and no ``__repr__`` is called."""

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

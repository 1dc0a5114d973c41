"""The last pass over what leaves: same shape, no secret, never a failure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentryinit._redaction.fallback import minimal
from sentryinit._redaction.placeholders import MARK
from sentryinit._redaction.redactor import Redactor

TOKEN = "tok-5f1c9a"
SENSITIVE = (
    "password",
    "db_password",
    "PASSWORD",
    "Pass-Word",
    "user.passwd",
    "passphrase",
    "client_secret",
    "access_token",
    "X-Api-Key",
    "apiKey",
    "AWS_ACCESS_KEY_ID",
    "privateKey",
    "Authorization",
    "Proxy-Authorization",
    "Set-Cookie",
    "session_id",
    "X-CSRF-Token",
    "xsrf",
    "credentials",
    "signature",
    "auth",
    "card",
    "Card-Number",
    "credit_card",
    "cvc",
    "cvv",
    "IBAN",
    "jwt",
    "pass",
    "PIN",
    "pwd",
    "sid",
    "ssn",
    "bearer",
)
HARMLESS = ("author", "cardinal", "passenger", "spinning", "sidebar", "key", "name", "id", "")

# What can be stored as it is: the rest is in test_redact_planted.py.
texts = st.text(st.characters(exclude_categories=["C"]), max_size=8)
json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.sampled_from([TOKEN, f"a {TOKEN} b", *SENSITIVE[:4]]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(texts | st.sampled_from(SENSITIVE), inner, max_size=4)
    ),
    max_leaves=12,
)
events = st.dictionaries(texts | st.sampled_from(SENSITIVE), json_like, max_size=5)


@pytest.mark.parametrize("before", ["", "-", "a-", "x[", "["])
def test_a_mark_is_no_name(before: str) -> None:
    """What a mark says of its value stays, whatever stands before it."""
    redactor = Redactor(hash_key="a key of tests")
    once = redactor.text(f"{before}4111111111111111")

    assert "[secret:" in once
    assert redactor.text(once) == once


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("dist", "a" * 44 + "-4111111111111111000000"),
        ("release", "4111\u00b71111\u00b71111\u00b71111"),
        ("transaction", "x " * 90 + "-4111111111111111000000"),
    ],
)
def test_what_looks_like_a_secret_once_it_is_cut(part: str, value: str) -> None:
    """What is left of a number, or stands in other signs then, is looked at again."""
    redactor = Redactor()
    masked = redactor.event({part: value})

    assert redactor.event(masked) == masked


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else None


@given(events)
def test_masking_twice_is_masking_once(event: dict[str, Any]) -> None:
    """Redaction is idempotent."""
    redactor = Redactor((), (TOKEN,))

    assert redactor.event(redactor.event(event)) == redactor.event(event)


@pytest.mark.parametrize("secret", ["secret", "[", "e", "[secret]"])
def test_masking_is_idempotent_whatever_the_secret(secret: str) -> None:
    """A secret that is a part of the mask is masked once, not over and over."""
    redactor = Redactor((), (secret,))
    once = redactor.text(f"a {secret} b")

    assert redactor.text(once) == once


@given(events)
def test_the_shape_stays(event: dict[str, Any]) -> None:
    """Lengths and nesting stay, and all that has no mark; a mark stands for itself."""
    redactor = Redactor()

    def same(before: Any, after: Any) -> bool:
        if isinstance(after, str) and MARK.search(after):
            return True
        if isinstance(before, dict):
            return len(before) == len(after) and all(map(same, before.items(), after.items()))
        if isinstance(before, tuple):
            return all(map(same, before, after))
        if isinstance(before, list):
            return len(before) == len(after) and all(map(same, before, after))
        return bool(before == after)

    assert same({"extra": event}, redactor.event({"extra": event}))


@given(events)
def test_a_known_secret_is_nowhere(event: dict[str, Any]) -> None:
    """What must not leave is in no text and no key of the result."""
    masked = Redactor((), (TOKEN,)).event({"extra": event})

    assert TOKEN not in json.dumps(masked)


@given(events)
def test_the_event_given_is_left_alone(event: dict[str, Any]) -> None:
    """Masking returns a copy."""
    before = json.dumps(event)
    Redactor((), (TOKEN,)).event(event)

    assert json.dumps(event) == before


@pytest.mark.parametrize("name", SENSITIVE)
def test_a_value_under_a_sensitive_name(name: str) -> None:
    """Names are known whatever their case and punctuation."""
    assert Redactor().event({"extra": {name: "hunter2"}}) == {"extra": {name: "[secret]"}}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_value_under_a_harmless_name(name: str) -> None:
    """A short word inside a longer one says nothing."""
    assert Redactor().event({"extra": {name: "value"}}) == {"extra": {name: "value"}}


@pytest.mark.parametrize("value", ["text", 1234, 1.5, True, False, ["a"], {"a": "b"}, "", 0])
def test_any_value_under_a_sensitive_name(value: object) -> None:
    """What the value is does not matter; only None says that there is none."""
    assert Redactor().event({"extra": {"pin": value}}) == {"extra": {"pin": "[secret]"}}


def test_none_under_a_sensitive_name() -> None:
    """That a secret is missing is no secret."""
    assert Redactor().event({"extra": {"pin": None}}) == {"extra": {"pin": None}}


def test_a_name_at_any_depth() -> None:
    """Nesting hides nothing."""
    event = {"extra": {"a": [{"b": {"c": [[{"password": "hunter2"}]]}}]}}

    assert Redactor().event(event) == {"extra": {"a": [{"b": {"c": [[{"password": "[secret]"}]]}}]}}


@pytest.mark.parametrize(
    ("pairs", "masked"),
    [
        ([["password", "hunter2"]], [["password", "[secret]"]]),
        ([("password", "hunter2")], [["password", "[secret]"]]),
        ([["name", "value"]], [["name", "value"]]),
        ([["password", 1234]], [["password", "[secret]"]]),
        ([["password", ["hunter2"]]], [["password", "[secret]"]]),
        ([["password", None]], [["password", None]]),
        ([["password", "a", "b"]], [["password", "a", "b"]]),
    ],
)
def test_names_in_lists_of_pairs(pairs: list[Any], masked: list[Any]) -> None:
    """Headers, tags and query strings may be lists of pairs, whatever the value is."""
    assert Redactor().event({"extra": {"pairs": pairs}}) == {"extra": {"pairs": masked}}


def test_a_name_of_the_user_s() -> None:
    """mask_keys are compared as the default list is: whole, without case and punctuation."""
    redactor = Redactor(["Tenant-Id"])

    assert redactor.event({"extra": {"TENANT_ID": "a", "tenant_ids": "b"}}) == {
        "extra": {"TENANT_ID": "[secret]", "tenant_ids": "b"}
    }


def test_a_secret_in_a_key() -> None:
    """A known secret may be a key as well."""
    redactor = Redactor((), (TOKEN,))

    assert redactor.event({"extra": {TOKEN: 1}}) == {"extra": {"[secret]": 1}}


def test_a_secret_in_a_key_of_a_pair() -> None:
    """In a list of pairs too."""
    redactor = Redactor((), (TOKEN,))

    assert redactor.event({"extra": {"a": [[TOKEN, "a"]]}}) == {"extra": {"a": [["[secret]", "a"]]}}


def test_a_secret_that_is_a_part_of_another() -> None:
    """The longer one goes first, or its rest would stay."""
    assert Redactor((), ("abc", "abcdef")).text("x abcdef y abc z") == "x [secret] y [secret] z"


def test_empty_secrets() -> None:
    """A token that is not set masks nothing."""
    assert Redactor((), ("", "")).text("text") == "text"


def test_other_objects_become_text() -> None:
    """What is no JSON leaves as its text, masked as text is."""
    redactor = Redactor((), (TOKEN,))

    assert redactor.event({"extra": {"a": {TOKEN}, "b": b"x", 1: 2}}) == {
        "extra": {"a": ["[secret]"], "b": "x", "1": 2}
    }


def test_names_are_not_remembered_for_ever() -> None:
    """Names come from applications: what is remembered of them is bounded."""
    redactor = Redactor()
    redactor.event({"extra": {f"name{number}": 1 for number in range(5000)}})

    assert len(redactor._names._known) <= 4096


def test_a_name_beyond_what_is_remembered_is_known_all_the_same() -> None:
    """The bound costs time, not secrets."""
    redactor = Redactor()
    redactor.event({"extra": {f"name{number}": 1 for number in range(5000)}})

    assert redactor.event({"extra": {"password": "x"}}) == {"extra": {"password": "[secret]"}}


# -- the event that is left when nothing else can be ---------------------------------------------


FULL = {
    "event_id": "e" * 32,
    "timestamp": "2026-01-02T03:04:05Z",
    "level": "error",
    "platform": "python",
    "release": "1.2",
    "environment": "production",
    "server_name": "shop",
    "message": "SECRET",
    "transaction": "SECRET",
    "logentry": {"message": "SECRET"},
    "request": {"url": "SECRET"},
    "user": {"id": "SECRET"},
    "extra": {"SECRET": "SECRET"},
    "contexts": {"a": {"b": "SECRET"}},
    "breadcrumbs": {"values": [{"message": "SECRET"}]},
    "tags": {"service": "shop", "status_code": "500", "other": "SECRET"},
    "exception": {
        "values": [
            {
                "type": "ValueError",
                "module": "builtins",
                "value": "SECRET",
                "mechanism": {"type": "wsgi", "handled": False, "data": {"a": "SECRET"}},
                "stacktrace": {
                    "frames": [
                        {
                            "filename": "app.py",
                            "function": "view",
                            "module": "app",
                            "lineno": 7,
                            "in_app": True,
                            "abs_path": "SECRET",
                            "context_line": "SECRET",
                            "pre_context": ["SECRET"],
                            "vars": {"a": "SECRET"},
                        }
                    ]
                },
            }
        ]
    },
}


def test_a_minimal_event() -> None:
    """It says where it happened and what sort it was, and not a word of the application's."""
    assert minimal(FULL, "redaction_error") == {
        "event_id": "e" * 32,
        "timestamp": "2026-01-02T03:04:05Z",
        "level": "error",
        "platform": "python",
        "release": "1.2",
        "environment": "production",
        "server_name": "shop",
        "tags": {"service": "shop", "status_code": "500", "redaction_error": "true"},
        "exception": {
            "values": [
                {
                    "type": "ValueError",
                    "module": "builtins",
                    "value": "details withheld",
                    "mechanism": {"type": "wsgi", "handled": False},
                    "stacktrace": {
                        "frames": [
                            {
                                "filename": "app.py",
                                "function": "view",
                                "module": "app",
                                "lineno": 7,
                                "in_app": True,
                            }
                        ]
                    },
                }
            ]
        },
    }


def test_a_minimal_event_of_a_message() -> None:
    """Without an exception there is a text of ours: a backend needs one."""
    assert minimal({"message": "SECRET", "level": "error"}, "report_error") == {
        "level": "error",
        "tags": {"report_error": "true"},
        "logentry": {"message": "details withheld", "formatted": "details withheld"},
    }


def test_exceptions_as_a_plain_list() -> None:
    """Events may have their exceptions as a list, without values around it."""
    small = minimal({"exception": [{"type": "ValueError"}]}, "x")

    assert small["exception"] == {
        "values": [
            {
                "type": "ValueError",
                "value": "details withheld",
                "mechanism": {"type": "generic"},
            }
        ]
    }


@pytest.mark.parametrize("event", [None, True, "text", [], 5, object()])
def test_a_minimal_event_of_nothing(event: object) -> None:
    """Whatever a hook made of an event, an event comes of it."""
    assert minimal(event, "x") == {
        "tags": {"x": "true"},
        "logentry": {"message": "details withheld", "formatted": "details withheld"},
    }


keys = st.sampled_from(
    [*FULL, "values", "type", "mechanism", "stacktrace", "frames", "filename", "service"]
)


@given(st.dictionaries(keys, json_like | st.dictionaries(keys, json_like, max_size=3), max_size=6))
def test_a_minimal_event_of_anything(event: dict[str, Any]) -> None:
    """Whatever is where, minimal() does not raise, and an event with a reason comes of it."""
    small = minimal(event, "redaction_error")

    assert small["tags"]["redaction_error"] == "true"
    assert "exception" in small or "logentry" in small

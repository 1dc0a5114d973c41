"""Redactor: the result has the same shape and no secret, and nothing raises."""

from __future__ import annotations

import collections
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentryinit._redaction.placeholders import PLACEHOLDER
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
HARMLESS = (
    *("author", "cardinal", "passenger", "spinning", "sidebar", "key", "name", "id", ""),
    *("session_timeout", "token_endpoint", "cache_key", "secret_name", "has_password"),
)

# Values that every backend can store; test_redact_planted.py has the others.
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
def test_a_placeholder_is_not_a_key_name(before: str) -> None:
    """A placeholder with a hash is not masked again, whatever is before it."""
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
def test_a_value_that_looks_like_a_secret_once_truncated(part: str, value: str) -> None:
    """A truncated text, or one with replaced characters, is searched again."""
    redactor = Redactor()
    masked = redactor.event({part: value})

    assert redactor.event(masked) == masked


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else None


@given(events)
def test_masking_is_idempotent(event: dict[str, Any]) -> None:
    """Masking twice equals masking once."""
    redactor = Redactor((), (TOKEN,))

    assert redactor.event(redactor.event(event)) == redactor.event(event)


@pytest.mark.parametrize("secret", ["secret", "[", "e", "[secret]"])
def test_masking_is_idempotent_whatever_the_secret(secret: str) -> None:
    """A secret that is a part of the placeholder is masked once."""
    redactor = Redactor((), (secret,))
    once = redactor.text(f"a {secret} b")

    assert redactor.text(once) == once


@given(events)
def test_the_shape_is_kept(event: dict[str, Any]) -> None:
    """Lengths and nesting stay the same, and so do values without a placeholder."""
    redactor = Redactor()

    def same(before: Any, after: Any) -> bool:
        if isinstance(after, str) and PLACEHOLDER.search(after):
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
    """A known secret is in no text and no key of the result."""
    masked = Redactor((), (TOKEN,)).event({"extra": event})

    assert TOKEN not in json.dumps(masked)


@given(events)
def test_the_given_event_is_not_changed(event: dict[str, Any]) -> None:
    """Masking returns a copy."""
    before = json.dumps(event)
    Redactor((), (TOKEN,)).event(event)

    assert json.dumps(event) == before


@pytest.mark.parametrize("name", SENSITIVE)
def test_a_value_under_a_sensitive_name(name: str) -> None:
    """Sensitive names are recognised in any case and punctuation."""
    assert Redactor().event({"extra": {name: "hunter2"}}) == {"extra": {name: "[secret]"}}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_value_under_a_harmless_name(name: str) -> None:
    """A short sensitive name inside a longer word does not count."""
    assert Redactor().event({"extra": {name: "value"}}) == {"extra": {name: "value"}}


@pytest.mark.parametrize("value", ["text", 1234, 1.5, 0])
def test_any_value_under_a_sensitive_name(value: object) -> None:
    """A value of any type is masked."""
    assert Redactor().event({"extra": {"pin": value}}) == {"extra": {"pin": "[secret]"}}


@pytest.mark.parametrize(
    "value",
    [
        {"password": ["This field is required."]},
        {"token": {"expires_in": 3600, "type": "bearer"}},
        {"session": [17, None, "expired"]},
        {"error": "invalid_token", "auth": "oauth2", "max_tokens": 4096},
    ],
)
def test_a_value_that_cannot_be_a_secret(value: dict[str, Any]) -> None:
    """Messages of validators stay, and numbers and states under names that only suggest."""
    assert Redactor().event({"extra": value}) == {"extra": value}


@pytest.mark.parametrize("value", [None, True, False, "", [], {}])
def test_nothing_under_a_sensitive_name(value: object) -> None:
    """A value that cannot be one (boolean, empty) stays: there is no secret."""
    assert Redactor().event({"extra": {"pin": value}}) == {"extra": {"pin": value}}


@pytest.mark.parametrize(
    ("given", "masked"),
    [
        ({"password": {"old": "hunter2", "new": 1}}, {"old": "[secret]", "new": "[secret]"}),
        (
            {"secret": {"name": "db-main", "data": "hunter2"}},
            {"name": "db-main", "data": "[secret]"},
        ),
        ({"auth": ["ann", ["hunter2"]]}, ["ann", ["[secret]"]]),
        ({"token": {"value": "hunter2", "id": 7}}, {"value": "[secret]", "id": 7}),
        ({"token": {"type": "string", "maxLength": 64}}, {"type": "string", "maxLength": 64}),
        ({"cookies": {"theme": "dark", "sid": "x7f3"}}, {"theme": "dark", "sid": "[secret]"}),
        ({"sessions": {"x7Gq2kPz9Lm4Vt": "Ann"}}, {"[secret]": "Ann"}),
        ({"sessions": [{"id": 1, "title": "Intro"}]}, [{"id": 1, "title": "Intro"}]),
        ({"key": {"a": {"b": "x7Gq2kPz9Lm4Vt"}}}, {"a": {"b": "[secret]"}}),
        ({"comment": {"a": ["b"]}}, "[secret]"),
    ],
)
def test_a_container_under_a_sensitive_name(given: dict[str, Any], masked: Any) -> None:
    """Its shape stays; what a value in it is, its own name says together with the other."""
    redactor = Redactor(["comment"])
    event = redactor.event({"extra": given})

    assert [*event["extra"].values()] == [masked]
    assert redactor.event(event) == event


def test_a_name_at_any_depth() -> None:
    """A sensitive name is recognised at any depth."""
    event = {"extra": {"a": [{"b": {"c": [[{"password": "hunter2"}]]}}]}}

    assert Redactor().event(event) == {"extra": {"a": [{"b": {"c": [[{"password": "[secret]"}]]}}]}}


@pytest.mark.parametrize(
    ("pairs", "masked"),
    [
        ([["password", "hunter2"]], [["password", "[secret]"]]),
        ([("password", "hunter2")], [["password", "[secret]"]]),
        ([["name", "value"]], [["name", "value"]]),
        ([["password", 1234]], [["password", "[secret]"]]),
        ([["password", ["hunter2"]]], [["password", ["[secret]"]]]),
        ([["password", None]], [["password", None]]),
        ([["password", "a", "b"]], [["password", "a", "b"]]),
        ([[b"authorization", b"Bearer x7"]], [["authorization", "[secret]"]]),
        (
            [[bytearray(b"X-Api-Key"), b"x7"], [b"host", b"shop"]],
            [["X-Api-Key", "[secret]"], ["host", "shop"]],
        ),
        ([["password", "email"]], [["password", "email"]]),
        ([["token", "first_name"]], [["token", "first_name"]]),
        ([["client_id", "client_secret"]], [["client_id", "client_secret"]]),
        ([["password", "new-password"]], [["password", "new-password"]]),
    ],
)
def test_names_in_lists_of_pairs(pairs: list[Any], masked: list[Any]) -> None:
    """Headers, tags and query strings may be lists of pairs, with values of any type."""
    assert Redactor().event({"extra": {"pairs": pairs}}) == {"extra": {"pairs": masked}}


@pytest.mark.parametrize(
    ("given", "masked"),
    [
        (
            {"name": "DB_PASSWORD", "value": "hunter2x9"},
            {"name": "DB_PASSWORD", "value": "[secret]"},
        ),
        ({"Key": "db-password", "Value": "hunter2x9"}, {"Key": "db-password", "Value": "[secret]"}),
        ({"key": "token", "value": "x7f3"}, {"key": "token", "value": "[secret]"}),
        (
            {"header": "Authorization", "values": ["x7"]},
            {"header": "Authorization", "values": ["[secret]"]},
        ),
        ({"field": "password", "input": "x7"}, {"field": "password", "input": "[secret]"}),
        (
            {"type": "string_too_short", "loc": ["body", "password"], "input": "x7"},
            {"type": "string_too_short", "loc": ["body", "password"], "input": "[secret]"},
        ),
        (
            {"ParameterKey": "DbPassword", "ParameterValue": "x7"},
            {"ParameterKey": "DbPassword", "ParameterValue": "[secret]"},
        ),
        ({b"name": b"X-Api-Key", b"value": b"x7"}, {"name": "X-Api-Key", "value": "[secret]"}),
        ({"name": "password", "type": "string"}, {"name": "password", "type": "string"}),
        ({"name": "basket", "value": "x7"}, {"name": "basket", "value": "x7"}),
        ({"loc": ["body", "age"], "input": "x7"}, {"loc": ["body", "age"], "input": "x7"}),
        ({"name": "password", "value": None}, {"name": "password", "value": None}),
        *(
            ({**given, key: "x7f3hunter2"}, {**given, key: "[secret]"})
            for given, key in [
                ({"setting": "SECRET_KEY"}, "value"),
                ({"variableName": "DB_PASSWORD"}, "variableValue"),
                ({"field": "password", "message": "too short"}, "rejectedValue"),
                ({"field": "password", "old": None}, "new"),
                ({"@name": "password"}, "#text"),
                ({"question": "Your password"}, "answer"),
                ({"op": "replace", "path": "/db/password"}, "value"),
                ({"path": ["user", "password"]}, "instance"),
                ({"instancePath": "/user/password"}, "data"),
                ({"sensitive": True}, "value"),
                ({"Type": "SecureString"}, "Value"),
            ]
        ),
        *(
            (given, given)
            for given in [
                {"title": "Reset your password", "text": "Dear Ann, here it is."},
                {"title": "Session", "text": "Introduction"},
                {"path": "/api/token", "data": {"user": "annabelle"}},
                {"path": "/password/email", "value": "x7f3"},
                {"path": [], "value": "x7f3"},
                {"name": "theme", "value": "dark", "secure": True},
                {"value": "x7f3", "sensitive": False},
                {"sql": "SELECT id FROM tokens WHERE name = %s", "params": ["x7f3"]},
                {"query": "change my password", "params": ["x7f3"]},
                {"params": ["x7f3"]},
            ]
        ),
        (
            {"sql": "UPDATE u SET password=%s WHERE id=%s", "params": ["hunter2", 3]},
            {"sql": "UPDATE u SET password=%s WHERE id=%s", "params": ["[secret]", 3]},
        ),
        (
            {"query": 'INSERT INTO u (name,"token") VALUES (?,?)', "parameters": ["ann", "x7f3"]},
            {
                "query": 'INSERT INTO u (name,"token") VALUES (?,?)',
                "parameters": ["ann", "[secret]"],
            },
        ),
        (
            {"field": "password", "message": "too short"},
            {"field": "password", "message": "too short"},
        ),
    ],
)
def test_a_name_beside_its_value(given: Any, masked: Any) -> None:
    """HAR, environments of containers, tags of clouds and validators write names so."""
    redactor = Redactor()
    event = redactor.event({"extra": {"a": [given]}})

    assert event == {"extra": {"a": [masked]}}
    assert redactor.event(event) == event


@pytest.mark.parametrize(
    ("given", "masked"),
    [
        (["run", "--token", "x7f3"], ["run", "--token", "[secret]"]),
        (["--password=x7f3"], ["--password=[secret]"]),
        (["run", "--token", "--verbose"], ["run", "--token", "--verbose"]),
        (["tar", "-xzf", "shop.tgz"], ["tar", "-xzf", "shop.tgz"]),
    ],
)
def test_a_command_line(given: list[str], masked: list[str]) -> None:
    """The argument of a sensitive option is masked."""
    assert Redactor().event({"extra": {"sys.argv": given}})["extra"]["sys.argv"] == masked


def test_a_name_of_the_user_s() -> None:
    """mask_keys are compared as whole names, without case and punctuation."""
    redactor = Redactor(["Tenant-Id"])

    assert redactor.event({"extra": {"TENANT_ID": "a", "tenant_ids": "b"}}) == {
        "extra": {"TENANT_ID": "[secret]", "tenant_ids": "b"}
    }


def test_a_secret_in_a_key() -> None:
    """A known secret may be a key as well."""
    redactor = Redactor((), (TOKEN,))

    assert redactor.event({"extra": {TOKEN: 1}}) == {"extra": {"[secret]": 1}}


def test_a_secret_in_a_key_of_a_pair() -> None:
    """A known secret may be the first item of a pair."""
    redactor = Redactor((), (TOKEN,))

    assert redactor.event({"extra": {"a": [[TOKEN, "a"]]}}) == {"extra": {"a": [["[secret]", "a"]]}}


def test_a_secret_that_is_a_part_of_another() -> None:
    """The longer secret is masked first, or its rest would remain."""
    assert Redactor((), ("abc", "abcdef")).text("x abcdef y abc z") == "x [secret] y [secret] z"


def test_empty_secrets() -> None:
    """An empty secret (a token that is not set) masks nothing."""
    assert Redactor((), ("", "")).text("text") == "text"


def test_other_objects_become_text() -> None:
    """A value that is not JSON becomes its text, masked."""
    redactor = Redactor((), (TOKEN,))

    assert redactor.event({"extra": {"a": {TOKEN}, "b": b"x", 1: 2}}) == {
        "extra": {"a": ["[secret]"], "b": "x", "1": 2}
    }


def test_the_cache_of_names_is_bounded() -> None:
    """Applications make up names: the cache holds 4096 of them."""
    redactor = Redactor()
    redactor.event({"extra": {f"name{number}": 1 for number in range(5000)}})

    assert redactor.names._cached.cache_info().currsize <= 4096


def test_long_texts_are_not_cached() -> None:
    """Keys and categories come from applications: long ones would fill the memory."""
    redactor = Redactor()
    masker, long = redactor, "password" * 1000
    crumbs = [{"category": long + end} for end in "ab"]
    event = {"extra": {long: "x"}, "breadcrumbs": crumbs}
    masked = redactor.event(event)

    assert list(masked["extra"].values()) == ["[secret]"]
    assert masker.cached_text.cache_info().hits == 1
    assert (masker.key.cache_info().currsize, masker.cached_text.cache_info().currsize) == (0, 1)


def test_a_sensitive_name_when_the_cache_is_full() -> None:
    """A full cache does not affect masking."""
    redactor = Redactor()
    redactor.event({"extra": {f"name{number}": 1 for number in range(5000)}})

    assert redactor.event({"extra": {"password": "x"}}) == {"extra": {"password": "[secret]"}}


@pytest.mark.parametrize(
    ("given", "masked"),
    [
        (["run", "--password=correct horse"], ["run", "--password=[secret]"]),
        (["A=b", "DB_PASSWORD=correct horse", "-"], ["A=b", "DB_PASSWORD=[secret]", "-"]),
        (["note: password=x7f3hunter2 horse"], ["note: password=[secret] horse"]),
        (["PASSWORD=This field is required."], ["PASSWORD=This field is required."]),
        (["run", "--title=correct horse"], ["run", "--title=correct horse"]),
        (["mysql", "-u", "ann", "-phunter2"], ["mysql", "-u", "ann", "-p[secret]"]),
        (["mysql", "-u", "ann", "-p"], ["mysql", "-u", "ann", "-p"]),
        *(
            (given, given)
            for given in [
                ["pytest", "-k", "token", "tests/test_a1.py"],
                ["curl", "-u", "https://shop.example"],
                ["kubectl", "-n", "auth", "get", "secret", "db-main1"],
            ]
        ),
    ],
)
def test_arguments_in_a_list(given: list[str], masked: list[str]) -> None:
    """A value ends with its item; a short option and what follows it are no name and value."""
    redactor = Redactor()
    event = redactor.event({"extra": {"argv": given}})

    assert event == {"extra": {"argv": masked}}
    assert redactor.event(event) == event


def test_a_queue() -> None:
    """Its own text has no bound."""
    given = collections.deque(["hunter2"] * 3)

    assert Redactor().event({"extra": {"a": given, "pin": given}}) == {
        "extra": {"a": ["hunter2"] * 3, "pin": ["[secret]"] * 3}
    }


def test_a_url_in_a_query() -> None:
    """What was encoded in it is masked at once."""
    redactor = Redactor()
    masked = redactor.text("redirect_uri=https%3A%2F%2Fh%2Fcb%3Fcode%3Dx7Gq2kPz9Lm4%26name%3DAnn")

    assert masked == "redirect_uri=https://h/cb?code=[secret]&name=[query]"
    assert redactor.text(masked) == masked

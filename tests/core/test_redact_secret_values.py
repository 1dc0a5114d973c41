"""Values under a sensitive name: which of them can be a secret."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from sentryinit._redaction.key_names import Rank
from sentryinit._redaction.redactor import Redactor
from sentryinit._redaction.secret_values import (
    is_placeholder,
    is_secret_value,
    is_sentence,
    looks_random,
)

RANDOM = [
    "Zq7wpl2mKd83jf02",
    "9f8e7d6c5b4a3210",
    "3f0c7e0e-2f46-4f0a-9b0e-5b1f1c9d9d3a",
    "12345678-ABCD-ABCD-ABCD-1234567890AB",
    "abcdefabcdefabcdefabcdef",
    "12345678901234567890",
    "SplxlOBeZQQYbYS6WxSbIA",
    "4/0AX4XfWhabc",
    "abcdefghijklmnop",
    "hunter2x9",
    "a-prefix-of-several-words-8f3a9c2d",
    "pwd" * 2 + "X7k2m",
]
NOT_RANDOM = [
    "webhook.office.com/webhookb2/[secret]",
    "orders[secret:0a1b2c3d4e5f]",
    "",
    "short",
    "orders:17",
    "getUserById",
    "ApplicationController",
    "django.contrib.auth.backends.ModelBackend",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "2025-08-04T14:59:25Z",
    "1234567890123456",
    "x86_64-linux-gnu",
    "ER_BAD_FIELD_ERROR",
    "ECONNREFUSED",
    "application/x-www-form-urlencoded",
    "customers_email_key",
    "with blank Zq7wpl2mKd83jf02",
    "/var/lib/orders/2025/08/report.csv",
]
SENTENCES = [
    "This field is required.",
    "Field required",
    "must be at least 8 characters",
    "Passwords don't match.",
    "The two password fields didn\u2019t match.",
    "Le mot de passe est requis",
    "Das Passwort ist zu kurz.",
    "Ensure this field has at least 8 characters.",
    "token has expired",
]
NO_SENTENCES = [
    "required",
    "correct horse battery staple",
    "this is my password",
    "the quick brown fox",
    "Zq7wpl2m is required",
    "",
]
PLACEHOLDERS = [
    *"*** None null %s {token} {{token}} $TOKEN ${TOKEN} %(token)s %TOKEN% :token ? $1".split(),
    *"<token> <your-token> [Filtered] <redacted> [REDACTED] xxxxxxxx".split(),
    *"\u2022\u2022\u2022".split(),
    "not set",
    "{{ token }}",
    "{{ token }}",
]
NO_PLACEHOLDERS = [
    "{Zq7wpl2m}",
    "<Zq7wpl2m>",
    ":Zq7wpl2m",
    "$12345678",
    "$Zq7wpl2m",
    "self.Zq7w",
    "[hunter]",
    "***Zq7w",
]
# Under ``token``, ``session``: these stay.
HARMLESS: list[Any] = [
    *("", True, False, 0, 30, 65535, -1, 1.5, 1754316000, dt.date(2025, 8, 4), dt.timedelta(1)),
    *"30 17 30s 5min 1h30m 99.5% 3/10 1.2.3 30546354_335 0x10 2025-08-04 PT30M".split(),
    *("2025-08-04T14:59:25.123Z", "2025-08-04 14:59:25+00:00", "Mon, 04 Aug 2025 14:59:25 GMT"),
    *"app.auth.Backend SessionStore InvalidToken invalid_token invalid_grant oauth2".split(),
    *"expired".split(),
    *"bearer HS256 visa INVALID_TOKEN X-Auth-Token session:17 user-17 v4 /srv/app/s.db".split(),
    *("https://a.example/x?y=1", "C:\\app\\session", "~/app", "no session", "not a real one"),
    *("Visa ending in 4242", "<Session object at 0x7f12ab34cd56>", "<class 'app.Token'>"),
]
# Under ``token``: these can be secrets.
SECRETS: list[Any] = [
    *"hunter2 swordfish abcdefghij Zq7wpl2m tok-5f1c9a p@ssw0rd ann:hunter2 a=1;b=2".split(),
    *("Bearer abcdefgh", "Basic YW5uOmh1bnRlcjI=", "sid=1; x=hunter2", "<Zq7wpl2m>", b"hunter2"),
    *(
        "938214765812",
        938214765812,
        "https://ann:pw@h/x",
        "user=ann password=x",
        "[secret]:hunter2",
    ),
    object(),
]
MESSAGES: list[Any] = [
    *SENTENCES,
    *("None", "***", "${DB_PASSWORD}", "[Filtered]", "[secret]", "[secret:0123456789ab]"),
    None,
]


def _is_secret(values: list[Any], rank: Rank) -> list[Any]:
    return [value for value in values if is_secret_value(value, rank)]


@pytest.mark.parametrize("text", RANDOM)
def test_a_random_text(text: str) -> None:
    """Letters and digits that follow each other as in no word look random."""
    assert looks_random(text)


@pytest.mark.parametrize("text", NOT_RANDOM)
def test_a_text_that_is_not_random(text: str) -> None:
    """Words, identifiers, paths, numbers, and dates do not look random."""
    assert not looks_random(text)


def test_sentences() -> None:
    """A sentence has words only, and one that says something about a value."""
    assert [text for text in SENTENCES if not is_sentence(text)] == []
    assert [text for text in NO_SENTENCES if is_sentence(text)] == []


def test_placeholders() -> None:
    """A template's parameter has a plain name in it."""
    assert [text for text in PLACEHOLDERS if not is_placeholder(text)] == []
    assert [text for text in NO_PLACEHOLDERS if is_placeholder(text)] == []


def test_values_that_look_random() -> None:
    """Under ``key`` only a value that looks random is masked."""
    assert _is_secret(RANDOM, Rank.RANDOM) == RANDOM
    assert _is_secret([*NOT_RANDOM, *HARMLESS, 938214765812], Rank.RANDOM) == []


def test_values_that_can_be_secrets() -> None:
    """Under ``token`` stays what cannot be a secret."""
    assert _is_secret(SECRETS, Rank.LIKELY) == SECRETS
    assert _is_secret([*HARMLESS, *PLACEHOLDERS, *MESSAGES], Rank.LIKELY) == []


def test_any_value() -> None:
    """Under ``password`` only messages of validators stay, and what cannot be a secret."""
    given = [*SECRETS, *NO_PLACEHOLDERS, *NO_SENTENCES[1:], 17, "expired", "visa"]
    values = [value for value in given if value != ""]

    assert _is_secret(values, Rank.CERTAIN) == values
    assert _is_secret([*MESSAGES, *PLACEHOLDERS, "", True, False], Rank.CERTAIN) == []


@pytest.mark.parametrize("value", ["10.0.0.7:6379", "https://a.example/x?y=ann", "/a/10.0.0.7/b"])
def test_a_value_that_was_masked_in_part(value: str) -> None:
    """It is judged as before: masking is idempotent."""
    redactor = Redactor()
    once = redactor.event({"extra": {"session": value}})

    assert once["extra"]["session"] not in {value, "[secret]"}
    assert redactor.event(once) == once


@pytest.mark.parametrize("rank", [Rank.LIKELY, Rank.CERTAIN, Rank.OWN])
def test_a_long_value(rank: Rank) -> None:
    """A value that is too long to be judged is a secret."""
    assert is_secret_value("it is required " * 100, rank)


def test_no_value_without_a_rank() -> None:
    """Under a name that is not sensitive nothing is masked because of its name."""
    assert _is_secret([*SECRETS, *RANDOM], Rank.NONE) == []

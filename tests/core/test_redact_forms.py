"""How texts of programs, files and messages name secrets, and what looks like it and stays."""

from __future__ import annotations

import pytest

from sentryinit._redaction.redactor import Redactor

REDACTOR = Redactor()
ONE, OTHER = "Vx83nq0lT", "Kd83jf02x"

# In these, both values are secrets.
MASKED = [
    # colours of a terminal
    f"\x1b[36mpassword\x1b[0m=\x1b[35m{ONE}\x1b[0m",
    f"\x1b[32m'token'\x1b[0m: \x1b[38;5;2m'{ONE}'\x1b[0m",
    # lines below a name (YAML)
    f'"password": |\n  {ONE}\nhost: db1',
    f"tokens:\n  ci: {ONE}\n  cd: {OTHER}\nhost: db1",
    f"shop:\n  secret:\n    k: {ONE}\n  a: b",
    f"password:\r\n  {ONE}\r\nhost: db1",
    # literals on several lines
    f"{{'password': 'a b c '\n             '{ONE}'}}",
    # once more, without a name
    f"WHERE \"users\".\"token\" = '{ONE}' LIMIT 21; args=('{ONE}',); alias=default",
    f"invalid input: \"{ONE}\"\nLINE 1: INSERT INTO users (password) VALUES ('{ONE}')",  # noqa: S608 # a message
    # separators, operators
    *(
        f"{name}{ONE}"
        for name in ("密码\uff1a", "password\uff1a", "password\uff1d", "password(str)=")
    ),
    *(f"{name}'{ONE}'" for name in ("token LIKE ", "token <> ")),
    f"token IN ('{ONE}','{OTHER}')",
    # truncated, nested
    f"password=SecretStr('{ONE}",
    f"{{'password': frozenset({{'{ONE}'}})}}",
    # marks of labels, escaped quotes
    *(f'{{"{name}":"{ONE}"}}' for name in ("password*", "password (required)", "Password ")),
    f"{{\\u0022password\\u0022:\\u0022{ONE}\\u0022}}",
    # sentences
    f"token mismatch: expected '{ONE}', got '{OTHER}'",
    f"password changed from '{ONE}' to '{OTHER}'",
    f"API key not valid: {ONE}",
    *(f"password {mark}{ONE}{end}" for mark, end in ("()", "<>", ("- ", ""), ("\u2013 ", ""))),
    f'{{"password":\n\n\n"{ONE}"}}',
    f"Stripe-Signature: t=1614556828,v1={ONE}",
    f"password for user ann: {ONE}",
    # names
    *(f"{name}={ONE}" for name in "passord salasana heslo losenord parool parola geslo".split()),
    *(f"{name}: {ONE}" for name in "lösenord jelszó şifre geheimnis clave wifi_psk".split()),
    *(f"{name}={ONE}" for name in ("SAMLResponse", "client_assertion", "zugangsdaten")),
    # a description with an example
    f'"password":{{"type":"string","default":"{ONE}"}}',
    f'"token":{{"type":"bearer","value":"{ONE}"}}',
]
NUMBERS = [
    ("Your verification code is 482913", "Your verification code is [secret]"),
    ("your one-time password is 482913.", "your one-time password is [secret]."),
    ("mfa_token=482913", "mfa_token=[secret]"),
    ("the status code is 404", "the status code is 404"),
    ("the security code is 128 bits", "the security code is 128 bits"),
    ("password: hunter is wrong", "password: [secret] is wrong"),
    ("password: correct horse battery staple", "password: [secret]"),
]
STAYS = [
    # sentences
    "password: Ensure this field has at least 8 characters.",
    "password: Input should be a valid string",
    "password: Shorter than minimum length 8.",
    "password: Extra inputs are not permitted",
    "DB_PASSWORD: Read from Vault",
    "secrets: Loading 12 keys",
    "cat: /etc/app/password: Permission denied",
    "{'password': [ErrorDetail(string='Ensure this value is valid.', code='min_length')]}",
    # descriptions
    "schema['properties']['password']:\n    {'type': 'string'}",
    '"properties":{"password":{"type":"string","minLength":8}}',
    '{"errors":{"token":{"message":"Path `token` is required.","kind":"required"}}}',
    # identifiers, versions, files, words
    "arn:aws:secretsmanager:eu:1:secret:prod/db-a1b2c3",
    '"cookie": "^0.6.0"',
    '"node_modules/cookie": {"version": "0.6.0"}',
    "Version=13.0.0.0, PublicKeyToken=30ad4fe6b2a6aeed",
    "SSL_PRIVATE_KEY=/etc/ssl/key.pem",
    *(f"pad_token='{token}'" for token in ("[PAD]", "</s>", "<|end|>")),
    '{"id_token_encryption_alg_values_supported": ["ECDH-ES+A256KW"]}',
    "password_hash=argon2",
    "secrets: inherit",
    "Setting up xauth:amd64 (1:1.1.2-1) ...",
]
DATA = [
    {"password": "Shorter than minimum length 8."},
    {"password": ["Ensure this field has at least 8 characters."]},
    {"properties": {"password": {"type": "string", "minLength": 8}}},
    {"errors": {"token": {"message": "Path `token` is required.", "kind": "required"}}},
    {"hash": "4b825dc642cb6eb9a060e54bf8d69288fbee4904"},
    {"cookie": "^0.6.0", "pad_token": "[PAD]"},
]


@pytest.mark.parametrize("text", MASKED)
def test_a_secret_is_masked(text: str) -> None:
    """Neither value is left, and a second pass changes nothing."""
    masked = REDACTOR.text(text)
    assert ONE not in masked
    assert OTHER not in masked
    assert REDACTOR.text(masked) == masked


@pytest.mark.parametrize(("text", "masked"), NUMBERS)
def test_a_number_or_a_word_is_judged_by_its_sentence(text: str, masked: str) -> None:
    """A number behind a name of a code, a word behind a name of a password."""
    assert REDACTOR.text(text) == masked


@pytest.mark.parametrize("text", STAYS)
def test_what_is_no_secret_stays(text: str) -> None:
    """A text without a secret is unchanged."""
    assert REDACTOR.text(text) == text


@pytest.mark.parametrize("data", DATA)
def test_data_that_is_no_secret_stays(data: dict[str, object]) -> None:
    """Data without a secret are unchanged."""
    assert REDACTOR.event({"extra": data})["extra"] == data

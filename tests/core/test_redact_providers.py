"""Each row of the table of providers finds its key, and nothing that is a little different."""

from __future__ import annotations

import functools
import re

import pytest

from sentryinit._redaction import providers
from sentryinit._redaction.placeholders import Placeholders, mask_spans
from sentryinit._redaction.text import TextMasker

MASKER = TextMasker()
MASK = functools.partial(Placeholders(), "secret")
# Characters of each alphabet, small enough that no key looks like one of another provider.
LETTERS = {"d": "0123456789", "x": "0123456789abcdef", "l": "0a1b2c3d4e5f", "A": "0A1B2C3D4E5F"}
SEPARATOR, OTHER = ":", "0aB1cD2eF3gH4iJ5kL6mN7pQ8rS9tU"
PART = re.compile(r"([a-zA-Z])(\d+)(\+|-\d+)?!?")
ROWS = [pytest.param(parts, id=" ".join(parts)) for parts in providers.parts_of_rows()]


def example(parts: providers.Parts, lack: int = 0) -> tuple[str, str]:
    """Return what stays of a key, and a key; its last part of variable length lacks *lack*."""
    start = len(parts[0])
    variable = [number for number, part in enumerate(parts) if PART.fullmatch(part)]
    before, texts = "", [""]
    for number, part in enumerate(parts):
        found = PART.fullmatch(part)
        if part == ">":
            before, texts = "".join(texts), [""]
        elif part == "uuid":
            texts.append("0a1b2c3d-4e5f-4a6b-8c7d-9e8f7a6b5c4d"[lack:])
        elif found:
            size = int(found[2]) - (lack if number == variable[-1] else 0)
            letters = SEPARATOR if found[1] == "s" else LETTERS.get(found[1], OTHER)
            texts.append((letters * 20)[start : start + size])
        else:
            texts.append(part.split(",")[0])
    return before, "".join(texts)


@pytest.mark.parametrize("parts", ROWS)
def test_a_key_is_masked(parts: providers.Parts) -> None:
    """It is masked alone, in a sentence, in quotes, in a URL, and percent-encoded before it."""
    before, key = example(parts)

    for text in ("{}", "got {} there", "key='{}'", '["{}", 17]', "https://h/a/{}", "/a%2F{}"):
        given, masked = (text.format(before + what) for what in (key, "[secret]"))
        assert mask_spans(given, providers.provider_keys(given), MASK) == masked
        assert key not in MASKER.text(given)
        assert MASKER.text(masked) == masked


def test_the_first_look_finds_each_key() -> None:
    """The fast test does not exclude it."""
    keys = ["".join(example(parts)) for parts in providers.parts_of_rows()]

    assert [key for key in keys if not providers.may_contain_keys(key)] == []


def test_a_shorter_key_is_none() -> None:
    """The pattern of a row does not match a key that is one character too short."""
    for parts in providers.parts_of_rows():
        text = "".join(example(parts, lack=1))
        first = parts[0] if PART.fullmatch(parts[0]) else parts[0].split(",")[0]

        assert not re.fullmatch(providers.pattern_of((first, *parts[1:])), text), parts


def test_a_key_with_another_character_in_it_is_none() -> None:
    """A key ends at a character that no alphabet has."""
    for parts in providers.parts_of_rows():
        before, key = example(parts)
        text = f"{before}{key[:3]}\N{MIDDLE DOT}{key[3:6]}"

        assert not providers.provider_keys(text), parts


KEPT = """\
sk-learn-estimators-and-pipelines
sk-model-v2-training-job-7d4b9c6f5d-x2x4z
key-value-store-connection-pool-2
live_migration_of_the_database_of_orders_2
test_user_can_log_in_with_second_factor_enabled_v2
secret_manager_client_timeout_in_seconds_2
EAAccessDeniedExceptionHandler
test_saveKeyEd25519EmptyPassphrase, test_socks4aSuccessfulResolution
ASIAPacificRegionalManager and SKPaymentTransactionObserverOfStore
SKU-1234567890-ABCDEF
ACCESS_CONTROL_ALLOW_ORIGIN_HEADER
web-7d4b9c6f5d-x2x4z and orders-api-7d4b9c6f5d-x2x4z
pk_orders_customer_id_created_at and sk_orders_customer_id_2
npm_config_registry_url_of_company and pypi-attestations-0.0.22
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
POST /api/webhooks/17/test and /hooks/useState
POST /webhooks/550e8400-e29b-41d4-a716-446655440000
s.connectionTimeoutInSeconds2
class u-margin-bottom-2xl t-heading-large md-modal-dialog-container-v2
d41d8cd98f00b204e9800998ecf8427e
order-550e8400-e29b-41d4-a716-446655440000
build 12345678-e3b0c44298fc1c149afbf4c8996fb92427ae41e4
foo.py,sha256=47DEQpj8HBSa-r8_kX3uTIm6QpGtIX2yL0mN9pQ4sT7vW1,17
image sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
glpat-xxxxxxxxxxxxxxxxxxxx and A3-XXXXXX-XXXXXXXXXXX-XXXXX-XXXXX-XXXXX
0012345678901234567890123456789012345678
arn:aws:iam::123456789012:role/AWSReservedSSO_AdministratorAccess
com.amazonaws.services.s3.model.AmazonS3Exception
$1 and $2 of $10, $2b$ or so
""".splitlines()


@pytest.mark.parametrize("text", KEPT)
def test_no_key(text: str) -> None:
    """A name, an identifier or a digest that begins as a key does stays."""
    assert MASKER.text(text) == text

"""Canaries: invented secrets that are planted in an event, and must not be stored with it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

# A part of a secret is a leak as well. Of random hex digits, so many are nowhere else by chance.
_PART = 12


@dataclass(frozen=True)
class Canary:
    """An invented secret. *carrier*: where it was planted, for a message in its place."""

    carrier: str
    secret: str = field(repr=False)


def invent(carrier: str) -> Canary:
    """Return a new canary for *carrier*: 32 hex digits, as tokens and passwords are."""
    return Canary(carrier, secrets.token_hex(16))


def invent_card(carrier: str) -> Canary:
    """Return a canary that is a valid number of a payment card, under a prefix for tests."""
    digits = "411111" + "".join(str(secrets.randbelow(10)) for _ in range(9))
    doubled = (int(d) * 2 if place % 2 == 0 else int(d) for place, d in enumerate(digits))
    total = sum(each - 9 if each > 9 else each for each in doubled)  # the Luhn algorithm
    return Canary(carrier, f"{digits}{-total % 10}")


def leaked(canaries: Iterable[Canary], whole: str) -> list[str]:
    """Return the carriers of the *canaries* that are, in whole or in part, in *whole*."""
    text = whole.lower()
    return [each.carrier for each in canaries if any(part in text for part in _parts(each.secret))]


def _parts(secret: str) -> tuple[str, ...]:
    # Of a card, first and last digits are no secret.
    return (secret,) if secret.isdigit() else (secret[:_PART], secret[-_PART:])

"""Which names of keys and path parameters are sensitive: ``X-Api-Key`` as well as ``apiKey``."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterable

from sentryinit._redaction.placeholders import PLACEHOLDER

# Sensitive anywhere in a name.
SUBSTRINGS = (
    "password passwd passphrase passcode pwd secret token apikey accesskey privatekey privkey "
    "accountkey authkey signingkey encryptionkey sharedkey masterkey subscriptionkey licensekey "
    "sshkey authorization basicauth authcode accesscode verificationcode securitycode cookie "
    "session sessid csrf xsrf credential signature connectionstring creditcard cardnumber "
    "mnemonic socialsecurity"
).split()
# Sensitive as the whole name only.
EXACT = tuple(
    "auth bearer card cardno ccnumber creds cvc cvc2 cvv cvv2 dsn hmac iban jwt otp pass pin "
    "pincode pw sentrydsn sid sig ssn totp xauth".split()
)
# Removed before the search: ``tokenizer`` is no token.
_HARMLESS = re.compile("tokeni[sz]|tokentype|secretar|sessionmaker")
# With these endings a number is not a secret: ``max_tokens=4096``.
COUNT_SUFFIXES = ("tokens", "count")
# Each name above contains one of these, whatever its punctuation. Most texts contain none.
_FRAGMENTS = tuple(
    "pass pw secret token key auth code cookie sess srf cred sig connectionstr card mnemonic "
    "social bearer cc cv dsn hmac iban jwt otp pin sid ssn".split()
)
# Sensitive as path parameters.
_PARAMETERS = frozenset("email mail phone username".split())
_WORDS = re.compile(r"[^\W\d_]+")
_PUNCTUATION = re.compile(r"[\W_]+")


def normalize(name: str) -> str:
    """Return *name* without case and punctuation."""
    return _PUNCTUATION.sub("", name).lower()


class Rank(enum.IntEnum):
    """How surely the values of a name are secrets."""

    NONE = 0
    RANDOM = 1  # ``key``, ``code``: a value that looks random
    LIKELY = 2  # ``token``, ``session``: a value that can be a secret
    CERTAIN = 3  # ``password``, and the user's names: any value


class KeyNames:
    """The default lists, and *more* names and path *parameters*."""

    def __init__(self, more: Iterable[str] = (), parameters: Iterable[str] = ()) -> None:
        more = list(more)
        self._parameters = _PARAMETERS.union(map(normalize, parameters))
        self._exact = frozenset((*EXACT, *filter(None, map(normalize, more))))
        self._fragments = (*_FRAGMENTS, *map(_longest_word, more))
        self._cached = functools.lru_cache(maxsize=4096)(self._decide)

    def may_contain(self, text: str) -> bool:
        """Return False if *text* has no sensitive name."""
        lowered = text.lower()
        for fragment in self._fragments:  # noqa: SIM110 # any() takes twice as long
            if fragment in lowered:
                return True
        return False

    def is_sensitive(self, name: str) -> bool:
        """Return True if values of *name* that can be a secret are masked."""
        return self.rank(name) >= Rank.LIKELY

    def rank(self, name: str) -> Rank:
        """Return how surely the values of *name* are secrets."""
        # Long names would fill the memory: applications make them up.
        return self._cached(name) if len(name) < 256 else self._decide(name)

    def is_sensitive_parameter(self, name: str) -> bool:
        """Return True if path parameters *name* are masked."""
        return normalize(name) in self._parameters or self.is_sensitive(name)

    def _decide(self, name: str) -> Rank:
        if PLACEHOLDER.search(name):
            return Rank.NONE  # it was masked before
        word = normalize(name)
        if word in self._exact:
            return Rank.CERTAIN
        word = _HARMLESS.sub("", word)
        return Rank.CERTAIN if any(substring in word for substring in SUBSTRINGS) else Rank.NONE


def _longest_word(name: str) -> str:
    """Return the longest word of *name*: every spelling has it."""
    words = _WORDS.findall(re.sub(r"([a-z])([A-Z])", r"\1 \2", name))
    return max((word.lower() for word in words), key=len, default="")

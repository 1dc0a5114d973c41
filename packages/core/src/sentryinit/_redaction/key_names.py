"""Which key names are sensitive, so that their values are masked.

Names are compared without case and punctuation: ``X-Api-Key`` and ``apiKey`` are equal.
"""

from __future__ import annotations

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
# Sensitive as the whole name only: in other words they are too common.
EXACT = tuple(
    "auth bearer card cardno ccnumber creds cvc cvc2 cvv cvv2 dsn hmac iban jwt otp pass pin "
    "pincode pw sentrydsn sid sig ssn totp xauth".split()
)
# Removed from a name before SUBSTRINGS are searched: ``tokenizer`` is not a token.
_HARMLESS = re.compile("tokeni[sz]|tokentype|secretar|sessionmaker")
# With these endings a number is not a secret: ``max_tokens=4096``.
COUNT_SUFFIXES = ("tokens", "count")
# Each name above contains one of these, whatever its punctuation. Most texts contain none, and
# are not searched for names at all.
_FRAGMENTS = tuple(
    "pass pw secret token key auth code cookie sess srf cred sig connectionstr card mnemonic "
    "social bearer cc cv dsn hmac iban jwt otp pin sid ssn".split()
)
_WORDS = re.compile(r"[^\W\d_]+")
_PUNCTUATION = re.compile(r"[\W_]+")


def normalize(name: str) -> str:
    """Return *name* in the form in which names are compared."""
    return _PUNCTUATION.sub("", name).lower()


class KeyNames:
    """The default list of sensitive names, and *more* names."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        more = list(more)
        self._exact = frozenset((*EXACT, *filter(None, map(normalize, more))))
        self._fragments = (*_FRAGMENTS, *map(_longest_word, more))
        self._cached = functools.lru_cache(maxsize=4096)(self._decide)

    def may_contain(self, text: str) -> bool:
        """Return False if *text* certainly contains no sensitive name."""
        lowered = text.lower()
        for fragment in self._fragments:  # noqa: SIM110 # any() takes twice as long
            if fragment in lowered:
                return True
        return False

    def is_sensitive(self, name: str) -> bool:
        """Return True if the value of a key *name* is to be masked."""
        # Applications make up names without limit: long ones would fill the memory.
        return self._cached(name) if len(name) < 256 else self._decide(name)

    def _decide(self, name: str) -> bool:
        if PLACEHOLDER.search(name):
            return False  # an earlier pass masked the name, and its value if that was a secret
        word = normalize(name)
        if word in self._exact:
            return True
        word = _HARMLESS.sub("", word)
        return any(substring in word for substring in SUBSTRINGS)


def _longest_word(name: str) -> str:
    """Return the longest word of *name*, which is the same in every spelling of it."""
    words = _WORDS.findall(re.sub(r"([a-z])([A-Z])", r"\1 \2", name))
    return max((word.lower() for word in words), key=len, default="")

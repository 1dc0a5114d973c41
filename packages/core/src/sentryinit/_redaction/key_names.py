"""Which names tell that their value is a secret.

Pure. Names are compared without punctuation and case: ``X-Api-Key`` and ``apiKey`` are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sentryinit._redaction.placeholders import MARK

# Anywhere in a name.
TELLING = (
    "password passwd passphrase passcode pwd secret token apikey accesskey privatekey privkey "
    "accountkey authkey signingkey encryptionkey sharedkey masterkey subscriptionkey licensekey "
    "sshkey authorization basicauth authcode accesscode verificationcode securitycode cookie "
    "session sessid csrf xsrf credential signature connectionstring creditcard cardnumber "
    "mnemonic socialsecurity"
).split()
# Too short, or too common, to be looked for inside other words.
EXACT = tuple(
    "auth bearer card cardno ccnumber creds cvc cvc2 cvv cvv2 dsn hmac iban jwt otp pass pin "
    "pincode pw sentrydsn sid sig ssn totp xauth".split()
)
# Words that have a telling one inside of them, and tell nothing.
_HARMLESS = re.compile("tokeni[sz]|tokentype|secretar|sessionmaker")
# A number of tokens is not a token.
COUNTS = ("tokens", "count")
# One of these is in each name above, however it is parted: most texts have none of them.
_STEMS = tuple(
    "pass pw secret token key auth code cookie sess srf cred sig connectionstr card mnemonic "
    "social bearer cc cv dsn hmac iban jwt otp pin sid ssn".split()
)
_PARTS = re.compile(r"[^\W\d_]+")
_PUNCTUATION = re.compile(r"[\W_]+")


def plain(name: str) -> str:
    """Return *name* as names are compared."""
    return _PUNCTUATION.sub("", name).lower()


class Names:
    """The default list and *more* names; remembers what it was asked, within a bound."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        more = list(more)
        self._exact = frozenset((*EXACT, *filter(None, map(plain, more))))
        self._stems = (*_STEMS, *map(_stem, more))
        self._known: dict[str, bool] = {}

    def hinted(self, text: str) -> bool:
        """Tell whether a sensitive name may be in *text*; if not, there is none."""
        lowered = text.lower()
        for stem in self._stems:  # noqa: SIM110 # any() takes twice as long
            if stem in lowered:
                return True
        return False

    def is_sensitive(self, name: str) -> bool:
        """Tell whether a value called *name* is a secret."""
        known = self._known.get(name)
        if known is None:
            known = self._judge(name)
            # Names come from applications: without an end to it this would be a leak.
            if len(self._known) < 4096 and len(name) < 256:
                self._known[name] = known
        return known

    def _judge(self, name: str) -> bool:
        if MARK.search(name):
            return False  # masked before; what was under it then is masked, or is no secret
        word = plain(name)
        if word in self._exact:
            return True
        word = _HARMLESS.sub("", word)
        return any(telling in word for telling in TELLING)


def _stem(name: str) -> str:
    """Return the longest part of *name* that is written in one, whoever writes it."""
    words = _PARTS.findall(re.sub(r"([a-z])([A-Z])", r"\1 \2", name))
    return max((word.lower() for word in words), key=len, default="")

"""Which names tell that their value is a secret.

Pure. Names are compared without punctuation and case: ``X-Api-Key`` and ``apiKey`` are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sentryinit._marks import MARK

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
_COUNTS = ("tokens", "count")
_PUNCTUATION = re.compile(r"[\W_]+")


def plain(name: str) -> str:
    """Return *name* as names are compared."""
    return _PUNCTUATION.sub("", name).lower()


class Names:
    """The default list and *more* names; remembers what it was asked, within a bound."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        self._exact = frozenset((*EXACT, *filter(None, map(plain, more))))
        self._known: dict[str, bool] = {}

    def is_sensitive(self, name: str) -> bool:
        """Tell whether a value called *name* is a secret."""
        known = self._known.get(name)
        if known is None:
            known = self._judge(name)
            # Names come from applications: without an end to it this would be a leak.
            if len(self._known) < 4096 and len(name) < 256:
                self._known[name] = known
        return known

    def hides(self, name: str, value: object) -> bool:
        """Tell whether *value* is to be masked for its name: a number of tokens is not a token."""
        if not self.is_sensitive(name):
            return False
        return not (isinstance(value, (int, float)) and plain(name).endswith(_COUNTS))

    def _judge(self, name: str) -> bool:
        if MARK.search(name):
            return False  # masked before; what was under it then is masked, or is no secret
        word = plain(name)
        if word in self._exact:
            return True
        word = _HARMLESS.sub("", word)
        return any(telling in word for telling in TELLING)

"""What stands in the place of what has been masked.

Pure. A mark says what kind of value it was; with a key, also which one, without telling it.
"""

from __future__ import annotations

import hashlib
import hmac
import re

SECRET, EMAIL, IP = "secret", "email", "ip"

# What a pass over an event leaves alone, so that a second one changes nothing.
MARK = re.compile(r"\[(?:secret|email|ip)(?::[0-9a-f]{12})?\]")


class Marks:
    """Makes marks. Equal values have equal marks if there is a *key*, within a kind."""

    def __init__(self, key: str = "") -> None:
        self._key = key.encode("utf-8", "surrogatepass")

    def __call__(self, kind: str, value: object) -> str:
        """Return the mark for *value*; a container has a mark that says its kind only."""
        if not self._key or not isinstance(value, (str, int, float)):
            return f"[{kind}]"
        text = f"{kind}\n{value}".encode("utf-8", "surrogatepass")
        return f"[{kind}:{hmac.new(self._key, text, hashlib.sha256).hexdigest()[:12]}]"

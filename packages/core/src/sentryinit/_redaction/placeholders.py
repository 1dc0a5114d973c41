"""Placeholders for masked values: ``[secret]``, ``[email]``, ``[ip]``, ``[query]``."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable

SECRET, EMAIL, IP, QUERY = "secret", "email", "ip", "query"

# Never masked again (contract G3).
_KINDS = "secret|email|ip|query"
PLACEHOLDER = re.compile(rf"\[(?:{_KINDS})(?::[0-9a-f]{{12}})?\]")
# A part of other patterns: no placeholder begins here.
NO_PLACEHOLDER = rf"(?!\[(?:{_KINDS})\b)"

# Returns what stands in place of a text.
Mask = Callable[[str], str]
# Start and end in a text.
Span = tuple[int, int]


class Placeholders:
    """Makes placeholders. With a *key*, they have a hash: equal values look equal."""

    def __init__(self, key: str = "") -> None:
        self._key = key.encode("utf-8", "surrogatepass")

    def __call__(self, kind: str, value: object) -> str:
        """Return the placeholder for *value*; a container is never hashed."""
        if not self._key or not isinstance(value, (str, int, float)):
            return f"[{kind}]"
        text = f"{kind}\n{value}".encode("utf-8", "surrogatepass")
        return f"[{kind}:{hmac.new(self._key, text, hashlib.sha256).hexdigest()[:12]}]"


def mask_spans(text: str, spans: Iterable[Span], mask: Mask) -> str:
    """Mask *spans*, except where they overlap an earlier one."""
    done, parts = 0, []
    for start, end in spans:
        if start >= done:
            parts += [text[done:start], mask(text[start:end])]
            done = end
    return "".join([*parts, text[done:]]) if parts else text

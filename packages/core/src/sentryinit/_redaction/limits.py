"""Size limits, and what every backend can store."""

from __future__ import annotations

import math
import re

from sentryinit._redaction.placeholders import PLACEHOLDER

# Bytes of an event (Bugsink takes 1 MiB), levels of nesting, items, characters of a key or line.
SIZE, DEPTH, ITEMS, KEY = 400_000, 20, 250, 200
ELLIPSIS = "..."
# Between two words, and card numbers and IBANs in groups, also a part of one.
_BETWEEN = " \n\t,;|"
_GROUPS = re.compile(r"(?<![A-Za-z0-9])(?:[A-Z0-9]{1,4}[\s-]+)+\Z")
# Colours and the like of a terminal (ECMA-48): they stand between a name and its value, too.
_CONTROL = re.compile(r"\x1b\[[0-9;:?]{0,32}[ -/]{0,4}[@-~]")
# Relay and GlitchTip refuse NUL and lone surrogates.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def storable(text: str) -> str:
    """Replace characters that cannot be stored by U+FFFD; remove the colours of a terminal."""
    if text.isprintable():
        return text
    return _UNSTORABLE.sub("\ufffd", _CONTROL.sub("", text) if "\x1b" in text else text)


def truncate(text: str, limit: int) -> str:
    """Return at most *limit* characters of *text*, with ``...`` if it was longer."""
    return text if len(text) <= limit else _head(text, limit) + ELLIPSIS[:limit]


def truncate_before_masking(text: str, limit: int) -> str:
    """Return the start of *text*, without what may be half a secret at its end."""
    if len(text) <= limit:
        return text
    head = text[:limit]
    end = max(map(head.rfind, _BETWEEN))
    # Half of a run without end is no secret that a pattern finds.
    head = head[: end + 1] if end > limit // 2 else head[:-256]
    groups = _GROUPS.search(head, max(len(head) - 80, 0))
    return (head[: groups.start()] if groups else head) + ELLIPSIS


def truncate_at_space(text: str, limit: int) -> str:
    """Truncate *text* between words: no pattern finds the first half of a secret."""
    if len(text) <= limit:
        return text
    head = _head(text, limit)
    space = max(head.rfind(" "), head.rfind("\n"))
    return (head[:space] if space > limit // 2 else head) + ELLIPSIS[:limit]


def _head(text: str, limit: int) -> str:
    """Return the start of *text*; half a placeholder would be masked again."""
    end = max(limit - len(ELLIPSIS), 0)
    at = text.rfind("[", max(end - 24, 0), end)
    found = PLACEHOLDER.match(text, at) if at >= 0 else None
    return text[: at if found and found.end() > end else end]


def storable_number(value: float) -> float | str:
    """Return *value*, or its text if it cannot be stored."""
    if isinstance(value, int) and value.bit_length() > 1024:
        return f"a number of {value.bit_length()} bits"
    is_storable = -(2**63) <= value < 2**63 if isinstance(value, int) else math.isfinite(value)
    return value if is_storable else str(value)


def json_size(text: str) -> int:
    """Return the bytes of *text* as JSON, about."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) * 3

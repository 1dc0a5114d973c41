"""Texts and numbers that every backend can store, and bounds on how much there is of them.

Pure. See ``docs/explanation/redaction.md`` for what backends choke on.
"""

from __future__ import annotations

import math
import re

from sentryinit._redaction.placeholders import MARK

# Relay and GlitchTip refuse NUL and halves of surrogate pairs; the other control characters are of
# use to nobody, and six bytes each in JSON.
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
TAIL = "..."


def clean(text: str) -> str:
    """Return *text* without what cannot be stored."""
    return text if text.isprintable() else _UNSAFE.sub("\ufffd", text)


def cut(text: str, limit: int) -> str:
    """Return *text* in at most *limit* characters; three dots say that there was more."""
    return text if len(text) <= limit else _head(text, limit) + TAIL[:limit]


def cut_at_blank(text: str, limit: int) -> str:
    """As :func:`cut`, but not within a word: half of a secret does not look like one."""
    if len(text) <= limit:
        return text
    head = _head(text, limit)
    blank = max(head.rfind(" "), head.rfind("\n"))
    # A text without blanks has no words.
    return (head[:blank] if blank > limit // 2 else head) + TAIL[:limit]


def _head(text: str, limit: int) -> str:
    """Return what is kept of *text*: not the half of a mark, which would be masked again."""
    end = max(limit - len(TAIL), 0)
    at = text.rfind("[", max(end - 24, 0), end)
    mark = MARK.match(text, at) if at >= 0 else None
    return text[: at if mark and mark.end() > end else end]


def line(text: str, limit: int) -> str:
    """Return *text* as one line of at most *limit* characters, without blanks at its ends."""
    return cut(" ".join(clean(text).split()), limit)


def number(value: float) -> float | str:
    """Return *value*, or as text what JSON or a database has no number for."""
    if isinstance(value, int):
        if -(2**63) <= value < 2**63:
            return value
        bits = value.bit_length()
        return str(value) if bits <= 1024 else f"a number of {bits} bits"
    return value if math.isfinite(value) else str(value)


def cost(text: str) -> int:
    """Return about how many bytes *text* is as JSON."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) * 3

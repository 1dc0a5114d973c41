"""String literals after a sensitive name in source lines. Takes linear time."""

from __future__ import annotations

import re

from sentryinit._redaction.key_names import KeyNames
from sentryinit._redaction.key_values import argument, quoted, values
from sentryinit._redaction.placeholders import Mask, Span, mask_spans
from sentryinit._redaction.value_ends import NONE, OPENING

# A target, with or without an annotation.
_TARGET = re.compile(
    r"""(?<![\w.\[\]])([\w.\[\]]+)
    (["']?\]?\s{0,4}(?::\s{0,4}[\w.\[\]]{1,40}\s{0,4}={1,2}|={1,3}|[:!]=|:)\s{0,4})""",
    re.VERBOSE,
)
# In a string literal: at its start, and in a URL.
_HEADER = re.compile(r"(?<=[\"'])([\w-]+):[ ]")
_QUERY = re.compile(r"[?&]([\w.%\[\]-]+)=")


def mask_literals(text: str, names: KeyNames, mask: Mask) -> str:
    """Mask the string literals of sensitive names in source code."""
    for pattern, find_value in (_TARGET, _literal), (_HEADER, argument), (_QUERY, argument):
        text = mask_spans(text, values(text, pattern, names, find_value), mask)
    return text


def _literal(text: str, match: re.Match[str]) -> Span:
    opening = OPENING.match(text, match.end())
    return quoted(text, opening) if opening else NONE

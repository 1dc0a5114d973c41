"""Values after a sensitive name in a text: ``password=...``, ``"token": "..."``.

Takes linear time: a value is read only after a sensitive name, and the search goes on after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sentryinit._redaction.key_names import KeyNames, normalize
from sentryinit._redaction.placeholders import PLACEHOLDER, Mask, Span, mask_spans
from sentryinit._redaction.secret_values import (
    NO_SECRET,
    is_assigned_secret,
    is_secret_in_sentence,
    is_sentence_word,
)

# As in Python and its reprs, JSON (also JSON in JSON), YAML, headers, query strings.
_NAME = re.compile(
    r"""(?<![\w.%\[\]$-])([\w.%\[\]$-]+)
    (?:(\\*["']?[\])]?\s{0,4}(?:=>|->|:=|={1,3}|:)\s{0,4})|(\\*["']\s{0,4},\s{0,4}))""",
    re.VERBOSE,
)
# A query string inside a value of another.
_SEPARATOR = re.compile("%(?:25)*(?:3F|26|3B|20)", re.IGNORECASE)
_ENCODED = re.compile(
    r"(?:%(?:25)*(?:3F|26|3B)|^|[?&;=\s\"'])([\w.\[\]-]+)%(?:25)*3D", re.IGNORECASE
)

OPENING = re.compile(r"[bBrRuUfF]{0,2}(\\*)(\"{3}|'{3}|[\"'])")
_QUOTED = {'"': re.compile(r"(?s)(?:[^\"\\]+|\\.)*"), "'": re.compile(r"(?s)(?:[^'\\]+|\\.)*")}
_BARE = re.compile(r"(?:[^\s&\"'<>,;]|[,;](?!\s|$|[\w.-]{1,64}\s?[=:]))*")
_BRACKETS = {"[": "]", "{": "}", "(": ")"}
_SCHEME = re.compile(
    r"(?i)(?:bearer|basic|digest|token|negotiate|apikey|aws4-hmac-sha256|hawk|dpop)(?:\s|%20|\+)+"
)
_ENCODED_VALUE = re.compile(r"(?:[^\s&\"'<>%]|%(?!(?:25)*(?:26|3B|22))[0-9A-Fa-f]{0,2})*")
_LINE, _WHOLE_LINE = re.compile(r"[^\r\n\"']*"), re.compile(r"[^\r\n]*")

# Finds the value of a matched name; NONE if it is no secret.
FindValue = Callable[[str, re.Match[str]], Span]
NONE: Span = (0, 0)


def mask_key_values(text: str, names: KeyNames, mask: Mask) -> str:
    """Mask the values of sensitive names."""
    for hint, pattern, find_value in _IN_TEXT:
        if hint in text:
            text = mask_spans(text, values(text, pattern, names, find_value), mask)
    return text


def values(
    text: str, pattern: re.Pattern[str], names: KeyNames, find_value: FindValue
) -> Iterator[Span]:
    """Find the values of sensitive names that *pattern* matches."""
    done = 0
    for match in pattern.finditer(text):
        if match.start() < done or not names.is_sensitive(_SEPARATOR.split(match[1])[-1]):
            continue
        start, end = find_value(text, match)
        if start < end and not PLACEHOLDER.match(text, start):
            yield start, end
            done = end


def quoted(text: str, opening: re.Match[str]) -> Span:
    start, (escape, quote) = opening.end(), opening.groups()
    if escape or len(quote) == 3:
        # JSON in JSON, or a truncated text.
        found = text.find(escape + quote, start)
        end = len(text) if found < 0 else found
    else:
        end = _end(_QUOTED[quote], text, start)
    return NONE if NO_SECRET.fullmatch(text, start, end) else (start, end)


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    return pattern.match(text, start).end()  # type: ignore[union-attr] # it also matches ""


def _assigned(text: str, match: re.Match[str]) -> Span:
    bracket = match[1].rfind("[")
    if bracket >= 0 and PLACEHOLDER.match(text, match.start() + bracket):
        return NONE  # the name is part of a placeholder
    quoted_name = text[match.start() - 1 : match.start()] in {"'", '"'}
    opening = OPENING.match(text, match.end())
    if match[3] and not (quoted_name and opening):
        return NONE  # a comma in a sentence
    if opening:
        return quoted(text, opening)
    name = normalize(match[1])
    start, end = _unquoted(text, match, name, quoted_name=quoted_name)
    value = text[start:end]
    if not value or NO_SECRET.fullmatch(value):
        return NONE
    is_assignment = quoted_name or "=" in match[2]
    is_secret = is_assigned_secret if is_assignment else is_secret_in_sentence
    return (start, end) if is_secret(match[2], name, value) else NONE


def _unquoted(text: str, match: re.Match[str], name: str, *, quoted_name: bool) -> Span:
    start = match.end()
    closing = _BRACKETS.get(text[start : start + 1])
    if closing:
        found = text.find(closing, start)
        return start, len(text) if found < 0 else found + 1
    if ":" in match[2] and ("cookie" in name or "authorization" in name):
        return start, _end(_LINE if quoted_name else _WHOLE_LINE, text, start)
    scheme = _SCHEME.match(text, start)
    end = _end(_BARE, text, scheme.end() if scheme else start)
    return start, start + len(text[start:end].rstrip(".,;:!?)]}"))


def argument(text: str, match: re.Match[str]) -> Span:
    start, opening = match.end(), OPENING.match(text, match.end())
    if opening:
        return quoted(text, opening)
    end = _end(_BARE, text, start)
    if NO_SECRET.fullmatch(text, start, end) or is_sentence_word(text[start:end]):
        return NONE
    return start, end


def _rest(pattern: re.Pattern[str]) -> FindValue:
    return lambda text, match: (match.end(), _end(pattern, text, match.end()))


# A text in each match, the pattern of a name, and what finds its value.
_IN_TEXT = (
    ("", _NAME, _assigned),
    ("%", _ENCODED, _rest(_ENCODED_VALUE)),
)

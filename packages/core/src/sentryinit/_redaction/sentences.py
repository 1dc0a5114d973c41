"""Secrets behind a name and blanks only: ``password hunter2``. Takes linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentryinit._redaction.key_names import KeyNames, Rank
from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import Span
from sentryinit._redaction.styles import Style, is_secret, name_at
from sentryinit._redaction.value_ends import bare_end

# In the names that sentences have.
_WORDS = "pass secret token key code pwd cred auth session cookie jwt senha kennwort".split()
_NAME = lazy(rf"(?:{'|'.join(_WORDS)})[\w.-]{{0,24}}[\"'`*]{{0,2}}[ \t]")
# A quotation, a word with a digit or a capital letter in it, a long word.
_VALUE = lazy(
    r"""[ \t]{0,3}(?:[-\u2013(<#][ \t]?)?((?:(?:for|of)[ ]\S{1,40}[ ])?(?:(?:is|was|are):?
        |(?:(?:is|was)[ ])?(?:used|provided|invalid|rejected|expired|not[ ]valid):
        |(?:for|of)[ ](?:user[ ])?[\w.@-]{1,40}:|(?:mismatch:[ ])?expected(?=[ ][\"'])
        |changed[ ]from
        |[|]|\.(?=[ ]\"))[ \t]{1,4})?
    (?:[\"'`]([^\"'`\n]{1,100})[\"'`]|(?=[^\s\d\"'`]{0,40}\d|[A-Za-z]{0,20}[a-z][A-Z]|[A-Za-z]{20}))""",
    re.VERBOSE,
)
# The second one of two values.
_SECOND = lazy(r"[\"'],?[ ](?:but[ ])?(?:got|to|and|was)[ ][\"']([^\"'\n]{1,100})[\"']")
# A one-time code ends its sentence.
_CODE = lazy(r"\d{4,8}(?=[.!,]?(?:\s|$))(?![ ][a-z])")
_WORD = lazy(r"[\w.$%\[\]-]{0,32}[\"'`*\s]{0,3}\Z")


def may_contain(text: str) -> bool:
    """Return False if *text* has none of the names."""
    lowered = text.lower()
    for word in _WORDS:  # noqa: SIM110 # any() takes twice as long
        if word in lowered:
            return True
    return False


def values_in_sentences(text: str, names: KeyNames) -> Iterator[Span]:
    """Find the values."""
    lowered = text.lower()
    lowered = lowered if len(lowered) == len(text) else text
    for match in _NAME.finditer(lowered):
        value = _VALUE.match(text, match.end())
        if not value:
            continue
        start, end = value.span(2)
        if start < 0:
            start, end = value.end(), bare_end(text, value.end())
        found = _WORD.search(text[max(match.start() - 32, 0) : match.end()])
        spelling = found[0] if found else ""
        at = match.end() - len(spelling)
        name = name_at(text, at, spelling.strip("\"'`* \t"), names)
        if name.rank == Rank.LIKELY and value[1]:
            name = name._replace(rank=Rank.CERTAIN)  # the token is abc123
        is_keyword = value[2] and (name.text.isupper() or text[max(at - 1, 0)] in ":(")
        style = Style.QUOTED if is_keyword and name.rank >= Rank.CERTAIN else Style.BLANKS
        if name.rank >= Rank.CERTAIN and value[1] and _CODE.match(text, start):
            style = Style.ASSIGNED  # the code is 123456
        if name.rank and is_secret(text[start:end], name, style):
            yield start, end
            second = _SECOND.match(text, end)
            if second and value[2]:
                yield second.span(1)

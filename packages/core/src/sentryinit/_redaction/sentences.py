"""Secrets behind a name and blanks only: ``password hunter2``. Takes linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentryinit._redaction.key_names import KeyNames, Rank
from sentryinit._redaction.placeholders import Span
from sentryinit._redaction.styles import Style, is_secret
from sentryinit._redaction.value_ends import bare_end

# In the names that sentences have.
_WORDS = "pass secret token key pwd cred auth session cookie jwt senha kennwort".split()
_NAME = re.compile(rf"(?:{'|'.join(_WORDS)})[\w.-]{{0,24}}[\"'`*]{{0,2}}[ \t]")
# A quotation, a word with a digit or a capital letter in it, a long word.
_VALUE = re.compile(
    r"""[ \t]{0,3}(?:(?:is|was|are|[|]|provided:|\.(?=[ ]\"))[ \t]{1,4})?
    (?:[\"'`]([^\"'`\n]{1,100})[\"'`]|(?=[^\s\d\"'`]{0,40}\d|[A-Za-z]{0,20}[a-z][A-Z]|[A-Za-z]{20}))""",
    re.VERBOSE,
)
_WORD = re.compile(r"[\w.$%\[\]-]{0,32}[\"'`*\s]{0,3}\Z")
_WORD_BEFORE = re.compile(r"([A-Za-z]{1,24})[ ]\Z")


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
        start, end = value.span(1)
        if start < 0:
            start, end = value.end(), bare_end(text, value.end())
        found = _WORD.search(text[max(match.start() - 32, 0) : match.end()])
        name = found[0].strip("\"'`* \t") if found else ""
        rank = name_rank(text, match.end() - len(found[0]) if found else 0, name, names)
        if rank and is_secret(text[start:end], name, rank, Style.BLANKS, names):
            yield start, end


def name_rank(text: str, start: int, name: str, names: KeyNames) -> Rank:
    """Return the rank of *name* at *start*, with the word before it: ``API key``."""
    rank = names.rank(name)
    if rank == Rank.RANDOM:
        before = _WORD_BEFORE.search(text[max(start - 25, 0) : start])
        if before:
            return names.rank(f"{before[1]}_{name}")
    return rank

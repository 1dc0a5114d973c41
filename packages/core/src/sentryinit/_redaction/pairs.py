"""Values that belong to a name as items of a pair, a call, an object, a comparison.

Takes linear time: what is read around a match is bounded, or the search goes on behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentryinit._redaction.key_names import KeyNames, Rank
from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import Span
from sentryinit._redaction.secret_values import looks_random
from sentryinit._redaction.styles import Name, Style, is_secret, secret_span
from sentryinit._redaction.value_ends import NONE, value_at

# A literal that is compared with a name.
_COMPARED = lazy(r"(?<!\w)[\"']([^\"'\n]{4,100})[\"'] [!=]={1,2} ([\w.]+)")
# An object with two keys, one for a name and one for its value.
_VALUE_KEY = lazy(r"(?<![\w-])(?i:val(?:ue)?|content)\\{0,15}[\"']?[ \t]*(?:=>?|:)[ \t]*")
_NAME_KEY = lazy(
    r"(?<![\w-])(?i:name|key|field|param(?:eter)?|id|header|variable|option|property)"
    r"\\{0,15}[\"']?[ \t]*(?:=>?|:)[ \t]*(?:\\{0,15}[\"'])?([\w.%\[\]$-]{2,64})"
)
_OBJECT_BOUND = lazy(r"[{}<>(]|\n\s{0,64}-\s|\n\s*\n")
_PAIR_IN_LIST = lazy(r"[\[(,]\s?[\[(][\"']\Z")
# Beside a name, these are names, too.
_FIELDS = frozenset(
    "email user username name first_name last_name login host port database id phone is_staff "
    "is_active is_superuser".split()
)
_FIELD = lazy("[a-z_]+")


def second_item(text: str, match: re.Match[str], name: Name) -> Span:
    """Return the second one of two items: ``('password', 'hunter2')``."""
    value = value_at(text, match.end())
    before = text[max(match.start() - 5, 0) : match.start()]
    after = text[value.end : value.end + 64].lstrip("\\\"' \t\r\n")[:1]
    is_item = match[3] == "(" or before[-1:] in {'"', "'", "{"}
    is_option = name.text.startswith("-")  # of a command line
    if not is_item or not (is_option or after in {")", "]", "}", ""}):
        return NONE
    found = text[value.start : value.end]
    is_field = found in _FIELDS or (_FIELD.fullmatch(found) and name.names.rank(found) > Rank.NONE)
    is_word = before[-2:-1] == "[" and found.isalpha() and not looks_random(found)
    if (is_field or is_word) and not _PAIR_IN_LIST.search(before):
        return NONE  # two names: ``['password', 'email']``
    return secret_span(text, value, name, Style.QUOTED)


def values_of_objects(text: str, names: KeyNames) -> Iterator[Span]:
    """Find values in objects such as ``{"name": "password", "value": "hunter2"}``."""
    done = 0
    for match in _VALUE_KEY.finditer(text):
        if match.start() < done:
            continue
        before = _OBJECT_BOUND.split(text[max(match.start() - 200, 0) : match.start()])[-1]
        found = list(_NAME_KEY.finditer(before))[-1:] or _name_behind(text, match.end())
        rank = names.rank(found[0][1]) if found else Rank.NONE
        if rank == Rank.NONE:
            continue
        value = value_at(text, match.end())
        span = secret_span(text, value, Name(found[0][1], rank, names), Style.ASSIGNED)
        if span != NONE:
            yield span
            done = span[1]


def _name_behind(text: str, start: int) -> list[re.Match[str]]:
    """Find the name of the value at *start* behind it."""
    text = text[start : start + 300]
    if not _NAME_KEY.search(text):
        return []
    behind = _OBJECT_BOUND.split(text[value_at(text, 0).end :])[0]
    return list(_NAME_KEY.finditer(behind))[:1]


def compared_values(text: str, names: KeyNames) -> Iterator[Span]:
    """Find literals before a name: ``if "hunter2" == password``."""
    for match in _COMPARED.finditer(text):
        name = Name(match[2], names.rank(match[2]), names)
        if name.rank > Rank.NONE and is_secret(match[1], name, Style.QUOTED):
            yield match.span(1)

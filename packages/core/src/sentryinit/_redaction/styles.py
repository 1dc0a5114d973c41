"""Whether a value in a text is a secret: its name's rank, how it is written, its form."""

from __future__ import annotations

import enum
import re

from sentryinit._redaction.key_names import KeyNames, Rank, normalize
from sentryinit._redaction.placeholders import PLACEHOLDER, Span
from sentryinit._redaction.secret_values import (
    is_placeholder,
    is_secret_value,
    is_sentence,
    is_sentence_word,
    looks_random,
)
from sentryinit._redaction.value_ends import NONE, SCHEME

# Values in brackets. What is before a colon or an equals sign is a name.
_SCALAR = re.compile(
    r"(?<![\w\\])[bruBRU]?[\"'`]((?:[^\"'`\\]|\\.|(?<=\w)[\"'`](?=\w))*)[\"'`](?!\s{0,4}(?::|=))"
    r"|([\w$./+@!#%^&*-]+)(?![\w$./+@!#%^&*-]|[\"'`]|\s{0,4}[:=(])"
)
_ALGORITHM = re.compile(r"(?i)(?:sha|md|utf|base|hs|rs|es|oauth|ssh|aes|ipv|level|v)[-_]?\d+")
_MIXED = re.compile(r"(?=[^\s]*\d)(?=[^\s]*[A-Za-z])[^\s./\\:=()\[\]{}<>]{6,}")
_DOTTED = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|->|::)[\w$]+)*")
_WORDS = re.compile(r"[A-Za-z_-]+")
_CLASS = re.compile(r"(?:[A-Z][a-z]+){2,}")
# Two numbers: a counter, an offset.
_COUNTER = re.compile(r"\d{1,10}[_:/-]\d{1,12}")
# A sentence of a validator, whatever it says.
_VALIDATOR = re.compile(r"[A-Z][a-z'’]+(?: [\w'’-]+){2,20}\.")
_TYPES = frozenset(
    "any bool bytes char float int object str string text varchar true false yes no on off".split()
)


class Style(enum.IntEnum):
    """How a name and a value are written: the more one is sure that they are a pair."""

    BLANKS = 1  # token abc
    COLON = 2  # token: abc
    ASSIGNED = 3  # token=abc
    QUOTED = 4  # token="abc"


def is_secret(value: str, name: str, rank: Rank, style: Style, names: KeyNames) -> bool:
    """Return True if *value* of a name of *rank*, written in *style*, is masked."""
    value = value[scheme.end() :] if (scheme := SCHEME.match(value)) else value
    if not value or is_placeholder(value) or PLACEHOLDER.fullmatch(value):
        return False
    if is_sentence(value) or _VALIDATOR.fullmatch(value):
        return False
    if rank == Rank.RANDOM:
        return (style > Style.BLANKS or len(value) >= 16) and looks_random(value)
    if style == Style.BLANKS:
        certain = rank == Rank.CERTAIN and _MIXED.fullmatch(value)
        return bool(certain or looks_random(value)) and not _ALGORITHM.fullmatch(value)
    if not is_secret_value(value, rank):
        return False
    if style == Style.QUOTED:
        return True
    if _is_code(value, name, rank, names) or is_sentence_word(value.split(maxsplit=1)[0]):
        return False
    return rank == Rank.CERTAIN or not value.isalpha() or looks_random(value)


def secrets_in(  # noqa: PLR0913, PLR0917 # what the decision depends on
    text: str, span: Span, name: str, rank: Rank, style: Style, names: KeyNames
) -> Span:
    """Return the first to the last secret in brackets; NONE without one."""
    found = []
    for match in _SCALAR.finditer(text, *span):
        group = 1 if match[1] is not None else 2
        # In a call, a word in quotes is a name.
        is_word = style == Style.BLANKS and _WORDS.fullmatch(match[group])
        quoted = Style.QUOTED if group == 1 and not is_word else style
        if match[group] and is_secret(match[group], name, rank, quoted, names):
            found.append(match.span(group))
    return (found[0][0], found[-1][1]) if found else NONE


def _is_code(value: str, name: str, rank: Rank, names: KeyNames) -> bool:
    """Return True for a type, a boolean, and a variable of a sensitive name."""
    if _COUNTER.fullmatch(value):
        return rank == Rank.LIKELY
    if not _DOTTED.fullmatch(value):
        return False
    last = re.split(r"\W+", value)[-1]
    word, name = normalize(last), normalize(name)
    if value.lower() in _TYPES or (_CLASS.fullmatch(value) and name in f"{word}s"):
        return True
    if name.endswith(word) and names.rank(last) > Rank.NONE:
        return True  # ``db_password = password``
    if last != value and rank == Rank.LIKELY and not looks_random(value):
        return True
    is_compound = not last.islower() or "_" in last or last != value
    return is_compound and last.replace("_", "").isalpha() and names.is_sensitive(last)

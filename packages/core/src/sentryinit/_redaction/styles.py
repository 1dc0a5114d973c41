"""Whether a value in a text is a secret: its name's rank, how it is written, its form."""

from __future__ import annotations

import enum
import re
from typing import NamedTuple

from sentryinit._redaction.key_names import KeyNames, Rank, normalize
from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import PLACEHOLDER, Span
from sentryinit._redaction.secret_values import (
    KINDS,
    is_placeholder,
    is_secret_value,
    is_sentence,
    is_sentence_word,
    looks_random,
)
from sentryinit._redaction.value_ends import NONE, SCHEME, Form, Value, call_arguments

# Values in brackets. What is before a colon or an equals sign is a name.
_SCALAR = lazy(
    rf"{PLACEHOLDER.pattern}|"
    # Behind a validator's sentence is its kind (Django REST framework).
    r"(?<![\w\\])(?<!['\"], code=)[bruBRU]?[\"'`]"
    r"((?:[^\"'`\\]|\\.|(?<=\w)[\"'`](?=\w))*)[\"'`](?!\s{0,4}(?::|=))"
    r"|(?<![\w$./+@!#%^&*-])([\w$./+@!#%^&*-]+)(?![\w$./+@!#%^&*-]|[\"'`]|\s{0,4}[:=(])"
)
_ALGORITHM = lazy(r"(?i)(?:sha|md|utf|base|hs|rs|es|oauth|ssh|aes|ipv|level|v)[-_]?\d+")
_MIXED = lazy(r"(?=[^\s]*\d)(?=[^\s]*[A-Za-z])[^\s./\\:=()\[\]{}<>]{6,}")
# A field of a template; punctuation.
_FIELD = lazy(r"\{\}|\{[\w.]+![rsa]\}|\$\{\w+:[^{}]{0,40}\}|[\W_]*")
_DOTTED = lazy(r"[A-Za-z_$][\w$]*(?:(?:\.|->|::)[\w$]+)*")
_WORD_BEFORE = lazy(r"([A-Za-z]{1,24})[ ]\Z")
_WORDS = lazy(r"[A-Za-z_-]+")
_CLASS = lazy(r"(?:[A-Z][a-z]+){2,}")
# Two numbers: a counter, an offset; a number of 64 bits; an object of Java.
_COUNTER = lazy(r"\d{1,10}[_:/-]\d{1,12}|0x[0-9A-Fa-f]{1,16}|[\w.$]*[A-Z]\w*@[0-9a-f]{1,8}")
# A schema's or an error's description of a field: its values are words. One may be an example.
_DESCRIPTION = lazy(
    r"\{\s{0,80}\\{0,15}[\"'](?:\$ref|message|kind|type\\{0,15}[\"']:\s?\\{0,15}[\"']"
    rf"(?:{'|'.join(KINDS)}))\\{{0,15}}[\"']"
    r"(?![\s\S]*[\"'](?:default|examples?|const|enum|value)\\{0,15}[\"']:)"
)
# A sentence of a validator, whatever it says; a prompt.
_VALIDATOR = lazy(r"[A-Z][a-z'\u2019]+(?: [\w'\u2019-]+){2,20}\.|[A-Z][\w ]{2,40}[:?]\s?")
_TYPES = frozenset(
    "any bool bytes char float int object secretbytes secretstr str string text varchar true false "
    "yes no on off".split()
)


class Style(enum.IntEnum):
    """How a name and a value are written: the more one is sure that they belong together."""

    BLANKS = 1  # token abc
    COLON = 2  # token: abc
    ASSIGNED = 3  # token=abc
    QUOTED = 4  # token="abc"


class Name(NamedTuple):
    """A sensitive name in a text."""

    text: str
    rank: Rank
    names: KeyNames


def name_at(text: str, start: int, name: str, names: KeyNames) -> Name:
    """Return *name* with its rank; the word before it counts: ``API key``."""
    rank = names.rank(name)
    if rank == Rank.RANDOM:
        before = _WORD_BEFORE.search(text[max(start - 25, 0) : start])
        rank = names.rank(f"{before[1]}_{name}") if before else rank
    return Name(name, rank, names)


def is_secret(value: str, name: Name, style: Style) -> bool:
    """Return True if *value*, written in *style*, is masked."""
    value = PLACEHOLDER.sub(lambda m: m[0].split(":")[0].rstrip("]") + "]", value)
    value = value[scheme.end() :] if (scheme := SCHEME.match(value)) else value
    if not value or is_placeholder(value) or PLACEHOLDER.fullmatch(value):
        return False
    if name.rank == Rank.OWN and style > Style.BLANKS:
        return True
    if name.rank == Rank.RANDOM:
        is_candidate = (style > Style.BLANKS or len(value) >= 16) and looks_random(value[:64])
        return is_candidate and not _is_other(value, name.rank)
    if _is_other(value, name.rank):
        return False
    if style == Style.BLANKS:
        certain = name.rank >= Rank.CERTAIN and _MIXED.fullmatch(value)
        return bool(certain or looks_random(value)) and not _ALGORITHM.fullmatch(value)
    if not is_secret_value(value, name.rank):
        return False
    if style == Style.QUOTED:
        return True
    if _is_code(value, name) or is_sentence_word(value.split(maxsplit=1)[0]):
        return False
    return name.rank >= Rank.CERTAIN or not value.isalpha() or looks_random(value)


def _is_other(value: str, rank: Rank) -> bool:
    """Return True for a field of a template, a sentence, a counter."""
    if _FIELD.fullmatch(value) or is_sentence(value) or _VALIDATOR.fullmatch(value):
        return True
    return rank <= Rank.LIKELY and _COUNTER.fullmatch(value) is not None


def secret_span(text: str, value: Value, name: Name, style: Style) -> Span:
    """Return what is masked of *value*; NONE if it is no secret."""
    start, end, form = value
    found = text[start:end]
    if form is Form.CALL:
        return _secrets_in(text, call_arguments(text, value), name, Style.BLANKS)
    if form is Form.LINES:
        has_several = name.rank >= Rank.CERTAIN or name.text[-1:] in "sS"
        return _secrets_in(text, (start, end), name, Style.BLANKS) if has_several else NONE
    if form is Form.BRACKET:
        is_field = _FIELD.fullmatch(found) or is_placeholder(found)
        if is_field or (found[:1] == "<" and not is_secret_value(found, name.rank)):
            return NONE
        if _DESCRIPTION.match(found):
            name = name._replace(rank=min(name.rank, Rank.RANDOM))
        return NONE if _secrets_in(text, (start, end), name, style) == NONE else (start, end)
    if form is Form.HEADER and "=" in found:
        name = name._replace(rank=Rank.CERTAIN)  # a cookie may be short
    style = {Form.QUOTED: Style.QUOTED, Form.BLOCK: Style.ASSIGNED}.get(form, style)
    return (start, end) if is_secret(found, name, style) else NONE


def _secrets_in(text: str, span: Span, name: Name, style: Style) -> Span:
    """Return the first to the last secret in brackets; NONE without one."""
    found = []
    for match in _SCALAR.finditer(text, *span):
        group = 1 if match[1] is not None else 2
        # In a call, a word in quotes is a name.
        is_word = style == Style.BLANKS and _WORDS.fullmatch(match[group] or "")
        quoted = Style.QUOTED if group == 1 and not is_word else style
        if match[group] and is_secret(match[group], name, quoted):
            found.append(match.span(group))
    return (found[0][0], found[-1][1]) if found else NONE


def _is_code(value: str, name: Name) -> bool:
    """Return True for a type, a boolean, and a variable of a sensitive name."""
    if not _DOTTED.fullmatch(value):
        return False
    last, own = re.split(r"\W+", value)[-1], normalize(name.text)
    word = normalize(last)
    if value.lower() in _TYPES or (_CLASS.fullmatch(value) and own in f"{word}s"):
        return True
    if last != value and name.rank == Rank.LIKELY and not looks_random(value):
        return True
    if own.endswith(word) and name.names.rank(last) > Rank.NONE:
        return True  # ``db_password = password``
    is_compound = not last.islower() or "_" in last or last != value
    return is_compound and last.replace("_", "").isalpha() and name.names.is_sensitive(last)

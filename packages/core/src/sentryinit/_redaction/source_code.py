"""String literals after a sensitive name in source lines, and texts in other literals.

Takes linear time: what is read after a name is bounded, or the search goes on behind it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sentryinit._redaction.key_names import KeyNames, Rank
from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import PLACEHOLDER, Mask, Span, mask_spans
from sentryinit._redaction.secret_values import (
    is_placeholder,
    is_secret_value,
)

# A string, also one that is not closed: quote and content.
_STRING = (
    r"[bBrRuUfF@$]{0,2}(?:(\"{3}|'{3})((?:[^\\\"']|\\[\s\S]|(?!\1)[\"'])*)(?:\1|\Z)"
    r"|(\")((?:[^\"\\\n]|\\[\s\S])*)(?:\"|$)|(')((?:[^'\\\n]|\\[\s\S])*)(?:'|$)"
    r"|(`)([^`\n]*)(?:`|$))"
)
_LITERAL = lazy(_STRING, re.MULTILINE)
_TEXT = lazy(rf"{_STRING}|(\#)([^\n]*)", re.MULTILINE)
_BRACKET = lazy(rf"{_STRING}|(?P<open>[(\[{{])|(?P<close>[)\]}}])", re.MULTILINE)
# A target, with or without an annotation, or several; a key; an argument; what is called.
_TARGET = lazy(
    r"""(?<![\w.-])(?<!class[ ])(?<!def[ ])(-{0,2})([\w.-]+)
    ((?:["'`]?\]?\s{0,4}(?:
        :[ ]{0,4}(?:[\w.| &]|\[[\w.\[\],| "'()=]{1,60}\]){1,40}={1,2}|={1,3}|[:!]=|=>|:(?![ ]*\n)
        |[)][ ][=!]=|(?:,[ ]?\w{1,40}){1,4}[)]?[ ]=[ ]
        |[ ](?:\|\||\?\?|or|(?:not[ ])?in(?=[ ][(\[{]))[ ])
      |["'`]\s{0,4}[,:]|\()(?:\s|\\\n){0,80})""",
    re.VERBOSE,
)
# A pair of JSON, also in a text whose quotes are not escaped.
_PAIR = lazy(r"([\"'])([\w.-]{1,64})\1\s{0,4}:\s{0,4}(?=[\"'])")
_CALL = lazy(r"(?:new\s)?([\w.]{1,80})\(\s{0,80}")
# A call that takes the name of a setting and its default.
_SETTING = lazy(r"(?i)(?:.*\.)?(?:get|getenv|env|config|pop|setdefault)|\w*env\w*\.\w+")
# What is compared with the literal in front of it.
_COMPARED = lazy(r"\s?[=!]={1,2}\s?([\w.]{1,80})")
# The name of a column that is bound to a value, or columns; the values behind the statement.
_BOUND = lazy(
    r"(\w{1,64})[\]\"`]?\s?=\s?(?:%s|\?|\$\d|:\w)|\(([\w, \"`]{1,500})\)\s{0,80}(?i:VALUES)"
)
_PARAMETERS = lazy(r"\s{0,4},\s{0,80}(?=[(\[])")
# A literal that comes later: a default, an alternative, the value of a pair.
_LATER = lazy(
    r"[^\n#]{0,200}?(?:\b(?:default|fallback|value|initial)[\"']?\s{0,2}[=:]\s{0,2}|\s(?:or|else|\|\||\?\?)\s)"
)
# Between literals of one value.
_JOINED = lazy(r"\s{0,4}\+\s{0,80}|[ ]{0,4}(?=[\"'])")
_TUPLE = lazy(r"\s{0,4}[,+]?\s{0,80}")
_KEY = lazy(r"\s{0,4}[:=]")
# Calls that return their argument, that take a name and its value, that take only a name.
_WRAPPER = lazy(
    r"(?i)(?:.*\.)?(?:str|bytes|bytearray|string|b64\w+|\w*secret\w*|field|some|\w*hash\w*|sha\d+|md5)"
)
_SETTER = lazy(
    r"(?i)\b(?:get|getenv|getattr|set\w*|put\w*|pop|define|config|env|str|add\w*header|parametrize)"
    r"\([^()\"']{0,40}$"
)
_GETTER = lazy(r"(?i)(?:.*\.)?(?:get|fetch|load|read|find|has|is|ask|input|prompt|delete)")
# Calls whose second argument is a password or a key.
_LOGIN = lazy(
    r"[\w.]*(?:Basic|Digest|Proxy|Plain)\w*Auth\w*|(?:.*\.)?basic_auth|.*\.(?:login|simple_bind_s)|jwt\.\w+code"
)
_FIRST = lazy(rf"(?:{_STRING}|[^,()\"'\n]{{1,80}}),\s{{0,80}}(?:\w{{1,40}}=)?")
_NAME = lazy(r"[\w.-]{1,64}")
# A field of a template; how a header begins.
_FIELD = lazy(rf"{PLACEHOLDER.pattern}|\$?\{{[^{{}}]*\}}|%s")
_FIELDS = lazy(r"(\{[^{}]*\})")
_SCHEME = lazy(r"(?i)(?:bearer|basic|token|digest)?[\W_]*")
# What is masked by its parts: the connection behind the name "dsn".
_CONNECTION = lazy(r"://[^/\s]{1,300}@|\w=[^;\s]{1,300}[;\s]\s?\w{1,40}=|;")


def mask_literals(text: str, names: KeyNames, mask: Mask, mask_text: Callable[[str], str]) -> str:
    """Mask the literals of sensitive names; *mask_text* masks other literals and comments."""
    text = mask_spans(text, _pairs(text, names), mask)
    text = mask_spans(text, _related(text, names), mask)
    text = mask_spans(text, _values(text, names), mask)
    return _TEXT.sub(lambda literal: _mask_inside(literal, mask_text), text)


def literals(text: str, start: int, end: int) -> Iterator[Span]:
    """Find the contents of strings between *start* and *end* that are no keys."""
    for literal in _LITERAL.finditer(text, start, end):
        if not _KEY.match(text, literal.end()) and is_no_template(text, *_content(literal)):
            yield _content(literal)


def is_no_template(text: str, start: int, end: int) -> bool:
    """Return False for what stands for a value: nothing, ``%s``, a placeholder."""
    value = text[start:end].strip()
    return not (is_placeholder(value) or _SCHEME.fullmatch(_FIELD.sub("", value)))


def closing(text: str, start: int) -> int:
    """Return the end of the bracket that begins at *start*."""
    depth = 0
    for found in _BRACKET.finditer(text, start):
        depth += (found.lastgroup == "open") - (found.lastgroup == "close")
        if not depth:
            return found.end()
    return len(text)


def _content(literal: re.Match[str]) -> Span:
    return literal.span(literal.lastindex or 0)


def _mask_inside(literal: re.Match[str], mask_text: Callable[[str], str]) -> str:
    start, end = _content(literal)
    at, text = literal.start(), literal.string
    parts = [text[start:end]]
    if "f" in text[at : at + 2].lower():
        parts = _FIELDS.split(parts[0])
    parts[::2] = map(mask_text, parts[::2])
    return "".join([text[at:start], *parts, text[end : literal.end()]])


def _hide_text(literal: re.Match[str]) -> str:
    """Return *literal* without its content, if that is no name."""
    start, end = _content(literal)
    if _NAME.fullmatch(literal.string, start, end):
        return literal[0]
    at, text = literal.start(), literal.string
    return text[at:start] + "\0" * (end - start) + text[end : literal.end()]


def _pairs(text: str, names: KeyNames) -> Iterator[Span]:
    for match in _PAIR.finditer(text):
        rank, literal = names.rank(match[2]), _LITERAL.match(text, match.end())
        if rank and literal:
            yield from _secrets(text, [_content(literal)], rank)


def _related(text: str, names: KeyNames) -> Iterator[Span]:
    """Find literals in front of what they are compared with, and parameters of statements."""
    done = 0
    for literal in _LITERAL.finditer(text):
        if compared := _COMPARED.match(text, literal.end()):
            yield from _secrets(text, [_content(literal)], names.rank(compared[1]))
        parameters = _PARAMETERS.match(text, literal.end()) if literal.start() >= done else None
        bound = _BOUND.findall(text[slice(*_content(literal))]) if parameters else ()
        if parameters and any(map(names.is_sensitive, re.findall(r"\w+", str(bound)))):
            done = closing(text, parameters.end())
            values = list(literals(text, parameters.end(), done))
            yield from _secrets(text, values, Rank.LIKELY)


def _secrets(text: str, spans: list[Span], rank: Rank) -> Iterator[Span]:
    for start, end in spans:
        is_connection = rank == Rank.LIKELY and _CONNECTION.search(text, start, end)
        if is_connection or not is_no_template(text, start, end):
            continue
        if is_secret_value(text[start:end], rank):
            yield start, end


def _values(text: str, names: KeyNames) -> Iterator[Span]:
    at, code = 0, _TEXT.sub(_hide_text, text)
    while match := _TARGET.search(code, at):
        targets = (match[2].strip("."), *(match[3].split(",") if match[3][:1] == "," else ()))
        rank = max(names.rank(target.strip(" =)")) for target in targets)
        is_call = match[3].strip() == "("
        if is_call and _LOGIN.fullmatch(match[2]):
            first = _FIRST.match(code, match.end())
            rank, (spans, at) = Rank.CERTAIN, _run(code, first.end() if first else 0, _JOINED)
        elif rank:
            rank, spans, at = (_arguments if is_call else _find)(code, match, rank)
        else:
            at = match.end(2)  # "if x: password = ..." looks like an annotation of x
            continue
        at = max(at, match.end(2))
        if rank == Rank.RANDOM:  # a list of names
            spans = [span for span in spans if not names.rank(text[slice(*span)])]
        yield from _secrets(text, spans, rank)


# How surely literals are secrets, where they are, and the end of them.
_Found = tuple[Rank, list[Span], int]


def _arguments(text: str, match: re.Match[str], rank: Rank) -> _Found:
    """Find the arguments of ``set_password(...)``; others have to look random."""
    if rank >= Rank.CERTAIN and not _GETTER.match(match[2]):
        end = closing(text, text.index("(", match.start(3)))
        found = literals(text, match.end(), end)
        return rank, [span for span in found if "=" not in text[span[0] - 3 : span[0]]], end
    return Rank.RANDOM, *_run(text, match.end(), _JOINED)


def _find(text: str, match: re.Match[str], rank: Rank) -> _Found:
    """Find what is assigned to a name or compared with it, or is paired with a literal."""
    at = match.end()
    literal, call = _LITERAL.match(text, at), _CALL.match(text, at)
    is_value = literal and not _KEY.match(text, literal.end())
    later = None if is_value else _LATER.match(text, at)
    if match[3].strip()[-1] == ",":
        before = text[max(match.start() - 90, 0) : match.start() - 1]
        rank = rank if match[1] or later or _SETTER.search(before) else Rank.RANDOM
    if match[3].endswith("in ") and rank < Rank.CERTAIN:
        rank = Rank.RANDOM
    if text[at : at + 1] in {"(", "[", "{"}:
        end = closing(text, at)
        return rank, list(literals(text, at, end)), end
    if call and not literal:
        first = _FIRST.match(text, call.end())
        if _LOGIN.fullmatch(call[1]) or _SETTING.fullmatch(call[1]):
            at = (later or first or call).end()
            rank = rank if later or first else Rank.NONE
        elif _WRAPPER.fullmatch(call[1]) and _LITERAL.match(text, call.end()):
            at = call.end()
        else:
            at, rank = (later.end(), rank) if later else (call.end(), Rank.RANDOM)
    elif later:
        at = later.end()
    return rank, *_run(text, at, _TUPLE if match[3].endswith(" = ") else _JOINED)


def _run(text: str, at: int, between: re.Pattern[str]) -> tuple[list[Span], int]:
    """Return the contents of the literals from *at* on, and where they end."""
    spans: list[Span] = []
    while literal := _LITERAL.match(text, at):
        if spans and _KEY.match(text, literal.end()):
            break
        spans.append(_content(literal))
        at = literal.end()
        if not (joint := between.match(text, at)):
            break
        at = joint.end()
    return spans, at

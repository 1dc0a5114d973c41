"""Where a value in a text ends: what it begins with decides. Takes linear time.

A quote ends at its partner, a bracket and a call at theirs, a block scalar (YAML) with its
indentation, a header with its line. All others end at a blank or at what begins another value.
"""

from __future__ import annotations

import enum
import functools
import re
import sys
from typing import NamedTuple

from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import PLACEHOLDER, Span

NONE: Span = (0, 0)
# So many characters decide whether a value is a secret. It is read on only if it is: otherwise
# ``token:token:token:`` would take quadratic time.
_DECIDING = 256
OPENING = lazy(r"[bBrRuUfF$]{0,2}(\\{0,15})(\"{3}|'{3}|[\"'`\u201c]|&quot;|&#3[49];|(?<=\\)u0022)")

# Before a value: tags and anchors (YAML), types and constructors, marks of Erlang and Markdown.
_PREFIX = lazy(
    r"(?:(?:!{1,2}[\w:/.-]{0,64}|&[\w-]{1,64}|string\(\d{1,9}\)|new|await|Just|\*\*)[ \t]+"
    r"|<<(?=\"))*"
)
# A quote ends no value if a word begins behind it, and if it is doubled (SQL, CSV).
_QUOTED = {
    quote: lazy(
        rf"(?s)(?:[^{quote}\\]+|\\.|{quote}(?=\w[^{quote}\n]*{quote})|{quote}{quote}(?=\w))*"
    )
    for quote in "\"'`"
}
_CLOSING_QUOTE = {"\u201c": "\u201d"}
_CLOSING = {"[": "]", "{": "}", "(": ")"}
_TOKEN = lazy(r"(?<![\w\\])(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|[\[{(]|[\]})]", re.DOTALL)
_DEPTH = 16
_CALL = lazy(r"\$?(?:[A-Za-z_]\w{0,64}(?:\.|::))*([A-Za-z_]\w{0,64})!?[(\[]|[A-Z][A-Za-z]{1,64}\{")
_AFTER = lazy(r"(?=[\s)\]},;:.'\"`&|]|$)")
# The repr of an object; that of a class or a function has no value.
_OBJECT = lazy(
    r"<(?:(class|function|module|bound method)|[A-Za-z][\w.]{0,64})[ :(=][^<>\n]{0,500}>"
)
_ANGLE = lazy(r"<[^<>\s/][^<>\s]{0,200}>")
# The default of a setting, the rest of a call is code.
_DEFAULT = lazy(
    r"\b(?:default|fallback)=(?=[\"'])"
    r"|\b(?:get|getenv|env|config)\([\"'][\w.-]{1,80}[\"'], ?(?=[\"'])"
)
# A variable of a template or a shell.
_TEMPLATE = lazy(r"(?:\$\{\{?|\{\{|\$\()[^{}\n()]{0,200}(?:\}\}?|\))")
_BLOCK = lazy(r"(?:[|>][+\d-]{0,2})?[ \t]*(?:#[^\n]{0,200})?\r?\n(?=[ \t]*\S)")
# So many characters of nested lines.
_NESTED = 1000
_INDENT = lazy(r"[ \t]*(?:- [ \t]*)?")
_ITEM = lazy(r"[ \t]*- (?![\w.\"'-]{1,64}:\s)")
SCHEME = lazy(
    r"(?i)(?:bearer|basic|digest|token|negotiate|apikey|aws4-hmac-sha256|hawk|dpop)(?:\s|%20|\+)+"
)
# Another value begins: ``name=``, ``name:``.
_NEXT = r"[\w.-]{1,64}[ \t]?(?:=|:(?!/))"
_BARE = lazy(
    rf"""(?:[^\s&\"'<>,;|)\]}}\\]
    |\\(?![rn](?:\\|{_NEXT}|[\s\"']|$))
    |[,;|](?!\s|$|{_NEXT})
    |&(?![\w.%\[\]$+-]{{1,64}}=|&|\#|quot;|\s|$)
    |(?<=\w)[\"'](?=\w)
    |<(?![/!?]|\w{{1,64}}(?:/?>|\s[\w:-]{{1,64}}=))
    |[)\]}}](?![\[({{]))*""",
    re.VERBOSE,
)
_LINE = lazy(rf"(?:[^\s,;]+|[,;](?!\s)|[ \t]+(?!{_NEXT}|\#|$))*")
_HEADER = {quote: lazy(rf"(?:[^\r\n\\{quote}]|\\(?![rn]))*") for quote in ("", '"', "'", "`")}


class Form(enum.Enum):
    """What a value begins with."""

    QUOTED = enum.auto()
    BRACKET = enum.auto()
    CALL = enum.auto()
    BLOCK = enum.auto()
    LINES = enum.auto()
    BARE = enum.auto()
    HEADER = enum.auto()


class Value(NamedTuple):
    """A value in a text."""

    start: int
    end: int
    form: Form


def value_at(text: str, start: int, *, quote: str = "", header: bool = False) -> Value:
    """Find the value at *start*; *quote*: what its name is quoted by, if it is a header."""
    if header:
        return Value(start, _end(_HEADER[quote], text, start, start + _DECIDING), Form.HEADER)
    start = _end(_PREFIX, text, start)
    found = (find(text, start) for find in (_quoted, _template, _bracket, _object, _block, _call))
    return next(filter(None, found), None) or Value(
        start, bare_end(text, start, start + _DECIDING), Form.BARE
    )


def _quoted(text: str, start: int) -> Value | None:
    opening = OPENING.match(text, start)
    return Value(opening.end(), quoted_end(text, opening), Form.QUOTED) if opening else None


def _template(text: str, start: int) -> Value | None:
    """Return no value for a variable of a template or a shell."""
    found = _TEMPLATE.match(text, start)
    return Value(start, start, Form.BARE) if found and _AFTER.match(text, found.end()) else None


def _bracket(text: str, start: int) -> Value | None:
    if text[start : start + 1] not in _CLOSING or PLACEHOLDER.match(text, start):
        return None
    end = _bracket_end(text, start)
    if end:
        # Also what is glued to it.
        return Value(start, bare_end(text, end, end + 32), Form.BRACKET)
    # The text is truncated; with nothing behind, it is a line of code.
    has_more = text[start + 1 :].strip()
    return Value(start, len(text), Form.QUOTED) if has_more else Value(start, start, Form.BARE)


def _object(text: str, start: int) -> Value | None:
    shown = _OBJECT.match(text, start)
    if shown:
        return Value(start, start if shown[1] else shown.end(), Form.BRACKET)
    found = _ANGLE.match(text, start)
    return Value(start, bare_end(text, found.end(), found.end() + 32), Form.BARE) if found else None


def _call(text: str, start: int) -> Value | None:
    call = _CALL.match(text, start)
    if not call:
        return None
    end = _bracket_end(text, call.end() - 1)
    if not end and call[1][:1].isupper() and (quoted := _quoted(text, call.end())):
        return quoted  # the text is truncated
    if end and _AFTER.match(text, end):
        return Value(start, end, Form.CALL)
    has_more = end or text[call.end() :].strip()
    return None if has_more else Value(start, start, Form.BARE)


def call_arguments(text: str, value: Value) -> Span:
    """Return what is in the brackets of a constructor, or the default of a function, or NONE."""
    call = _CALL.match(text, value.start)
    name = (call and call[1]) or ""
    wraps = name[:1].isupper() or name in {"bytes", "bytearray", "str", "frozenset", "set"}
    start = call if wraps else _DEFAULT.search(text, value.start, value.end)
    return (start.end(), value.end - (text[value.end - 1] in ")]")) if start else NONE


def quoted_end(text: str, opening: re.Match[str]) -> int:
    """Return the end of what *opening* quotes."""
    escape, quote = opening.groups()
    if not escape and quote in _QUOTED:
        return _end(_QUOTED[quote], text, opening.end())
    # JSON in JSON, or a truncated text.
    found = _closing(escape, _CLOSING_QUOTE.get(quote, quote)).search(text, opening.end())
    return found.start() if found else len(text)


def whole(text: str, value: Value, quote: str) -> int:
    """Return the end of *value* also if it is long."""
    if value.end - value.start < _DECIDING - 1:
        return value.end
    if value.form is Form.HEADER:
        return _end(_HEADER[quote], text, value.start)
    return max(value.end, bare_end(text, value.start)) if value.form is Form.BARE else value.end


def bare_end(text: str, start: int, limit: int = sys.maxsize) -> int:
    """Return the end of a value without quotes."""
    scheme = SCHEME.match(text, start)
    mark = PLACEHOLDER.match(text, start)
    begin = scheme.end() if scheme else mark.end() if mark else start
    end = max(_end(_BARE, text, begin, limit), begin)
    return begin + _without_closing(text[begin:end])


def _without_closing(found: str) -> int:
    """Return the length of *found* without the punctuation and brackets that close its context."""
    surplus = {end: found.count(end) - found.count(begin) for begin, end in _CLOSING.items()}
    length = len(found)
    while length and surplus.get(found[length - 1], found[length - 1] in ".,;:!?") > 0:
        length -= 1
        if found[length] in surplus:
            surplus[found[length]] -= 1
    return length


def line_end(text: str, start: int) -> int:
    """Return the end of a value that goes on to the end of its line, or to the next value."""
    return start + _without_closing(text[start : _end(_LINE, text, start)].rstrip())


@functools.lru_cache(maxsize=64)
def _closing(escape: str, quote: str) -> re.Pattern[str]:
    return lazy(r"(?<!\\)" + re.escape(escape + quote))


def _bracket_end(text: str, start: int) -> int:
    """Return the end of a bracket, 0 if it is truncated or too deep."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        if len(token[0]) == 1:
            depth += 1 if token[0] in _CLOSING else -1
        if depth == 0:
            return token.end()
        if depth > _DEPTH:
            break
    return 0


def _block(text: str, start: int) -> Value | None:
    """Find the lines of a block scalar, or the items of a list (YAML)."""
    block = _BLOCK.match(text, start)
    if not block:
        return None
    begin = text.rfind("\n", 0, start) + 1
    indent = _end(_INDENT, text, begin) - begin
    is_scalar = text[start] in "|>"
    is_list = not is_scalar and _ITEM.match(text, block.end())
    end, limit = block.end(), len(text) if is_scalar or is_list else block.end() + _NESTED
    while end < min(len(text), limit):
        stop = text.find("\n", end) + 1 or len(text)
        line = text[end:stop]
        inside = len(line) - len(line.lstrip()) > indent or not line.strip()
        if not (_ITEM.match(line) if is_list else inside):
            break
        end = stop
    if end == block.end():
        return None
    found = text[block.end() : end]
    form = Form.BLOCK if is_scalar or is_list else Form.LINES
    start = end - len(found.lstrip(" \t\r\n" if is_scalar else " \t\r\n-"))
    return Value(start, max(start, end - len(found) + len(found.rstrip())), form)


def _end(pattern: re.Pattern[str], text: str, start: int, limit: int = sys.maxsize) -> int:
    return pattern.match(text, start, limit).end()  # type: ignore[union-attr] # it matches ""

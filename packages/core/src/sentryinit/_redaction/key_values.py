"""Values after a sensitive name in a text: ``password=...``, ``"token": "..."``.

Takes linear time: a value is read only after a sensitive name, and the search goes on after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sentryinit._redaction.key_names import KeyNames, Rank, normalize
from sentryinit._redaction.placeholders import PLACEHOLDER, Mask, Span, mask_spans
from sentryinit._redaction.secret_values import (
    is_placeholder,
    is_secret_value,
    is_sentence_word,
    looks_random,
)
from sentryinit._redaction.sentences import name_rank, values_in_sentences
from sentryinit._redaction.styles import Style, is_secret, secrets_in
from sentryinit._redaction.value_ends import (
    NONE,
    Form,
    Value,
    bare_end,
    call_arguments,
    line_end,
    quoted_end,
    value_at,
    whole,
)

# What may close a name: quotes, also those of JSON in JSON and of HTML, and brackets.
_CLOSE = (
    r"(?:\\{0,15}[\"'`]|\u201d|&quot;|&\#3[49];|\*\*)?[\])]?(?:[ ][(\[][\w* ]{0,20}[)\]](?=:))?"
)
# A type before an assignment, as in Python, TypeScript, and Go.
_TYPED = (
    r"(?::[ ][\w.\[\]]{1,40}(?:[ ]?\|[ ]?[\w.\[\]]{1,40}){0,3}|(?<=[ ])(?:string|\[\]byte))"
    r"(?:[ ]=[ ]|=(?=[\"']))"
)
# As in programs and their reprs, JSON, YAML, headers, query strings; the pairs of lists and calls.
_NAME = re.compile(
    rf"""(?<![\w.%\[\]$-])([\w.%\[\]$-]+)(?![\w.%\[\]$-])
    (?:({_CLOSE}[ \t]*(?=[=:~;&|?!+.s\[<\u2192-])
        (?:{_TYPED}|[?!+.:|~]{{0,3}}={{1,3}}>?|(?<![)][ ])->|~>|<-(?=[ ])|\u2192
            |:(?!:)(?:\*\*)?|&\#61;|;s:\d{{1,9}}:)
        [ \t]*)
    |((?:\\{{0,15}}["'])?[ \t]*,[ \t]*|\()(?=\\{{0,15}}["']|[bru]["']))""",
    re.VERBOSE,
)
# A literal that is compared with a name.
_COMPARED = re.compile(r"(?<!\w)[\"']([^\"'\n]{4,100})[\"'] [!=]={1,2} ([\w.]+)")
# An object with two keys, one for a name and one for its value.
_VALUE_KEY = re.compile(r"(?<![\w-])(?i:val(?:ue)?|content)\\{0,15}[\"']?[ \t]*(?:=>?|:)[ \t]*")
_NAME_KEY = re.compile(
    r"(?<![\w-])(?i:name|key|field|param(?:eter)?|id|header|variable|option|property)"
    r"\\{0,15}[\"']?[ \t]*(?:=>?|:)[ \t]*(?:\\{0,15}[\"'])?([\w.%\[\]$-]{2,64})"
)
_OBJECT_BOUND = re.compile(r"[{}<>(]|\n\s{0,64}-\s|\n\s*\n")
_PAIR_IN_LIST = re.compile(r"[\[(,]\s?[\[(][\"']\Z")
_SENTENCE_GOES_ON = re.compile(r"[^\W\d_]+ [^\W\d_]")
# A literal behind a literal: both are the value, or the new one.
_CONTINUED = re.compile(r"[\"'][ \t]{1,4}(?:->[ ]|\+[ ])?()([\"'])(?!\s|\W*$)")
_FIELDS = frozenset(
    "email user username name first_name last_name login host port database id phone is_staff "
    "is_active is_superuser".split()
)
_FIELD = re.compile("[a-z_]+")
_NEXT_LINE = re.compile(r"\r?\n[ \t]*(?=[\"'\[{])")
_START_OF_LINE = re.compile(r"(?:^|[\r\n])[ \t]*(?:export[ ]|set[ ]|- )?\Z")

# A query string inside a value of another.
_SEPARATOR = re.compile("%(?:25)*(?:3F|26|3B|20|22)", re.IGNORECASE)
_ENCODED = re.compile(
    r"(?:%(?:25)*(?:3F|26|3B|22|2F)|^|[?&;=/\s\"'])([\w.\[\]-]+)"
    r"(?:%(?:25)*22)?%(?:25)*3[AD](?:%(?:25)*22)?",
    re.IGNORECASE,
)
_ENCODED_VALUE = re.compile(r"(?:[^\s&\"'<>%]|%(?!(?:25)*(?:26|3B|22))[0-9A-Fa-f]{0,2})*")

# Finds the value of a matched name; NONE if it is no secret.
FindValue = Callable[[str, re.Match[str]], Span]


def mask_key_values(text: str, names: KeyNames, mask: Mask) -> str:
    """Mask the values of sensitive names."""
    text = mask_spans(text, _assigned_values(text, names), mask)
    if "val" in text.lower():
        text = mask_spans(text, _object_values(text, names), mask)
    if "= " in text:
        text = mask_spans(text, _compared_values(text, names), mask)
    text = mask_spans(text, values_in_sentences(text, names), mask)
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


def _assigned_values(text: str, names: KeyNames) -> Iterator[Span]:
    done = 0
    for match in _NAME.finditer(text):
        if match.start() < done:
            continue
        name = match[1]
        name = _SEPARATOR.split(name)[-1] if "%" in name else name
        rank = name_rank(text, match.start(), name, names)
        if rank == Rank.NONE:
            continue
        find_value = _assigned if match[2] else _paired
        span = find_value(text, match, rank, names)
        while span != NONE:
            yield span
            done = span[1]
            more = _CONTINUED.match(text, done)
            span = quoted(text, more) if more else NONE


def _assigned(text: str, match: re.Match[str], rank: Rank, names: KeyNames) -> Span:
    bracket = match[1].rfind("[")
    if bracket >= 0 and PLACEHOLDER.match(text, match.start() + bracket):
        return NONE  # the name is part of a placeholder
    name, start = normalize(match[1]), match.end()
    before = text[max(match.start() - 1, 0) : match.start()]
    quote = before if before and before in "\"'`" else ""
    style = Style.ASSIGNED if quote or "=" in match[2] else Style.COLON
    if quote and text.startswith(quote, start) and quote not in match[2]:
        return NONE  # it closes what begins before the name: input("Password: ")
    if before == match[2] == ":":
        style = Style.BLANKS  # arn:aws:secretsmanager:secret:db
    below = _NEXT_LINE.match(text, start) if quote else None
    header = match[2].rstrip().endswith(":") and name.endswith(("cookie", "authorization"))
    header = header and not (quote and match[2].lstrip("\\").startswith(quote))
    value = value_at(text, below.end() if below else start, quote=quote, header=header)
    if value.form is Form.BLOCK and style == Style.ASSIGNED:
        return NONE
    if quote and value.form is Form.BARE and _SENTENCE_GOES_ON.match(text, value.start):
        return NONE  # near "token": syntax error
    compares = match[2].endswith(("== ", "!= "))
    if compares and (value.form is Form.BARE or value.end - value.start < 4):
        return NONE
    if value.form is Form.BARE and rank == Rank.CERTAIN:
        value = _whole_line(text, match, value, names)
    start, end = _secret_span(text, value, match[1], rank, style, names)
    return (start, whole(text, value, quote)) if end == value.end else (start, end)


def _whole_line(text: str, match: re.Match[str], value: Value, names: KeyNames) -> Value:
    """Return *value* to the end of the line if the line begins with the name."""
    before = text[max(match.start() - 24, 0) : match.start()]
    if value.start == value.end or not (match[2][-1:].isspace() and _START_OF_LINE.search(before)):
        return value
    whole = value._replace(end=line_end(text, value.start))
    words = text[whole.start : whole.end].split()
    prose = any(map(is_sentence_word, words)) or PLACEHOLDER.match(text, value.start)
    return value if prose else whole


def _secret_span(  # noqa: PLR0913, PLR0917 # what the decision depends on
    text: str, value: Value, name: str, rank: Rank, style: Style, names: KeyNames
) -> Span:
    """Return what is masked of *value*."""
    start, end, form = value
    found = text[start:end]
    if form is Form.QUOTED:
        style = Style.QUOTED
    if form is Form.CALL:
        return secrets_in(text, call_arguments(text, value), name, rank, Style.BLANKS, names)
    if form is Form.BRACKET:
        harmless = is_placeholder(found) or (found[0] == "<" and not is_secret_value(found, rank))
        harmless = harmless or secrets_in(text, (start, end), name, rank, style, names) == NONE
        return NONE if harmless else (start, end)
    if form is Form.HEADER and "=" in found:
        rank = Rank.CERTAIN  # the cookie may be short
    if form is Form.BLOCK:
        style = Style.ASSIGNED
    return (start, end) if found and is_secret(found, name, rank, style, names) else NONE


def _paired(text: str, match: re.Match[str], rank: Rank, names: KeyNames) -> Span:
    """Return the second one of two items: ``('password', 'hunter2')``."""
    value = value_at(text, match.end())
    before = text[max(match.start() - 5, 0) : match.start()]
    after = text[value.end :].lstrip("\\\"' \t\r\n")[:1]
    found = text[value.start : value.end]
    if match[3] != "(" and before[-1:] not in {'"', "'", "{"} or after not in {")", "]", "}", ""}:
        return NONE
    is_field = found in _FIELDS or (_FIELD.fullmatch(found) and names.rank(found) > Rank.NONE)
    is_list = before[-2:-1] == "[" and not looks_random(found)
    if not _PAIR_IN_LIST.search(before) and (is_field or (is_list and found.isalpha())):
        return NONE  # two names: ``['password', 'email']``
    return _secret_span(text, value, match[1], rank, Style.QUOTED, names)


def _object_values(text: str, names: KeyNames) -> Iterator[Span]:
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
        span = _secret_span(text, value, found[0][1], rank, Style.ASSIGNED, names)
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


def _compared_values(text: str, names: KeyNames) -> Iterator[Span]:
    """Find literals before a name: ``if "hunter2" == password``."""
    for match in _COMPARED.finditer(text):
        rank = names.rank(match[2])
        if rank > Rank.NONE and is_secret(match[1], match[2], rank, Style.QUOTED, names):
            yield match.span(1)


def quoted(text: str, opening: re.Match[str]) -> Span:
    """Return what *opening* quotes; NONE if it is no secret."""
    start, end = opening.end(), quoted_end(text, opening)
    return NONE if is_placeholder(text[start:end]) else (start, end)


def _rest(pattern: re.Pattern[str]) -> FindValue:
    def find_value(text: str, match: re.Match[str]) -> Span:
        found = pattern.match(text, match.end())
        return found.span() if found else NONE

    return find_value


# A text in each match, the pattern of a name, and what finds its value.
_IN_TEXT = (
    ("%", _ENCODED, _rest(_ENCODED_VALUE)),
)

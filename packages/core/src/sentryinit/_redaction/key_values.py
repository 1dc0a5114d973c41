"""Values after a sensitive name in a text: ``password=...``, ``"token": "..."``.

Takes linear time: a value is read only after a sensitive name, and the search goes on after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentryinit._redaction import pairs
from sentryinit._redaction.connections import has_masked_parts
from sentryinit._redaction.key_names import KeyNames, Rank, normalize
from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import NO_PLACEHOLDER, PLACEHOLDER, Mask, Span, mask_spans
from sentryinit._redaction.secret_values import is_sentence, is_sentence_word
from sentryinit._redaction.sentences import values_in_sentences
from sentryinit._redaction.styles import Name, Style, name_at, secret_span
from sentryinit._redaction.value_ends import NONE, Form, Value, line_end, value_at, whole

# What may close a name: quotes, also those of JSON in JSON and of HTML, and brackets. A label may
# have a mark of a required field.
_CLOSE = (
    r"(?:[ ]?\*?(?:\([\w ]{1,20}\))?[ ]?(?=[\"']))?"
    r"(?:\\{0,15}[\"'`]|\\{1,15}u0022|\u201d|&quot;|&\#3[49];|\*\*)?[\])]?"
    rf"(?:[ ]?{NO_PLACEHOLDER}[(\[][\w* ]{{0,20}}[)\]](?=[:=]))?"
)
# A type before an assignment, as in Python, TypeScript, and Go.
_TYPED = (
    rf"(?::[ ]{NO_PLACEHOLDER}[\w.\[\]]{{1,40}}(?:[ ]?\|[ ]?[\w.\[\]]{{1,40}}){{0,3}}"
    r"|(?<=[ ])(?:string|\[\]byte))"
    r"(?:[ ]=[ ]|=(?=[\"']))"
)
# As in programs and their reprs, JSON, YAML, headers, query strings; the pairs of lists and calls.
_NAME = lazy(
    rf"""(?<![\w.%\[\]$-])([\w.%\[\]$-]+)(?![\w.%\[\]$-])
    (?:({_CLOSE}[ \t]*(?=[=:~;&|?!+.s\[<LI\u2192\uff1a\uff1d-])
        (?:{_TYPED}|[?!+.:|~]{{0,3}}[=\uff1d]{{1,3}}>?|(?<![)][ ])->|~>|<-(?=[ ])|\u2192
            |<>|(?:LIKE|IN)(?=[ ]?\(?['"])|[:\uff1a](?!:)(?:\*\*)?|&\#61;|;s:\d{{1,9}}:)
        [ \t]*)
    |((?:\\{{0,15}}["'])?[ \t]*,[ \t]*|\()(?=\\{{0,15}}["']|[bru]["']))""",
    re.VERBOSE,
)
# Behind a value; a text that says what is read, loaded, expected.
_VERBS = frozenset("is was has isn't wasn't for in and cannot does did".split())
_PROSE = lazy(
    r"[A-Z]?[a-z]+ (?:from|with|at) [A-Za-z]+\d{0,2}|[A-Z][a-z]+ing(?: [A-Za-z]+| \d{1,4})+"
)
_SENTENCE_GOES_ON = lazy(r"[^\W\d_]+ [^\W\d_]")
# A literal behind a literal: both are the value, or the new one.
_CONTINUED = lazy(
    r"[\"'](?:[ \t]{1,4}(?:->[ ]|\+[ ])?(?=[\"'][^\s\"'])"
    # As pprint wraps them; not the next key.
    r"|\r?\n[ \t]{1,200}(?=(?:\"[^\n\"]{1,200}\"|'[^\n']{1,200}')(?!:)))"
)
_NEXT_LINE = lazy(r"(?:\r?\n[ \t]*){1,3}(?=[\"'\[{])")
_ARN = lazy(r"\barn:[\w:*-]{1,100}\Z")
_START_OF_LINE = lazy(r"(?:^|[\r\n])[ \t]*(?:export[ ]|set[ ]|- )?\Z")

# A query string inside a value of another.
_SEPARATOR = lazy("%(?:25)*(?:3F|26|3B|20|22)", re.IGNORECASE)
_ENCODED_BLANKS = r"(?:%(?:25)*20|\+){0,4}"
_ENCODED = lazy(
    r"(?:%(?:25)*(?:3F|26|3B|22|2F)|^|[?&;=/\s\"'])([\w.\[\]-]+)"
    r"(?:%(?:25)*22)?%(?:25)*3[AD]"
    # A bracket is masked without the percent-encoding.
    rf"(?!{_ENCODED_BLANKS}%(?:25)*[57]B){_ENCODED_BLANKS}(?:%(?:25)*22)?",
    re.IGNORECASE,
)
_ENCODED_VALUE = lazy(r"(?:[^\s&\"'<>%]|%(?!(?:25)*(?:26|3B|22))[0-9A-Fa-f]{0,2})*")


def mask_key_values(text: str, names: KeyNames, mask: Mask) -> str:
    """Mask the values of sensitive names."""
    text = mask_spans(text, _values(text, names), mask)
    if "val" in text.lower():
        text = mask_spans(text, pairs.values_of_objects(text, names), mask)
    if "= " in text:
        text = mask_spans(text, pairs.compared_values(text, names), mask)
    if "%" in text:
        text = mask_spans(text, _encoded_values(text, names), mask)
    return mask_spans(text, values_in_sentences(text, names), mask)


def _values(text: str, names: KeyNames) -> Iterator[Span]:
    done = 0
    while match := _NAME.search(text, done):
        # In "kafka: password='...'" the second name is no type of the first one.
        done = match.end(1)
        spelling = _SEPARATOR.split(match[1])[-1] if "%" in match[1] else match[1]
        if not names.rank(spelling):
            continue
        name = name_at(text, match.start(), spelling, names)
        find_value = _assigned if match[2] else pairs.second_item
        span = find_value(text, match, name) if name.rank else NONE
        while span != NONE:
            yield span
            quoted, done = text[span[0] - 1] in "\"'`", span[1]
            span = _continued(text, done) if quoted else NONE


def _continued(text: str, start: int) -> Span:
    """Find a literal behind a literal."""
    found = _CONTINUED.match(text, start)
    value = value_at(text, found.end()) if found else None
    return (value.start, value.end) if value else NONE


def _encoded_values(text: str, names: KeyNames) -> Iterator[Span]:
    """Find values in a query that is percent-encoded."""
    done = 0
    for match in _ENCODED.finditer(text):
        if match.start() >= done and names.is_sensitive(match[1]):
            start = match.end()
            done = _ENCODED_VALUE.match(text, start).end()  # type: ignore[union-attr] # it matches ""
            if start < done and not PLACEHOLDER.match(text, start):
                yield start, done


def _assigned(text: str, match: re.Match[str], name: Name) -> Span:
    """Return the value behind ``=``, ``:``, and the like."""
    bracket = match[1].rfind("[")
    if bracket >= 0 and PLACEHOLDER.match(text, match.start() + bracket):
        return NONE  # the name is part of a placeholder
    start, word = match.end(), normalize(name.text)
    before = text[max(match.start() - 1, 0) : match.start()]
    quote = before if before and before in "\"'`" else ""
    style = Style.ASSIGNED if quote or "=" in match[2] else Style.COLON
    if quote and text.startswith(quote, start) and quote not in match[2]:
        return NONE  # it closes what begins before the name: input("Password: ")
    if before == match[2] == ":":
        if _ARN.search(text, max(match.start() - 100, 0), match.start()):
            return NONE
        style = Style.BLANKS
    below = _NEXT_LINE.match(text, start) if quote else None
    header = _is_header(text, match, word)
    value = value_at(text, below.end() if below else start, quote=quote, header=header)
    if _is_code(text, match[2], value, quote):
        return NONE
    if value.form is Form.BARE and name.rank >= Rank.CERTAIN:
        if style == Style.COLON and name.rank == Rank.CERTAIN and _is_prose(text, value.start):
            return NONE
        value = _whole_line(text, match, value, name.rank)
    is_connection = "dsn" in word or "connection" in word
    if is_connection and has_masked_parts(text[value.start : value.end]):
        return NONE
    start, end = secret_span(text, value, name, style)
    return (start, whole(text, value, quote)) if end == value.end else (start, end)


def _is_code(text: str, separator: str, value: Value, quote: str) -> bool:
    """Return True for code on the next line, ``near "token": syntax error``, a comparison."""
    if value.form in {Form.BLOCK, Form.LINES} and "=" in separator:
        return True
    if quote and value.form is Form.BARE and _SENTENCE_GOES_ON.match(text, value.start):
        return True
    compares = separator.endswith(("== ", "!= "))
    return compares and (value.form is Form.BARE or value.end - value.start < 4)


def _is_prose(text: str, start: int) -> bool:
    """Return True if a sentence begins at *start*: ``password: Enter a valid text``."""
    head = text[start : start + 400]
    words = head[: line_end(head, 0)].split()
    if len(words) < 2 or words[1].lower() in _VERBS:
        return False  # password: hunter2 is wrong
    line = " ".join(words)
    return is_sentence(line) or _PROSE.fullmatch(line) is not None


def _is_header(text: str, match: re.Match[str], word: str) -> bool:
    """Return True if the line is the value: not in quotes, and not an argument of curl."""
    names = ("cookie", "authorization", *["signature"] * ("-" in match[1]))
    if not (match[2].rstrip().endswith(":") and word.endswith(names)):
        return False
    is_argument = text[max(match.start() - 3, 0) : match.start()] == "-H "
    return not is_argument and match[2].lstrip("\\")[:1] not in {'"', "'"}


def _whole_line(text: str, match: re.Match[str], value: Value, rank: Rank) -> Value:
    """Return *value* to the end of the line if the line begins with the name."""
    before = text[max(match.start() - 24, 0) : match.start()]
    if value.start == value.end or not (match[2][-1:].isspace() and _START_OF_LINE.search(before)):
        return value
    whole = value._replace(end=line_end(text, value.start))
    words = text[whole.start : whole.end].split()
    prose = rank < Rank.OWN and any(map(is_sentence_word, words))
    prose = prose or bool(PLACEHOLDER.match(text, value.start))
    return value if prose else whole

"""Values that errors of libraries quote: rows of a database, input of a validator.

Takes linear time: what a pattern reads is bounded, or the search goes on behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sentryinit._redaction.key_names import KeyNames, Rank
from sentryinit._redaction.placeholders import PLACEHOLDER, Mask, Span, mask_spans
from sentryinit._redaction.secret_values import is_secret_value
from sentryinit._redaction.source_code import closing, literals

_NEWLINE = r"(?:\n|\\n)"
# A text in each match, and a pattern of a sentence that quotes a value; without a name.
_SENTENCES = (
    # http.client, urllib.parse: what is behind the first colon of user and password.
    ("numeric port", re.compile(r"nonnumeric port: '([^'\n]{1,256})@")),
    ("Port could", re.compile(r"Port could not be cast to integer value as ['\"]([^'\"\n]{1,256})")),
    # libpq: a password with a blank, with an at sign.
    ('missing "="', re.compile(r"missing \"=\" after \"([^\"\n]{1,256})\" in connection")),
    ("host name", re.compile(r"host name \"([^\"@\s]{1,256})@")),
    # configparser: the value from the percent sign on.
    ("'%' must", re.compile(r"'%' must be followed by '%' or '\(', found: ['\"]([^\n]{1,256})['\"]")),
)
# Name and value; the value is quoted again elsewhere in the message.
_QUOTED = (
    # pydantic 2: the path of a field, on the next line its input.
    (
        "input_value=",
        re.compile(
            rf"(?:^|(?<=\n)|(?<=\\n))([\w.\[\]-]{{1,200}}){_NEWLINE}[ ]{{1,4}}[^\n]{{0,500}}?"
            r"\[type=[\w.]{1,60}, input_value=([^\n]{0,300}?), input_type="
        ),
    ),
    # FastAPI: the list of errors of pydantic.
    (
        "loc",
        re.compile(
            r"[\"']loc[\"']: ?[(\[]([^()\[\]]{1,300})[)\]][^{}]{0,400}?[\"']input[\"']: ?"
            r"([\"'](?:[^\"'\\]|\\.){0,1000}[\"']|\d+)"
        ),
    ),
    # jsonschema, schema, attrs
    (
        "On instance[",
        re.compile(rf"On instance((?:\[[^\]\n]{{1,100}}\]){{1,20}}):{_NEWLINE}\s{{0,8}}([^\n]{{1,1000}})"),
    ),
    ("' error:", re.compile(rf"Key '([^'\n]{{1,64}})' error:{_NEWLINE}\w{{0,40}}\(?('[^'\n]{{1,1000}}')")),
    ("' must ", re.compile(r"'(\w{1,64})' must [^\n]{1,300}?\((?:got )?('[^'\n]{1,1000}')")),
    # Cerberus, Django
    (
        "unallowed",
        re.compile(r"[\"']([\w.-]{1,64})[\"']: ?\[[\"']unallowed value ([^\"'\n]{1,256})"),
    ),
    (
        " is not ",
        re.compile(
            r"[\"']([\w.-]{1,64})[\"']: ?\[(?:ErrorDetail\(string=)?[\"']"
            r"(?:Select a valid choice\. |(?=[\"\u201c]))(.{1,256}?) is not (?:one of|a valid)"
        ),
    ),
    # SQL Server; old MongoDB
    (
        "duplicate key value is",
        re.compile(
            r"(?:constraint|index) '([^'\n]{1,128})'\.[^\n]{0,200}?duplicate key value is "
            r"\(([^\n]{1,256})\)"
        ),
    ),
    (
        "dup key: { :",
        re.compile(r"index: (\S{1,128})\s{1,4}dup key: \{ : ([^}\n]{1,256}?) \}"),
    ),
)
# So many values are searched in the whole message.
_AGAIN = 8
# The value is in front of the name: MySQL.
_FOR_COLUMN = re.compile(
    r"(?:Duplicate entry|Incorrect [\w ]{1,20} value:?) '([^\n]{0,512}?)' for (?:key|column) ([\w.`'\"]{1,128})"
)
# The names of columns, and the bracket of their values: SQL, PostgreSQL.
_COLUMNS = re.compile(r"\(([^()]{1,2000})\)(?:\s{0,80}(?i:VALUES)\s{0,80}|=)(?=\()")
_PARAMETERS = "[parameters: "
_ROW = re.compile(r"Failing row contains \(([^\n]{1,4000})\)")
_ITEM = re.compile(r"(?:^|, )((?:[^,]|,(?! ))+)")


def mask_quoted_rows(text: str, names: KeyNames, mask: Mask) -> str:
    """Mask what messages quote of a row, a field, or a part of a password."""
    if not ("'" in text or '"' in text or "(" in text or "[" in text):
        return text
    for hint, pattern in _SENTENCES:
        if hint in text:
            spans = (found.span(1) for found in pattern.finditer(text))
            text = mask_spans(text, _secrets(text, spans, Rank.CERTAIN), mask)
    if "Failing row contains (" in text:
        rows = (span for row in _ROW.finditer(text) for span in _items(text, *row.span(1)))
        text = mask_spans(text, _secrets(text, rows, Rank.LIKELY), mask)
    return _mask_fields(text, names, mask)


def _mask_fields(text: str, names: KeyNames, mask: Mask) -> str:
    """Mask what messages quote of a field with a sensitive name."""
    for hint, pattern in _QUOTED:
        if hint in text:
            spans = list(_quoted(text, pattern, names))
            again = dict.fromkeys(text[start - 1 : end + 1] for start, end in spans[:_AGAIN])
            text = mask_spans(text, spans, mask)
            for value in again:
                text = text.replace(value, value[0] + mask(value[1:-1]) + value[-1])
    if "' for " in text:
        found = (m.span(1) for m in _FOR_COLUMN.finditer(text) if _rank(m[2], names))
        text = mask_spans(text, _secrets(text, found, Rank.CERTAIN), mask)
    if ")=(" in text or "VALUES" in text or "values" in text:
        text = mask_spans(text, _values_of_columns(text, names), mask)
    if _PARAMETERS in text:
        text = mask_spans(text, _parameters(text, names), mask)
    return text


def _quoted(text: str, pattern: re.Pattern[str], names: KeyNames) -> Iterator[Span]:
    """Find the values of sensitive names: strings, or what is there without quotes."""
    for match in pattern.finditer(text):
        if rank := _rank(match[1], names):
            start, end = match.span(2)
            is_quoted = "'" in match[2] or '"' in match[2]
            spans = literals(text, start, end) if is_quoted else [(start, end)]
            yield from _secrets(text, spans, rank)


def _values_of_columns(text: str, names: KeyNames) -> Iterator[Span]:
    done = 0
    for columns in _COLUMNS.finditer(text):
        if columns.start() < done or not (rank := _rank(columns[1], names)):
            continue
        start, done = columns.end(), closing(text, columns.end())
        if text[start - 1] == "=":
            several = "," in columns[1]
            spans = _items(text, start + 1, done - 1) if several else [(start + 1, done - 1)]
            yield from _secrets(text, spans, Rank.LIKELY if several else rank)
        else:
            yield from _secrets(text, literals(text, start, done), Rank.LIKELY)


def _parameters(text: str, names: KeyNames) -> Iterator[Span]:
    """Find the parameters of SQLAlchemy's statements that have a sensitive name."""
    done, at = 0, text.find(_PARAMETERS)
    while at >= 0:
        statement = text[max(text.rfind("[SQL: ", done, at), done, at - 4000) : at]
        done = closing(text, at)
        if _rank(statement, names):
            yield from _secrets(text, literals(text, at, done), Rank.LIKELY)
        at = text.find(_PARAMETERS, done)


def _rank(text: str, names: KeyNames) -> Rank:
    """Return the highest rank of the names in *text*."""
    ranks = (names.rank(name) for name in dict.fromkeys(re.findall(r"[^\W\d][\w-]*", text)))
    return max((rank for rank in ranks if rank >= Rank.LIKELY), default=Rank.NONE)


def _items(text: str, start: int, end: int) -> Iterator[Span]:
    """Find the items of a list without quotes."""
    for item in _ITEM.finditer(text[start:end]):
        yield start + item.start(1), start + item.end(1)


def _secrets(text: str, spans: Iterable[Span], rank: Rank) -> Iterator[Span]:
    for start, end in spans:
        if is_secret_value(text[start:end], rank) and not PLACEHOLDER.fullmatch(text, start, end):
            yield start, end

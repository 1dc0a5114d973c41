"""Values that errors of libraries quote: rows of a database, input of a validator.

Takes linear time: what a pattern reads is bounded, or the search goes on behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentryinit._redaction.key_names import KeyNames, Rank
from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import PLACEHOLDER, Mask, Span, mask_spans
from sentryinit._redaction.secret_values import is_secret_value
from sentryinit._redaction.source_code import literals

_QUOTED = r"(?:'(?:[^'\\\n]|\\.){0,512}'|\"(?:[^\"\\\n]|\\.){0,512}\")"
# The names of columns, and one or more rows of values.
_ROWS = (
    r"\((?P<n>[^()]{1,2000})\)\s{0,80}(?:VALUES|values)\s{0,80}\((?P<strings>"
    r"(?:[^()'\"]|'(?:[^'\\]|\\.)*'|\"[^\"]*\"|\([^()]*\)|\)\s{0,80},\s{0,80}\()*)"
)
# A text in each message, and its pattern with the value (v), for all texts: the message is about a
# secret, quotes a whole row, or has names (n) that "KeyNames.may_contain" does not find.
_PARTS = (
    # http.client, urllib.parse: what is behind the first colon of user and password
    ("numeric port", r"nonnumeric port: '(?P<v>[^'\n]{1,256})@"),
    ("Port could", r"Port could not be cast to integer value as ['\"](?P<v>[^'\"\n]{1,256})"),
    ("base 10: ", r"base 10: '(?P<v>[^'@\n]{1,256})@"),
    # urllib3
    (
        " is not a valid host",
        r"'[\w.+-]{1,64}:(?P<v>(?=[^'\n]{0,80}\d)(?=[^'\n]{0,80}[A-Za-z])[^'\n]{4,256})' is not a",
    ),
    # libpq: a password with a blank, with an at sign
    ('missing "="', r"missing \"=\" after \"(?P<v>[^\"\n]{1,256})\" in connection"),
    ("host name", r"host name \"(?P<v>[^\"@\s]{1,256})@"),
    # configparser: the value from the percent sign on
    ("'%' must", r"'%' must be followed by '%' or '\(', found: ['\"](?P<v>[^\n]{1,256})['\"]"),
    # PostgreSQL
    (
        "Failing row",
        r"Failing row contains \((?P<row>(?:[^\n)]|\)(?!\.?(?:\s|\\n|[\"']|$)))*)",
    ),
    (
        "ey (",
        r"[Kk]ey \((?P<n>[^\n=]{1,2000})\)=\((?P<row>(?:[^\n)]|\)(?!\.?(?:\s|\\n|[\"']|$)))*)",
    ),
    # pydantic: the path of a field, on the next line its input
    (
        "input_value=",
        (
            r"(?:^|(?<=\n)|(?<=\\n))(?P<n>[\w.\[\]-]{1,200})(?:\n|\\n)[ ]{1,4}[^\n]{0,500}?"
            r"\[type=[\w.]{1,60}, input_value=(?P<v>[^\n]{0,300}?), input_type="
        ),
    ),
)
# For texts with a sensitive name. Of a row, and of strings, what could be a secret goes. A line
# break may be escaped.
_FIELDS = (
    # MySQL, SQL Server, SQL
    (
        "' for ",
        (
            r"(?:Duplicate entry|Incorrect [\w ]{1,20} value:?) '(?P<v>[^\n]{0,512}?)'"
            r" for (?:key|column) (?P<n>[\w.`'\"]{1,128})"
        ),
    ),
    (
        "duplicate key value is",
        (
            r"(?:constraint|index) '(?P<n>[^'\n]{1,128})'\.[^\n]{0,200}?duplicate key value is "
            r"\((?P<row>[^\n]{1,256})\)"
        ),
    ),
    ("VALUES", _ROWS),
    ("values", _ROWS),
    # SQLAlchemy
    (
        "[parameters: ",
        (
            r"\[SQL: (?P<n>(?:(?!\[(?:SQL|parameters): )[\s\S]){0,4000})\[parameters: "
            r"(?P<strings>(?:'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|[^'\"\]]|\](?=[,\])}]))*)"
        ),
    ),
    # old MongoDB
    ("dup key: { :", r"index: (?P<n>\S{1,128})\s{1,4}dup key: \{ : (?P<v>[^}\n]{1,256}?) \}"),
    # FastAPI: the list of errors of pydantic
    (
        "loc",
        (
            r"[\"']loc[\"']: ?[(\[](?P<n>[^()\[\]]{1,300})[)\]][^{}]{0,400}?[\"']input[\"']: ?"
            r"(?P<v>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\d+)"
        ),
    ),
    # pydantic: a whole input
    (
        "input_value={",
        r"input_value=(?P<n>(?P<strings>\{[^\n]{0,500}?))(?:, input_type=|\Z|\n)",
    ),
    # argparse; click; clap, cobra
    (
        "argument ",
        rf"argument (?P<n>[^:\n]{{1,100}}): invalid [^:\n]{{1,60}}: (?P<v>{_QUOTED})",
    ),
    ("Invalid value for", rf"Invalid value for (?P<n>[^:\n]{{1,100}}): (?P<v>{_QUOTED})"),
    (
        "invalid ",
        rf"invalid (?:value|argument) (?P<v>{_QUOTED}) for ['\"](?P<n>[^'\"\n]{{1,100}})",
    ),
    # voluptuous, Cerberus, beartype
    ("@ data[", r"@ data(?P<n>(?:\[[^\]\n]{1,100}\]){1,20})\. Got (?P<v>[^\n]{1,256})"),
    (
        "document_path=",
        (
            r"document_path=\((?P<n>[^()\n]{1,200})\)(?:(?!document_path)[^\n]){0,400}?"
            rf",value=(?P<strings>{_QUOTED},info=\([^()\n]{{0,512}}\))"
        ),
    ),
    (" violates type", rf"parameter (?P<n>\w{{1,64}})=(?P<v>{_QUOTED}) violates type hint"),
    # SQL Server, botocore, configparser
    ("Truncated value", rf"column '(?P<n>[^'\n]{{1,128}})'\. Truncated value: (?P<v>{_QUOTED})"),
    (", value: ", r"parameter (?P<n>[\w.\[\]]{1,128}), value: (?P<v>[^\n]{1,512}?), type: "),
    (
        "Raw value: ",
        r"option '(?P<n>[^'\n]{1,128})'[^\n]{0,300}? Raw value: (?P<v>['\"][^\n]{1,512})",
    ),
    # Erlang
    ('<<"', r"<<\"(?P<n>[\w.-]{1,64})\">>(?: =>|,) ?<<(?P<v>\"(?:[^\"\\\n]|\\.){1,512}\")>>"),
    # jsonschema, schema, attrs
    (
        "On instance[",
        r"On instance(?P<n>(?:\[[^\]\n]{1,100}\]){1,20}):(?:\n|\\n)\s{0,8}(?P<v>[^\n]{1,1000})",
    ),
    (
        "' error:",
        (
            r"Key '(?P<n>[^'\n]{1,64})' error:(?:\n|\\n)"
            r"(?:'[^\n]{1,200}? does not match |[\w<>.]{0,40}\(?)(?P<v>'[^'\n]{1,1000}')"
        ),
    ),
    ("' must ", r"'(?P<n>\w{1,64})' must [^\n]{1,300}?\((?:got )?(?P<v>'[^'\n]{1,1000}')"),
    # Cerberus, Django
    ("unallowed", r"[\"'](?P<n>[\w.-]{1,64})[\"']: ?\[[\"']unallowed value (?P<v>[^\"'\n]{1,256})"),
    (
        " is not ",
        (
            r"[\"'](?P<n>[\w.-]{1,64})[\"']: ?\[(?:ErrorDetail\(string=)?[\"']"
            r"(?:Select a valid choice\. |(?=[\"\u201c]))(?P<v>.{1,256}?) is not (?:one of|a valid)"
        ),
    ),
)
_PART_PATTERNS, _FIELD_PATTERNS = (
    tuple((hint, lazy(pattern)) for hint, pattern in table) for table in (_PARTS, _FIELDS)
)
_NAMES = lazy(r"[^\W\d][\w-]*")
_ITEM = lazy(r"(?:[^,]|,(?! ))+")
_Patterns = tuple[tuple[str, re.Pattern[str]], ...]
# So many values are searched in the rest of the message.
_AGAIN = 8


def mask_quoted_parts(text: str, names: KeyNames, mask: Mask) -> str:
    """Mask what messages quote of a row, or of a password."""
    if "'" in text or '"' in text or "(" in text or "[" in text:
        return _mask_quoted(text, _PART_PATTERNS, names, mask)
    return text


def mask_quoted_values(text: str, names: KeyNames, mask: Mask) -> str:
    """Mask what messages quote of a field with a sensitive name."""
    return _mask_quoted(text, _FIELD_PATTERNS, names, mask)


def _mask_quoted(text: str, patterns: _Patterns, names: KeyNames, mask: Mask) -> str:
    for hint, pattern in patterns:
        if hint in text:
            spans = list(_secrets(text, pattern, names))
            again = dict.fromkeys(text[start - 1 : end + 1] for start, end in spans[:_AGAIN])
            text = mask_spans(text, spans, mask)
            for value in again:
                text = text.replace(value, value[0] + mask(value[1:-1]) + value[-1])
    return text


def _secrets(text: str, pattern: re.Pattern[str], names: KeyNames) -> Iterator[Span]:
    for match in pattern.finditer(text):
        found = match.groupdict()
        if rank := _rank(found["n"], names) if "n" in found else Rank.CERTAIN:
            several, spans = _values(match, found)
            for start, end in spans:
                is_secret = is_secret_value(text[start:end], Rank.LIKELY if several else rank)
                if is_secret and not PLACEHOLDER.fullmatch(text, start, end):
                    yield start, end


def _values(match: re.Match[str], found: dict[str, str]) -> tuple[bool, list[Span]]:
    """Return whether *match* has several values, and the items, strings or value in it."""
    if "row" in found:
        items = _ITEM.finditer(match.string, *match.span("row"))
        row = [(item.start() + (item[0][0] == " "), item.end()) for item in items]
        return len(row) > 1, row
    kind = "v" if "v" in found else "strings"
    if kind == "strings" or "'" in found["v"] or '"' in found["v"]:
        return kind == "strings", list(literals(match.string, *match.span(kind)))
    return False, [match.span("v")]


def _rank(text: str, names: KeyNames) -> Rank:
    """Return the highest rank of the names in *text*; a key of unknown kind is none."""
    rank = max(map(names.rank, dict.fromkeys(_NAMES.findall(text))), default=Rank.NONE)
    return rank if rank >= Rank.LIKELY else Rank.NONE

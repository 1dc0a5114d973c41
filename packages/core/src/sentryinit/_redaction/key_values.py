"""Values after a sensitive name in a text: ``password=...``, ``"token": "..."``.

Takes linear time: a value is read only after a sensitive name, and the search goes on after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sentryinit._redaction.key_names import COUNT_SUFFIXES, KeyNames, normalize
from sentryinit._redaction.placeholders import PLACEHOLDER, Mask, Span, mask_spans

# As in Python and its reprs, JSON (also JSON in JSON), YAML, headers, query strings.
_NAME = re.compile(
    r"""(?<![\w.%\[\]$-])([\w.%\[\]$-]+)
    (?:(\\*["']?[\])]?\s{0,4}(?:=>|->|:=|={1,3}|:)\s{0,4})|(\\*["']\s{0,4},\s{0,4}))""",
    re.VERBOSE,
)
# In code: with or without an annotation.
_TARGET = re.compile(
    r"""(?<![\w.\[\]])([\w.\[\]]+)
    (["']?\]?\s{0,4}(?::\s{0,4}[\w.\[\]]{1,40}\s{0,4}={1,2}|={1,3}|[:!]=|:)\s{0,4})""",
    re.VERBOSE,
)
# Command-line options and XML elements.
_FLAG = re.compile(r"(?<![\w-])--?([A-Za-z][\w-]*)[ \t]{1,4}(?![-\s])")
_TAG = re.compile(r"<([\w.:-]{1,64})>")
# In a string literal: at its start, and in a URL.
_HEADER = re.compile(r"(?<=[\"'])([\w-]+):[ ]")
_QUERY = re.compile(r"[?&]([\w.%\[\]-]+)=")
# A query string inside a value of another.
_SEPARATOR = re.compile("%(?:25)*(?:3F|26|3B|20)", re.IGNORECASE)
_ENCODED = re.compile(
    r"(?:%(?:25)*(?:3F|26|3B)|^|[?&;=\s\"'])([\w.\[\]-]+)%(?:25)*3D", re.IGNORECASE
)

_OPENING = re.compile(r"[bBrRuUfF]{0,2}(\\*)(\"{3}|'{3}|[\"'])")
_QUOTED = {'"': re.compile(r"(?s)(?:[^\"\\]+|\\.)*"), "'": re.compile(r"(?s)(?:[^'\\]+|\\.)*")}
_BARE = re.compile(r"(?:[^\s&\"'<>,;]|[,;](?!\s|$|[\w.-]{1,64}\s?[=:]))*")
_BRACKETS = {"[": "]", "{": "}", "(": ")"}
_SCHEME = re.compile(
    r"(?i)(?:bearer|basic|digest|token|negotiate|apikey|aws4-hmac-sha256|hawk|dpop)(?:\s|%20|\+)+"
)
_ENCODED_VALUE = re.compile(r"(?:[^\s&\"'<>%]|%(?!(?:25)*(?:26|3B|22))[0-9A-Fa-f]{0,2})*")
_CONTENT = re.compile("[^<]*")
_LINE, _WHOLE_LINE = re.compile(r"[^\r\n\"']*"), re.compile(r"[^\r\n]*")

# In place of a secret: None, ***, a template's parameter.
_NO_SECRET = re.compile(
    r"(?:none|null|nil|true|false|undefined|nan|\*+|\.{3}|…|<[\w -]*>?|\?|%s|%\(\w*\)s|%\d*[sd]"
    r"|\$\d+|:\w+|\$?\{+[\w.:!-]*\}+|\[filtered\]|\[redacted\])[,;.)\]}]*",
    re.IGNORECASE,
)
# Words of sentences about a secret: *token: expired*.
_SENTENCE_WORDS = frozenset(
    "a an and any are at be been bad by can cannot contains could did does empty error expected "
    "expired failed field for found from has have if in incorrect invalid is it its length "
    "malformed may mismatch missing must mustn't needs no not of off ok on optional or required "
    "rejected reset revoked shall should string success the this to too unable unexpected unknown "
    "unset unsupported used user was were when will with without wrong you your".split()
)
# After these names even a single plain word is a secret.
_ALWAYS_SECRET = ("pass", "pwd", "secret")
_CALL = re.compile(
    r"[A-Za-z_][\w.]*(?:\([^()]*\)|\[[^\[\]]*\])[)\]},:;]*$|(?:self|cls|os|settings|request)\.\w"
)
_CALL_BEGUN = re.compile(r"[A-Za-z_][\w.]*[(\[]")


# Finds the value of a matched name; _NONE if it is no secret.
_FindValue = Callable[[str, re.Match[str]], Span]
_NONE: Span = (0, 0)


def mask_key_values(text: str, names: KeyNames, mask: Mask, *, code: bool = False) -> str:
    """Mask the values of sensitive names; in *code* only string literals."""
    for hint, pattern, find_value in _IN_CODE if code else _IN_TEXT:
        if hint in text:
            text = mask_spans(text, _values(text, pattern, names, find_value), mask)
    return text


def _values(
    text: str, pattern: re.Pattern[str], names: KeyNames, find_value: _FindValue
) -> Iterator[Span]:
    done = 0
    for match in pattern.finditer(text):
        if match.start() < done or not names.is_sensitive(_SEPARATOR.split(match[1])[-1]):
            continue
        start, end = find_value(text, match)
        if start < end and not PLACEHOLDER.match(text, start):
            yield start, end
            done = end


def _literal(text: str, match: re.Match[str]) -> Span:
    opening = _OPENING.match(text, match.end())
    return _quoted(text, opening) if opening else _NONE


def _quoted(text: str, opening: re.Match[str]) -> Span:
    start, (escape, quote) = opening.end(), opening.groups()
    if escape or len(quote) == 3:
        # JSON in JSON, or a truncated text.
        found = text.find(escape + quote, start)
        end = len(text) if found < 0 else found
    else:
        end = _end(_QUOTED[quote], text, start)
    return _NONE if _NO_SECRET.fullmatch(text, start, end) else (start, end)


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    return pattern.match(text, start).end()  # type: ignore[union-attr] # it also matches ""


def _assigned(text: str, match: re.Match[str]) -> Span:
    bracket = match[1].rfind("[")
    if bracket >= 0 and PLACEHOLDER.match(text, match.start() + bracket):
        return _NONE  # the name is part of a placeholder
    quoted_name = text[match.start() - 1 : match.start()] in {"'", '"'}
    opening = _OPENING.match(text, match.end())
    if match[3] and not (quoted_name and opening):
        return _NONE  # a comma in a sentence
    if opening:
        return _quoted(text, opening)
    name = normalize(match[1])
    start, end = _unquoted(text, match, name, quoted_name=quoted_name)
    value = text[start:end]
    is_count = value.isdigit() and name.endswith(COUNT_SUFFIXES)
    if not value or is_count or _NO_SECRET.fullmatch(value):
        return _NONE
    is_assignment = quoted_name or "=" in match[2]
    is_secret = _is_assigned_secret if is_assignment else _is_secret_in_sentence
    return (start, end) if is_secret(match[2], name, value) else _NONE


def _unquoted(text: str, match: re.Match[str], name: str, *, quoted_name: bool) -> Span:
    start = match.end()
    closing = _BRACKETS.get(text[start : start + 1])
    if closing:
        found = text.find(closing, start)
        return start, len(text) if found < 0 else found + 1
    if ":" in match[2] and ("cookie" in name or "authorization" in name):
        return start, _end(_LINE if quoted_name else _WHOLE_LINE, text, start)
    scheme = _SCHEME.match(text, start)
    end = _end(_BARE, text, scheme.end() if scheme else start)
    return start, start + len(text[start:end].rstrip(".,;:!?)]}"))


def _is_assigned_secret(separator: str, name: str, value: str) -> bool:
    """Return False for code: a call, an attribute, a name assigned to the same name."""
    spaced = separator != separator.strip()
    code = _CALL.match(value) or (spaced and _CALL_BEGUN.match(value))
    return not code and normalize(value) != name


def _is_secret_in_sentence(_separator: str, name: str, value: str) -> bool:
    """Return False for words of a sentence: ``token: expired``."""
    if _is_sentence_word(value.split(maxsplit=1)[0]):
        return False
    plain = value.isalpha() and len(value) < 20
    return not plain or any(word in name for word in _ALWAYS_SECRET)


def _is_sentence_word(word: str) -> bool:
    return word.strip("().,:;!").lower() in _SENTENCE_WORDS


def _argument(text: str, match: re.Match[str]) -> Span:
    start, opening = match.end(), _OPENING.match(text, match.end())
    if opening:
        return _quoted(text, opening)
    end = _end(_BARE, text, start)
    if _NO_SECRET.fullmatch(text, start, end) or _is_sentence_word(text[start:end]):
        return _NONE
    return start, end


def _rest(pattern: re.Pattern[str]) -> _FindValue:
    return lambda text, match: (match.end(), _end(pattern, text, match.end()))


# A text in each match, the pattern of a name, and what finds its value.
_IN_TEXT = (
    ("", _NAME, _assigned),
    ("-", _FLAG, _argument),
    ("</", _TAG, _rest(_CONTENT)),
    ("%", _ENCODED, _rest(_ENCODED_VALUE)),
)
_IN_CODE = (("", _TARGET, _literal), ("", _HEADER, _argument), ("?", _QUERY, _argument))

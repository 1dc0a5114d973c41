"""Values in a text that stand behind a sensitive name: ``password=...``, ``"token": "..."``.

Pure, and linear as :mod:`sentryinit._redaction.credentials` is: names are looked for, a value is
looked at only behind a sensitive one, and what has been looked at is passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sentryinit._redaction.key_names import COUNTS, Names, plain
from sentryinit._redaction.placeholders import MARK

Mask = Callable[[str], str]

# A name and what parts it from its value: as in Python and its reprs, JSON (in JSON), YAML,
# headers, query strings.
_NAME = re.compile(
    r"""(?<![\w.%\[\]$-])([\w.%\[\]$-]+)
    (?:(\\*["']?[\])]?\s{0,4}(?:=>|->|:=|={1,3}|:)\s{0,4})|(\\*["']\s{0,4},\s{0,4}))""",
    re.VERBOSE,
)
# In code an annotation may stand between.
_TARGET = re.compile(
    r"""(?<![\w.\[\]])([\w.\[\]]+)
    (["']?\]?\s{0,4}(?::\s{0,4}[\w.\[\]]{1,40}\s{0,4}={1,2}|={1,3}|[:!]=|:)\s{0,4})""",
    re.VERBOSE,
)
# As in command lines, and in tags of XML.
_FLAG = re.compile(r"(?<![\w-])--?([A-Za-z][\w-]*)[ \t]{1,4}(?![-\s])")
_TAG = re.compile(r"<([\w.:-]{1,64})>")
# As a literal begins that is a header, and in an address in a literal.
_HEADER = re.compile(r"(?<=[\"'])([\w-]+):[ ]")
_QUERY = re.compile(r"[?&]([\w.%\[\]-]+)=")
# In a query string that is itself a value of one.
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
_LINE, _WHOLE_LINE = re.compile(r"[^\r\n\"']*"), re.compile(r"[^\r\n]*")

# What is written where a secret is missing, or will be put.
_NOTHING = re.compile(
    r"(?:none|null|nil|true|false|undefined|nan|\*+|\.{3}|…|<[\w -]*>?|\?|%s|%\(\w*\)s|%\d*[sd]"
    r"|\$\d+|:\w+|\$?\{+[\w.:!-]*\}+|\[filtered\]|\[redacted\])[,;.)\]}]*",
    re.IGNORECASE,
)
# Sentences on a secret: *token: expired*.
_PROSE = frozenset(
    "a an and any are at be been bad by can cannot contains could did does empty error expected "
    "expired failed field for found from has have if in incorrect invalid is it its length "
    "malformed may mismatch missing must mustn't needs no not of off ok on optional or required "
    "rejected reset revoked shall should string success the this to too unable unexpected unknown "
    "unset unsupported used user was were when will with without wrong you your".split()
)
_STRONG = ("password", "passwd", "pwd", "passphrase", "secret", "pass", "passcode")
_CALL = re.compile(
    r"[A-Za-z_][\w.]*(?:\([^()]*\)|\[[^\[\]]*\])[)\]},:;]*$|(?:self|cls|os|settings|request)\.\w"
)
_CALL_BEGUN = re.compile(r"[A-Za-z_][\w.]*[(\[]")


def named(text: str, names: Names, mask: Mask, *, code: bool = False) -> str:
    """Return *text* with what stands behind sensitive names masked.

    In *code* only literals in quotes are values: what else stands there are names again.
    """
    if code:
        text = _each(text, _TARGET, names, mask, _literal)
        text = _each(text, _HEADER, names, mask, _argument)
        return _each(text, _QUERY, names, mask, _argument) if "?" in text else text
    text = _each(text, _NAME, names, mask, _assigned)
    if "-" in text:
        text = _each(text, _FLAG, names, mask, _argument)
    if "</" in text:
        text = _each(text, _TAG, names, mask, _content)
    if "%3" in text or "%25" in text:
        text = _each(text, _ENCODED, names, mask, _encoded)
    return text


Span = tuple[int, int]
_NO_VALUE = (0, 0)


def _each(
    text: str,
    pattern: re.Pattern[str],
    names: Names,
    mask: Mask,
    value: Callable[[str, re.Match[str]], Span],
) -> str:
    done, parts = 0, []
    for match in pattern.finditer(text):
        if match.start() < done or not names.is_sensitive(_SEPARATOR.split(match[1])[-1]):
            continue
        start, end = value(text, match)
        if start < end and not MARK.match(text, start):
            parts += [text[done:start], mask(text[start:end])]
            done = end
    return "".join([*parts, text[done:]]) if parts else text


def _literal(text: str, match: re.Match[str]) -> Span:
    opening = _OPENING.match(text, match.end())
    return _in_quotes(text, opening) if opening else _NO_VALUE


def _in_quotes(text: str, opening: re.Match[str]) -> Span:
    start, (escape, quote) = opening.end(), opening.groups()
    if escape or len(quote) == 3:
        # Escaped quotes are those of JSON in JSON; an end that is cut off is the text's.
        found = text.find(escape + quote, start)
        end = len(text) if found < 0 else found
    else:
        end = _QUOTED[quote].match(text, start).end()  # type: ignore[union-attr] # it matches nothing as well
    return _NO_VALUE if _NOTHING.fullmatch(text, start, end) else (start, end)


def _assigned(text: str, match: re.Match[str]) -> Span:
    bracket = match[1].rfind("[")
    if bracket >= 0 and MARK.match(text, match.start() + bracket):
        return _NO_VALUE  # the name is a mark's
    quoted = text[match.start() - 1 : match.start()] in {"'", '"'}
    opening = _OPENING.match(text, match.end())
    if match[3] and not (quoted and opening):
        return _NO_VALUE  # a comma in a sentence
    if opening:
        return _in_quotes(text, opening)
    told = quoted or "=" in match[2]
    start, end = _bare(text, match)
    return _NO_VALUE if _says_nothing(match, text[start:end], told=told) else (start, end)


def _bare(text: str, match: re.Match[str]) -> Span:
    start, name = match.end(), plain(match[1])
    closing = _BRACKETS.get(text[start : start + 1])
    if closing:
        found = text.find(closing, start)
        return start, len(text) if found < 0 else found + 1
    if ":" in match[2] and ("cookie" in name or "authorization" in name):
        ends = _LINE if text[match.start() - 1 : match.start()] in {"'", '"'} else _WHOLE_LINE
        return start, ends.match(text, start).end()  # type: ignore[union-attr] # likewise
    scheme = _SCHEME.match(text, start)
    end = _BARE.match(text, scheme.end() if scheme else start).end()  # type: ignore[union-attr] # likewise
    return start, start + len(text[start:end].rstrip(".,;:!?)]}"))


def _says_nothing(match: re.Match[str], value: str, *, told: bool) -> bool:
    """Tell whether *value* is none: a word of a sentence, a placeholder, or code."""
    if not value or _NOTHING.fullmatch(value):
        return True
    if value.isdigit() and plain(match[1]).endswith(COUNTS):
        return True
    if told:
        spaced = match[2] != match[2].strip()
        code = _CALL.match(value) or (spaced and _CALL_BEGUN.match(value))
        return bool(code) or plain(value) == plain(match[1])
    words = value.split()
    if words[0].strip("().,:;!").lower() in _PROSE:
        return True
    strong = any(word in plain(match[1]) for word in _STRONG)
    return not strong and len(words) == 1 and value.isalpha() and len(value) < 20


def _argument(text: str, match: re.Match[str]) -> Span:
    opening = _OPENING.match(text, match.end())
    if opening:
        return _in_quotes(text, opening)
    end = _BARE.match(text, match.end()).end()  # type: ignore[union-attr] # likewise
    if _NOTHING.fullmatch(text, match.end(), end):
        return _NO_VALUE
    said = text[match.end() : end].strip("().,:;!").lower() in _PROSE
    return _NO_VALUE if said else (match.end(), end)


def _content(text: str, match: re.Match[str]) -> Span:
    found = text.find("<", match.end())
    return match.end(), len(text) if found < 0 else found


def _encoded(text: str, match: re.Match[str]) -> Span:
    return match.end(), _ENCODED_VALUE.match(text, match.end()).end()  # type: ignore[union-attr] # likewise

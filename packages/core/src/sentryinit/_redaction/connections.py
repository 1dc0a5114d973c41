"""User and password in URLs and connection strings. Takes linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import PLACEHOLDER, Mask, Span, mask_spans
from sentryinit._redaction.secret_values import is_placeholder, looks_random

# Names a user or a password without being one: "{user}", "$PASSWORD", "<password>", "%s", "***".
_FIELD = r"(?:\$?\{[^{}\s]*\}+|\$\w+|<[\w -]+>|%s|%\(\w+\)s|\*+|\.{3})"
_TEMPLATE = lazy(rf"{_FIELD}(?::{_FIELD})?|git|hg")
# A host of several, before the user of the next one.
_HOST = r"[\w.-]{1,253}(?::\d{1,5})?,(?=[^\s,@/:]{1,64}[:@])"
_AT = rf"@(?!sha256:|{_HOST})"
# What a user may consist of, and a password: quotes and a backslash inside, no end of a quotation
# or a tag.
_USER = r"(?!//|\d{1,5}(?:[^\w@.%+!-]|$)|\w*\})[^\s/?#\"'<>@:\\\[]{0,64}"
_MARK = r"[\"'](?![\s,)\]}:;>/]|$)|<\w{1,16}>(?=\w)|<(?!/)|\\{1,4}(?=\w)"
# The slashes, also as JSON escapes them; a host that another follows. An attribute of XPath is
# behind a bracket: "//input[@name='q']".
_URL = lazy(
    rf"""(?:(:)(?:\\{{0,4}}/){{2}}|(?<![:/\\])//|(?<=@){_HOST})(?:
    ((?:[^\s/?#"'<>\\@]|@(?!{_HOST}))+)(?<![\[(])(?=@(?!sha256:))
    # A slash, a question mark, a quote in the password, not percent-encoded.
    |({_USER}:(?!\d{{1,5}}(?:[/?#"'<>)\]}},;\s]|$)|/)(?:[^\s"'<>@\\]|{_MARK}){{1,128}})(?<!\w\[)(?={_AT})
    # A blank in the password: what follows has to be a host with a port or a path.
    |([^\s/?#"'<>@:\\\[]{{1,64}}:(?![\s/])[^\s"'<>@/]{{1,64}}(?<![,;:.])
      (?:[ ][^\s"'<>@]{{1,64}}){{1,3}})(?=@[\w.-]{{1,253}}(?::\d|/))
    )""",
    re.VERBOSE,
)
# With an at sign as JSON escapes it; percent-encoded as a whole.
_ESCAPED_AT = lazy(r"//([^\s/?#\"'<>\\@]{1,256})(?=\\{1,4}u0040)")
_ENCODED = lazy(
    r"(?i)%(?:25)*3A%(?:25)*2F%(?:25)*2F"
    r"((?:[^\s&\"'<>%/?#]|%(?!(?:25)*(?:2F|3F|26|20|22|2C)).){1,256})(?=%(?:25)*40)"
)
_START = r"(?:^|(?<=[\s\"'(=,]))"
# The data source name of a Go driver; Oracle's easy connect.
_GO = lazy(rf"(?m){_START}([^\s\"'(=,:/]{{1,64}}:[^\s\"']{{0,256}})(?=@(?:tcp|udp|unix)\d?\()")
_ORACLE = lazy(r"(?<=jdbc:oracle:)((?:thin|oci8?):(?:[^\s@\"']|\"[^\"\n]{1,128}\"){1,256})(?=@)")
_SQLPLUS = lazy(
    rf"(?m)(\b(?:sqlplus|sqlldr|impdp|expdp|rman|connect|conn)(?: -\w+){{0,3}} )?{_START}"
    r"([A-Za-z][\w$#]{0,63}/([^\s@/\"']{3,128}))(?=@(//)?[A-Za-z_\"(])"
)
# Without a scheme.
_BARE = lazy(rf"(?m){_START}([\w.+-]{{1,64}}:([^\s@/\"',:]{{6,128}}))(?=@/?[A-Za-z])")
# In braces of ODBC. Letters alone may be the field of a template.
_ODBC = lazy(
    r"(?i)\b(?:pwd|password)=\{(?![\w.:!-]*\}+(?![\w}]))"
    r"((?:[^{}\n]|\}\}|\}(?![\s;\"')]|$)){1,128})\}(?=[\s;\"')]|$)"
)
# In a list of pairs of ADO.NET, where a value may have blanks.
_ADO = lazy(r"(?i);\s?(?:pwd|password)=([^;\"'{}\n]{1,128})(?=;\s?[A-Za-z][\w ]{0,40}=)")
# A URL whose user is masked; a pair of ADO.NET with a password.
_KNOWN = lazy(rf"://{PLACEHOLDER.pattern}@|(?i:;\s?(?:pwd|password)=)")


def mask_userinfo(text: str, mask: Mask) -> str:
    """Mask the user and password of URLs and connection strings."""
    if "@" in text:
        if "//" in text or "/\\" in text:
            text = mask_spans(text, _users(_URL, text), mask)
        if "@tcp(" in text or "@unix(" in text:
            text = mask_spans(text, _users(_GO, text), mask)
        if "jdbc:oracle:" in text:
            text = mask_spans(text, _users(_ORACLE, text), mask)
        if ":" in text or "/" in text:
            text = mask_spans(text, _without_scheme(text), mask)
    if "40" in text and "%" in text:
        text = mask_spans(text, _users(_ENCODED, text), mask)
    if "u0040" in text:
        text = mask_spans(text, _users(_ESCAPED_AT, text), mask)
    if ";" in text and ("ord=" in text or "wd=" in text or "ORD=" in text or "PWD=" in text):
        spans = (span for span in _users(_ADO, text) if not is_placeholder(text[slice(*span)]))
        text = mask_spans(text, spans, mask)
    if "={" in text:
        text = mask_spans(text, _users(_ODBC, text), mask)
    return text


def has_masked_parts(connection: str) -> bool:
    """Return True if the password in *connection* is known, so that the rest can stay."""
    return _KNOWN.search(connection) is not None


def _users(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    for match in pattern.finditer(text):
        start, end = next(span for span in match.regs[:0:-1] if span[0] >= 0 and span != (0, 0))
        if not (_TEMPLATE.fullmatch(text, start, end) or PLACEHOLDER.fullmatch(text, start, end)):
            yield start, end


def _without_scheme(text: str) -> Iterator[Span]:
    """Find what is certain only if a command says so, or the password looks random."""
    if "/" in text:
        for match in _SQLPLUS.finditer(text):
            if match[1] or match[4] or looks_random(match[3]):
                yield match.span(2)
    for match in _BARE.finditer(text):
        if looks_random(match[2]):
            yield match.span(1)

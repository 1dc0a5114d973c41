"""Credentials recognised by their form: keys, tokens, PEM, JWT.

Linear time: a pattern that could start at each character of a run starts at the first only.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from sentryinit._redaction.placeholders import Mask, Span, mask_spans
from sentryinit._redaction.providers import provider_keys

# The shortest text that a pattern below matches.
SHORTEST_KEY = 13

_URL_SAFE = str.maketrans("-_", "+/")
_RUN = re.compile(r"[\w.=+/-]{20,}")
_BEARER = re.compile(r"(?i)\bbearer[\s:=]{1,4}(?:%20)?([\w.~+/=-]{8,})")
_BASIC = re.compile(r"(?i)\bbasic[\s:=]{1,4}(?:%20)?([A-Za-z0-9+/_-]{6,}={0,2})")
_IDENTIFIED = re.compile(r"(?i)\bidentified\s{1,4}by\s{1,4}['\"](?!\[secret)([^'\"]{1,200})")
# A line of a PEM key whose BEGIN and END are in other texts.
_BASE64_LINE = re.compile(
    r"(?m)^[ \t\"'(+]{0,80}([A-Za-z0-9+/]{60,80}={0,2})(?=(?:\\n)?[\"'),\\ \t]{0,8}$)"
)


def mask_credentials(text: str, mask: Mask) -> str:
    """Mask all credentials."""
    if "-----" in text and ("-----BEGIN" in text or "-----END" in text):
        text = mask_spans(text, _pem_blocks(text), mask)
    if len(text) >= 60:
        text = _BASE64_LINE.sub(lambda m: _mask_base64_line(m, mask), text)
    if "eyJ" in text:
        text = _RUN.sub(lambda m: _mask_jwt(m, mask), text)
    text = mask_spans(text, provider_keys(text), mask)
    lowered = text.lower()
    if "bearer" in lowered:
        text = _BEARER.sub(lambda m: _mask_last(m, mask) if _is_token(m[1]) else m[0], text)
    if "identified" in lowered:
        text = _IDENTIFIED.sub(lambda m: _mask_last(m, mask), text)
    if "basic" in lowered:
        text = _BASIC.sub(lambda m: _mask_last(m, mask) if _is_pair(m[1]) else m[0], text)
    return text


def _pem_blocks(text: str) -> Iterator[Span]:
    """Find PEM blocks, also without BEGIN or END."""
    begin, end = text.find("-----BEGIN"), text.find("-----END")
    if begin < 0 or 0 <= end < begin:
        begin = 0
    while begin >= 0:
        end = text.find("-----END", begin)
        close = text.find("-----", end + 8) + 5 if end >= 0 else 0
        stop = close if close > 4 else len(text)
        yield begin, stop
        begin = text.find("-----BEGIN", stop)


def _mask_base64_line(match: re.Match[str], mask: Mask) -> str:
    run = match[1]
    # A hexadecimal digest has letters of one case only.
    if run == run.lower() or run == run.upper() or run.isalpha():
        return match[0]
    return match[0].replace(run, mask(run))


def _mask_jwt(match: re.Match[str], mask: Mask) -> str:
    run, before = match[0], match.string[max(match.start() - 1, 0) : match.start()]
    at = run.find("eyJ")
    encoded = at in {2, 4} and before == "%"
    if at < 0 or (at and run[at - 1].isalnum() and not encoded):
        return run
    token = run[at:].rstrip(".-=")
    # Parts with dots between them, or one long part.
    if "." not in token and len(token) < 40:
        return run
    return run[:at] + mask(token) + run[at + len(token) :]


def _mask_last(match: re.Match[str], mask: Mask) -> str:
    return match[0][: match.start(1) - match.start()] + mask(match[1])


def _is_token(word: str) -> bool:
    """Return False for a word of a sentence: *Bearer authentication failed*."""
    return len(word) >= 24 or not word.rstrip(".").isalpha()


def _is_pair(word: str) -> bool:
    """Return True for base64 of user and password (RFC 7617)."""
    try:
        return b":" in base64.b64decode(word.translate(_URL_SAFE) + "=" * (-len(word) % 4))
    except ValueError:
        return False

"""Credentials recognised by their form: keys, tokens, PEM, JWT.

Linear time: a pattern that could start at each character of a run starts at the first only.
"""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import Mask, Span, mask_spans
from sentryinit._redaction.providers import begin, may_contain_keys, provider_keys

# The shortest text that a pattern below matches.
SHORTEST_KEY = 13

_URL_SAFE = str.maketrans("-_", "+/")
# RFC 7468, also in a query; RFC 4716.
_PEM_MARKER = lazy(
    r"-----(BEGIN|END)[ +%A-Z0-9-]{1,80}?-----|---- (BEGIN|END) SSH2 [A-Z ]{1,60} ----"
)
# Base64 beside a line break, or a long one.
_BREAK = r"(?:[\r\n]|\\[rn]|%0[AaDd])"
_PEM_BODY = lazy(rf"{_BREAK}[ \t\"'+]*[\w+/=]{{3}}|[\w+/=]{{3}}[\"', +]*{_BREAK}|[\w+/=]{{16}}")
_PEM_LOOK = 200
# The head of what is public, and the rest of it.
_PUBLIC = r"-----BEGIN[ +%A-Z0-9]{1,60}?(?:CERTIFICATE|PUBLIC(?:[ +]|%20)KEY)[ +%A-Z0-9]{0,20}-----"
_PUBLIC_BEGIN = lazy(_PUBLIC)
_PUBLIC_BLOCK = rf"{_PUBLIC}[^-]*"
# The private members of a JSON Web Key (RFC 7518).
_JWK = lazy(
    r"(?<=[\"'])(?:k|d|p|q|dp|dq|qi)\\{0,4}[\"']\s{0,4}:\s{0,4}"
    r"\\{0,4}[\"']([\w-]{16,})(?=\\{0,4}[\"'])"
)
# The private part of a key file of PuTTY.
_PPK = lazy(
    rf"Private-Lines: \d{{1,4}}{_BREAK}+((?:(?!{_BREAK}*Private-)(?:[A-Za-z0-9+/=]|{_BREAK}))+)"
)
# Base64 of a brace with a quote or blanks after it. A word of a path after it stays.
_JWT = lazy(
    rf"{begin()}(?:eyJ|eyAi|ewog|ewoJ|ewoi|ew0K)"
    r"(?:[\w.=+-]|%(?:25)?(?:2[BbEeFf]|3[Dd])|/(?![a-z_-]*(?:[/?#&\s\"']|$)))*"
)
# Between a scheme and its credentials, also percent-encoded: blanks, colon, one quote.
_BEFORE = rf"(?i){begin()}"
_SEPARATOR = r"(?:[\s:=+]|%(?:25)?(?:20|3[AaDd]|2[Bb])){1,4}(?:\\{0,4}[\"']|[<(\[])?"
# A parameter of a challenge is no token, nor is a call: Bearer realm="x", token get_token().
_CREDENTIALS = r"([\w.~+/-]{8,}(?:=|%3[Dd]){0,2})(?![\w.~+/(\[-]|\s?=)"
_BEARER = lazy(rf"{_BEFORE}bearer{_SEPARATOR}{_CREDENTIALS}")
_BASIC = lazy(rf"{_BEFORE}basic{_SEPARATOR}{_CREDENTIALS}")
# Other schemes, the account before a signature, and parameters.
_SCHEMES = (
    *("negotiate", "ntlm", "dpop", "ssws", "splunk", "geniekey", "apikey", "token"),
    *("sharedkey", "hmac", "digest", "hawk", "oauth_"),
)
_SCHEME = lazy(
    rf"{_BEFORE}(?:{'|'.join(_SCHEMES[:8])})(?:\s|\+|%(?:25)?20){{1,4}}"
    rf"(?=\S{{16}}){_CREDENTIALS}"
)
_SIGNATURE = lazy(
    r"(?i)(?:\b(?:sharedkey(?:lite)?|hmac)[ +][\w./-]{1,100}:"
    r"|\b(?:response|mac|oauth_signature)=(?:\\{0,4}[\"'])?)([\w.~+/%-]{16,}={0,2})(?![\w.~+/%(\[-])"
)
# A digit, or letters of both cases or a mark within. Not HTTP/2.0, RFC-6750.
_NO_WORD = lazy(r"(?![A-Z]+[/-]?[0-9.]+$).*?(?:[0-9]|[a-z][A-Z]|\w[.~+]\w)")
_RANDOM = lazy(r"(?=.*[0-9])(?=.*[a-z])(?=.*[A-Z]).{16}")
_IDENTIFIED = lazy(r"(?i)\bidentified\s{1,4}by\s{1,4}['\"](?!\[secret)([^'\"]{1,200})")
# A line of a PEM key whose BEGIN and END are in other texts.
_BASE64_LINE = re.compile(
    rf"(?m){_PUBLIC_BLOCK}|"
    r"^[ \t\"'(+]{0,80}([A-Za-z0-9+/]{60,80}={0,2})(?=(?:\\n)?[\"'),\\ \t]{0,8}$)"
)


def mask_credentials(text: str, mask: Mask) -> str:
    """Mask all credentials."""
    text = _mask_private_keys(text, mask)
    lowered = text.lower()
    # A key has letters.
    has_keys = lowered.islower() and may_contain_keys(text)
    if has_keys:
        text = mask_spans(text, provider_keys(text), mask)
    if "eyJ" in text or "eyA" in text or "ewo" in text or "ew0" in text:
        text = _JWT.sub(lambda m: _mask_jwt(m, mask), text)
    if "bearer" in lowered:
        text = _BEARER.sub(functools.partial(_mask_if, _is_token, mask), text)
    if "identified" in lowered:
        text = _IDENTIFIED.sub(functools.partial(_mask_if, bool, mask), text)
    if "basic" in lowered:
        text = _BASIC.sub(functools.partial(_mask_if, _is_pair, mask), text)
    if has_keys and any(map(lowered.__contains__, _SCHEMES)):
        text = _SCHEME.sub(functools.partial(_mask_if, _is_token, mask), text)
        text = _SIGNATURE.sub(functools.partial(_mask_if, _is_token, mask), text)
    return text


def _mask_private_keys(text: str, mask: Mask) -> str:
    if "----" in text and ("BEGIN" in text or "END" in text):
        text = mask_spans(text, _pem_blocks(text), mask)
    if "Private-Lines:" in text:
        text = _PPK.sub(functools.partial(_mask_if, bool, mask), text)
    if "kty" in text:
        text = _JWK.sub(functools.partial(_mask_if, bool, mask), text)
    if len(text) >= 60:
        text = _BASE64_LINE.sub(lambda m: _mask_base64_line(m, mask), text)
    return text


def _pem_blocks(text: str) -> Iterator[Span]:
    """Find PEM blocks, also without BEGIN or END."""
    done, opened = 0, -1
    for marker in _PEM_MARKER.finditer(text):
        if "BEGIN" in (marker[1], marker[2]):
            if opened >= 0:
                yield from _pem_block(text, opened, marker.start())
            opened = marker.start()
        else:
            yield from _pem_block(text, done if opened < 0 else opened, marker.end())
            done, opened = marker.end(), -1
    if opened >= 0:
        yield from _pem_block(text, opened, len(text))


def _pem_block(text: str, start: int, stop: int) -> Iterator[Span]:
    """Yield the block, except if it is public or a message only names a marker."""
    if _PUBLIC_BEGIN.match(text, start):
        return
    body = _PEM_BODY
    if body.search(text, start, min(stop, start + _PEM_LOOK)) or body.search(
        text, max(start, stop - _PEM_LOOK), stop
    ):
        yield start, stop


def _mask_base64_line(match: re.Match[str], mask: Mask) -> str:
    run = match[1] or ""
    # A public block; a hexadecimal digest has letters of one case only.
    if run == run.lower() or run == run.upper() or run.isalpha():
        return match[0]
    return match[0].replace(run, mask(run))


def _mask_jwt(match: re.Match[str], mask: Mask) -> str:
    token = match[0].rstrip(".-=")
    # Parts with dots between them, or one long part.
    if len(token) < (16 if "." in token else 40):
        return match[0]
    return mask(token) + match[0][len(token) :]


def _mask_if(is_secret: Callable[[str], bool], mask: Mask, match: re.Match[str]) -> str:
    if not is_secret(match[1]):
        return match[0]
    return match[0][: match.start(1) - match.start()] + mask(match[1])


def _is_token(word: str) -> bool:
    """Return False for a word of a sentence: *Bearer authentication failed*."""
    return len(word) >= 24 or _NO_WORD.match(word) is not None


def _is_pair(word: str) -> bool:
    """Return True for base64 of user and password (RFC 7617), and for what looks random."""
    word = unquote(word).translate(_URL_SAFE)
    if _RANDOM.match(word):
        return True
    try:
        return b":" in base64.b64decode(word + "=" * (-len(word) % 4))
    except ValueError:
        return False

"""User and password in URLs and connection strings. Takes linear time."""

from __future__ import annotations

import re

from sentryinit._redaction.placeholders import PLACEHOLDER, Mask

_USERINFO = re.compile(r"(?<=://)[^\s/?#\"'<>\\]+(?=@)")
# With a slash or a question mark in the password, not percent-encoded.
_RAW_USERINFO = re.compile(
    r"(?<=://)[^\s/?#\"'<>@:\\]{0,64}:(?!\d{1,5}(?:[/?#]|$))[^\s\"'<>@]{1,96}(?=@)"
)
_ORACLE = re.compile(r"(?<=jdbc:oracle:)(?:thin|oci8?):[^\s@\"']{1,256}(?=@)")


def mask_userinfo(text: str, mask: Mask) -> str:
    """Mask the user and password of URLs."""
    for pattern in (_RAW_USERINFO, _USERINFO, _ORACLE):
        text = pattern.sub(lambda m: m[0] if PLACEHOLDER.fullmatch(m[0]) else mask(m[0]), text)
    return text

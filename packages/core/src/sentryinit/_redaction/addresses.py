"""E-mail and IP addresses. Takes linear time."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from sentryinit._redaction.placeholders import Mask

# As it is, and as URLs, JSON and HTML encode it.
_AT = r"(?:@|%(?:25)*40|\\+u0040|&#(?:64|x40);|\uff20)"
_EMAIL = re.compile(rf"(?<![\w.+%~-])[\w.+%~-]+\"?{_AT}(?:[\w-]+\.)+(?:[^\W\d_]{{2,}}|xn--[\w-]+)")

# A look behind the first digit is faster than one in front.
_IPV4 = re.compile(
    r"\d(?:(?<![A-Za-z0-9.]\d)|(?<=%[0-9A-Fa-f][0-9A-Fa-f]\d))\d{0,2}(?:\.\d{1,3}){3}"
    r"(?![A-Za-z0-9]|\.\d|-[A-Za-z])"
)
_DASHED = re.compile(r"(?<=\bip-)\d{1,3}(?:-\d{1,3}){3}(?![\w-]*\d)")
_IPV6 = re.compile(
    r"(?:(?<![\w:.])|(?<=%[0-9A-Fa-f][0-9A-Fa-f]))(?=[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{3,39}(?:\d{1,3}(?:\.\d{1,3}){3})?(?![\w:]|\.\d)"
)
_SLICE = re.compile(r"\d{0,9}::\d{0,9}")
# Before a version number: a word, a comparison, a product.
_VERSION = re.compile(
    r"""(?:\b[vV]|\b(?:version|ver|release|rev|build|python|sdk)\b[\s:="'v]{0,4}|[\w\]][=~<>!]=
    |\b(?:[A-Z][\w.+-]{0,30}|nginx|curl|httpx|okhttp|wget|python-[\w.-]{1,20}|aiohttp|gunicorn)/
    |\b(?!ip|host|addr|client|peer|server|node)[A-Za-z]\w{0,30}-)$""",
    re.VERBOSE,
)
_VERSION_TAIL = re.compile(r"\.(?:dev|post|rc|tar|zip|whl|jar|so|el|deb|rpm)")


def mask_emails(text: str, mask: Mask) -> str:
    """Mask e-mail addresses."""
    return _EMAIL.sub(lambda m: mask(m[0].lower()), text)


def mask_ip_addresses(text: str, mask: Mask, *, is_version: bool = False) -> str:
    """Mask IP addresses, except loopback, unspecified and netmasks."""
    if not is_version and text.count(".") >= 3:
        text = _IPV4.sub(lambda m: m[0] if _is_version(m) else _mask_ip(m[0], mask), text)
    if "ip-" in text:
        # What is not masked keeps its dashes.
        text = _DASHED.sub(
            lambda m: _mask_ip(dotted := m[0].replace("-", "."), mask).replace(dotted, m[0]), text
        )
    if text.count(":") >= 2:
        text = _IPV6.sub(lambda m: m[0] if _is_slice_or_names(m) else _mask_ip(m[0], mask), text)
    return text


def network_of(address: str) -> str:
    """Return the first 24 bits of *address* (IPv6: 48)."""
    parsed = ipaddress.ip_address(address)
    size = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network((parsed, size), strict=False).network_address)


def mask_public(address: str, mask: Mask) -> str:
    """Mask *address* if the internet reaches it, or the one of version 4 that is in it."""
    parsed: Any = ipaddress.ip_address(address)
    if parsed.version == 6:
        # The second one of Teredo is the client's.
        embedded = parsed.ipv4_mapped, parsed.sixtofour, (parsed.teredo or (None,))[-1]
        parsed = next(filter(None, embedded), parsed)
    return mask(address) if parsed.is_global and not parsed.is_multicast else address


def _mask_ip(text: str, mask: Mask) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    inner = getattr(address, "ipv4_mapped", None) or address
    harmless = inner.is_loopback or inner.is_unspecified or text.startswith("255.255.")
    return text if harmless else mask(text)


def _is_version(match: re.Match[str]) -> bool:
    before = match.string[max(match.start() - 40, 0) : match.start()]
    return bool(_VERSION.search(before) or _VERSION_TAIL.match(match.string, match.end()))


def _is_slice_or_names(match: re.Match[str]) -> bool:
    """Return True for ``items[1::2]`` and ``std::string``."""
    text, before = match[0], match.string[max(match.start() - 2, 0) : match.start()]
    subscript = before[-1:] == "[" and (before[:-1].isalnum() or before[:-1] in {"_", ")", "]"})
    if subscript and _SLICE.fullmatch(text):
        return True
    specific = any(len(group) >= 3 for group in text.split(":")) and any(map(str.isdigit, text))
    return not specific and text.count(":") < 7

"""E-mail and IP addresses. Takes linear time."""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import Any

from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import Mask

# As it is, and as URLs, JSON and HTML encode it.
_AT = r"(?:@|%(?:25)*40|\\+u0040|\\+x40|&(?:#(?:64|x40)|commat);|\uff20)"
# Not a user for version control, an algorithm of SSH, a version, or a call.
_EMAIL = lazy(
    rf"(?<![\w.+%~-])(?!(?:git|hg|svn){_AT}|\w+-[\w-]+@(?:openssh\.com|libssh\.org)\b)"
    rf"[\w.+%~-]+\"?{_AT}(?!v?\d+\.\d)"
    r"(?:[\w-]+(?:\.|%(?:25)*2[Ee]))+(xn--[\w-]+|[^\W\d_]{2,})(?![^\W\d_]|\(\))\d*"
)
# The ends of names of files and of systemd units that are no top-level domains.
_SUFFIXES = frozenset(
    "png jpg jpeg gif svg webp ico bmp avif css scss js mjs jsx ts tsx map json xml html htm yaml "
    "yml toml ini conf txt log csv pdf gz tgz jar whl exe dll java service socket target timer "
    "mount automount slice scope swap device path".split()
)
# Also after a percent-encoded character, and after an escaped one in a string. A look behind the
# first digit is faster than one in front.
_IPV4 = lazy(
    r"\d(?=\d{0,2}\.\d{1,3}\.)(?:(?<![A-Za-z0-9.]\d)|(?<=[A-Za-z]\.\d)|(?<=%[0-9A-Fa-f][0-9A-Fa-f]\d)"
    r"|(?<=\\[nrt]\d)|(?<=\\u[0-9A-Fa-f]{4}\d))"
    r"\d{0,2}(?:\.\d{1,3}){3}(?![A-Za-z0-9]|\.\d)"
)
_DASHED = lazy(r"(?:(?<=\bip-)|(?<=\bec2-))\d{1,3}(?:-\d{1,3}){3}(?![\w-]*\d)")
_IPV6 = lazy(
    r"(?:[0-9A-Fa-f](?=[0-9A-Fa-f]{0,3}:)|:)(?:(?<![\w:.\]].)|(?<=[^:\]]:.)"
    r"|(?<=%[0-9A-Fa-f][0-9A-Fa-f].)|(?<=\\[nrt].)|(?<=\\u[0-9A-Fa-f]{4}.))"
    r"(?:[0-9A-Fa-f:]*:\d{1,3}(?:\.\d{1,3}){3}(?![0-9A-Fa-f]|\.\d)"
    r"|[0-9A-Fa-f:]{2,}(?![0-9A-Fa-f:]|\.\d|\[ip))"
)
# Percent-encoded colons or dots.
_ENCODED = lazy(
    r"(?:(?<![\w%])|(?<=%[0-9A-Fa-f]{2}))(?:\d{1,3}(?:%(?:25){0,2}2[Ee]\d{1,3}){3}"
    r"|[0-9A-Fa-f]{0,4}(?:%(?:25){0,2}3[Aa][0-9A-Fa-f]{0,4}){2,8})(?![0-9A-Za-z])"
)
_WORD = lazy(r"\w")
# Behind an address only.
_ADDRESS_TAIL = lazy(r":\d|/\d\d?\b|>")
_SLICE = lazy(r"\d{0,9}::\d{0,9}")
# Before any version: a word for it, a comparison.
_VERSION = lazy(
    r"(?i)(?:\bv|(?:version(?:s|_?info)?_{0,2}|\b(?:ver|release|rel|rev|revision|build|firmware"
    r"|python|sdk|oid|objectidentifier|section))\b"
    r"(?:\s(?:is|number|no\.?))?[\s.:=,\"'v(]{0,4}(?:\d[\d.]*(?:,\s|\s(?:and|or|to)\s)){0,3}"
    r"|(?<!ip)(?<!addr)(?<!host)\s?(?:[=~<>!]=|~>)\s?|(?<![^\s\"'])[~^])$"
)
_VERSION_TAIL = lazy(
    r"(?i)\.(?:dev|post|rc|tar|zip|whl|jar|so|el|deb|rpm)"
    r"|[-+](?:alpha|beta|rc|dev|snapshot|build|final)(?![a-z])"
)
# Four numbers that are rather a version than an address, if a name is in front of them: 10 is the
# private network, others are well-known resolvers. No host ends in three zeros.
_SMALL = lazy(r"(?!10\.|8\.8\.|(\d)\.\1\.\1\.\1\Z)(?:\d\d?\.(?:[12]?\d\.){2}\d{1,2}|\d+\.0\.0\.0)")
_NAME = lazy(
    r"(?:(?<![\w.])|(?<=[a-z]\.)(?=[A-Z]))\[?([A-Za-z][\w+-]{0,30})"
    r"(?:[/\\_:-]|[\"']?\s?[\s(]\s?)$|\w\.$|[<>]$"
)
_UPGRADE = lazy(r"(?i)(?:(?:up|down)grad|updat|bump|migrat)[^:\n]*$")
# Ends of names of what has an address, and words before one.
_NETWORK_WORD = lazy(
    r"(?i)(?:(?:\b|_)ip(?:v4|s)?|(?-i:[a-z]I[Pp])|addr(?:esse?)?s?|hosts?|hostname|clients?|peers?"
    r"|servers?|nodes?|users?|remote|local|src|dst|source|dest\w*|inet|net|network|subnet|mask|gateway"
    r"|route|dns|resolver|nameserver|proxy|relay|request|handler|connect\w*|bind\w*|listen\w*"
    r"|resolv\w*|reach\w*|block\w*|bann?\w*|deny|denied|allow\w*|ping|curl|ssh|dig|telnet|lookup"
    r"|\b(?:from|to|at|via|by|for|on|with|and|or|is|of|against|through|get|post))-?$"
)


def mask_emails(text: str, mask: Mask) -> str:
    """Mask e-mail addresses."""
    return _EMAIL.sub(lambda m: m[0] if m[1].lower() in _SUFFIXES else mask(m[0].lower()), text)


def mask_ip_addresses(text: str, mask: Mask, *, is_version: bool = False) -> str:
    """Mask IP addresses, except loopback, unspecified and netmasks."""
    if "%3" in text or "%2" in text:
        text = _ENCODED.sub(lambda m: _mask_encoded(m[0], mask), text)
    # An address of version 4 can be the end of one of version 6.
    if "::" in text or text.count(":") >= 6:
        text = _IPV6.sub(functools.partial(_mask_ipv6, mask=mask), text)
    if not is_version and text.count(".") >= 3:
        text = _IPV4.sub(lambda m: m[0] if _is_version(m) else _mask_ip(m[0], mask), text)
    if "ip-" in text or "ec2-" in text:
        # What is not masked keeps its dashes.
        text = _DASHED.sub(
            lambda m: _mask_ip(dotted := m[0].replace("-", "."), mask).replace(dotted, m[0]), text
        )
    return text


def network_of(address: str) -> str:
    """Return the first 24 bits of *address* (IPv6: 48)."""
    parsed: Any = ipaddress.ip_address(address)
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
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
    # 0.0.0.0/8 and 255.0.0.0/8: no host, but masks and versions.
    harmless = inner.is_loopback or inner.is_unspecified or text.startswith(("0.", "255."))
    return text if harmless else mask(text)


def _mask_encoded(text: str, mask: Mask) -> str:
    plain = re.sub("%(?:25)*2[Ee]", ".", re.sub("%(?:25)*3[Aa]", ":", text))
    masked = mask_ip_addresses(plain, mask)
    return text if masked == plain else masked


def _is_version(match: re.Match[str]) -> bool:
    """Return True for ``1.2.3.4`` where a name or a word makes it a version."""
    text, end = match.string, match.end()
    before = text[max(match.start() - 60, 0) : match.start()]
    has_tail = _ADDRESS_TAIL.match(text, end)
    is_small = not has_tail and _SMALL.fullmatch(match[0])
    name = _NAME.search(before[-36:]) if is_small else None
    if name and not (name[1] and _NETWORK_WORD.search(name[1])):
        return True
    if _VERSION.search(before[-40:]) or _VERSION_TAIL.match(text, end):
        return True
    return bool(is_small and _UPGRADE.search(before))


def _mask_ipv6(match: re.Match[str], mask: Mask) -> str:
    """Mask an address in colons and hexadecimal digits, without a colon or a port beside it."""
    text = match[0]
    address = text.removeprefix(":") if text[:2] != "::" else text
    if _WORD.match(match.string, match.end()) or (text[-1] == ":" and text[-2] != ":"):
        address = address.rpartition(":")[0]
    if _is_slice_or_names(match, address):
        return text
    rest, _, port = address.rpartition(":")
    if port.isdigit() and (len(port) > 4 or address.count(":") > 7):
        address = rest
    return text.replace(address, _mask_ip(address, mask), 1)


def _is_slice_or_names(match: re.Match[str], address: str) -> bool:
    """Return True for ``items[1::2]``, ``std::string``, ``::1:80``, a fingerprint ``00:1b:...``."""
    before = match.string[max(match.start() - 2, 0) : match.start()]
    subscript = before[-1:] == "[" and (before[:-1].isalnum() or before[:-1] in {"_", ")", "]"})
    if subscript and _SLICE.fullmatch(address):
        return True
    has_long = any(len(group) >= 3 for group in address.split(":"))
    is_name = not any(map(str.isdigit, address)) and address.count(":") < 7
    # No host: ``RFC 3501::``.
    is_number = address.count(":") == 2 and address[:-2].isdigit() and address[-2:] == "::"
    return is_name or is_number or not has_long or address.startswith("::1:")

"""Numbers and addresses that are personal: cards, accounts, e-mail, IP. Checked, not guessed.

Pure, and linear as :mod:`sentryinit._redaction.credentials` is.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable

Mask = Callable[[str], str]

# -- cards ---------------------------------------------------------------------------------------

# Taken as a whole, however long: its parts are looked at below.
_DIGITS = re.compile(r"\d(?:(?:[ +-]|%20)?\d){12,}")
_DOTTED = re.compile(r"(?<![\d.])\d{4}\.\d{4}\.\d{4}\.\d{1,7}(?![\d.])")
_GROUP = re.compile(r"\d+")
_ISSUER = re.compile(r"[2-6]|81|9792")
_GROUPINGS = ((4, 4, 4, 4), (4, 6, 5), (4, 6, 4))
_ALNUM = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGEST = re.compile(r"[0-9a-f]{20,}|[0-9A-F]{20,}")


def luhn(digits: str) -> bool:
    """Tell whether the last of *digits* is the check digit of the others."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def is_card(digits: str) -> bool:
    """Tell whether *digits* can be the number of a payment card."""
    return 13 <= len(digits) <= 19 and bool(_ISSUER.match(digits)) and luhn(digits)


def cards(text: str, mask: Mask) -> str:
    """Return *text* without the numbers of cards."""
    if "." in text:
        text = _DOTTED.sub(lambda m: mask(m[0]) if is_card(m[0].replace(".", "")) else m[0], text)
    return _DIGITS.sub(lambda m: _in_run(m, mask), text)


def _in_run(match: re.Match[str], mask: Mask) -> str:
    run = match[0]
    if _is_fraction_or_digest(match):
        return run
    # A number may follow upon %20: the digits of that are none of it.
    groups = list(_GROUP.finditer(run.replace("%20", "   "), 2 * _is_encoded(match)))
    sizes = [len(group[0]) for group in groups]
    if len(set(sizes[:-1])) <= 1 and sizes[0] >= 4 and is_card("".join(g[0] for g in groups)):
        return run[: groups[0].start()] + mask(run[groups[0].start() :])
    done, at, parts = 0, 0, []
    while at < len(groups):
        span = _card_at(groups, sizes, at)
        if span:
            start, end = groups[at].start(), groups[at + span - 1].end()
            parts += [run[done:start], mask(run[start:end])]
            done = end
        at += span or 1
    return "".join([*parts, run[done:]])


def _is_encoded(match: re.Match[str]) -> bool:
    return match.string[max(match.start() - 1, 0) : match.start()] == "%"


def _card_at(groups: list[re.Match[str]], sizes: list[int], at: int) -> int:
    """Return how many of *groups* from *at* on are one card, written as cards are; 0 if none."""
    if sizes[at] >= 13:
        return int(is_card(groups[at][0]))
    for grouping in _GROUPINGS:
        span = len(grouping)
        if tuple(sizes[at : at + span]) == grouping:
            return span if is_card("".join(g[0] for g in groups[at : at + span])) else 0
    return 0


def _is_fraction_or_digest(match: re.Match[str]) -> bool:
    text, start, end = match.string, match.start(), match.end()
    before, after = text[max(start - 64, 0) : start], text[end : end + 64]
    if before.endswith(".") and before[-2:-1].isdigit():
        return True
    before = before[len(before.rstrip(_ALNUM)) :] if not _is_encoded(match) else ""
    after = after[: len(after) - len(after.lstrip(_ALNUM))]
    return bool(before or after) and bool(_DIGEST.fullmatch(before + match[0] + after))


# -- accounts ------------------------------------------------------------------------------------

# It begins with a letter, and only then looks at what is before it: that is found faster.
_IBAN = re.compile(
    r"[A-Za-z](?:(?<![A-Za-z0-9].)|(?<=%[0-9A-Fa-f][0-9A-Fa-f].)|(?<=%25[0-9A-Fa-f][0-9A-Fa-f].))"
    r"[A-Za-z]\d{2}(?=[ -]?[A-Za-z0-9])"
)
# How long the numbers of a country are; see the registry of ISO 13616.
_LENGTHS = {
    country: size
    for size, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}


def ibans(text: str, mask: Mask) -> str:
    """Return *text* without the numbers of bank accounts."""
    done, parts = 0, []
    for match in _IBAN.finditer(text):
        size = _LENGTHS.get(match[0][:2].upper())
        found = _of_length(size).match(text, match.start()) if size else None
        if found and match.start() >= done and is_iban(found[0]):
            parts += [text[done : found.start()], mask(found[0])]
            done = found.end()
    return "".join([*parts, text[done:]]) if parts else text


def is_iban(text: str) -> bool:
    """Tell whether the check digits of *text* are right."""
    number = text.replace(" ", "").replace("-", "")
    return int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1


@functools.cache
def _of_length(size: int) -> re.Pattern[str]:
    return re.compile(rf"[A-Za-z0-9](?:[ -]?[A-Za-z0-9]){{{size - 1}}}(?![A-Za-z0-9])")


# -- addresses -----------------------------------------------------------------------------------

# As it is, or as URLs, JSON and HTML write it; encoded twice as well.
_AT = r"(?:@|%(?:25)*40|\\+u0040|&#(?:64|x40);|\uff20)"
_EMAIL = re.compile(rf"(?<![\w.+%~-])[\w.+%~-]+\"?{_AT}(?:[\w-]+\.)+(?:[^\W\d_]{{2,}}|xn--[\w-]+)")

# It begins with a digit, and only then looks at what is before it: that is found faster.
_IPV4 = re.compile(
    r"\d(?:(?<![A-Za-z0-9.]\d)|(?<=%[0-9A-Fa-f][0-9A-Fa-f]\d))\d{0,2}(?:\.\d{1,3}){3}"
    r"(?![A-Za-z0-9]|\.\d|-[A-Za-z])"
)
_DASHED = re.compile(r"(?<=\bip-)\d{1,3}(?:-\d{1,3}){3}(?![\w-]*\d)")
_IPV6 = re.compile(
    r"(?:(?<![\w:.])|(?<=%[0-9A-Fa-f][0-9A-Fa-f]))(?=[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{3,39}(?:\d{1,3}(?:\.\d{1,3}){3})?(?![\w:]|\.\d)"
)
_SLICE = re.compile(r"\d{0,9}::\d{0,9}")
# What stands before a version: a word for it, a comparison, a product's name.
_VERSION = re.compile(
    r"""(?:\b[vV]|\b(?:version|ver|release|rev|build|python|sdk)\b[\s:="'v]{0,4}|[\w\]][=~<>!]=
    |\b(?:[A-Z][\w.+-]{0,30}|nginx|curl|httpx|okhttp|wget|python-[\w.-]{1,20}|aiohttp|gunicorn)/
    |\b(?!ip|host|addr|client|peer|server|node)[A-Za-z]\w{0,30}-)$""",
    re.VERBOSE,
)
_VERSION_TAIL = re.compile(r"\.(?:dev|post|rc|tar|zip|whl|jar|so|el|deb|rpm)")


def emails(text: str, mask: Mask) -> str:
    """Return *text* without e-mail addresses."""
    return _EMAIL.sub(lambda m: mask(m[0].lower()), text)


def addresses(text: str, mask: Mask, *, versions: bool = False) -> str:
    """Return *text* without IP addresses, but for those of this machine.

    *versions*: what looks like one of IPv4 is a version.
    """
    if not versions and text.count(".") >= 3:
        text = _IPV4.sub(lambda m: m[0] if _is_version(m) else _masked(m[0], mask), text)
    if "ip-" in text:
        text = _DASHED.sub(lambda m: _masked(m[0].replace("-", "."), mask), text)
    if text.count(":") >= 2:
        text = _IPV6.sub(lambda m: m[0] if _is_no_ipv6(m) else _masked(m[0], mask), text)
    return text


def network(address: str) -> str:
    """Return the network that *address* is in: the first 24 bits, or 48 of IPv6."""
    known = ipaddress.ip_address(address)
    size = 24 if known.version == 4 else 48
    return str(ipaddress.ip_network((known, size), strict=False).network_address)


def _masked(text: str, mask: Mask) -> str:
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


def _is_no_ipv6(match: re.Match[str]) -> bool:
    """Tell a slice, ``items[1::2]``, and names with colons from an address."""
    text, before = match[0], match.string[max(match.start() - 2, 0) : match.start()]
    subscript = before[-1:] == "[" and (before[:-1].isalnum() or before[:-1] in {"_", ")", "]"})
    if subscript and _SLICE.fullmatch(text):
        return True
    telling = any(len(group) >= 3 for group in text.split(":")) and any(map(str.isdigit, text))
    return not telling and text.count(":") < 7

"""Card numbers and IBANs. Takes linear time."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import Mask, Span, mask_spans

# Between groups of digits or letters, as it is and percent-encoded.
_MARK = r"[-+._/\u2010-\u2015]|%(?:25){0,2}20"
_BETWEEN = rf"(?:\s{{1,4}}|{_MARK})"
_SEPARATOR = lazy(_BETWEEN)
_SAME = r"(?(blank)\s{1,4}|(?P=mark))"
# 13 to 19 digits, or groups as issuers print them, and more groups behind four ones of four. Not
# the two digits after a percent sign. A look behind the first digit is faster than one in front.
_CARD = lazy(rf"""(?x)\d(?:(?<![\d%]\d)|(?<=%[0-9A-Fa-f][0-9A-Fa-f]\d))\d\d\d
    (?:(?P<bare>\d{{9,15}})|{_BETWEEN}\d{{6}}{_BETWEEN}\d{{4,5}}|\d\d{_BETWEEN}\d{{13}}
    |(?P<fours>(?:(?P<blank>\s)\s{{0,3}}|(?P<mark>{_MARK}))\d{{4}}(?:{_SAME}\d{{4}}){{2}})(?!\d)
    (?P<more>{_SAME}\d{{3}}(?!\d)|(?:{_SAME}\d{{4}}(?!\w))+)?)(?!\d)""")
_FOURS = lazy(rf"\d{{4}}(?:{_BETWEEN}\d{{4}}){{3}}")
# A year, or a month and a year.
_EXPIRY = lazy(r"(?:%(?:25)*20|\D+)(?:20\d\d|(?:0[1-9]|1[0-2])[2-4]\d)")
_NAMED = lazy(r"(?i)card\W{1,3}(?:(?:n(?:umbe)?r|no|is)\W{1,3}){0,2}$")
_ALNUM = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGEST = lazy(r"[0-9a-f]{20,}|[0-9A-F]{20,}")
# Beside a fraction; after the head of an IBAN, which is wrong if it is still here.
_PART_BEFORE = lazy(r"\d\.$|\b[A-Z]{2}\d\d[ -]$")
_PART_AFTER = lazy(r"\.(?!0\b)\d")
# What is behind the number on a magnetic track (ISO/IEC 7813).
_TRACK = lazy(r"=\d{7,20}\??|\^[^^\n]{2,26}\^\d{7,60}\??")
_ENCODED = lazy(r"%[0-9A-Fa-f]{2}$")
# Cards of other lengths than 15 and 16 are rare: here the number is an id, a phone number, or
# negative.
_GLUED = lazy(r"[\w+-]$")
# Prefixes and lengths, from ISO/IEC 7812 and what the issuers publish.
_ISSUERS = {
    r"4": (13, 16, 19),  # Visa
    r"3[47]": (15,),  # American Express
    r"30[0-5]|3095|3[689]": (14, 16),  # Diners Club
    r"5|222[1-9]|22[3-9]|2[3-6]|27[01]|2720": (16,),  # Mastercard, Maestro
    r"6011": (19,),  # Discover
    r"2131|1800": (15,),  # JCB
    r"6": (16,),  # Discover, Maestro, RuPay, Verve
    r"352[89]|35[3-8]": (16,),  # JCB
    r"220[0-4]": (16,),  # Mir
    r"8[12]": (16,),  # RuPay
    r"9792|8600|9860": (16,),  # Troy, Uzcard, Humo
    r"50(?:18|20|38)|5893|6304|6759|676[1-3]": (17, 18, 19),  # Maestro
    r"62|81[0-7]": (17, 18, 19),  # UnionPay
}
_PREFIXES = {
    size: "|".join(prefix for prefix in _ISSUERS if size in _ISSUERS[prefix])
    for size in range(13, 20)
}


def is_card(digits: str) -> bool:
    """Return True if the issuer, the length for it and the check digit are those of a card."""
    prefix = _PREFIXES.get(len(digits))
    return bool(prefix and re.match(prefix, digits)) and _luhn(digits) and not _is_ean(digits)


def _luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def _is_ean(digits: str) -> bool:
    """Return True for 13 digits with the check digit of an article number (GS1)."""
    weighted = sum(map(int, digits[::2])) + 3 * sum(map(int, digits[1::2]))
    return len(digits) == 13 and weighted % 10 == 0


def mask_numbers(text: str, mask: Mask) -> str:
    """Mask card numbers and IBANs."""
    # Digits of an IBAN can be those of a card.
    text = mask_spans(text, _iban_spans(text), mask)
    return mask_spans(text, _card_spans(text), mask)


def _card_spans(text: str) -> Iterator[Span]:
    for found in _CARD.finditer(text):
        if not _is_in_longer(found):
            before = text[max(found.start() - 24, 0) : found.start()]
            is_valid = _luhn if _NAMED.search(before) else is_card
            for start, end in _spans(found):
                if is_valid(_SEPARATOR.sub("", _ascii(text[start:end]))):
                    track = _TRACK.match(text, end)
                    yield start, track.end() if track else end
                    if end == found.end():
                        break


def _ascii(digits: str) -> str:
    """Return *digits* of any script as those of ASCII."""
    if digits.isascii():
        return digits
    return "".join(str(int(char)) if char.isdecimal() else char for char in digits)


def _spans(found: re.Match[str]) -> list[Span]:
    """Return what in a match can be a card: five groups of four are none."""
    whole, more = found.span(), found["more"] or ""
    spans = [match.span() for match in _FOURS.finditer(found.string, *whole)]
    if len(more) < 5 or spans[-1][1] == whole[1]:
        return [whole, *spans]
    return spans if _EXPIRY.fullmatch(more) else []


def _is_in_longer(found: re.Match[str]) -> bool:
    """Return True for a part of a fraction, a digest, a UUID or another identifier."""
    text, (start, end) = found.string, found.span()
    before, after = text[max(start - 64, 0) : start], text[end : end + 64]
    if _PART_BEFORE.search(before) or _PART_AFTER.match(after):
        return True
    if not found["bare"]:
        return after[:1].isalnum()
    if _ENCODED.search(before):
        before = ""
    is_glued = _GLUED.search(before) or re.match(r"\w", after)
    if is_glued and len(found[0]) not in {15, 16}:
        return True
    before = before[len(before.rstrip(_ALNUM)) :]
    after = after[: len(after) - len(after.lstrip(_ALNUM))]
    return bool(before or after) and bool(_DIGEST.fullmatch(before + found[0] + after))


# Two letters and two digits. From the digits backwards is faster.
_IBAN = lazy(
    r"\d(?<=[A-Za-z]{2}.)\d"
    r"(?:(?<![A-Za-z0-9].{4})|(?<=[Ii][Bb][Aa][Nn].{4})"
    r"|(?<=%[0-9A-Fa-f]{2}.{4})|(?<=%25[0-9A-Fa-f]{2}.{4}))"
    r"(?=[A-Za-z0-9\s+%-])"
)
# Countries and lengths, from the registry of ISO 13616.
_COUNTRIES = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 "
    "DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 "
    "GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 "
    "LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 "
    "PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 "
    "SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
).split()
_IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _COUNTRIES}


def _iban_spans(text: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        start = match.start() - 2
        length = _IBAN_LENGTHS.get(text[start : start + 2].upper())
        found = _of_length(length).match(text, start) if length else None
        if found and _is_iban(found[0]):
            # Groups with dashes in a UUID.
            beside = text[max(start - 1, 0) : start] + text[found.end() : found.end() + 1]
            if not ("-" in found[0] and "-" in beside):
                yield found.span()


def _is_iban(text: str) -> bool:
    """Return True if the check digits are right (ISO 7064, MOD 97-10)."""
    number = _SEPARATOR.sub("", text)
    return int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1


@functools.cache
def _of_length(length: int) -> re.Pattern[str]:
    between = r"(?:\s{1,4}|[-+]|%(?:25){0,2}20)?"
    return re.compile(rf"[A-Za-z0-9](?:{between}[A-Za-z0-9]){{{length - 1}}}(?![A-Za-z0-9])")

"""Card numbers and IBANs. Takes linear time."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from sentryinit._redaction.placeholders import Mask, Span, mask_spans

# A whole run of digits, however long.
_DIGITS = re.compile(r"\d(?:(?:[ +-]|%20)?\d){12,}")
_DOTTED = re.compile(r"(?<![\d.])\d{4}\.\d{4}\.\d{4}\.\d{1,7}(?![\d.])")
_GROUP = re.compile(r"\d+")
_ISSUER = re.compile(r"[2-6]|81|9792")
_GROUPINGS = ((4, 4, 4, 4), (4, 6, 5), (4, 6, 4))
_ALNUM = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGEST = re.compile(r"[0-9a-f]{20,}|[0-9A-F]{20,}")


def is_card(digits: str) -> bool:
    """Return True if length, issuer and Luhn check digit are those of a card."""
    if not (13 <= len(digits) <= 19 and _ISSUER.match(digits)):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def mask_numbers(text: str, mask: Mask) -> str:
    """Mask card numbers and IBANs."""
    if "." in text:
        text = _DOTTED.sub(lambda m: mask(m[0]) if is_card(m[0].replace(".", "")) else m[0], text)
    text = _DIGITS.sub(lambda m: mask_spans(m[0], _card_spans(m), mask), text)
    return mask_spans(text, _iban_spans(text), mask)


def _card_spans(match: re.Match[str]) -> Iterator[Span]:
    if _is_fraction_or_digest(match):
        return
    # Two digits after a percent sign: ``%204111...``.
    run, skipped = match[0].replace("%20", "   "), 2 * _is_encoded(match)
    groups = list(_GROUP.finditer(run, skipped))
    texts = [group[0] for group in groups]
    sizes = tuple(map(len, texts))
    if len(set(sizes[:-1])) <= 1 and sizes[0] >= 4 and is_card("".join(texts)):
        yield groups[0].start(), len(run)
        return
    for at, size in enumerate(sizes):
        usual = (len(g) for g in _GROUPINGS if sizes[at : at + len(g)] == g)
        end = at + (1 if size >= 13 else next(usual, 0))
        if is_card("".join(texts[at:end])):
            yield groups[at].start(), groups[end - 1].end()


def _is_encoded(match: re.Match[str]) -> bool:
    return match.string[max(match.start() - 1, 0) : match.start()] == "%"


def _is_fraction_or_digest(match: re.Match[str]) -> bool:
    text, start, end = match.string, match.start(), match.end()
    before, after = text[max(start - 64, 0) : start], text[end : end + 64]
    if before.endswith(".") and before[-2:-1].isdigit():
        return True
    before = before[len(before.rstrip(_ALNUM)) :] if not _is_encoded(match) else ""
    after = after[: len(after) - len(after.lstrip(_ALNUM))]
    return bool(before or after) and bool(_DIGEST.fullmatch(before + match[0] + after))


# A look behind the first letter is faster than one in front.
_IBAN = re.compile(
    r"[A-Za-z](?:(?<![A-Za-z0-9].)|(?<=%[0-9A-Fa-f][0-9A-Fa-f].)|(?<=%25[0-9A-Fa-f][0-9A-Fa-f].))"
    r"[A-Za-z]\d{2}(?=[ -]?[A-Za-z0-9])"
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
        length = _IBAN_LENGTHS.get(match[0][:2].upper())
        found = _of_length(length).match(text, match.start()) if length else None
        if found and _is_iban(found[0]):
            yield found.span()


def _is_iban(text: str) -> bool:
    """Return True if the check digits are right (ISO 7064, MOD 97-10)."""
    number = text.replace(" ", "").replace("-", "")
    return int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1


@functools.cache
def _of_length(length: int) -> re.Pattern[str]:
    return re.compile(rf"[A-Za-z0-9](?:[ -]?[A-Za-z0-9]){{{length - 1}}}(?![A-Za-z0-9])")

"""The masking of a text: all patterns in their order, each after a cheap test for it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from sentryinit._redaction import limits, pii
from sentryinit._redaction.credentials import SHORTEST_KEY, mask_credentials, mask_userinfo
from sentryinit._redaction.key_names import COUNT_SUFFIXES, KeyNames, normalize
from sentryinit._redaction.key_values import mask_key_values
from sentryinit._redaction.placeholders import EMAIL, IP, PLACEHOLDER, SECRET, Mask, Placeholders

# A short text of words, numbers, paths contains neither a secret nor an address.
_WORD = r"[A-Za-z0-9_ ,()/\[\]]*"
_SIMPLE = re.compile(rf"(?=.{{0,{SHORTEST_KEY - 1}}}\Z){_WORD}(?:\.{_WORD}){{0,2}}\Z")
_NEVER = re.compile(r"(?!)")
_ENCODED_AT = re.compile(r"%(?:25)*40|u0040|&#|\uff20")
_DIGIT = re.compile(r"\d")
# In card numbers and IBANs. Not \d{4}: a pattern that begins with a set is faster.
_FOUR_DIGITS = re.compile(r"\d\d\d\d")
# Between a name and its value.
_SEPARATOR = re.compile(r"[=:'\"<%-]")
_PLACEHOLDERS = re.compile(f"({PLACEHOLDER.pattern})")


class Key(NamedTuple):
    """A masked key, and what it says about its value."""

    name: str
    is_sensitive: bool
    is_count: bool
    is_version: bool


class TextMasker:
    """Masks texts and truncates them to *limit* characters; one for all events.

    *keys*: sensitive key names, *parameters*: sensitive path parameters, both in addition to the
    default lists. *secrets*: known values, such as the debug token. *patterns*: the user's.
    *hash_key*: gives equal values equal placeholders. *networks*: keeps the network of an IP
    address.
    """

    def __init__(  # noqa: PLR0913 # one for each setting
        self,
        keys: Iterable[str] = (),
        secrets: Iterable[str] = (),
        patterns: Iterable[re.Pattern[str]] = (),
        *,
        parameters: Iterable[str] = (),
        hash_key: str = "",
        networks: bool = False,
        limit: int = 8192,
    ) -> None:
        self.names, self.limit = KeyNames(keys, parameters), limit
        self.placeholders = Placeholders(hash_key)
        # The longest first: one may be a part of another.
        known = sorted(filter(None, secrets), key=len, reverse=True)
        # Without the text before it a pattern matches nothing.
        self._own = [
            *((secret, _secret_pattern(secret)) for secret in known),
            *(("", pattern) for pattern in patterns),
        ]
        has_short = limit < SHORTEST_KEY or any(len(own) < SHORTEST_KEY for own, _ in self._own)
        # Matches a text that needs neither masking nor truncation.
        self._is_simple: Callable[[str], object] = (_NEVER if has_short else _SIMPLE).match
        # Masking makes a text longer, by less than a factor of eight.
        self._short = min(256, limit // 8)
        self._secret: Mask = functools.partial(self.placeholders, SECRET)
        self._email: Mask = functools.partial(self.placeholders, EMAIL)
        self._ip: Mask = pii.network_of if networks else functools.partial(self.placeholders, IP)
        # The masked section ``sdk``: it takes 15 us, and is the same in each event.
        self.sdk: dict[str, Any] = {}
        self.cached_text = functools.lru_cache(maxsize=2048)(self._cached_text)
        self.key = functools.lru_cache(maxsize=2048)(self._key)

    def text(self, text: str, *, is_version: bool = False) -> str:
        """Return *text* masked; with *is_version*, four numbers with dots are no IP address."""
        if self._is_simple(text):
            return text
        if len(text) <= self._short and text.isprintable():
            return self._mask(text, is_version=is_version)
        # Before the patterns, for bounded time: to twice the limit, since masking may shorten it.
        text = limits.storable(limits.truncate_at_space(text, 2 * self.limit))
        return limits.truncate_at_space(self._mask(text, is_version=is_version), self.limit)

    def code(self, lines: Sequence[str]) -> list[str]:
        """Return *lines* of source code masked; a name that is assigned to a name stays."""
        limit = min(self.limit, 2 * limits.KEY)
        text = "\n".join(limits.storable(line[: 2 * limit]) for line in lines)
        return [limits.truncate(line, limit) for line in self._mask(text, code=True).split("\n")]

    def _cached_text(self, text: str, limit: int = 2 * limits.KEY) -> str:
        return limits.truncate(self._mask(limits.storable(text[: 4 * limits.KEY])), limit)

    def _key(self, key: str) -> Key:
        word, is_sensitive = normalize(key), self.names.is_sensitive(key)
        is_count, is_version = word.endswith(COUNT_SUFFIXES), word.endswith("version")
        return Key(self._cached_text(key, limits.KEY), is_sensitive, is_count, is_version)

    def _mask(self, text: str, *, code: bool = False, is_version: bool = False) -> str:
        for own, pattern in self._own:
            if own in text and pattern.search(text):
                text = _mask_outside_placeholders(text, pattern, self._secret_in_lines)
        secret = self._secret_in_lines if code else self._secret
        has_at = "@" in text
        if has_at and ("://" in text or "jdbc:" in text):
            text = mask_userinfo(text, secret)
        if len(text) >= SHORTEST_KEY:
            text = mask_credentials(text, secret)
        if _SEPARATOR.search(text) and self.names.may_contain(text):
            text = mask_key_values(text, self.names, secret, code=code)
        has_digit = _DIGIT.search(text)
        if has_digit and len(text) >= SHORTEST_KEY and _FOUR_DIGITS.search(text):
            text = pii.mask_ibans(pii.mask_cards(text, secret), secret)
        if has_digit or text.count(":") >= 7:
            text = pii.mask_ip_addresses(text, self._ip, is_version=is_version)
        if has_at or _ENCODED_AT.search(text):
            text = pii.mask_emails(text, self._email)
        return text

    def _secret_in_lines(self, secret: str) -> str:
        """Return the placeholder for *secret*, with as many line breaks as it has."""
        return self._secret(secret) + "\n" * secret.count("\n")


def _mask_outside_placeholders(text: str, pattern: re.Pattern[str], mask: Mask) -> str:
    """Mask the matches of *pattern*, but not inside of placeholders."""
    parts = _PLACEHOLDERS.split(text)
    parts[::2] = [pattern.sub(lambda m: m[0] and mask(m[0]), part) for part in parts[::2]]
    return "".join(parts)


def _secret_pattern(secret: str) -> re.Pattern[str]:
    """Return the pattern of *secret*: of a short one, as a whole word."""
    edge = r"(?<![\w-]){}(?![\w-])" if len(secret) < 8 else "{}"
    return re.compile(edge.format(re.escape(secret)))

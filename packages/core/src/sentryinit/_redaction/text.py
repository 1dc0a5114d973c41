"""The masking of a text: all patterns, each after a fast test for it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, unquote_plus

from sentryinit._redaction import addresses, limits, numbers, sentences
from sentryinit._redaction.command_lines import mask_commands, mask_options
from sentryinit._redaction.connections import mask_userinfo
from sentryinit._redaction.credentials import SHORTEST_KEY, mask_credentials
from sentryinit._redaction.key_names import KeyNames, Rank, normalize
from sentryinit._redaction.key_values import mask_key_values
from sentryinit._redaction.library_errors import mask_quoted_parts, mask_quoted_values
from sentryinit._redaction.markup import mask_markup
from sentryinit._redaction.placeholders import (
    EMAIL,
    IP,
    NO_PLACEHOLDER,
    PLACEHOLDER,
    QUERY,
    SECRET,
    Mask,
    Placeholders,
)
from sentryinit._redaction.secret_values import looks_random
from sentryinit._redaction.siblings import ROLES, Role
from sentryinit._redaction.source_code import mask_literals

# Short texts of words, numbers, paths, and any of small letters without blanks, such as
# "application/json" and "/orders/{order_id}": there is nothing to mask.
_SHORTEST_LIMIT = 128
_WORD = r"[A-Za-z0-9_ ,()/\[\]]*"
_SHORT = rf"(?=.{{0,{SHORTEST_KEY - 1}}}\Z){_WORD}(?:\.{_WORD}){{0,2}}\Z"
_SMALL = rf"(?:[a-z_.,/{{}}()]|(?<=[a-z])-(?=[a-z])){{0,{_SHORTEST_LIMIT}}}\Z"
_SIMPLE = re.compile(f"{_SMALL}|{_SHORT}")
_NEVER = re.compile(r"(?!)")
_ENCODED_AT = re.compile(r"%(?:25)*40|[ux]0{0,2}40|&(?:#|commat)|\uff20")
# A percent-encoded character, or several blanks of a query. Not as in "%02d".
_ESCAPE = re.compile(r"%[2-7A-Fa-f][0-9A-Fa-f]|\+\w[^\s+]*\+")
_RUN = re.compile(r"[^\s\"'<>]+")
_IN_URLS = "/:?#[]@!$&()*+,;=%~"
_DIGIT = re.compile(r"\d")
# Four digits, as card numbers have, or the beginning of an IBAN. Faster than \d{4}.
_NUMBER = re.compile(r"\d\d(?:\d\d|(?<=[A-Z][A-Z]..)[A-Z0-9 ]{9})")
# Between a name and its value.
_SEPARATOR = re.compile(r"[=:'\"<%\uff1a\uff1d-]")
# The query of a URL, and a value in it. An apostrophe that ends a word closes a quotation. Blanks
# are in it if another value follows. "(?" begins a group of a pattern.
_QUERY = re.compile(
    r"(?<=\?)(?<!\(\?)(?=[^\s\"<>?]*=)(?:[^\s\"'<>]|'(?![\s,)\]}:;]|$))+"
    r"(?:[^\n\"'<>?]{0,100}&[\w.%\[\]$+~-]{1,50}=[^\s\"'<>]*)?"
)
_QUERY_VALUE = re.compile(rf"(?<==){NO_PLACEHOLDER}[^&;#]+")
_PLACEHOLDERS = re.compile(f"({PLACEHOLDER.pattern})")
# Names of queries, and what sentry-sdk's integrations of HTTP clients call them.
_QUERY_NAMES = frozenset(map(normalize, "query_string http.query url.query http.fragment".split()))
# So many values are masked also where they stand without a name.
_AGAIN = 8
# In this order: the first ones know better where a value ends.
_NAMED = mask_quoted_values, mask_options, mask_markup, mask_key_values


class Key(NamedTuple):
    """A masked key, and the kind of its value."""

    name: str
    rank: Rank
    is_version: bool
    is_query: bool
    role: Role


class TextMasker:
    """Masks texts and truncates them to *limit* characters; one for all events.

    *keys* and path *parameters* are added to the default lists. *secrets* are known values,
    *patterns* the user's. *hash_key*: see placeholders. *ip*: see the setting ``mask_ip``.
    *queries*: keeps the values in queries of URLs.
    """

    def __init__(  # noqa: PLR0913 # one for each setting
        self,
        keys: Iterable[str] = (),
        secrets: Iterable[str] = (),
        patterns: Iterable[re.Pattern[str]] = (),
        *,
        parameters: Iterable[str] = (),
        hash_key: str = "",
        ip: str = "whole",
        queries: bool = False,
        limit: int = 8192,
    ) -> None:
        self.names, self.limit = KeyNames(keys, parameters), limit
        self.placeholders = Placeholders(hash_key)
        # The longest first: one may be a part of another.
        known = sorted(filter(None, secrets), key=len, reverse=True)
        # A text that the pattern needs, and the pattern.
        self._own = [
            *((secret, _secret_pattern(secret)) for secret in known),
            *(("", pattern) for pattern in patterns),
        ]
        has_short = limit < _SHORTEST_LIMIT or any(
            len(own) < SHORTEST_KEY or _SIMPLE.match(own) for own, _ in self._own
        )
        # Matches a text that needs no masking.
        self._is_simple: Callable[[str], object] = (_NEVER if has_short else _SIMPLE).match
        # Masking makes a text at most eight times as long.
        self._short = min(256, limit // 8)
        self._secret: Mask = functools.partial(self.placeholders, SECRET)
        self._email: Mask = functools.partial(self.placeholders, EMAIL)
        all_ips: Mask = functools.partial(self.placeholders, IP)
        public: Mask = functools.partial(addresses.mask_public, mask=all_ips)
        self._ip = {"network": addresses.network_of, "public": public}.get(ip, all_ips)
        self._query: Mask | None = None if queries else functools.partial(self.placeholders, QUERY)
        # The masked section ``sdk``, the same in each event: 15 us.
        self.sdk: dict[str, Any] = {}
        self.cached_text = functools.lru_cache(maxsize=2048)(self._cached_text)
        self.key = functools.lru_cache(maxsize=2048)(self._key)

    def text(self, text: str, *, is_version: bool = False) -> str:
        """Mask *text*; with *is_version*, four numbers with dots are no IP address."""
        if self._is_simple(text):
            return text
        if len(text) <= self._short and text.isprintable():
            return self._mask(text, is_version=is_version)
        # Before the patterns, for bounded time: to twice the limit, since masking may shorten it.
        text = limits.storable(limits.truncate_before_masking(text, 2 * self.limit))
        return limits.truncate_at_space(self._mask(text, is_version=is_version), self.limit)

    def has_known_secret(self, text: str) -> bool:
        """Return True if one of the known secrets is in *text*."""
        return any(secret and pattern.search(text) for secret, pattern in self._own)

    def query(self, query: str) -> str:
        """Mask the values in *query*."""
        hidden: Any = self._query
        return _QUERY_VALUE.sub(lambda value: hidden(value[0]), query)

    def code(self, lines: Sequence[str]) -> list[str]:
        """Mask *lines* of source code."""
        limit = min(self.limit, 2 * limits.KEY)
        cut = (limits.truncate_before_masking(line, 2 * limit) for line in lines)
        text = "\n".join(map(limits.storable, cut))
        return [limits.truncate(line, limit) for line in self._mask(text, code=True).split("\n")]

    def _cached_text(self, text: str, limit: int = 2 * limits.KEY) -> str:
        text = limits.storable(limits.truncate_before_masking(text, 4 * limits.KEY))
        return limits.truncate(self._mask(text), limit)

    def _key(self, key: str) -> Key:
        word, rank = normalize(key), self.names.rank(key)
        is_version = word.endswith("version")
        is_query = self._query is not None and word in _QUERY_NAMES
        name = self._cached_text(key, limits.KEY)
        return Key(name, rank, is_version, is_query, ROLES.get(word, Role.NONE))

    def _mask(self, text: str, *, code: bool = False, is_version: bool = False) -> str:
        text = self._mask_plain(text, code=code, is_version=is_version)
        if not code and _is_encoded(text):
            text = _RUN.sub(lambda run: self._mask_encoded(run[0]), text)
        return text

    def _mask_encoded(self, run: str) -> str:
        """Mask what *run* is without percent-encoding, once or more; else return it as it is."""
        if not _is_encoded(run):
            return run
        as_query, plain = unquote_plus(run), unquote(run)
        for _more in range(2):
            as_query = unquote_plus(as_query) if "%" in as_query else as_query
            plain = unquote(plain)
        # A plus sign may stand for a blank, or for itself.
        for decoded in dict.fromkeys((as_query, plain, plain.replace("+", " "))):
            masked = self._mask_plain(decoded, queries=False)
            if masked != decoded:
                # Encoded again, ``token:%20[secret]`` has another value.
                return self._mask_plain(quote(masked, _IN_URLS))
        return run

    def _mask_plain(
        self, text: str, *, code: bool = False, is_version: bool = False, queries: bool = True
    ) -> str:
        for own, pattern in self._own:
            if own in text and pattern.search(text):
                text = _mask_outside_placeholders(text, pattern, self._secret_in_lines)
        secret = self._secret_in_lines if code else self._secret
        has_at = "@" in text
        text = mask_userinfo(text, secret)
        if len(text) >= SHORTEST_KEY:
            text = mask_credentials(text, secret)
        text = mask_quoted_parts(mask_commands(text, secret), self.names, secret)
        text = self._mask_code(text) if code else self._mask_named(text, secret)
        if self._query is not None and "?" in text and queries and not code:
            text = _QUERY.sub(lambda found: self.query(found[0]), text)
        has_digit = _DIGIT.search(text)
        if has_digit and len(text) >= SHORTEST_KEY and _NUMBER.search(text):
            text = numbers.mask_numbers(text, secret)
        if has_digit or text.count(":") >= 7:
            text = addresses.mask_ip_addresses(text, self._ip, is_version=is_version)
        if has_at or _ENCODED_AT.search(text):
            text = addresses.mask_emails(text, self._email)
        return text

    def _mask_named(self, text: str, mask: Mask) -> str:
        """Mask the values of sensitive names."""
        may_contain = _SEPARATOR.search(text) or sentences.may_contain(text)
        if not may_contain or not self.names.may_contain(text):
            return text
        again: dict[str, str] = {}

        def remember(secret: str) -> str:
            placeholder = mask(secret)
            if len(again) < _AGAIN and looks_random(secret):
                again[secret] = placeholder
            return placeholder

        for mask_values in _NAMED:
            text = mask_values(text, self.names, remember)
        for secret, placeholder in again.items():
            text = text.replace(secret, placeholder)
        return text

    def _mask_code(self, text: str) -> str:
        """Mask the literals of sensitive names in source code."""
        if "login(" in text or self.names.may_contain(text):
            mask = self._secret_in_lines
            mask_text = functools.partial(self._mask_named, mask=mask)
            return mask_literals(text, self.names, mask, mask_text)
        return text

    def _secret_in_lines(self, secret: str) -> str:
        """Return the placeholder for *secret* and its line breaks."""
        return self._secret(secret) + "\n" * secret.count("\n")


def _is_encoded(text: str) -> bool:
    return ("%" in text or "+" in text) and _ESCAPE.search(text) is not None


def _mask_outside_placeholders(text: str, pattern: re.Pattern[str], mask: Mask) -> str:
    parts = _PLACEHOLDERS.split(text)
    parts[::2] = [pattern.sub(lambda m: m[0] and mask(m[0]), part) for part in parts[::2]]
    return "".join(parts)


def _secret_pattern(secret: str) -> re.Pattern[str]:
    """Return the pattern of *secret*; a short one is a whole word."""
    edge = r"(?<![\w-]){}(?![\w-])" if len(secret) < 8 else "{}"
    return re.compile(edge.format(re.escape(secret)))

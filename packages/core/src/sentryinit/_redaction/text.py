"""Secrets in any text: the patterns, in their order, behind tests that are cheap.

Pure. Most texts of an event are cleared by looking for single characters.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence

from sentryinit._redaction import credentials as _shapes
from sentryinit._redaction import key_values as _named
from sentryinit._redaction import pii as _numbers
from sentryinit._redaction.key_names import Names
from sentryinit._redaction.placeholders import EMAIL, IP, MARK, SECRET, Marks

_SHORTEST, _SHORTEST_KEY = 4, 13
# Words, numbers, paths: in a short one of these there is no room for a secret, nor for an address.
_WORD = r"[A-Za-z0-9_ ,()/\[\]]*"
_SIMPLE = re.compile(rf"(?=.{{0,{_SHORTEST_KEY - 1}}}\Z){_WORD}(?:\.{_WORD}){{0,2}}\Z")
_ENCODED_AT = re.compile(r"%(?:25)*40|u0040")
_DIGIT = re.compile(r"\d")
# Cards and accounts have them in a row. Not \d{4}: what begins with a set is found faster.
_DIGITS = re.compile(r"\d\d\d\d")
# What parts a name from its value, in one way or another.
_PARTS = re.compile(r"[=:'\"<%-]")


class Values:
    """Masks secrets in texts. *secrets* are known ones, *patterns* the user's own."""

    def __init__(
        self,
        names: Names,
        marks: Marks,
        secrets: Iterable[str] = (),
        patterns: Iterable[re.Pattern[str]] = (),
        *,
        networks: bool = False,
    ) -> None:
        self._names = names
        # The longest first: one secret may be a part of another.
        known = sorted(filter(None, secrets), key=len, reverse=True)
        # Where a known secret is not, its pattern is not asked.
        self._own = [
            *((secret, _finder(secret)) for secret in known),
            *(("", pattern) for pattern in patterns),
        ]
        # One of the known ones may be as short.
        short = any(len(secret) < _SHORTEST_KEY for secret, _ in self._own)
        self.is_simple: Callable[[str], object] = never if short else _SIMPLE.match
        self._secret: Callable[[str], str] = functools.partial(marks, SECRET)
        self._email: Callable[[str], str] = functools.partial(marks, EMAIL)
        whole: Callable[[str], str] = functools.partial(marks, IP)
        self._ip = _numbers.network if networks else whole

    def text(self, text: str, *, versions: bool = False) -> str:
        """Return *text* masked; *versions* says that what looks like an IPv4 address is none."""
        if self.is_simple(text):
            return text
        if self._own:
            text = self._own_patterns(text)
        return self._patterns(text, code=False, versions=versions)

    def code(self, lines: Sequence[str]) -> list[str]:
        """Return *lines* of source code masked: a name that is assigned to a name stays."""
        text = self._own_patterns("\n".join(lines))
        return self._patterns(text, code=True, versions=False).split("\n")

    def _own_patterns(self, text: str) -> str:
        for secret, pattern in self._own:
            if secret in text and pattern.search(text):
                text = _outside_marks(text, pattern, self._in_lines)
        return text

    def _in_lines(self, secret: str) -> str:
        """Return the mark of *secret* in as many lines as it had."""
        return self._secret(secret) + "\n" * secret.count("\n")

    def _patterns(self, text: str, *, code: bool, versions: bool) -> str:
        secret, size = self._in_lines if code else self._secret, len(text)
        if size < _SHORTEST:
            return text
        at = "@" in text
        if at and ("://" in text or "jdbc:" in text):
            text = _shapes.userinfo(text, secret)
        if size >= _SHORTEST_KEY:
            text = _shapes.credentials(text, secret)
        if _PARTS.search(text) and self._names.hinted(text):
            text = _named.named(text, self._names, secret, code=code)
        if _DIGIT.search(text):
            if size >= _SHORTEST_KEY and _DIGITS.search(text):
                text = _numbers.ibans(_numbers.cards(text, secret), secret)
            text = _numbers.addresses(text, self._ip, versions=versions)
        elif text.count(":") >= 7:
            text = _numbers.addresses(text, self._ip)
        if at or ("40" in text and _ENCODED_AT.search(text)) or "\uff20" in text or "&#" in text:
            text = _numbers.emails(text, self._email)
        return text


def never(_text: str) -> None:
    """Say of no text that it is simple."""


def _outside_marks(text: str, pattern: re.Pattern[str], mask: Callable[[str], str]) -> str:
    """Replace what *pattern* finds between marks: in them it would find itself, over and over."""

    def masked(match: re.Match[str]) -> str:
        return mask(match[0]) if match[0] else ""

    done, parts = 0, []
    for mark in MARK.finditer(text):
        parts += [pattern.sub(masked, text[done : mark.start()]), mark[0]]
        done = mark.end()
    return "".join([*parts, pattern.sub(masked, text[done:])])


def _finder(secret: str) -> re.Pattern[str]:
    """Return the pattern of *secret*; a short one counts as a word, not inside of others."""
    edge = r"(?<![\w-]){}(?![\w-])" if len(secret) < 8 else "{}"
    return re.compile(edge.format(re.escape(secret)))

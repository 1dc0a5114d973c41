"""The walk through an event: any value, also a hostile one, becomes masked JSON."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from typing import Any

from sentryinit._redaction import limits
from sentryinit._redaction.limits import SIZE
from sentryinit._redaction.numbers import is_card
from sentryinit._redaction.placeholders import PLACEHOLDER, SECRET, Mask
from sentryinit._redaction.secret_values import is_secret_value
from sentryinit._redaction.text import Key, TextMasker

# Bytes of a value besides its text: quotes, comma, brackets.
_NODE = 8


class Walker:
    """Walks through one event; *hide* replaces path parameters. *truncated*: it was too large."""

    def __init__(self, masker: TextMasker, hide: Mask | None = None, size: int = SIZE) -> None:
        self.masker, self._hide, self._left, self.truncated = masker, hide, size, False

    def reserve(self, size: int) -> bool:
        """Take *size* bytes; return False if fewer are left."""
        if size > self._left:
            self.truncated = True
            return False
        self._left -= size
        return True

    def text(self, value: object, *, is_version: bool = False) -> str:
        """Return *value* as masked text."""
        text = self._text_of(value)
        self.truncated = self.truncated or len(text) > self.masker.limit
        return self._if_room(self.masker.text(text, is_version=is_version))

    def line(self, value: object, limit: int = limits.KEY, *, is_version: bool = False) -> str:
        """Return *value* as a single line of masked text."""
        text = _str(value)
        words = self.text(text, is_version=is_version).split()
        made = limits.truncate(" ".join(words), limit)
        if len(text) > limit:
            self.truncated = True
            # The start of a long number may look like a card number.
            made = limits.truncate(self.masker.text(made, is_version=is_version), limit)
        return made

    def cached_text(self, value: object) -> str:
        """Return *value*, from source code, as masked text."""
        return self._if_room(self.masker.cached_text(self._text_of(value)[: 4 * limits.KEY]))

    def key(self, value: object) -> Key:
        """Return the key of a mapping, masked."""
        text = self._text_of(value)
        # Long keys in the cache would fill the memory.
        key = self.masker.key if len(text) <= limits.KEY else self.masker.key.__wrapped__
        return key(text)

    def mask_item(self, key: Key, value: Any, depth: int) -> Any:
        """Return *value* masked, or a placeholder if *key* is that of a secret."""
        if is_secret_value(value, key.rank):
            return self.placeholder(value)
        if type(value) is str:
            value = self.masker.query(value) if key.is_query else value
            return self.text(value, is_version=key.is_version)
        return self.value(value, depth)

    def placeholder(self, value: object) -> str:
        """Return the placeholder for *value*, unless it is one."""
        masked = isinstance(value, str) and PLACEHOLDER.fullmatch(value)
        return str(value) if masked else self.masker.placeholders(SECRET, value)

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return *value* as masked JSON."""
        if type(value) is str:
            return self.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return self._number(value)
        is_mapping = isinstance(value, (dict, Mapping))
        if not (is_mapping or isinstance(value, (list, tuple, set, frozenset))):
            return self.text(value)
        if depth >= limits.DEPTH:
            self.truncated = True
            return limits.ELLIPSIS
        return self.mapping(value, depth + 1) if is_mapping else self._items(value, depth + 1)

    def _number(self, value: float) -> float | str:
        if isinstance(value, int) and 10**12 <= value < 10**19 and is_card(str(int(value))):
            return self.placeholder(value)
        made = limits.storable_number(value)
        self.reserve(_NODE + (len(made) if isinstance(made, str) else 0))
        return made

    def mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        """Return *value* with masked keys and values."""
        made: dict[str, Any] = {}
        for given, item in itertools.islice(value.items(), limits.ITEMS):
            key = self.key(given)
            name = key.name
            while name in made:
                name += "_"  # two keys may have the same placeholder
            if not self.reserve(_NODE + limits.json_size(name)):
                break
            made[name] = self.mask_item(key, item, depth)
        self.truncated = self.truncated or len(made) < len(value)
        return made

    def to_mapping(self, value: Any) -> dict[str, Any]:
        """Return a mapping for *value* of any type."""
        is_mapping = isinstance(value, Mapping)
        return self.mapping(value, 1) if is_mapping else {"value": self.value(value, 1)}

    def _items(self, value: Collection[Any], depth: int) -> list[Any]:
        if not self.reserve(_NODE):
            return []
        found = self.truncate(value)
        if len(found) == 2 and isinstance(found[0], str):
            # Headers, tags and query strings may be lists of pairs.
            return [self.text(found[0]), self.mask_item(self.key(found[0]), found[1], depth)]
        return [
            self.placeholder(item) if self._is_argument(before, item) else self.value(item, depth)
            for before, item in zip([None, *found], found, strict=False)
        ]

    def truncate(self, value: Collection[Any]) -> list[Any]:
        """Return the first and the last items of *value*."""
        found = list(itertools.islice(value, 100 * limits.ITEMS))
        if len(value) <= limits.ITEMS:
            return found
        self.truncated = True
        return [*found[: limits.ITEMS // 2], *found[-limits.ITEMS // 2 :]]

    def _is_argument(self, before: object, item: object) -> bool:
        """Return True for the argument of a sensitive command-line option."""
        option = isinstance(before, str) and isinstance(item, str) and before[:1] == "-"
        return option and "=" not in str(before) and self.masker.names.is_sensitive(str(before))

    def _if_room(self, text: str) -> str:
        return text if self.reserve(_NODE + limits.json_size(text)) else limits.ELLIPSIS

    def _text_of(self, value: object) -> str:
        return _str(value) if self._hide is None else self._hide(_str(value))


def _str(value: object) -> str:
    if type(value) is str:
        return value
    if isinstance(value, str):
        return str.__str__(value)  # a subclass may override __str__
    if isinstance(value, (bytes, bytearray)):
        return bytes(value[:100_000]).decode("utf-8", "replace")
    try:
        return str.__str__(str(value))
    except Exception:  # noqa: BLE001 # the object's own __str__ may fail
        return f"<{type(value).__name__} without a text>"

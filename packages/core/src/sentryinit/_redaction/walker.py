"""The walk through an event: any value, also a hostile one, becomes masked JSON."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from sentryinit._redaction import limits
from sentryinit._redaction.key_names import Rank
from sentryinit._redaction.limits import SIZE
from sentryinit._redaction.numbers import is_card
from sentryinit._redaction.objects import CONTAINERS, plain, text_of
from sentryinit._redaction.placeholders import PLACEHOLDER, SECRET, Mask
from sentryinit._redaction.secret_values import is_secret_value
from sentryinit._redaction.text import Key, TextMasker

# Bytes of an item besides its text: quotes, comma, brackets.
_NODE = 8
# A mapping with a name and its value has few keys.
_FEW = 16
# Characters of a text whose masking takes long.
_LONG = 4 * limits.KEY
_JOINT = '", "'
_PATHS = (list, tuple)
# The last words of names of fields that are no secrets: ``["password", "email"]``.
_FIELDS = frozenset(
    "address at birthday city code confirm confirmation country date email id login name mail "
    "phone remember repeat role state title type url user username zip".split()
)

_T = TypeVar("_T")


class Walker:
    """Walks through one event; *hide* replaces path parameters. *truncated*: it was too large.

    Each item takes a part of *size*, and no loop goes on when it is used up. Methods that a class
    of the application may override are not called, but for its texts and a mapping's items().
    """

    def __init__(self, masker: TextMasker, hide: Mask | None = None, size: int = SIZE) -> None:
        self.masker, self._hide, self._left, self.truncated = masker, hide, size, False
        self._long = min(_LONG, masker.limit)

    def reserve(self, size: int, spare: int = 0) -> bool:
        """Take *size* bytes, but none of the last *spare*; return False if fewer are left."""
        if size > self._left - spare:
            self.truncated = True
            if not spare:
                self._left //= 2  # texts without room are not masked for ever
            return False
        self._left -= size
        return True

    def each(self, items: Iterable[_T]) -> Iterator[_T]:
        """Yield *items* while there is room."""
        for item in items:
            if self._left < _NODE:
                self.truncated = True
                break
            self._left -= _NODE
            yield item

    def text(self, value: object, *, is_version: bool = False) -> str:
        """Return *value* as masked text."""
        text = self.text_of(value)
        cost = 0
        if len(text) > self._long:
            self.truncated = self.truncated or len(text) > self.masker.limit
            # Masking takes time, also if little is left of the text.
            cost = min(len(text), 2 * self.masker.limit) // 4
            if not self.reserve(cost):
                return limits.ELLIPSIS
        return self._if_room(self.masker.text(text, is_version=is_version), cost)

    def line(self, value: object, limit: int = limits.KEY, *, is_version: bool = False) -> str:
        """Return *value* as a single line of masked text."""
        text = self.text(value, is_version=is_version)
        made = " ".join(text.split())
        if made != text:
            # Only now, ``4111  1111  1111  1111`` looks like a card number.
            made = self.masker.text(made, is_version=is_version)
        if len(made) > limit:
            self.truncated = True
            # So may the start of a longer number.
            made = self.masker.text(limits.truncate(made, limit), is_version=is_version)
        return limits.truncate(made, limit)

    def cached_text(self, value: object) -> str:
        """Return *value*, from source code, as masked text."""
        text = self.text_of(value)
        if len(text) > 4 * limits.KEY:
            text = limits.truncate_before_masking(text, 4 * limits.KEY)
        return self._if_room(self.masker.cached_text(text))

    def key(self, value: object) -> Key:
        """Return the key of a mapping, masked."""
        text = self.text_of(value)
        # Long keys in the cache would fill the memory. The ends say what it is.
        is_long = len(text) > limits.KEY
        if len(text) > 4 * limits.KEY:
            text = text[: 3 * limits.KEY] + text[-limits.KEY :]
        key = self.masker.key.__wrapped__(text) if is_long else self.masker.key(text)
        self.reserve(limits.json_size(key.name))
        return key

    def mask_item(self, key: Key, value: Any, depth: int, rank: Rank = Rank.NONE) -> Any:
        """Return *value* masked, or a placeholder if *key*, or a name of *rank*, is a secret's."""
        value = value if type(value) is str else plain(value)
        rank = max(rank, key.rank)
        if rank and is_secret_value(value, rank):
            return self.placeholder(value)
        if type(value) is str:
            value = self.masker.query(value) if key.is_query else value
            return self.text(value, is_version=key.is_version)
        return self.value(value, depth)

    def placeholder(self, value: object) -> str:
        """Return the placeholder for *value*, unless it is one."""
        masked = isinstance(value, str) and PLACEHOLDER.fullmatch(value)
        self.reserve(_NODE)
        return str(value) if masked else self.masker.placeholders(SECRET, value)

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return *value* as masked JSON."""
        if type(value) is str:
            return self.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return self._number(value)
        if not isinstance(value, CONTAINERS):
            return self.text(value)
        if depth >= limits.DEPTH:
            self.truncated = True
            return self._if_room(limits.ELLIPSIS)
        if isinstance(value, Mapping):
            return self.mapping(value, depth + 1)
        return self._list(value, depth + 1)

    def _number(self, value: float) -> float | str:
        value = int.__int__(value) if isinstance(value, int) else float.__float__(value)
        if isinstance(value, int) and 10**12 <= value < 10**19 and is_card(str(int(value))):
            return self.placeholder(value)
        made = limits.storable_number(value)
        self.reserve(2 * _NODE + (len(made) if isinstance(made, str) else 0))
        return made

    def mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        """Return *value* with masked keys and values."""
        made: dict[str, Any] = {}
        pairs, named = self.pairs(value), Rank.NONE
        keys: Iterable[tuple[Key, Any]] = ((self.key(key), item) for key, item in pairs)
        if len(pairs) <= _FEW:
            keys = [*keys]
            named = self._rank_of_named(keys)
        for key, item in self.each(keys):
            name = key.name
            while name in made:
                name += "_"  # two keys may have the same placeholder
                self.reserve(1)
            # A key that is too long would be cut in a second pass.
            if len(name) > limits.KEY:
                self.truncated = True
                break
            made[name] = self.mask_item(key, item, depth, named if key.is_value else Rank.NONE)
        return made

    def pairs(self, value: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
        """Return the first keys and values of *value*."""
        if type(value) is dict and len(value) <= limits.ITEMS:
            return [*value.items()]
        try:
            items = dict.items(value) if isinstance(value, dict) else value.items()
            found = [(key, item) for key, item in itertools.islice(items, limits.ITEMS + 1)]
        except BaseException:  # noqa: BLE001 # the methods are code of the application
            self.truncated = True
            return []
        self.truncated = self.truncated or len(found) > limits.ITEMS
        return found[: limits.ITEMS]

    def _rank_of_named(self, pairs: list[tuple[Key, Any]]) -> Rank:
        """Return the rank of the name in ``{"name": "DB_PASSWORD", "value": ...}``."""
        names = [item for key, item in pairs if key.is_name]
        if not names:
            return Rank.NONE
        # The errors of pydantic have a path: ``["body", "password"]``.
        words = [word for name in names for word in (name if type(name) in _PATHS else [name])]
        ranks = [self.key(word).rank for word in words[:_FEW] if isinstance(word, (str, bytes))]
        return max(ranks, default=Rank.NONE)

    def to_mapping(self, value: Any) -> dict[str, Any]:
        """Return a mapping for *value* of any type."""
        is_mapping = isinstance(value, Mapping)
        return self.mapping(value, 1) if is_mapping else {"value": self.value(value, 1)}

    def _list(self, value: Iterable[Any], depth: int) -> list[Any]:
        found = [plain(item) for item in self.items(value)]
        if len(found) == 2 and isinstance(found[0], str) and not self._is_field(found[1]):
            # Headers, tags and query strings may be lists of pairs.
            return [self.text(found[0]), self.mask_item(self.key(found[0]), found[1], depth)]
        before = None
        made = []
        for item in self.each(self._command_line(found)):
            is_secret = self._is_argument(before, item)
            made.append(self.placeholder(item) if is_secret else self.value(item, depth))
            before = item
        return made

    def _command_line(self, items: list[Any]) -> list[Any]:
        """Return *items*, masked as one text if they are a command line: ``mysql -p...``."""
        texts = [item for item in items if type(item) is str]
        is_one = len(texts) == len(items) and any(text[:1] == "-" for text in texts)
        if not is_one or sum(map(len, texts)) + 4 * len(texts) > self.masker.limit:
            return items
        made = self.masker.text(f'"{_JOINT.join(texts)}"')[1:-1].split(_JOINT)
        if len(made) != len(items):
            return items
        is_option = [text[:2] == "--" and "=" not in text for text in texts]
        return [a if keep else b for a, b, keep in zip(texts, made, is_option, strict=True)]

    def items(self, value: Iterable[Any]) -> list[Any]:
        """Return the first and the last items of *value*."""
        if type(value) is list and len(value) <= limits.ITEMS:
            return value
        if not isinstance(value, (list, tuple)):
            found = list(itertools.islice(value, limits.ITEMS + 1))
            self.truncated = self.truncated or len(found) > limits.ITEMS
            return found[: limits.ITEMS]
        kind: Any = list if isinstance(value, list) else tuple
        if kind.__len__(value) <= limits.ITEMS:
            return [*kind.__iter__(value)]
        self.truncated = True
        half = limits.ITEMS // 2
        ends = slice(half), slice(-half, None)
        return [item for part in ends for item in kind.__getitem__(value, part)]

    def _is_field(self, value: object) -> bool:
        """Return True if *value* is a name of a field, not the value of another."""
        if not isinstance(value, str) or len(value) > limits.KEY:
            return False
        last = value.replace("-", "_").rpartition("_")[2].lower()
        return value.isascii() and (last in _FIELDS or self.masker.names.is_sensitive(value))

    def _is_argument(self, before: object, item: object) -> bool:
        """Return True for the argument of a sensitive command-line option."""
        if not (isinstance(before, str) and isinstance(item, str) and before[:1] == "-"):
            return False
        is_option = len(before) <= limits.KEY and "=" not in before and item[:1] != "-"
        return is_option and is_secret_value(item, self.key(before).rank)

    def _if_room(self, text: str, paid: int = 0) -> str:
        size = limits.json_size(text) - paid
        return text if size <= 0 or self.reserve(size) else limits.ELLIPSIS

    def text_of(self, value: object) -> str:
        """Return the text of *value*, of any type, without path parameters."""
        if type(value) is str and self._hide is None:
            return value
        if type(value) is not str and isinstance(value, CONTAINERS):
            # Its own text has no bound.
            size = min(2 * self.masker.limit, self._left)
            part = Walker(self.masker, self._hide, size)
            value = str(part.value(value))
            self.reserve(size - part._left)
        text = text_of(value)
        if self._hide is None:
            return text
        return self._hide(limits.truncate_before_masking(text, 4 * self.masker.limit))

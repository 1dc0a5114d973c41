"""One way through whatever an event is made of: masked, storable, and not too much of it.

Pure. What an application put into an event may be of any type, hostile, and nested without end.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sentryinit._redaction import limits as _safe
from sentryinit._redaction.key_names import COUNTS, Names, plain
from sentryinit._redaction.pii import is_card
from sentryinit._redaction.placeholders import MARK, SECRET, Marks
from sentryinit._redaction.text import Values, never

# A backend refuses, or cuts, what is larger; Bugsink takes 1 MiB an event.
SIZE = 400_000
DEPTH = 20
ITEMS = 250
KEY = 200
_NODE = 8


class Key(NamedTuple):
    """What is to be known of the key of a mapping: as it may leave, and what it says of a value."""

    name: str
    secret: bool
    counts: bool
    version: bool


class Tools:
    """What is the same for every event: how to mask, and how much of a text to keep.

    Names, and what comes from source files, come again with the next event, and are remembered,
    within a bound. Nothing else is: it may be somebody's.
    """

    def __init__(self, names: Names, marks: Marks, values: Values, limit: int) -> None:
        self.names, self.marks, self.values, self.limit = names, marks, values, limit
        # Of twelve characters at most: what is shorter has to be cut.
        self.is_simple: Callable[[str], object] = values.is_simple if limit > 12 else never
        # A mask is longer than what it masks, but no eight times.
        self.short = min(256, limit // 8)
        # What the SDK said of itself, masked: it says the same on each event.
        self.sdk: dict[str, Any] = {}
        self.place = functools.lru_cache(maxsize=2048)(self._place)
        self.word = functools.lru_cache(maxsize=256)(self._word)
        self.key = functools.lru_cache(maxsize=2048)(self._key)

    def text(self, text: str, *, versions: bool = False) -> str:
        """Return *text* masked and cut."""
        if len(text) <= self.short and text.isprintable():
            return self.values.text(text, versions=versions)
        # Before a pattern sees it: a longer text costs no more than one of this length. What is
        # masked may be shorter, so that the end may be in sight, where half a secret could be.
        text = _safe.clean(_safe.cut_at_blank(text, 2 * self.limit))
        return _safe.cut_at_blank(self.values.text(text, versions=versions), self.limit)

    def _place(self, text: str) -> str:
        return _safe.cut(self.values.text(_safe.clean(text[: 4 * KEY])), 2 * KEY)

    def _word(self, text: str, odd: re.Pattern[str], limit: int, versions: bool) -> str:  # noqa: FBT001 # remembered by it
        line = _safe.line(self.text(text, versions=versions), limit)
        made = "" if MARK.search(line) else odd.sub("-", line)
        # What is cut, or has other characters, may look like a secret only now.
        return made if self.text(made, versions=versions) == made else ""

    def _key(self, key: str) -> Key:
        name = _safe.cut(self.values.text(_safe.clean(key[: 4 * KEY])), KEY)
        word = plain(key)
        return Key(
            name, self.names.is_sensitive(key), word.endswith(COUNTS), word.endswith("version")
        )

    def code(self, lines: Sequence[str]) -> list[str]:
        """Return *lines* of source code masked and cut."""
        limit = min(self.limit, 2 * KEY)
        masked = self.values.code([_safe.clean(line[: 2 * limit]) for line in lines])
        return [_safe.cut(line, limit) for line in masked]


class Walk:
    """The way through one event."""

    def __init__(
        self, tools: Tools, hide: Callable[[str], str] | None = None, size: int = SIZE
    ) -> None:
        self.tools, self._hide, self.cut = tools, hide, False
        self._left = size

    def take(self, size: int) -> bool:
        """Spend *size* bytes of what an event may have; tell whether there was as much."""
        if size > self._left:
            self.cut = True
            return False
        self._left -= size
        return True

    def text(self, value: object, *, versions: bool = False) -> str:
        """Return *value* as a text that can leave."""
        text = value if type(value) is str else _str(value)
        if self._hide is not None:
            text = self._hide(text)
        if self.tools.is_simple(text):
            # Most of what an event says; what is below comes to the same.
            return text if self.take(_NODE + len(text)) else _safe.TAIL
        made = self.tools.text(text, versions=versions)
        if len(text) > self.tools.limit:
            self.cut = True
        return made if self.take(_NODE + _safe.cost(made)) else _safe.TAIL

    def name(self, value: object, limit: int = KEY, *, versions: bool = False) -> str:
        """Return *value* as a text of one line that can leave."""
        text = value if type(value) is str else _str(value)
        made = _safe.line(self.text(text, versions=versions), limit)
        if len(text) > limit:
            self.cut = True
            # The head of a long number may look like a card.
            made = _safe.cut(self.tools.text(made, versions=versions), limit)
        return made

    def word(
        self, value: object, odd: re.Pattern[str], limit: int, *, versions: bool = False
    ) -> str:
        """Return *value*, a setting, as a text of one line without *odd* characters.

        It is empty if there is a secret in it: that names nothing any more.
        """
        text = value if type(value) is str else _str(value)
        if len(text) > limit:
            self.cut = True
        made = self.tools.word(self._hide(text) if self._hide else text, odd, limit, versions)
        return made if self.take(_NODE + _safe.cost(made)) else ""

    def place(self, value: object) -> str:
        """Return *value*, which comes from the code or its settings, as :meth:`name` does."""
        text = value if type(value) is str else _str(value)
        made = self.tools.place(text if self._hide is None else self._hide(text))
        return made if self.take(_NODE + _safe.cost(made)) else _safe.TAIL

    def key(self, value: object) -> str:
        """Return the key *value* of a mapping."""
        return self._key(value).name

    def _key(self, value: object) -> Key:
        text = value if type(value) is str else _str(value)
        return self.tools.key(text if self._hide is None else self._hide(text))

    def under(self, key: object, value: Any, depth: int) -> Any:
        """Return what stands under *key*: a mark, if the name says that it is a secret."""
        return self.any(value, depth) if key is None else self._under(self._key(key), value, depth)

    def _under(self, key: Key, value: Any, depth: int) -> Any:
        if key.secret and value is not None:
            if not (key.counts and isinstance(value, (int, float))):
                return self.mark(value)
        elif type(value) is str:
            return self.text(value, versions=key.version)
        return self.any(value, depth)

    def mark(self, value: object) -> str:
        """Return the mark of a secret; a mark stays what it is."""
        done = isinstance(value, str) and MARK.fullmatch(value)
        return str(value) if done else self.tools.marks(SECRET, value)

    def any(self, value: Any, depth: int = 0) -> Any:
        """Return *value* in the types of JSON."""
        if type(value) is str:
            return self.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return self.number(value)
        if isinstance(value, (dict, Mapping)):
            return self.mapping(value, depth + 1)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self.items(value, depth + 1)
        return self.text(value)

    def number(self, value: float) -> float | str:
        """Return *value*, which can be the number of a card."""
        if isinstance(value, int) and 10**12 <= value < 10**19 and is_card(str(int(value))):
            return self.mark(value)
        made = _safe.number(value)
        self.take(_NODE if isinstance(made, (int, float)) else _NODE + len(made))
        return made

    def mapping(self, value: Mapping[Any, Any], depth: int) -> Any:
        """Return *value* with its keys masked as well."""
        if depth > DEPTH:
            self.cut = True
            return _safe.TAIL
        made: dict[str, Any] = {}
        for given, item in itertools.islice(value.items(), ITEMS):
            key = self._key(given)
            name = key.name
            while name in made:
                name += "_"  # two keys with one mark are still two
            if not self.take(_NODE + _safe.cost(name)):
                break
            made[name] = self._under(key, item, depth)
        self.cut = self.cut or len(made) < len(value)
        return made

    def items(self, value: Collection[Any], depth: int) -> Any:
        """Return *value* as a list; from the middle of a long one something is missing."""
        if depth > DEPTH or not self.take(_NODE):
            self.cut = True
            return _safe.TAIL if depth > DEPTH else []
        found = self.few(value)
        if len(found) == 2 and isinstance(found[0], str):
            # Headers, tags and query strings may be lists of pairs.
            return [self.text(found[0]), self.under(found[0], found[1], depth)]
        made, before = [], None
        for item in found:
            made.append(
                self.mark(item) if self._is_argument(before, item) else self.any(item, depth)
            )
            before = item
        return made

    def few(self, value: Collection[Any]) -> list[Any]:
        """Return the items of *value*, or of a long one the first and the last."""
        found = list(itertools.islice(value, 100 * ITEMS))
        if len(value) <= ITEMS:
            return found
        self.cut = True
        return [*found[: ITEMS // 2], *found[-ITEMS // 2 :]]

    def _is_argument(self, before: object, item: object) -> bool:
        """Tell whether *item* is what follows a sensitive option on a command line."""
        flag = isinstance(before, str) and isinstance(item, str) and before[:1] == "-"
        return flag and "=" not in str(before) and self.tools.names.is_sensitive(str(before))


def _str(value: object) -> str:
    if isinstance(value, str):
        return str.__str__(value)  # a subclass may say something else
    if isinstance(value, (bytes, bytearray)):
        return bytes(value[:100_000]).decode("utf-8", "replace")
    try:
        return str.__str__(str(value))
    except Exception:  # noqa: BLE001 # the object is somebody else's code
        return f"<{type(value).__name__} without a text>"


def bag(walk: Walk, value: Any) -> dict[str, Any]:
    """Return a mapping, whatever is in it; what is none becomes one."""
    made = walk.mapping(value, 1) if isinstance(value, Mapping) else {"value": walk.any(value, 1)}
    return made if isinstance(made, dict) else {}

"""Stack traces: frames, and the text of local variables."""

from __future__ import annotations

import datetime as dt
import decimal
import functools
import types
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sentryinit._redaction.limits import ITEMS, SIZE, json_size
from sentryinit._redaction.objects import text_of
from sentryinit._redaction.text import TextMasker
from sentryinit._redaction.walker import Walker

_SOURCE = ("pre_context", "context_line", "post_context")
_LOCATION = "filename abs_path function module package platform lineno colno in_app"
# From source files: equal in the next event.
_CACHED = frozenset((*_LOCATION.split(), *_SOURCE))
_MINIMUM = ("filename", "function", "lineno", "in_app")
# The SDK's repr() of these is safe and fast.
_BUILTIN = {bool, complex, float, int, range, types.FunctionType, types.NoneType}
_LIBRARY = {dt.date, dt.datetime, dt.time, dt.timedelta, decimal.Decimal, uuid.UUID}
_PLAIN = _BUILTIN | _LIBRARY | {types.BuiltinFunctionType}

_Frame = tuple[dict[str, Any], int]


def stacktrace(walker: Walker, value: Any) -> dict[str, Any] | None:
    """Return a stack trace, or None without frames."""
    found = dict_of(walker, value) if isinstance(value, Mapping) else {"frames": value}
    made = walker.to_mapping({key: item for key, item in found.items() if key != "frames"})
    frames = found.get("frames")
    frames = walker.items(frames) if isinstance(frames, (list, tuple)) else []
    given = [dict_of(walker, frame) for frame in frames if isinstance(frame, Mapping)]
    made["frames"] = [_frame(walker, frame) for frame in walker.each(given)]
    return made if made["frames"] else None


def dict_of(walker: Walker, value: Any) -> dict[Any, Any]:
    """Return the first keys and values of *value*; none if it is no mapping."""
    if type(value) is dict and len(value) <= ITEMS:
        return value
    return dict(walker.pairs(value)) if isinstance(value, Mapping) else {}


def _frame(walker: Walker, frame: dict[Any, Any]) -> dict[str, Any]:
    known = [(k, tuple(v[:20]) if type(v) is list else v) for k, v in frame.items() if k in _CACHED]
    try:
        made, size = _masked_frame(walker.masker, tuple(known))
    except TypeError:  # a value that is not hashable
        made, size = _masked_frame.__wrapped__(walker.masker, tuple(known))
    # The last quarter is for what comes after it.
    if not walker.reserve(size, SIZE // 4):
        # It still says where it is.
        made = {key: made[key] for key in _MINIMUM if key in made}
        walker.reserve(_size_of(made.values()))
        return made
    made = {**made}
    others = [(key, item) for key, item in frame.items() if key not in _CACHED]
    for key, item in walker.each(others):
        masked = walker.key(key)
        made[masked.name] = walker.mask_item(masked, item, 5)
    return made


@functools.lru_cache(maxsize=1024)
def _masked_frame(masker: TextMasker, parts: tuple[tuple[str, Any], ...]) -> _Frame:
    """Return masked *parts* and their size in bytes."""
    made = {key: _plain(masker, key, value) for key, value in parts}
    before, line, after = (_lines(made.get(key)) for key in _SOURCE)
    masked = masker.code([*before, *line, *after])
    at, to = len(before), len(before) + len(line)
    for key, part in zip(_SOURCE, (masked[:at], "".join(masked[at:to]), masked[to:]), strict=True):
        if made.get(key) is not None:
            made[key] = part
    return made, _size_of([*made.values(), *masked])


def _size_of(values: Iterable[Any]) -> int:
    return sum(24 + (json_size(value) if isinstance(value, str) else 0) for value in values)


def _plain(masker: TextMasker, key: str, value: Any) -> Any:
    if key in _SOURCE or value is None or isinstance(value, bool):
        return value
    if key in {"lineno", "colno"}:
        return value if type(value) is int and 0 <= value < 2**31 else None
    return masker.cached_text(text_of(value))


def _lines(value: Any) -> Sequence[str]:
    found = value[:20] if isinstance(value, (list, tuple)) else [value]
    return [text_of(line) for line in found if line is not None]


def safe_repr(custom: Callable[[Any], str | None] | None, limit: int, value: Any) -> str | None:
    """Return the text of a local variable; None: the SDK makes it. *custom* is the user's.

    The application's ``__repr__`` is not called: it may take seconds or query a database.
    """
    text = custom(value) if custom is not None else None
    if text is not None or type(value) in _PLAIN:
        return text
    if type(value) in {str, bytes, bytearray}:
        return repr(value[:limit])
    return type_name(value)


def type_name(value: object) -> str:
    """Return a text for *value* with none of its data."""
    return f"<{type(value).__module__}.{type(value).__qualname__}>"

"""Stacks: most of an event, and the same again with the next one.

Pure. What a frame says comes from files; what was made of it once is remembered, within a bound.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from sentryinit._redaction import limits as _safe
from sentryinit._redaction.walker import Tools, Walk, bag

_SOURCE = ("pre_context", "context_line", "post_context")
_PLACES = frozenset("filename abs_path function module package platform".split())
# Besides, numbers and flags: a frame of these alone is the same wherever it comes from.
_OF_FILES = _PLACES.union(_SOURCE, ("lineno", "colno", "in_app"))
_LEAST = ("filename", "function", "lineno", "in_app")

Frame = tuple[dict[str, Any], int]


def stacktrace(walk: Walk, value: Any) -> dict[str, Any] | None:
    """Return a stack, None if it has no frames; of a very long one the middle is missing."""
    found = value if isinstance(value, Mapping) else {"frames": value}
    made = bag(walk, {key: item for key, item in found.items() if key != "frames"})
    frames = found.get("frames")
    frames = walk.few(frames) if isinstance(frames, (list, tuple)) else []
    # A dict is known for a mapping at once; others are asked.
    known = (dict, Mapping)
    made["frames"] = [_frame(walk, frame) for frame in frames if isinstance(frame, known)]
    return made if made["frames"] else None


def _frame(walk: Walk, frame: Mapping[str, Any]) -> dict[str, Any]:
    told = {key: frame[key] for key in frame if key in _OF_FILES}
    values = tuple(tuple(v) if isinstance(v, list) else v for v in told.values())
    try:
        made, size = _of_files(walk.tools, tuple(told), values)
    except TypeError:  # what is no text there cannot be remembered
        made, size = _of_files.__wrapped__(walk.tools, tuple(told), values)
    if not walk.take(size):
        # A stack says where it broke as long as there is any room.
        return {key: made[key] for key in _LEAST if key in made}
    made = {**made}
    for key in frame:
        if key not in told:
            made[walk.key(key)] = walk.under(key, frame[key], 5)
    return made


@functools.lru_cache(maxsize=1024)
def _of_files(tools: Tools, keys: tuple[str, ...], values: tuple[Any, ...]) -> Frame:
    made = {key: _plain(tools, key, value) for key, value in zip(keys, values, strict=True)}
    before, line, after = (_lines(made.get(key)) for key in _SOURCE)
    masked = tools.code([*before, *line, *after])
    at, to = len(before), len(before) + len(line)
    for key, part in zip(_SOURCE, (masked[:at], "".join(masked[at:to]), masked[to:]), strict=True):
        if made.get(key) is not None:
            made[key] = part
    texts = [value for value in made.values() if isinstance(value, str)]
    return made, 64 + sum(map(_safe.cost, (*masked, *texts))) + 4 * len(masked)


def _plain(tools: Tools, key: str, value: Any) -> Any:
    if key in _SOURCE or value is None or isinstance(value, bool):
        return value
    if key in {"lineno", "colno"}:
        return value if type(value) is int and 0 <= value < 2**31 else None
    return tools.place(value if type(value) is str else str(value))


def _lines(value: Any) -> Sequence[str]:
    found = value[:20] if isinstance(value, (list, tuple)) else [value]
    return [line if type(line) is str else str(line) for line in found if line is not None]

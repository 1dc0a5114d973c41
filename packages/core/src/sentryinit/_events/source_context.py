"""Source lines for the frames of an event.

``sentry_sdk`` reads a file anew for each frame, and serialises each line: together most of what an
exception costs. ``linecache`` keeps what it has read, and lines are texts already.

Knows nothing of ``sentry_sdk``.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from typing import Any

AROUND = 5
# A line is shown, not run: minified ones have no end.
LONGEST = 1000
# So many places are remembered; a program fails in few.
MOST = 1000

_Lines = tuple[list[str], str, list[str]]
_known: dict[tuple[str, int], _Lines | None] = {}


def add_lines(event: dict[str, Any]) -> None:
    """Give the frames of *event* the source around their lines, where it can be had."""
    for frame in _frames(event):
        path, line = frame.get("abs_path"), frame.get("lineno")
        if "context_line" in frame or not isinstance(path, str) or not isinstance(line, int):
            continue
        found = _known.get((path, line))
        if found is None:
            found = _read(path, line, frame.get("module"))
        if found is not None:
            before, frame["context_line"], after = found
            frame["pre_context"], frame["post_context"] = before[:], after[:]


def _read(path: str, line: int, module: Any) -> _Lines | None:
    # What is in an archive is read by whoever imported it.
    loaded = vars(sys.modules[module]) if module in sys.modules else None
    lines = linecache.getlines(path, loaded)
    if not 1 <= line <= len(lines):
        return None
    first = max(line - 1 - AROUND, 0)
    texts = [text.rstrip("\r\n")[:LONGEST] for text in lines[first : line + AROUND]]
    at = line - 1 - first
    found = texts[:at], texts[at], texts[at + 1 :]
    if len(_known) < MOST:
        _known[path, line] = found
    return found


def _frames(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    holders: list[Any] = [event]
    for name in ("exception", "threads"):
        interface = event.get(name)
        values = interface.get("values") if isinstance(interface, dict) else interface
        holders += values if isinstance(values, list) else []
    for holder in holders:
        stack = holder.get("stacktrace") if isinstance(holder, dict) else None
        frames = stack.get("frames") if isinstance(stack, dict) else None
        yield from (frame for frame in frames or () if isinstance(frame, dict))

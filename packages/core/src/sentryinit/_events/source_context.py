"""Source lines around each frame of an event.

sentry-sdk reads the file for each frame, and serialises each line: two thirds of what an exception
costs. ``linecache`` keeps files.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from typing import Any

# Lines before and after.
AROUND = 5
# Characters of a line: minified files have lines of any length.
MAX_LENGTH = 1000
# Places that are cached; a program fails in few.
MAX_PLACES = 1000

_Lines = tuple[list[str], str, list[str]]
_known: dict[tuple[str, int], _Lines | None] = {}


def add_source_lines(event: dict[str, Any]) -> None:
    """Add the source lines to the frames of *event*, where there is source."""
    for frame in _frames(event):
        path, line = frame.get("abs_path"), frame.get("lineno")
        if "context_line" in frame or not isinstance(path, str) or not isinstance(line, int):
            continue
        found = _known.get((path, line)) or _read(path, line, frame.get("module"))
        if found is not None:
            before, frame["context_line"], after = found
            frame["pre_context"], frame["post_context"] = before[:], after[:]


def _read(path: str, line: int, module: Any) -> _Lines | None:
    # The loader of a module reads a file that is in an archive.
    loaded = vars(sys.modules[module]) if module in sys.modules else None
    lines = linecache.getlines(path, loaded)
    if not 1 <= line <= len(lines):
        return None
    first = max(line - 1 - AROUND, 0)
    texts = [text.rstrip("\r\n")[:MAX_LENGTH] for text in lines[first : line + AROUND]]
    at = line - 1 - first
    found = texts[:at], texts[at], texts[at + 1 :]
    if len(_known) < MAX_PLACES:
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

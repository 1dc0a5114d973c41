"""What counts as one kind of failure: rate limit key, label and fingerprint."""

from __future__ import annotations

import logging
import os
from collections.abc import Hashable
from types import TracebackType
from typing import NamedTuple

_LIBRARY = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120 # a prefix of file names, which are texts
_PACKAGES = f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}"
# `exec` makes code with unlimited file names: the cache is bounded.
_MAX_FILES = 1000
_known: dict[str, bool] = {}


class Origin(NamedTuple):
    """Where a failure comes from: its rate limit key, its traceback, the mechanism that saw it."""

    key: Hashable
    stack: TracebackType | None
    mechanism: str


def app_frame(stack: TracebackType | None) -> TracebackType | None:
    """Return the innermost frame of the application in *stack*; if it has none, the innermost."""
    frames = []
    while stack is not None:
        frames.append(stack)
        stack = stack.tb_next
    for frame in reversed(frames):
        if _is_in_app(frame.tb_frame.f_code.co_filename):
            return frame
    return frames[-1] if frames else None


def _is_in_app(file: str) -> bool:
    known = _known.get(file)
    if known is None:
        is_package = any(part in file for part in _PACKAGES)
        known = not is_package and not file.startswith((_LIBRARY, "<frozen"))
        if len(_known) < _MAX_FILES:
            _known[file] = known
    return known


def group_key(exc: BaseException | None, stack: TracebackType | None) -> Hashable:
    """Return the rate limit key of *exc*: its class and the instruction of the application."""
    frame = app_frame(stack)
    if frame is None:
        return type(exc), None
    code = frame.tb_frame.f_code
    # tb_lasti and not tb_lineno: Python computes the line, and a storm asks for each failure.
    return type(exc), code.co_filename, code.co_firstlineno, frame.tb_lasti


def group_label(exc: BaseException, stack: TracebackType | None) -> str:
    """Return the name of the kind of *exc* for people: class, file and line."""
    frame, name = app_frame(stack), f"{type(exc).__module__}.{type(exc).__qualname__}"
    if frame is None:
        return name
    file = os.path.basename(frame.tb_frame.f_code.co_filename)  # noqa: PTH119 # likewise
    return f"{name} ({file}:{frame.tb_lineno})"


def record_key(record: logging.LogRecord) -> str:
    """Return the rate limit key of *record*, also for people: logger and place, and the template.

    A text without arguments may be made for each record: it is no template.
    """
    place = f"{record.name} ({record.filename}:{record.lineno})"
    return f"{place}: {record.msg}" if record.args else place


def status_fingerprint(service: str, method: str, route: str, status: int) -> list[str]:
    """Return the fingerprint of a 5xx without exception: never the raw path (D4)."""
    return ["sentryinit", service, method, route, str(status)]

"""What counts as one kind of failure: rate limit key, label and fingerprint."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Hashable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from sentryinit._policy import application
from sentryinit._policy.exceptions import text_of

# `exec` makes code with unlimited file names: the cache is bounded.
_MAX_FILES = 1000
_known = application.known
_LOADERS = {"importlib._bootstrap", "pkgutil"}
# A UUID, or a word with a digit. From the start of the word: linear time.
_VARYING = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|(?<!\w)[^\W\d]*\d\w*")


class Origin(NamedTuple):
    """Where a failure comes from: its rate limit key, its traceback, the mechanism that saw it."""

    key: Hashable
    stack: TracebackType | None
    mechanism: str


def app_frame(stack: TracebackType | None) -> tuple[TracebackType | None, bool]:
    """Return the innermost frame of the application in *stack*, and True.

    If no frame is surely the application's: the innermost frame, and False.
    """
    frames, has_app_frame = _inner_frames(stack)
    return (frames[0 if has_app_frame else -1] if frames else None), has_app_frame


def _inner_frames(stack: TracebackType | None) -> tuple[list[TracebackType], bool]:
    """Return the frames of *stack* from the innermost one of the application on, else all."""
    frames: list[TracebackType] = []
    while stack is not None:
        frames.append(stack)
        stack = stack.tb_next
    for at in range(len(frames) - 1, -1, -1):
        frame = frames[at].tb_frame
        if is_in_app(frame.f_code.co_filename, frame.f_globals.get("__name__")):
            return frames[at:], True
    return frames, False


def is_in_app(file: str, module: object) -> bool:
    """Return True if *file* is surely the application's; *module*: the name of its module."""
    key = file, module if isinstance(module, str) else ""
    known = _known.get(key)
    if known is None:
        known = application.is_application(*key)
        if len(_known) < _MAX_FILES:
            _known[key] = known
    return known


def group_key(
    exc: BaseException | None, stack: TracebackType | None, endpoint: Callable[[], Hashable]
) -> Hashable:
    """Return the rate limit key of *exc*: its class and the places that tell it from others.

    These are the innermost instruction of the application, and below it, the outermost and the
    innermost one of each file; if no frame is surely the application's, also the *endpoint*, and of
    one that was never raised the text.
    """
    frames, has_app_frame = _inner_frames(stack)
    if exc is not None and not frames:
        return type(exc), without_numbers(text_of(exc)), endpoint()
    outer: dict[str, tuple[int, int]] = {}
    inner = {}
    for frame in frames:
        code = frame.tb_frame.f_code
        # The names of generated files are unlimited.
        file = code.co_filename if code.co_filename[:1] != "<" else code.co_name
        # tb_lasti and not tb_lineno: Python computes the line, and a storm asks for each failure.
        inner[file] = place = code.co_firstlineno, frame.tb_lasti
        outer.setdefault(file, place)
    places = frozenset(outer.items()), frozenset(inner.items())
    return type(exc), places, None if has_app_frame else endpoint()


def group_label(exc: BaseException, stack: TracebackType | None) -> str:
    """Return the name of the kind of *exc* for people: class, file and line."""
    frame, name = app_frame(stack)[0], f"{type(exc).__module__}.{type(exc).__qualname__}"
    if frame is None:
        return name
    file = os.path.basename(frame.tb_frame.f_code.co_filename)  # noqa: PTH119 # likewise
    return f"{name} ({file}:{frame.tb_lineno})"


def error_label(error: BaseException) -> str:
    """Return class, file and line of *error*, raised by a user's hook; its text may have data."""
    frame, name = app_frame(error.__traceback__)[0], type(error).__name__
    # Nor where a module is not found.
    if frame is None or frame.tb_frame.f_globals.get("__name__") in _LOADERS:
        return name
    # As long as the name of the module: shop/hooks.py for shop.hooks.
    depth = 1 + str(frame.tb_frame.f_globals.get("__name__")).count(".")
    parts = Path(frame.tb_frame.f_code.co_filename).parts
    return f"{name} ({'/'.join(parts[-depth:])}:{frame.tb_lineno})"


def record_key(record: logging.LogRecord) -> str:
    """Return the rate limit key of *record*, also for people: logger and place, and the template.

    A text without arguments may be made for each record: it is no template.
    """
    place = f"{record.name} ({record.filename}:{record.lineno})"
    return f"{place}: {record.msg}" if record.args else place


def without_numbers(text: str) -> str:
    """Return *text* without its numbers and ids, which may name an order."""
    return _VARYING.sub("", text)


def status_fingerprint(service: str, method: str, route: str, status: int) -> list[str]:
    """Return the fingerprint of a 5xx without exception: never the raw path (D4)."""
    return ["sentryinit", service, method, route, str(status)]

"""Watching a process: what is logged, what is called, what is set up. Imports nothing of ours."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from types import FrameType


class _Records(logging.Handler):
    """Keeps records, formatted while what they refer to is alive."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno > logging.DEBUG:
            self.records.append(record)


@contextlib.contextmanager
def recorded(logger: str = "") -> Iterator[list[logging.LogRecord]]:
    """Collect what *logger* says, the root by default, at any level."""
    handler, source = _Records(), logging.getLogger(logger or None)
    level = source.level
    source.addHandler(handler)
    source.setLevel(logging.DEBUG)
    try:
        yield handler.records
    finally:
        source.removeHandler(handler)
        source.setLevel(level)


@contextlib.contextmanager
def calls() -> Iterator[list[tuple[str, str]]]:
    """Collect the module and name of each function that is called, in new threads as well."""
    made: list[tuple[str, str]] = []

    def profile(frame: FrameType, event: str, _arg: object) -> None:
        if event == "call":
            made.append((frame.f_globals.get("__name__", ""), frame.f_code.co_name))

    before = sys.getprofile()
    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield made
    finally:
        sys.setprofile(before)
        threading.setprofile(None)


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return *environ* without anything that sets up reporting."""
    telling = ("SENTRY", "ELIDO_", "OTEL_")
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(telling) and name != "ENV"
    }

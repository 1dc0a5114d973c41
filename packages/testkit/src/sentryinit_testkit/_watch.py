"""Records what is logged and which functions are called. Imports nothing of sentryinit."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from types import FrameType


class _Records(logging.Handler):
    """Keeps the records that it gets."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextlib.contextmanager
def record_logs(logger: str = "") -> Iterator[list[logging.LogRecord]]:
    """Collect the records of *logger* (by default the root logger), at any level."""
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
    """Collect module and name of each function that is called, in this and in new threads."""
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
    """Return *environ* without the variables that configure reporting."""
    prefixes = ("SENTRY", "ELIDO_", "OTEL_")
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(prefixes) and name != "ENV"
    }

"""Records what is logged and which functions are called. Imports nothing of sentryinit."""

from __future__ import annotations

import contextlib
import gc
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import FrameType


class _Records(logging.Handler):
    """Keeps the records that it gets."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno > logging.DEBUG:
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

    with profiled(profile):
        yield made


@contextlib.contextmanager
def profiled(function: Callable[[FrameType, str, object], None]) -> Iterator[None]:
    """Call *function* as a profiler, in this and in new threads, while the block runs."""
    before = sys.getprofile()
    threading.setprofile(function)
    sys.setprofile(function)
    try:
        yield
    finally:
        sys.setprofile(before)
        threading.setprofile(None)


@contextlib.contextmanager
def new_objects_only() -> Iterator[None]:
    """Hide the objects that exist now from the garbage collector while the block runs.

    In the block, ``gc.collect()`` is fast, ``gc.get_objects()`` finds only what the block made, and
    nothing that earlier tests left is finalized.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def wait_for_threads(count: int, seconds: float = 5) -> None:
    """Wait until there are no more than *count* threads: those of a pool may end a little later."""
    until = time.monotonic() + seconds
    while threading.active_count() > count and time.monotonic() < until:
        time.sleep(0.005)


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return *environ* without the variables that configure reporting."""
    # The last ones are of platforms, for the release.
    platforms = ("HEROKU_", "SOURCE_VERSION", "CODEBUILD_", "CIRCLE_", "GAE_", "K_REVISION")
    prefixes = ("SENTRY", "OTEL_", *platforms)
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(prefixes) and name != "ENV"
    }

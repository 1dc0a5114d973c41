"""A pytest plugin: reporting is on while a framework tests itself, and its events are recorded.

The plugins beside this one inject the adapter into every application.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

import sentryinit
from sentryinit.testing import DSN

# What the adapter reported, and our own warnings, each with the test.
_recorded: list[tuple[str, str, str]] = []


def _record(kind: str, content: str) -> None:
    # Nothing is written while a test runs: some suites forbid that in an event loop.
    _recorded.append((kind, content, os.environ.get("PYTEST_CURRENT_TEST", "")))


class _RecordingTransport(Transport):
    def capture_envelope(self, envelope: Envelope) -> None:
        event = envelope.get_event() or {}
        values = (event.get("exception") or {}).get("values") or [{}]
        what = values[-1].get("type") or (event.get("logentry") or {}).get("formatted")
        _record("event", f"{what} {event.get('transaction')} {event.get('tags')}")


class _RecordingHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _record("warning", record.getMessage())


def pytest_sessionfinish() -> None:
    """Append what this process recorded to the file that run.py names, a line each."""
    lines = "".join(json.dumps(entry) + "\n" for entry in _recorded)
    with Path(os.environ["UPSTREAM_RECORD"]).open("a") as file:
        file.write(lines)


logging.getLogger("sentryinit").addHandler(_RecordingHandler(logging.WARNING))
sentryinit.init("upstream", dsn=DSN, transport=_RecordingTransport, storm_guard=False)

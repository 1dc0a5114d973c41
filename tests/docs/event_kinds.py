"""Make an event of each kind: run programs that fail, and keep what arrives at a backend.

The programs are in ``events/``, one process for each kind. ``docs/reference/events.md`` shows what
they send; ``shown`` replaces what differs between runs.
"""

from __future__ import annotations

import functools
import gzip
import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Event = dict[str, Any]

HERE = Path(__file__).with_name("events")
KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "v7Qm2xZr9KpL4sTn8bWc"
SETTINGS = {
    "SENTRYINIT_SERVICE": "orders",
    "SENTRYINIT_DEBUG_TOKEN": TOKEN,
    "SENTRY_RELEASE": "1.4.2",
}


@dataclass(frozen=True)
class Kind:
    """A kind of event: its *title* on the page, and what it is about."""

    title: str
    clause: str
    what: str


# The programs, each with the kinds of its events in the order in which they leave.
PROGRAMS: dict[str, dict[str, Kind]] = {
    "shop.py": {
        "exception": Kind("An exception in a request", "A2", "`GET /orders/17` raises."),
        "status": Kind("A returned 5xx", "A4", "`GET /stock` returns 503."),
        "log": Kind("A logged error", "C2", "`GET /mail/17` logs at `ERROR` and returns 200."),
        "debug": Kind(
            "The debug route", "I2", "`GET /debug/sentry-panic` has the token and a nonce."
        ),
        "first": Kind("", "", ""),
        "second": Kind("", "", ""),
        "suppressed": Kind(
            "The next event after suppressed ones",
            "F3",
            "`GET /rates/EUR` has returned 502 again and again: two events before this one were "
            "suppressed.",
        ),
        "summary": Kind(
            "The storm summary", "F3", "The program has ended, and two more were suppressed."
        ),
    },
    "bill.py": {
        "thread": Kind("An unhandled exception of a thread", "A13", "The thread `bills-1` raises."),
        "task": Kind(
            "An unhandled exception of a task",
            "A13",
            "The task `remind(17)` raises; nobody awaits it.",
        ),
        "job": Kind("A job", "A14", 'A function under `sentryinit.job("bills.remind")` raises.'),
        "program": Kind("An unhandled exception of a program", "A13", "`python bill.py` raises."),
    },
    "manage.py": {
        "command": Kind("A management command", "A13", "`manage.py bill` raises."),
    },
}


KINDS = {name: kind for kinds in PROGRAMS.values() for name, kind in kinds.items()}


@dataclass(frozen=True)
class Received:
    """A request that the backend got: its headers, and the envelope."""

    headers: dict[str, str]
    envelope: bytes

    @property
    def items(self) -> list[tuple[Event, Any]]:
        """The items of the envelope: header and payload."""
        lines = self.envelope.split(b"\n")
        return [
            (json.loads(header), json.loads(payload))
            for header, payload in zip(lines[1::2], lines[2::2], strict=False)
        ]


@contextmanager
def backend() -> Iterator[tuple[int, dict[str, list[Received]]]]:
    """Serve a backend on loopback; give its port, and what it has received, by project."""
    received: dict[str, list[Received]] = defaultdict(list)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            received[self.path.split("/")[2]].append(Received(dict(self.headers), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_given: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _start(program: str, project: int, port: int) -> subprocess.Popen[str]:
    """Start *program*, which reports to the number *project*."""
    foreign = ("SENTRY", "OTEL", "PYTEST")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    env |= SETTINGS | {"SENTRY_DSN": f"http://{KEY}@127.0.0.1:{port}/{project}"}
    if program == "shop.py":
        env |= {"SENTRYINIT_STORM_BURST": "2", "SENTRYINIT_STORM_PER_MINUTE": "20"}
    command, pipe = [sys.executable, program, "bill"], subprocess.PIPE
    return subprocess.Popen(command, cwd=HERE, env=env, stdout=pipe, stderr=pipe, text=True)


@functools.cache
def received() -> dict[str, Received]:
    """Return what the backend has received, by kind of event."""
    by_kind: dict[str, Received] = {}
    with backend() as (port, found):
        started = {name: _start(name, n, port) for n, name in enumerate(PROGRAMS, 1)}
        said = {name: program.communicate(timeout=60) for name, program in started.items()}
    for number, (name, kinds) in enumerate(PROGRAMS.items(), 1):
        arrived = found[str(number)]
        assert len(arrived) == len(kinds), (name, [each.items for each in arrived], said[name])
        by_kind |= zip(kinds, arrived, strict=True)
    return by_kind


def event_of(kind: str) -> Event:
    """Return the event of *kind*, as it was sent."""
    ((_header, event),) = received()[kind].items
    found: Event = event
    return found


# What differs between runs, machines and versions, and what the page has in its place.
_FIXED = {
    "event_id": "9f1c3d5e7a904b2c8d6e0f1a2b3c4d5e",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "span_id": "00f067aa0ba902b7",
    "timestamp": "2026-11-30T12:00:00.000000Z",
}
_SECONDS = 1796040000.5
_VERSIONS = {"sentry.python": "2.75.0", "pypi:sentry-sdk": "2.75.0", "CPython": "3.13.0"}

# The first fields of a frame, in their order.
_PLACE = ("filename", "abs_path", "function", "module", "lineno", "in_app")


def shown(value: Any, key: str = "") -> Any:
    """Return an event, or a part of it under *key*, as the page shows it.

    Ids, times, versions and folders are fixed ones. Of the frames of libraries only the last one of
    a stack is left, because a new release changes them.
    """
    if isinstance(value, list):
        given = _frames(value) if key == "frames" else value
        return [shown(item, key) for item in given]
    if isinstance(value, dict):
        made = {name: shown(item, name) for name, item in value.items()}
        if made.get("name") in _VERSIONS:
            made["version"] = _VERSIONS[made["name"]]
        return made
    if key == "timestamp" and isinstance(value, float):
        return _SECONDS
    if key in _FIXED:
        return _FIXED[key]
    return value.replace(str(HERE), "/srv/orders") if isinstance(value, str) else value


def _frames(frames: list[Event]) -> list[Event]:
    """Return the *frames* of the programs, and the last one of each stack."""
    own = [frame for frame in frames if str(HERE) in frame.get("abs_path", "")]
    if frames[-1] in own:
        return own
    last = frames[-1]
    folder = "/srv/venv/lib/python3.13/site-packages"
    # Where our packages are not installed as wheels, the SDK does not know whose the frame is.
    place = {"abs_path": f"{folder}/{last['filename']}", "lineno": 1, "in_app": False}
    first = {name: (last | place)[name] for name in _PLACE}
    return [*own, first | last | place]

"""Runs a process against a backend that is out of order; adds up what became of each failure."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, NamedTuple

from backend import Backend

# Fails in requests, logs at ERROR and captures; prints the counts after each step.
PROGRAM = """
import contextlib, json, logging, sys
import sentry_sdk, sentryinit
from sentryinit._state import STATE
from sentryinit.wsgi import SentryInitMiddleware

logging.basicConfig(format="LOG %(name)s %(message)s")
# What the application logs itself is of no interest here.
logging.getLogger("orders").addHandler(logging.NullHandler())
logging.getLogger("orders").propagate = False
flush = sentryinit.init("shop")

class Broken(Exception): pass

def app(environ, start_response):
    what = environ["PATH_INFO"]
    if what == "/text":
        logging.getLogger("orders").error("no database for order %s", 7)
    elif what == "/logged":
        try:
            raise Broken
        except Broken:
            logging.getLogger("orders").exception("no database")
    elif what == "/both":
        logging.getLogger("orders").error("no database for order %s", 7)
        raise Broken
    elif what == "/message":
        sentry_sdk.capture_message("no database for order 7")
    elif what == "/captured":
        sentry_sdk.capture_exception(Broken())
    else:
        raise Broken
    start_response("200 OK", [])
    return []

served = SentryInitMiddleware(app)

def serve(what, times=1):
    for _ in range(times):
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": what, "wsgi.url_scheme": "http"}
        with contextlib.suppress(Broken):
            list(served({**environ, "HTTP_HOST": "h"}, lambda *_: None))

def last():
    STATE.reporter.flush(last=True)

def step():
    print(json.dumps(sentryinit.stats()), flush=True)
"""


class Outcome(NamedTuple):
    """The counts after each step, and the lines of the log of ``sentryinit``."""

    steps: list[dict[str, int]]
    lines: list[str]


def run(dsn: str, code: str, **variables: str) -> Outcome:
    """Run *code* in a process that reports to *dsn*."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + code],
        env={"PATH": "", "SENTRY_DSN": dsn, "SENTRYINIT_FLUSH_TIMEOUT": "20", **variables},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    # No other library says anything.
    assert [line for line in lines if not line.startswith("LOG sentryinit ")] == []
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    return Outcome(steps, [line[15:] for line in lines])


def told(backend: Backend) -> tuple[int, int]:
    """Return how many failures arrived as events of their own, and how many as a count."""
    failures = [event for event in backend.accepted if event["level"] != "warning"]
    counts = [event["contexts"].get("sentryinit", {}) for event in backend.accepted]
    return len(failures), sum(count.get("suppressed", 0) for count in counts)


def missing(backend: Backend, stats: dict[str, int]) -> int:
    """Return how many failures of *stats* are neither known to *backend* nor accounted for."""
    received, suppressed = told(backend)
    assert len(backend.accepted) == len({event["event_id"] for event in backend.accepted})
    causes = [stats[name] for name in stats if name.startswith("lost_")]
    assert stats["lost"] == sum(causes)
    return stats["failures"] - received - suppressed - stats["dropped"] - stats["lost"]


def texts(events: list[dict[str, Any]]) -> list[str]:
    """Return the titles of *events*."""
    return [str((event.get("logentry") or {}).get("message")) for event in events]

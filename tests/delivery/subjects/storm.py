"""Many failures of a service whose backend is away: ``python -m subjects.storm NAME ...``."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import resource
import sys
import time
from pathlib import Path
from typing import Any

import sentry_sdk

import sentryinit
from sentryinit.wsgi import SentryInitMiddleware
from subjects import work


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    raise LookupError("no price")


def request(app: Any) -> None:
    """Serve one request, which fails."""
    environ = {"PATH_INFO": "/fail", "REQUEST_METHOD": "GET", "wsgi.url_scheme": "http"}
    with contextlib.suppress(LookupError):
        app(environ | {"SERVER_NAME": "shop.example", "SERVER_PORT": "80"}, lambda *_: None)


def outage(seconds: float, rate: float) -> None:
    """Fail in *rate* requests a second."""
    app = SentryInitMiddleware(application)
    work.say("ready")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        request(app)
        time.sleep(1 / rate)


def burst(count: float) -> None:
    """Queue *count* events at once."""
    for number in range(int(count)):
        sentry_sdk.capture_message(f"message {number}")


def spaced(seconds: float, rate: float) -> None:
    """Send *rate* events a second."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sentry_sdk.capture_message(f"message {time.monotonic()}")
        time.sleep(1 / rate)


def measured(count: float) -> None:
    """Send *count* events one by one; say what an event costs."""
    logging.basicConfig()
    sizes, before = [], time.process_time()
    for number in range(int(count)):
        sentry_sdk.capture_message(f"message {number}")
        sentryinit.flush()
        sizes.append(resident())
    took = 1000 * (time.process_time() - before) / count
    work.say(f"cost {json.dumps({'ms': took, 'kb': sizes[-1] - sizes[len(sizes) // 3]})}")


def resident() -> int:
    """Return the resident memory in kB."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize() // 1024


if __name__ == "__main__":
    # Registered before ours, so it runs after it.
    atexit.register(lambda: work.say(f"stats {json.dumps(sentryinit.stats())}"))
    sentryinit.init()
    globals()[sys.argv[1]](*map(float, sys.argv[2:]))

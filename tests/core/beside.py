"""What of ours, and of sentry_sdk, runs beside an application: ``python beside.py CONFIGURATION``.

A process for each configuration, since integrations of sentry_sdk patch modules for good.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import FrameType
from typing import Any

from sentryinit import testing
from sentryinit.wsgi import SentryInitMiddleware

OURS = ("sentryinit", "sentry_sdk")
Found = dict[str, list[str]]
log = logging.getLogger("shop")


class Upstream(BaseHTTPRequestHandler):
    """Another service, which answers and logs nothing."""

    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *details: Any) -> None:
        """Write nothing."""


@contextmanager
def upstream() -> Iterator[int]:
    """Run another service; yield its port."""
    with HTTPServer(("127.0.0.1", 0), Upstream) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def by_client(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/")
    connection.getresponse().read()
    connection.close()


def by_urllib(port: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        answer.read()


def by_thread() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def by_executor() -> None:
    with ThreadPoolExecutor() as pool:
        pool.submit(int).result()


def by_process() -> None:
    subprocess.run([sys.executable, "-S", "-c", ""], check=True)


def by_task() -> None:
    async def wait() -> None:
        await asyncio.create_task(asyncio.sleep(0))

    asyncio.run(wait())


def actions(port: int) -> dict[str, Callable[[], None]]:
    """Return typical work of an application."""
    return {
        "http.client": lambda: by_client(port),
        "urllib": lambda: by_urllib(port),
        "thread": by_thread,
        "executor": by_executor,
        "process": by_process,
        "task": by_task,
        "debug": lambda: log.debug("sold %s", "tea"),
        "info": lambda: log.info("sold %s", "tea"),
        "warning": lambda: log.warning("sold %s", "tea"),
    }


def entered(action: Callable[[], None]) -> list[str]:
    """Return the functions of sentryinit and sentry_sdk that *action* enters, in any thread."""
    found: list[str] = []

    def note(frame: FrameType, event: str, _argument: object) -> None:
        module = str(frame.f_globals.get("__name__"))
        if event == "call" and module.partition(".")[0].startswith(OURS):
            found.append(f"{module}.{frame.f_code.co_name}")

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return found


def measure(port: int) -> dict[str, Found]:
    """Return what each action enters, outside of requests and inside one."""

    def every() -> Found:
        return {name: entered(action) for name, action in actions(port).items()}

    inside: Found = {}

    def app(environ: Any, start_response: Any) -> list[bytes]:
        inside.update(every())
        start_response("200 OK", [])
        return []

    served: Any = SentryInitMiddleware(app)
    outside = every()
    served({"REQUEST_METHOD": "GET"}, lambda *_: None)
    return {"outside": outside, "inside": inside}


def by_sdk() -> dict[str, Any]:
    """Return the options that add the SDK's own integrations."""
    from sentry_sdk.integrations.logging import LoggingIntegration
    from sentry_sdk.integrations.stdlib import StdlibIntegration
    from sentry_sdk.integrations.threading import ThreadingIntegration

    return {"integrations": [StdlibIntegration(), ThreadingIntegration(), LoggingIntegration()]}


CONFIGURATIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "usual": dict,
    "no breadcrumbs": lambda: {"log_breadcrumbs": 0},
    "the SDK's own": by_sdk,
}


def main() -> None:
    log.addHandler(logging.NullHandler())
    log.setLevel(logging.DEBUG)
    with upstream() as port, testing.capture("shop", **CONFIGURATIONS[sys.argv[1]]()) as box:
        found = measure(port)
    assert box.events == []
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()

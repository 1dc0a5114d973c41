"""Fixtures for the tests of the core: a clean state, the log of sentryinit, small servers."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import pytest
from sentry_sdk.transport import Transport

from sentryinit import adapters, testing
from sentryinit._sdk.testing import disconnect
from sentryinit._state import STATE

# No deadline: the machine may be busy. No database: it would leave a folder. The same examples
# each time: a new failure is then due to the change. `--hypothesis-profile=search` tries others.
hypothesis.settings.register_profile(
    "core", deadline=None, database=None, max_examples=60, derandomize=True
)
hypothesis.settings.register_profile("search", deadline=None, database=None, max_examples=3000)
hypothesis.settings.load_profile("core")

KEY = "0123456789abcdef0123456789abcdef"
DSN = f"https://{KEY}@backend.example/17"
# For a process that forks while its threads work: one of them may hold a lock of coverage, which is
# not renewed in the child.
UNMEASURED = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}
# The last ones are of platforms, for the release.
PREFIXES = ("SENTRY", "OTEL_", "HEROKU_", "SOURCE_", "CODEBUILD_", "CIRCLE_", "GAE_", "K_REVISION")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(PREFIXES) or name == "ENV":
            monkeypatch.delenv(name)


@pytest.fixture
def clean() -> Iterator[None]:
    """Run the test before any ``init``, and restore what there was."""
    restore = STATE.reset()
    yield
    if STATE.reporter is not None:
        disconnect()
    restore()


class Nowhere(Transport):
    """A transport that drops what it gets."""

    def capture_envelope(self, envelope: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_request() -> None:
    """Close a capture that an earlier test left open: it would take this test's log records."""
    while (left := adapters.current_capture()) is not None:
        left.close()


class Said(logging.Handler):
    """Holds what the logger ``sentryinit`` said from level WARNING on; a call returns it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Add the text of *record*."""
        self._texts.append(record.getMessage())

    def __call__(self) -> list[str]:
        """Return what was logged since the last call."""
        texts, self._texts = self._texts, []
        return texts


@pytest.fixture(autouse=True)
def said() -> Iterator[Said]:
    """Fail the test if sentryinit logs a warning that the test does not ask for."""
    handler, logger = Said(), logging.getLogger("sentryinit")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    assert handler() == []


@pytest.fixture
def mailbox() -> Iterator[testing.Mailbox]:
    """Switch reporting on; return the mailbox that gets the events."""
    with testing.capture("shop") as box:
        yield box


def title(event: dict[str, Any]) -> str:
    """Return the type of the outermost exception, or else the message."""
    values = event.get("exception", {}).get("values", [])
    if values:
        return str(values[-1]["type"])
    entry = event.get("logentry") or {}
    template = str(entry.get("message") or event.get("message"))
    params = tuple(entry.get("params") or ())
    # Older releases of sentry-sdk leave the formatting to the backend.
    return str(entry.get("formatted") or (template % params if params else template))


@pytest.fixture
def titles() -> Callable[[testing.Mailbox], list[str]]:
    """Return the titles of the events in a mailbox."""
    return lambda box: [title(event) for event in box.events]


# -- requests without a server -------------------------------------------------------------------


def describe(request: Any) -> adapters.RequestInfo:
    return adapters.RequestInfo(
        "GET", "http", "shop.test", "/orders/17", route="/orders/{order_id}"
    )


@pytest.fixture
def begin() -> Iterator[Callable[..., adapters.Capture[Any]]]:
    """Open a request of an adapter that has the given facts; it is closed after the test."""
    captures = []

    def begin(request: Any = "request", **facts: Any) -> adapters.Capture[Any]:
        adapter: adapters.Adapter[Any] = adapters.Adapter(
            **{"name": "test", "describe": describe, **facts}
        )
        captures.append(adapter.open(request))
        return captures[-1]

    yield begin
    for capture in captures:
        capture.close()


@dataclass
class Answer:
    """What the client received, and the exception that reached the server."""

    status: str | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    error: BaseException | None = None


def environ(path: str = "/orders/17", **more: Any) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path.partition("?")[0],
        "QUERY_STRING": path.partition("?")[2],
        "SERVER_NAME": "shop.test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        **more,
    }


@pytest.fixture
def wsgi() -> Callable[..., Answer]:
    """Serve one request to a WSGI application, as PEP 3333 requires."""

    def serve(
        app: Any, path: str = "/orders/17", write: Any = None, *, close: bool = True, **more: Any
    ) -> Answer:
        answer = Answer()

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            answer.status, answer.headers = status, headers

            def usual(data: bytes) -> None:
                answer.body += data

            return write or usual

        body = None
        try:
            body = app(environ(path, **more), start_response)
            for chunk in body:
                answer.body += chunk
        except BaseException as error:
            answer.error = error
        finally:
            if close and hasattr(body, "close"):
                try:
                    body.close()
                except BaseException as error:
                    answer.error = error
        return answer

    return serve


@pytest.fixture
def asgi() -> Callable[..., tuple[list[dict[str, Any]], BaseException | None]]:
    """Serve one scope to an ASGI application; return what it sent and raised."""

    def serve(
        app: Any, path: str = "/orders/17", incoming: Any = (), **more: Any
    ) -> tuple[list[dict[str, Any]], BaseException | None]:
        sent: list[dict[str, Any]] = []
        messages = iter(incoming)
        scope = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": path.partition("?")[0],
            "query_string": path.partition("?")[2].encode(),
            "headers": [(b"host", b"shop.test")],
            **more,
        }

        async def receive() -> dict[str, Any]:
            return next(messages)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        async def main() -> BaseException | None:
            try:
                await app(scope, receive, send)
            except BaseException as error:
                return error
            return None

        return sent, asyncio.run(main())

    return serve


# -- processes -----------------------------------------------------------------------------------

PRELUDE = f"""
import json, logging, sys
from sentry_sdk.transport import Transport

class Pipe(Transport):
    def capture_envelope(self, envelope):
        for item in envelope.items:
            payload = json.loads(item.get_bytes()) if item.type == "event" else None
            print("ITEM", json.dumps([item.type, payload]), flush=True)

import sentryinit
DSN = {DSN!r}
"""


@dataclass
class Child:
    """The result of a process: its output, and the items that it sent, as type and event."""

    code: int
    out: str
    err: str

    @property
    def items(self) -> list[tuple[str, Any]]:
        """Return the items that were sent, in order."""
        lines = [line for line in self.out.splitlines() if line.startswith("ITEM ")]
        return [tuple(json.loads(line[5:])) for line in lines]

    @property
    def titles(self) -> list[str]:
        """Return the titles of the events that were sent."""
        return [title(event) for kind, event in self.items if kind == "event"]

    @property
    def event(self) -> dict[str, Any]:
        """Return the event, which must be the only item that was sent."""
        ((kind, event),) = self.items
        assert kind == "event"
        return dict(event)

    @property
    def lines(self) -> list[str]:
        """Return the lines that it printed, without the items."""
        return [line for line in self.out.splitlines() if not line.startswith("ITEM ")]


@pytest.fixture
def child() -> Callable[..., Child]:
    """Run code in a new process, with ``Pipe``, a transport that prints, and a valid ``DSN``."""

    def run(code: str, prelude: str = PRELUDE, **variables: str) -> Child:
        done = subprocess.run(  # the code is the test's own
            [sys.executable, "-c", prelude + code],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        return Child(done.returncode, done.stdout, done.stderr)

    return run

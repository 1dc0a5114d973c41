"""Load an application, send it requests, and print what it reports to sentry-sdk's transport.

``python drive.py PROTOCOL MODULE PATH...`` in the folder of ``MODULE.py``, whose ``app`` is the
application. It prints one JSON list for each path, of the events. Each run is a process of its own,
because integrations of sentry-sdk patch frameworks for good.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sentry_sdk
import sentry_sdk.client
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

# sentry-sdk imports each of these that is installed.
OTHERS = (
    "aiohttp anyio celery django dramatiq falcon fastapi flask httpcore httpx huey redis rq "
    "sqlalchemy starlette"
).split()
# What sends requests to an ASGI application.
CLIENT = {"anyio", "httpcore", "httpx", "starlette"}
ITEMS: list[tuple[str, Any]] = []
Send = Callable[[str], None]


class Collect(Transport):
    """Keeps what would be sent."""

    def capture_envelope(self, envelope: Envelope) -> None:
        """Keep the items of *envelope*."""
        ITEMS.extend((item.type or "", item.payload.json) for item in envelope.items)


def hide_others(protocol: str) -> None:
    """Hide what the files of this folder do not name: who uses one framework has no other."""
    text = "".join(path.read_text() for path in Path.cwd().glob("*.py"))
    needed = CLIENT if protocol == "asgi" else set()
    for name in OTHERS:
        if name not in text and name not in needed:
            sys.modules[name] = None  # type: ignore[assignment] # an import of it fails


def collect() -> None:
    """Have every client that is made from now on send to ``ITEMS``."""
    os.environ["SENTRY_DSN"] = "http://key@127.0.0.1:9/1"
    sentry_sdk.client.make_transport = Collect  # type: ignore[assignment] # called with the options
    logging.lastResort = None
    with suppress(ImportError):
        import raven

        raven.Client.send = lambda _self, **event: ITEMS.append(("event", as_now(event)))


def as_now(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event of raven in the form that sentry-sdk has."""
    text = event.get("sentry.interfaces.Message") or event.get("logentry") or {}
    return {"exception": event.get("exception"), "logentry": text, "message": event.get("message")}


def taken() -> list[tuple[str, Any]]:
    """Return what was sent since the last call."""
    sentry_sdk.flush()
    items = ITEMS[:]
    ITEMS.clear()
    return items


@contextmanager
def wsgi(app: Any) -> Iterator[Send]:
    """Send requests to a WSGI application."""
    from werkzeug.test import Client

    def send(path: str) -> None:
        # A server logs what escapes and goes on; so does this one.
        with suppress(Exception):
            Client(app).get(path).get_data()

    yield send


@contextmanager
def asgi(app: Any) -> Iterator[Send]:
    """Send requests to an ASGI application."""
    from starlette.testclient import TestClient

    with TestClient(app, raise_server_exceptions=False) as client:

        def send(path: str) -> None:
            # A stream that breaks.
            with suppress(Exception):
                client.get(path)

        yield send


@contextmanager
def aiohttp(app: Any) -> Iterator[Send]:
    """Send requests to an application of aiohttp, over a socket."""
    from aiohttp import ClientError
    from aiohttp.test_utils import TestClient, TestServer

    loop = asyncio.new_event_loop()
    client = TestClient(TestServer(app, loop=loop), loop=loop)
    loop.run_until_complete(client.start_server())

    async def get(path: str) -> None:
        # A stream that breaks.
        with suppress(ClientError):
            async with client.get(path) as response:
                await response.read()

    yield lambda path: loop.run_until_complete(get(path))
    loop.run_until_complete(client.close())


@contextmanager
def tasks(module: Any) -> Iterator[Send]:
    """Run a task of Celery by its name, in this process."""

    def send(name: str) -> None:
        getattr(module, name).apply()

    yield send


def main(protocol: str, module: str, *paths: str) -> None:
    """Print what each request reports."""
    hide_others(protocol)
    collect()
    sys.path.insert(0, str(Path.cwd()))
    loaded = importlib.import_module(module)
    app = loaded if protocol == "tasks" else loaded.app
    with globals()[protocol](app) as send:
        taken()
        for path in paths:
            send(path)
            events = [item for kind, item in taken() if kind == "event"]
            sys.stdout.write(json.dumps(events) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Applications behind a bridge between WSGI and ASGI, with the generic middleware around it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import sentryinit.asgi
import sentryinit.wsgi
from sentryinit_testkit._asgi import AsgiServer
from sentryinit_testkit._server import Call, Exchange
from sentryinit_testkit._wsgi import WsgiServer


def serve(bridge: str, protocol: str, app: Any) -> Exchange:
    """Serve one request to *app*, of *protocol*, behind *bridge* in the other protocol."""
    module = pytest.importorskip(f"{bridge}.wsgi", reason="the bridge is not installed")
    if protocol == "wsgi":
        kind = module.WSGIMiddleware if bridge == "a2wsgi" else module.WsgiToAsgi
        around: Any = sentryinit.asgi.SentryInitMiddleware(kind(app))
        return AsgiServer().serve(around, Call())[0]
    if bridge != "a2wsgi":
        pytest.skip(f"{bridge} has no bridge from WSGI to ASGI")
    with _loop() as loop:
        bridged = sys.modules["a2wsgi"].ASGIMiddleware(app, loop=loop)
        return WsgiServer().serve(sentryinit.wsgi.SentryInitMiddleware(bridged), Call())[0]


@contextlib.contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Run an event loop in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

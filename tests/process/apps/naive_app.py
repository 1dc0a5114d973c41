"""The shop behind a usual middleware: the control of these tests.

It forks the current scope, as sentry-sdk's own middleware does, and leaves the flush to ``atexit``.
So the tags of one request reach the event of another, and events are lost at SIGTERM: a test that
passes with it cannot detect anything.
"""

from __future__ import annotations

import os
from typing import Any

import sentry_sdk

from apps import probe
from apps.asgi_shop import application
from apps.probe import Message, Receive, Scope, Send

sentry_sdk.init(
    dsn=os.environ["SENTRY_DSN"], default_integrations=False, auto_enabling_integrations=False
)


async def naive(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        await application(scope, receive, send)
        return
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}

    def describe(event: Any, hint: Any) -> Any:
        return {**event, "request": {"url": scope["path"], "headers": headers}}

    async def watched_send(message: Message) -> None:
        if message.get("status", 0) >= 500:
            sentry_sdk.capture_message(f"HTTP {message['status']}")
        await send(message)

    with sentry_sdk.isolation_scope() as isolation:
        isolation.add_event_processor(describe)
        try:
            await application(scope, receive, watched_send)
        except Exception as error:
            sentry_sdk.capture_exception(error)
            raise


app = probe.asgi(naive)

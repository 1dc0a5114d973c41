"""The shop of ``asgi_app``, with a component that fails around the boundary."""

from __future__ import annotations

from apps import outside_shop
from apps.asgi_shop import application
from apps.probe import Receive, Scope, Send
from sentryinit.asgi import SentryInitMiddleware


async def silent(scope: Scope, receive: Receive, send: Send) -> None:
    """Return without an answer for ``silence``; the shop answers the rest."""
    if not scope.get("path", "").endswith("/silence"):
        await application(scope, receive, send)


_inner = SentryInitMiddleware(silent)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        outside_shop.refuse(scope["path"])
        if scope["path"].endswith("/silent"):
            return
    await _inner(scope, receive, send)

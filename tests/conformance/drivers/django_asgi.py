"""Django under ASGI, with asynchronous and synchronous views."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

from django.core.handlers.asgi import ASGIHandler

import sentryinit_testkit as testkit

from .django import DjangoDriver, respond


class Asgi(ASGIHandler):
    """An application with its own URLs, and optionally a mounted application."""

    def __init__(self, urls: Any, mounted: Any) -> None:
        self.urls, self.mounted = urls, mounted
        super().__init__()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request."""
        if self.mounted is None or not scope["path"].startswith(testkit.MOUNT):
            await super().__call__(scope, receive, send)
        else:
            await self.mounted({**scope, "root_path": testkit.MOUNT}, receive, send)

    async def get_response_async(self, request: Any) -> Any:
        """Resolve with the application's own URLs."""
        request.urlconf = self.urls
        return await super().get_response_async(request)


async def _only_async(wanted: testkit.ResponseSpec) -> Any:
    """Yield the stream: of one that is iterable both ways, Django takes ``iter()``, and warns."""
    async for chunk in wanted.astream():
        yield chunk


class AsgiDjangoDriver(DjangoDriver):
    """Asynchronous views."""

    variant, protocol, shop = "asgi", "asgi", Asgi
    calls = 9  # __call__ returns a coroutine, which is one more call
    # Django's ASGI handler supports HTTP only.
    unsupported: ClassVar = DjangoDriver.unsupported | {"background", "startup", "websocket"}

    def view(self, spec: testkit.AppSpec) -> Any:
        """Return the view."""

        async def order(request: Any, order_id: str) -> Any:
            wanted = await spec.arun(lambda: request.body)
            return respond(wanted, _only_async(wanted))

        return order


class SyncAsgiDjangoDriver(AsgiDjangoDriver):
    """Synchronous views, which run in threads."""

    variant, runs_in = "asgi-sync", "threads"
    # Before Python 3.11 every cancellation is an abort, of whatever class asyncio makes it.
    own_class: ClassVar = {"given-up"} if sys.version_info >= (3, 11) else set()
    unsupported: ClassVar = AsgiDjangoDriver.unsupported | {"cancellation"} | own_class

    def view(self, spec: testkit.AppSpec) -> Any:
        """Return the view."""

        def order(request: Any, order_id: str) -> Any:
            wanted = spec.run(lambda: request.body)
            return respond(wanted, _only_async(wanted))

        return order


DRIVERS = [AsgiDjangoDriver(), SyncAsgiDjangoDriver()]

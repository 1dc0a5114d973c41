"""Starlette with synchronous endpoints, and behind a ``BaseHTTPMiddleware``."""

from __future__ import annotations

from typing import Any

import anyio.from_thread
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response

from sentryinit_testkit import AppSpec

from .starlette import GROUPS, VERSION, StarletteDriver, respond


class SyncStarletteDriver(StarletteDriver):
    """Synchronous endpoints, which run in threads."""

    variant = "sync"
    runs_in = "threads"
    unsupported = GROUPS | {"cancellation"}

    def endpoint(self, spec: AppSpec) -> Any:
        """Return the endpoint."""

        def order(request: Request) -> Response:
            return respond(spec.run(lambda: anyio.from_thread.run(request.body)))

        return order


def _changed_by_base_http_middleware() -> frozenset[str]:
    """Return how a ``BaseHTTPMiddleware`` of this release changes exceptions."""
    # Nothing comes out of what fails after the response; otherwise a group, and the exception as
    # its context.
    if VERSION < (0, 46):
        return frozenset({"background", "chain", "chain-afterwards"})
    # It takes the exception out of the group, and leaves the group as the context: before 0.49
    # always, then where the exception is no Exception or has groups of its own.
    if VERSION < (0, 49):
        return frozenset({"chain", "groups"})
    return frozenset({"groups"} if VERSION < (1, 3) else ())


class WrappedStarletteDriver(StarletteDriver):
    """Behind a ``BaseHTTPMiddleware``, which runs the rest in a child task."""

    variant = "wrapped"
    calls = 9  # it sends a last message of its own; the oldest release receives two messages
    # Only what the child task raises comes out of it.
    unsupported = frozenset({"raised-abort"}) | _changed_by_base_http_middleware()

    def build(self, spec: AppSpec) -> Starlette:
        """Return the application with the middleware inside of ours."""
        app = super().build(spec)
        app.add_middleware(BaseHTTPMiddleware, dispatch=lambda request, call: call(request))
        return app


DRIVERS = [SyncStarletteDriver(), WrappedStarletteDriver()]

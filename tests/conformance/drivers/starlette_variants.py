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


class WrappedStarletteDriver(StarletteDriver):
    """Behind a ``BaseHTTPMiddleware``, which runs the rest in a child task."""

    variant = "wrapped"
    calls = 9  # it sends a last message of its own; the oldest release receives two messages
    # Only what the child task raises comes out of it. In old releases that is nothing for what
    # fails after the response, and otherwise a group, with the exception as its context.
    # From 0.46 to 1.2 it takes out of groups of one, also of those of the application, and leaves
    # the group as the context.
    groups = {"background", "chain"} if VERSION < (0, 46) else {"groups"} if VERSION < (1, 3) else set()
    unsupported = frozenset({"raised-abort", *groups})

    def build(self, spec: AppSpec) -> Starlette:
        """Return the application with the middleware inside of ours."""
        app = super().build(spec)
        app.add_middleware(BaseHTTPMiddleware, dispatch=lambda request, call: call(request))
        return app


DRIVERS = [SyncStarletteDriver(), WrappedStarletteDriver()]

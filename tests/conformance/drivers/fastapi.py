"""FastAPI, with asynchronous and synchronous endpoints."""

from __future__ import annotations

from typing import Any, ClassVar

import anyio.from_thread
from fastapi import FastAPI, Request, Response

from sentryinit_testkit import METHODS, ROUTE, AppSpec, HandledError

from .starlette import GROUPS, StarletteDriver, respond, sorry


class FastApiDriver(StarletteDriver):
    """Asynchronous endpoints."""

    variant = "fastapi"
    sdk_integrations: ClassVar = (
        "sentry_sdk.integrations.starlette:StarletteIntegration",
        "sentry_sdk.integrations.fastapi:FastApiIntegration",
    )

    def endpoint(self, spec: AppSpec) -> Any:
        """Return the endpoint."""

        async def order(order_id: str, request: Request) -> Response:  # FastAPI passes it by name
            return respond(await spec.arun(request.body))

        return order

    def build(self, spec: AppSpec) -> FastAPI:
        """Return the application before the adapter is in it."""
        app = FastAPI(lifespan=spec.lifespan, exception_handlers={HandledError: sorry})
        app.add_api_route(ROUTE, self.endpoint(spec), methods=list(METHODS), response_model=None)
        return app


class SyncFastApiDriver(FastApiDriver):
    """Synchronous endpoints, which run in threads."""

    variant = "fastapi-sync"
    runs_in = "threads"
    unsupported = GROUPS | {"cancellation"}

    def endpoint(self, spec: AppSpec) -> Any:
        """Return the endpoint."""

        def order(order_id: str, request: Request) -> Response:  # FastAPI passes it by name
            return respond(spec.run(lambda: anyio.from_thread.run(request.body)))

        return order


DRIVERS = [FastApiDriver(), SyncFastApiDriver()]

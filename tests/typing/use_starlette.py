"""What type checkers tell users of ``sentryinit_starlette``. Checked, never run."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from sentryinit_starlette import SentryInitMiddleware, debug_panic

app = Starlette(middleware=[Middleware(SentryInitMiddleware)])
app.add_middleware(SentryInitMiddleware)
app.add_middleware(SentryInitMiddleware, service="orders", ignore_paths=["/healthz"])
app.add_route("/debug/sentry-panic", debug_panic)

fastapi = FastAPI()
fastapi.add_middleware(SentryInitMiddleware)
fastapi.add_route("/debug/sentry-panic", debug_panic)


def wrap(app: ASGIApp) -> ASGIApp:
    """Wrap an application; what comes out is one again."""
    app = SentryInitMiddleware(app)
    return SentryInitMiddleware(app)


wrap(SentryInitMiddleware(fastapi, environment="staging"))
SentryInitMiddleware("app")  # type: ignore[arg-type] # an application
number: int = SentryInitMiddleware(fastapi)  # type: ignore[assignment] # no number

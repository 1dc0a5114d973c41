"""Error reporting for Starlette and FastAPI: a pure ASGI middleware and a debug route.

>>> from starlette.applications import Starlette
>>> from sentryinit_starlette import SentryInitMiddleware
>>> app = Starlette()
>>> app.add_middleware(SentryInitMiddleware)
"""

from __future__ import annotations

from sentryinit_starlette._middleware import SentryInitMiddleware, debug_panic

__all__ = ["SentryInitMiddleware", "debug_panic"]

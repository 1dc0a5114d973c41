"""Error reporting for aiohttp: a set-up function, a middleware and a debug route.

>>> from aiohttp import web
>>> from sentryinit_aiohttp import setup
>>> app = web.Application()
>>> setup(app)
"""

from __future__ import annotations

from sentryinit_aiohttp._middleware import debug_panic, sentryinit_middleware, setup

__all__ = ["debug_panic", "sentryinit_middleware", "setup"]

"""A pytest plugin: every aiohttp application that a server runs is set up."""

from __future__ import annotations

import functools
from typing import Any

from aiohttp import web

from sentryinit_aiohttp import setup

original = web.AppRunner.__init__


@functools.wraps(original)
def init(self: web.AppRunner, app: web.Application, **options: Any) -> None:
    original(self, app, **options)
    setup(app)


web.AppRunner.__init__ = init

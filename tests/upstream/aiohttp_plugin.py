"""A pytest plugin: every aiohttp application is set up before it is frozen."""

from __future__ import annotations

import functools

from aiohttp import web

from sentryinit_aiohttp import setup

original = web.Application.pre_freeze


@functools.wraps(original)
def pre_freeze(self: web.Application) -> None:
    if not self.pre_frozen:
        setup(self)
    original(self)


web.Application.pre_freeze = pre_freeze

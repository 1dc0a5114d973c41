"""An aiohttp application: ``python -m subjects.aiohttp_app PORT``, or ``:make`` under gunicorn."""

from __future__ import annotations

import sys
from typing import Any

from aiohttp import web

from sentryinit_aiohttp import setup
from subjects import work
from subjects.work import late


async def fail(request: web.Request) -> web.Response:
    work.fail()
    return web.Response()


async def fail_late(request: web.Request) -> web.Response:
    await late()
    return web.Response()


async def make() -> Any:
    app = web.Application()
    app.add_routes([web.get("/fail", fail), web.get("/late", fail_late)])
    setup(app)
    return app


if __name__ == "__main__":
    web.run_app(make(), host="127.0.0.1", port=int(sys.argv[1]), shutdown_timeout=20, print=None)

"""The shop on aiohttp, without sentryinit: a module, a factory and a program."""

from __future__ import annotations

import sys

from aiohttp import web

from apps import bare_shop as shop


async def price(request: web.Request) -> web.Response:
    return web.Response(text=str(shop.price(7)))


async def create_app() -> web.Application:
    app = web.Application()
    app.router.add_get("/orders/{order_id}/price", price)
    return app


if __name__ == "__main__":
    web.run_app(create_app(), host="127.0.0.1", port=int(sys.argv[1]))

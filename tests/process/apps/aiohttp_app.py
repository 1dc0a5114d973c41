"""The shop on aiohttp: ``python -m apps.aiohttp_app PORT GRACE [cancelling]``, or gunicorn."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from aiohttp import web

from apps import probe, shop
from apps.gate import pause_async, report, watched
from sentryinit_aiohttp import setup


def request_id(request: web.Request) -> str:
    return request.headers.get("X-Request-Id", "")


def order_id(request: web.Request) -> int:
    return int(request.match_info["order_id"])


async def probed(request: web.Request) -> Any:
    """Report when the request leaves the application; a middleware outside is a warning."""
    crossed: BaseException | None = None
    try:
        return await handle(request)
    except BaseException as error:
        crossed = error
        raise
    finally:
        probe.over(request_id(request), crossed)


@web.middleware
async def sold_out(request: web.Request, handler: Any) -> Any:
    try:
        return await handler(request)
    except shop.SoldOut as error:
        return web.Response(text=str(error), status=500)


async def show(request: web.Request) -> web.Response:
    return web.Response(text="an order")


async def unavailable(request: web.Request) -> web.Response:
    return web.Response(text="try later", status=503)


async def price(request: web.Request) -> web.Response:
    return web.Response(text=str(shop.price(order_id(request))))


async def reserve(request: web.Request) -> web.Response:
    raise shop.SoldOut(f"order {order_id(request)}")


async def stock(request: web.Request) -> web.Response:
    return web.Response(body=await shop.ask_warehouse_async())


async def invoice(request: web.Request) -> web.Response:
    await shop.work_async(request_id(request))
    return web.Response(text="an invoice")


async def export(request: web.Request) -> web.StreamResponse:
    """Write in the handler, as aiohttp's documentation does, so that it sees a disconnect."""
    response = web.StreamResponse()
    await response.prepare(request)
    with watched(request_id(request)):
        await response.write(shop.PIECE)
        await pause_async(request_id(request), "streaming")
        for _ in range(shop.REST):
            await response.write(shop.PIECE)
            await asyncio.sleep(shop.STEP)
    return response


async def receipt(request: web.Request) -> web.Response:
    return web.Response(body=shop.receipt_async(order_id(request)))


async def basket(request: web.Request) -> web.Response:
    shop.greet(request_id(request))
    await shop.work_async(request_id(request))
    return web.Response(text=str(shop.price(order_id(request))))


async def photo(request: web.Request) -> web.Response:
    with watched(request_id(request)):
        report(request_id(request), "reading")
        return web.Response(text=f"{len(await request.read())} bytes")


async def scan(request: web.Request) -> web.Response:
    try:
        return await photo(request)
    except Exception as error:
        raise shop.SoldOut(f"order {order_id(request)}") from error


async def attachment(request: web.Request) -> web.Response:
    said = ""
    with suppress(Exception):
        said = (await photo(request)).text or ""
    status = shop.attached(said, request.headers["Content-Length"])
    return web.Response(text=said, status=status)


async def customer(request: web.Request) -> web.Response:
    shop.greet(request_id(request))
    return await photo(request)


async def chat(request: web.Request) -> web.WebSocketResponse:
    """Echo; the word *price* raises. A disconnect raises WSMessageTypeError."""
    websocket = web.WebSocketResponse()
    await websocket.prepare(request)
    try:
        with watched(request_id(request)):
            while True:
                text = await websocket.receive_str()
                if text == "price":
                    shop.price(17)
                await websocket.send_str(text)
    finally:
        await websocket.close()


async def life(app: web.Application) -> AsyncIterator[None]:
    if "PROCESS_FAIL_AT_START" in os.environ:
        shop.price(0)
    yield


app = web.Application(middlewares=[sold_out])
app.cleanup_ctx.append(life)
app.add_routes(
    [
        web.get("/orders/{order_id}", show),
        web.get("/orders/{order_id}/unavailable", unavailable),
        web.get("/orders/{order_id}/price", price),
        web.get("/orders/{order_id}/reserve", reserve),
        web.get("/orders/{order_id}/stock", stock),
        web.get("/orders/{order_id}/invoice", invoice),
        web.get("/orders/{order_id}/export", export),
        web.get("/orders/{order_id}/receipt", receipt),
        web.get("/orders/{order_id}/basket", basket),
        web.post("/orders/{order_id}/photo", photo),
        web.post("/orders/{order_id}/scan", scan),
        web.post("/orders/{order_id}/attachment", attachment),
        web.post("/orders/{order_id}/customer", customer),
        web.get("/orders/{order_id}/chat", chat),
    ]
)
setup(app)
handle = app._handle
# aiohttp discourages attributes on an application.
object.__setattr__(app, "_handle", probed)
probe.made()

if __name__ == "__main__":
    web.run_app(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        shutdown_timeout=float(sys.argv[2]),
        handler_cancellation="cancelling" in sys.argv,
        access_log=None,
        print=None,
    )

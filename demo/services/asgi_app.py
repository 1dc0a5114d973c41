"""The shop as an ASGI application without a framework, with `sentryinit.asgi`."""

# ruff: noqa: ARG001, D103 -- the name says what a page does; all have the same arguments.

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import orders

import sentryinit
from sentryinit.asgi import SentryInitMiddleware, debug_panic

Message = MutableMapping[str, Any]  # as in the ASGI specification: any value is allowed
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def answer(send: Send, status: int, body: bytes | AsyncIterator[bytes]) -> None:
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if isinstance(body, bytes):
        await send({"type": "http.response.body", "body": body})
        return
    async for piece in body:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


async def show(order_id: int, receive: Receive, send: Send) -> None:
    await answer(send, 200, b"order %d" % order_id)


async def unavailable(order_id: int, receive: Receive, send: Send) -> None:
    await answer(send, 503, b"order %d is locked, try later" % order_id)


async def price(order_id: int, receive: Receive, send: Send) -> None:
    await answer(send, 200, b"%d" % orders.price(order_id))


async def complaint(order_id: int, receive: Receive, send: Send) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await answer(send, 200, orders.complain(order_id, body).encode())


async def reserve(order_id: int, receive: Receive, send: Send) -> None:
    orders.reserve(order_id)
    await answer(send, 200, b"reserved")


async def stock(order_id: int, receive: Receive, send: Send) -> None:
    await answer(send, 200, await orders.ask_warehouse_async(order_id))


async def photo(order_id: int, receive: Receive, send: Send) -> None:
    size, more = 0, True
    with orders.watched(f"photo {order_id}"):
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionAbortedError("the client left during its upload")
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
    await answer(send, 200, b"%d bytes" % size)


async def invoice(order_id: int, receive: Receive, send: Send) -> None:
    with orders.watched(f"invoice {order_id}"):
        await asyncio.sleep(orders.WORK)
    await answer(send, 200, b"an invoice")


async def export(order_id: int, receive: Receive, send: Send) -> None:
    async def body() -> AsyncIterator[bytes]:
        with orders.watched(f"export {order_id}"):
            for piece in orders.PIECES:
                yield piece
                await asyncio.sleep(orders.PAUSE)

    await answer(send, 200, body())


PAGES = {
    "": show,
    "/unavailable": unavailable,
    "/price": price,
    "/complaint": complaint,
    "/reserve": reserve,
    "/stock": stock,
    "/photo": photo,
    "/invoice": invoice,
    "/export": export,
}


async def shop(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    found = re.fullmatch(r"/orders/(\d+)(/\w+)?", scope["path"])
    page = PAGES.get(found[2] or "") if found else None
    if not found or not page:
        await answer(send, 404, b"not found")
        return
    try:
        await page(int(found[1]), receive, send)
    except orders.SoldOut as error:
        await answer(send, 500, str(error).encode())


sentryinit.init()
app = SentryInitMiddleware(debug_panic(shop))

"""The shop as an ASGI application without a framework."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from apps import shop
from apps.gate import report, watched
from apps.probe import Receive, Scope, Send

Page = Callable[[int, str, Receive, Send], Awaitable[None]]


async def answer(send: Send, status: int, body: bytes | AsyncIterator[bytes]) -> None:
    headers = [(b"content-type", b"text/plain")]
    if isinstance(body, bytes):
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return
    await send({"type": "http.response.start", "status": status, "headers": headers})
    async for piece in body:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


async def show(order_id: int, request_id: str, receive: Receive, send: Send) -> None:
    await answer(send, 200, b"an order")


async def unavailable(order_id: int, request_id: str, receive: Receive, send: Send) -> None:
    await answer(send, 503, b"try later")


async def price(order_id: int, request_id: str, receive: Receive, send: Send) -> None:
    await answer(send, 200, b"%d" % shop.price(order_id))


async def reserve(order_id: int, request_id: str, receive: Receive, send: Send) -> None:
    raise shop.SoldOut(f"order {order_id}")


async def stock(order_id: int, request_id: str, receive: Receive, send: Send) -> None:
    await answer(send, 200, await shop.ask_warehouse_async())


async def invoice(order_id: int, request_id: str, receive: Receive, send: Send) -> None:
    await shop.work_async(request_id)
    await answer(send, 200, b"an invoice")


async def export(order_id: int, request_id: str, receive: Receive, send: Send) -> None:
    await answer(send, 200, shop.export_async(request_id))


async def receipt(order_id: int, request_id: str, receive: Receive, send: Send) -> None:
    await answer(send, 200, shop.receipt_async(order_id))


async def basket(order_id: int, request_id: str, receive: Receive, send: Send) -> None:
    shop.greet(request_id)
    await shop.work_async(request_id)
    await answer(send, 200, b"%d" % shop.price(order_id))


async def read(request_id: str, receive: Receive) -> bytes:
    with watched(request_id):
        report(request_id, "reading")
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionResetError("the client left during its upload")
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return body


async def photo(order_id: int, request_id: str, receive: Receive, send: Send) -> None:
    await answer(send, 200, b"%d bytes" % len(await read(request_id, receive)))


async def scan(order_id: int, request_id: str, receive: Receive, send: Send) -> None:
    try:
        await photo(order_id, request_id, receive, send)
    except Exception as error:
        raise shop.SoldOut(f"order {order_id}") from error


async def attachment(order_id: int, request_id: str, receive: Receive, send: Send) -> None:
    said = b""
    with suppress(Exception):
        said = b"%d bytes" % len(await read(request_id, receive))
    await answer(send, 200 if said else 500, said)


async def customer(order_id: int, request_id: str, receive: Receive, send: Send) -> None:
    shop.greet(request_id)
    await photo(order_id, request_id, receive, send)


PAGES: dict[str, Page] = {
    "": show,
    "/unavailable": unavailable,
    "/price": price,
    "/reserve": reserve,
    "/stock": stock,
    "/invoice": invoice,
    "/export": export,
    "/receipt": receipt,
    "/basket": basket,
    "/photo": photo,
    "/scan": scan,
    "/attachment": attachment,
    "/customer": customer,
}


async def chat(request_id: str, receive: Receive, send: Send) -> None:
    """Echo; the word *price* raises."""
    await receive()
    await send({"type": "websocket.accept"})
    try:
        with watched(request_id):
            while (message := await receive())["type"] == "websocket.receive":
                if message["text"] == "price":
                    shop.price(17)
                await send({"type": "websocket.send", "text": message["text"]})
    finally:
        # A server may raise if the client has closed.
        await send({"type": "websocket.close"})


async def life(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        try:
            if message["type"] == "lifespan.startup" and "PROCESS_FAIL_AT_START" in os.environ:
                shop.price(0)
        except LookupError as error:
            # Without this message, a server assumes that the application has no lifespan.
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await life(receive, send)
        return
    request_id = dict(scope["headers"]).get(b"x-request-id", b"").decode()
    if scope["type"] == "websocket":
        await chat(request_id, receive, send)
        return
    found = re.fullmatch(r"/orders/(\d+)(/\w+)?", scope["path"])
    page = PAGES.get(found[2] or "") if found else None
    if not found or not page:
        await answer(send, 404, b"not found")
        return
    try:
        await page(int(found[1]), request_id, receive, send)
    except shop.SoldOut as error:
        await answer(send, 500, str(error).encode())

"""The shop: the same pages in every framework.

=================================  =============================================================
``GET /orders/17``                 answers
``GET /orders/17/unavailable``     answers 503
``GET /orders/17/price``           raises LookupError
``GET /orders/17/reserve``         raises SoldOut, which the application's handler turns into 500
``GET /orders/17/stock``           asks a warehouse that resets the connection
``GET /orders/17/invoice``         works until the test releases it, then answers
``GET /orders/17/export``          streams a piece, works as above, streams the others
``GET /orders/17/receipt``         streams a piece, then raises LookupError
``GET /orders/17/basket``          sets tags and user, works as above, then raises LookupError
``POST /orders/17/photo``          reads the body
``POST /orders/17/scan``           reads the body; an error in it is raised as SoldOut
``POST /orders/17/attachment``     reads the body; if that raises, or the body is too short, it
                                   answers 500 after its ``except`` block, and logs nothing
``POST /orders/17/refused``        reads the body, works as above, then answers 500 (WSGI)
``POST /orders/17/customer``       reads the body, and sets tags and user
=================================  =============================================================
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator

import sentry_sdk

from apps.gate import pause, pause_async, watched

PIECE = b"a piece of an export\n"
# Enough to notice a disconnect: the first write after a FIN still succeeds.
REST = 50
# Seconds between two pieces, because servers check their sockets in other threads.
STEP = 0.002

_HOST, _, _PORT = os.environ["PROCESS_UPSTREAM"].partition(":")


class SoldOut(Exception):
    """An exception that the application has a handler for."""


def price(order_id: int) -> int:
    raise LookupError(f"order {order_id} has no price")


def ask_warehouse() -> bytes:
    with socket.create_connection((_HOST, int(_PORT))) as warehouse:
        warehouse.sendall(b"what is in stock?")
        return warehouse.recv(100)


async def ask_warehouse_async() -> bytes:
    reader, writer = await asyncio.open_connection(_HOST, int(_PORT))
    try:
        writer.write(b"what is in stock?")
        return await reader.read(100)
    finally:
        writer.close()


def attached(said: str, promised: str | None) -> int:
    """Return the status of an attachment: *said* is the answer to its photo, if there is one."""
    return 200 if said == f"{promised} bytes" else 500


def work(request_id: str, point: str = "working") -> None:
    with watched(request_id):
        pause(request_id, point)


async def work_async(request_id: str, point: str = "working") -> None:
    with watched(request_id):
        for _ in _steps(await _pause_somehow(request_id, point)):
            # The event loop checks its sockets in the meantime.
            await asyncio.sleep(STEP)


async def _pause_somehow(request_id: str, point: str) -> float:
    if "PROCESS_BLOCKS" in os.environ:
        return pause(request_id, point)
    return await pause_async(request_id, point)


def _steps(patience: float) -> Iterator[None]:
    """Yield until *patience* seconds are over, and at least ``REST`` times."""
    end = time.monotonic() + patience
    for count in itertools.count(1):
        yield
        if count >= REST and time.monotonic() > end:
            return


def export(request_id: str) -> Iterator[bytes]:
    with watched(request_id):
        yield PIECE
        for _ in _steps(pause(request_id, "streaming")):
            yield PIECE
            time.sleep(STEP)


async def export_async(request_id: str) -> AsyncIterator[bytes]:
    with watched(request_id):
        yield PIECE
        for _ in _steps(await pause_async(request_id, "streaming")):
            yield PIECE
            await asyncio.sleep(STEP)


def receipt(order_id: int) -> Iterator[bytes]:
    yield PIECE
    price(order_id)


async def receipt_async(order_id: int) -> AsyncIterator[bytes]:
    yield PIECE
    price(order_id)


def greet(customer: str) -> None:
    """Set *customer* as the tag, user, context and breadcrumb of the request."""
    sentry_sdk.set_tag("customer", customer)
    sentry_sdk.set_user({"id": customer})
    sentry_sdk.set_context("cart", {"of": customer})
    sentry_sdk.add_breadcrumb(message=f"met {customer}")

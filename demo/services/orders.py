"""The shop that every service of the demo serves. It uses no web framework and no sentryinit."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

WORK = 0.5
"""Seconds that the slow page takes."""

PIECES = [b"a line of the export\n" * 500] * 40
"""The pieces of the export; one is streamed every `PAUSE` seconds."""

PAUSE = 0.05


class SoldOut(Exception):
    """The shop's own error. Each service has an error handler for it, which responds with 500."""


def price(order_id: int) -> int:
    """Raise an exception, as a bug in the shop."""
    raise ValueError(f"order {order_id} has no price")


def complain(order_id: int, form: bytes) -> str:
    """Read the fields of a form, then raise an exception, as a bug in the shop."""
    fields = parse_qs(form.decode())
    if fields:
        raise LookupError(f"order {order_id} has no clerk")
    return "an empty form"


def reserve(order_id: int) -> None:
    """Raise an exception that the shop expects."""
    raise SoldOut(f"order {order_id} is sold out")


def ask_warehouse(order_id: int) -> bytes:
    """Ask the warehouse over TCP. In the demo it resets the connection."""
    with socket.create_connection(_warehouse(), timeout=10) as peer:
        peer.sendall(b"order %d\n" % order_id)
        return peer.recv(1024)


async def ask_warehouse_async(order_id: int) -> bytes:
    """Ask the warehouse, in a service with an event loop."""
    reader, writer = await asyncio.open_connection(*_warehouse())
    try:
        writer.write(b"order %d\n" % order_id)
        return await reader.read(1024)
    finally:
        writer.close()


def _warehouse() -> tuple[str, int]:
    host, _, port = os.environ["WAREHOUSE"].rpartition(":")
    return host, int(port)


@contextmanager
def watched(work: str) -> Iterator[None]:
    """Print when `work` begins and ends: the client of the demo waits for these lines."""
    print(f"{work}: began", flush=True)
    try:
        yield
    except BaseException as error:
        print(f"{work}: ended by {type(error).__name__}", flush=True)
        raise
    print(f"{work}: ended", flush=True)

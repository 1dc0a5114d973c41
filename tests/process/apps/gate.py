"""A handler's side of the gate: it reports where it is, and waits until it is released.

Each message has its own connection to the test process, answered when the handler may continue.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_HOST, _, _PORT = os.environ["PROCESS_GATE"].partition(":")


def _line(request_id: str, point: str, detail: str, *, wait: bool) -> bytes:
    message = {"request_id": request_id, "point": point, "detail": detail, "wait": wait}
    return json.dumps(message).encode() + b"\n"


def report(request_id: str, point: str, detail: str = "") -> None:
    """Report that the request is at *point*; return when the test has received it."""
    _ask(_line(request_id, point, detail, wait=False))


def pause(request_id: str, point: str) -> float:
    """Report that the request is at *point*; return when the test releases it.

    Returns for how many seconds it continues if nothing stops it.
    """
    return float(_ask(_line(request_id, point, "", wait=True)) or 0)


async def pause_async(request_id: str, point: str) -> float:
    """Do the same, while other tasks run."""
    reader, writer = await asyncio.open_connection(_HOST, int(_PORT))
    try:
        writer.write(_line(request_id, point, "", wait=True))
        return float(await reader.readline() or 0)
    finally:
        writer.close()


@contextmanager
def watched(request_id: str) -> Iterator[None]:
    """Report the exception that ends a handler's work, if any."""
    try:
        yield
    except BaseException as error:
        report(request_id, "saw", type(error).__name__)
        raise


def _ask(line: bytes) -> bytes:
    with (
        socket.create_connection((_HOST, int(_PORT))) as connection,
        connection.makefile("rb") as answer,
    ):
        connection.sendall(line)
        return answer.readline()

"""A handler's end of the talk with the test: it says where it is, and waits to be let go.

Each message is a connection of its own to the test process, answered when the handler may go on.
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


def tell(request_id: str, point: str, detail: str = "") -> None:
    """Say that the request is at *point*; return when the test has heard it."""
    _ask(_line(request_id, point, detail, wait=False))


def pause(request_id: str, point: str) -> float:
    """Say that the request is at *point*; return when the test lets it go.

    Returns for how many seconds it is to go on, if nothing stops it.
    """
    return float(_ask(_line(request_id, point, "", wait=True)) or 0)


async def pause_async(request_id: str, point: str) -> float:
    """Likewise, while other tasks run."""
    reader, writer = await asyncio.open_connection(_HOST, int(_PORT))
    try:
        writer.write(_line(request_id, point, "", wait=True))
        return float(await reader.readline() or 0)
    finally:
        writer.close()


@contextmanager
def watched(request_id: str) -> Iterator[None]:
    """Tell what a handler sees end its work, if something does."""
    try:
        yield
    except BaseException as error:
        tell(request_id, "saw", type(error).__name__)
        raise


def _ask(line: bytes) -> bytes:
    with (
        socket.create_connection((_HOST, int(_PORT))) as connection,
        connection.makefile("rb") as answer,
    ):
        connection.sendall(line)
        return answer.readline()

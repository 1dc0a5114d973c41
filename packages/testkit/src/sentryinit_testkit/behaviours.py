"""What happens in handlers. Golden events keep the frames of this module, and only those."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import NoReturn

from sentryinit_testkit._driver import Behaviour, HandledError, Reply, Request, good, needs_loop

if sys.version_info < (3, 11):
    from exceptiongroup import (  # type: ignore[import-not-found,unused-ignore] # comes with pytest on 3.10
        BaseExceptionGroup,
        ExceptionGroup,
    )
else:
    from builtins import BaseExceptionGroup, ExceptionGroup

__all__ = [
    "BaseExceptionGroup",
    "ExceptionGroup",
    "ShopError",
    "SoldOutError",
    "UpstreamError",
    "answers",
    "fails",
    "good",
    "needs_loop",
    "raises",
]

log: logging.Logger = logging.getLogger("shop")


class ShopError(Exception):
    """What goes wrong in the shop."""


class SoldOutError(ShopError):
    """A kind of it, for rules that name the base."""


class UpstreamError(Exception):
    """Something else that goes wrong."""


class SpeechlessError(Exception):
    """An error whose text cannot be had."""

    def __str__(self) -> str:
        raise ZeroDivisionError("no words")

    __repr__ = __str__


def answers(status: int) -> Behaviour:
    """Return a behaviour that answers *status*."""

    def answer(_request: Request) -> Reply:
        return Reply(status)

    return answer


def raises(make: Callable[[], BaseException]) -> Behaviour:
    """Return a behaviour that raises what *make* makes."""

    def fail(_request: Request) -> NoReturn:
        raise make()

    return fail


def fails(_request: object = None) -> NoReturn:
    """Raise a plain error."""
    raise ShopError("no stock")


def count_stock() -> NoReturn:
    """Raise an error as code a few calls deep does, with a cause."""
    stock: dict[str, int] = {}
    try:
        sold = stock["sku"]
    except KeyError as error:
        raise ShopError("no stock") from error
    raise AssertionError(sold)


def lose_upstream() -> NoReturn:
    """Raise an error of somebody else's."""
    raise UpstreamError("connection refused")


def fails_in_chain(_request: Request) -> NoReturn:
    """Raise an error that has a cause, which has a context."""
    try:
        try:
            lose_upstream()
        except UpstreamError:
            count_stock()
    except ShopError as error:
        raise RuntimeError("cannot order") from error


def fails_in_group(_request: Request) -> NoReturn:
    """Raise two errors at once."""
    raise ExceptionGroup("two suppliers", [ShopError("no stock"), UpstreamError("no answer")])


def aborts(status: int) -> Behaviour:
    """Return a behaviour that raises the framework's own exception for *status*."""

    def abort(request: Request) -> NoReturn:
        raise request.abort(status)

    return abort


def aborts_from_error(request: Request) -> NoReturn:
    """Raise the framework's 503 from a real error."""
    try:
        fails()
    except ShopError as error:
        raise request.abort(503) from error


def aborts_in_context(request: Request) -> NoReturn:
    """Raise the framework's 503 while a real error is being handled."""
    try:
        fails()
    except ShopError:
        raise request.abort(503)  # noqa: B904 # an implicit context is the case


def aborts_from_none(request: Request) -> NoReturn:
    """Raise the framework's 503 and disown the error before it."""
    try:
        fails()
    except ShopError:
        raise request.abort(503) from None


def handled(status: int) -> Behaviour:
    """Return a behaviour whose error the application's handler answers with *status*."""

    def sell_out(_request: Request) -> NoReturn:
        raise HandledError(status)

    return sell_out


def streams_and_fails(chunks: int, status: int = 200) -> Behaviour:
    """Return a behaviour whose body fails after *chunks* chunks."""

    def rows() -> Iterator[bytes]:
        for number in range(chunks):
            yield b"row %d;" % number
        fails()

    def stream(_request: Request) -> Reply:
        return Reply(status, stream=rows())

    return stream


def fails_in_background(_request: Request) -> Reply:
    """Answer, and fail after that."""
    return Reply(background=fails)


def exits(code: object) -> Behaviour:
    """Return a behaviour that ends the process with *code*."""

    def leave(_request: Request) -> NoReturn:
        sys.exit(code)  # type: ignore[arg-type] # None and numbers are both cases

    return leave


async def reads_and_answers(request: Request) -> Reply:
    """Answer with the body that came."""
    return Reply(body=bytes(await request.read()) or b"empty")


async def reads_and_fails_if_it_can(request: Request) -> Reply:
    """Raise what reading raises; fail anyhow if reading is quiet about a client that went."""
    await request.read()
    return Reply()


async def reads_then_wraps(request: Request) -> Reply:
    """Raise an error of the application's own from the one that reading raised."""
    try:
        await request.read()
    except Exception as error:
        raise RuntimeError("cannot read the order") from error
    return Reply()


async def reads_then_answers_503(request: Request) -> Reply:
    """Answer 503 when reading fails."""
    try:
        await request.read()
    except Exception:  # noqa: BLE001 # an application that takes everything
        return Reply(503)
    return Reply(503)


async def reads_then_aborts(request: Request) -> Reply:
    """Raise the framework's 503 when reading fails."""
    try:
        await request.read()
    except Exception:  # noqa: BLE001 # an application that takes everything
        raise request.abort(503)  # noqa: B904 # an implicit context is the case
    return Reply()


async def loses_its_upstream(request: Request) -> Reply:
    """Read the body in peace, then lose a connection of the application's own."""
    await request.read()
    raise ConnectionResetError(104, "Connection reset by peer")


def waits_for_ever(started: asyncio.Event) -> Behaviour:
    """Return a behaviour that tells that it runs, and never answers."""

    async def wait(_request: Request) -> Reply:
        # In a thread there is none, and its hands are to stay off another thread's event.
        asyncio.get_running_loop()
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    return wait


def in_thread(work: Callable[[], Reply]) -> Behaviour:
    """Return a behaviour whose work is done by a thread of a pool."""

    def delegate(_request: Request) -> Reply:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(copy_context().run, work).result()

    return delegate


def in_task(work: Callable[[], Reply]) -> Behaviour:
    """Return a behaviour whose work is done by a child task."""

    @needs_loop
    async def delegate(_request: Request) -> Reply:
        async def child() -> Reply:
            return work()

        return await asyncio.create_task(child())

    return delegate


class Meeting:
    """A point that two requests reach before either goes on."""

    def __init__(self, threaded: bool) -> None:
        self._barrier = threading.Barrier(2, timeout=10) if threaded else None
        self._waiting = 0
        self._all = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the other one."""
        if self._barrier is not None:
            self._barrier.wait()
            return
        self._waiting += 1
        if self._waiting == 2:
            self._all.set()
        await self._all.wait()


@needs_loop
async def in_task_group(_request: Request) -> Reply:
    """Fail in a child of a task group."""

    async def child() -> None:
        fails()

    async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined,unused-ignore] # the case that uses it asks for 3.11
        group.create_task(child())
    return Reply()

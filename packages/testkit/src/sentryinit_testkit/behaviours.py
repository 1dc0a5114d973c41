"""What handlers do in the cases.

Golden events contain the frames of this module, so a function that is renamed here changes them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, NoReturn

from sentryinit_testkit._driver import (
    Behaviour,
    HandledError,
    Request,
    ResponseSpec,
    good,
    needs_loop,
)

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
    """The application's own exception."""


class SoldOutError(ShopError):
    """A subclass, for ignore rules that name the base class."""


class UpstreamError(Exception):
    """Another exception of the application."""


class SpeechlessError(Exception):
    """An exception whose ``str()`` and ``repr()`` raise."""

    def __str__(self) -> str:
        raise ZeroDivisionError("no words")

    __repr__ = __str__


class StrictError(ShopError):
    """An exception that takes no attributes, is equal to nothing, and has no hash."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        if name not in vars(BaseException):  # contextlib sets the traceback
            raise ValueError(f"no {name} here")
        super().__setattr__(name, value)

    def __eq__(self, other: object) -> NoReturn:
        raise ValueError("not comparable")

    def __hash__(self) -> NoReturn:
        raise ValueError("not hashable")


class SecretiveError(ShopError):
    """An exception that does not show its attributes."""

    @property
    def __dict__(self) -> NoReturn:  # type: ignore[override] # it is the case
        raise ValueError("no attributes")


def answers(status: int) -> Behaviour:
    """Return a behaviour that returns *status*."""

    def answer(_request: Request) -> ResponseSpec:
        return ResponseSpec(status)

    return answer


def raises(make: Callable[[], BaseException]) -> Behaviour:
    """Return a behaviour that raises what *make* returns."""

    def fail(_request: Request) -> NoReturn:
        raise make()

    return fail


def fails(_request: object = None) -> NoReturn:
    """Raise an exception."""
    raise ShopError("no stock")


def count_stock() -> NoReturn:
    """Raise an exception that has a cause."""
    stock: dict[str, int] = {}
    try:
        sold = stock["sku"]
    except KeyError as error:
        raise ShopError("no stock") from error
    raise AssertionError(sold)


def lose_upstream() -> NoReturn:
    """Raise an exception of an upstream."""
    raise UpstreamError("connection refused")


def fails_in_chain(_request: Request) -> NoReturn:
    """Raise an exception that has a cause, which has a context."""
    try:
        try:
            lose_upstream()
        except UpstreamError:
            count_stock()
    except ShopError as error:
        raise RuntimeError("cannot order") from error


def fails_in_group(_request: Request) -> NoReturn:
    """Raise a group of two exceptions."""
    raise ExceptionGroup("two suppliers", [ShopError("no stock"), UpstreamError("no answer")])


def fails_with_contexts(count: int) -> NoReturn:
    """Raise an exception that has *count* contexts, as a retry loop makes them."""
    raise _linked(count, lambda error, before: setattr(error, "__context__", before))


def fails_with_causes(count: int) -> NoReturn:
    """Raise an exception that has *count* causes."""
    raise _linked(count, lambda error, before: setattr(error, "__cause__", before))


def fails_in_nested_groups(count: int) -> NoReturn:
    """Raise a group of a group of a group, *count* deep."""
    group: ExceptionGroup[Exception] = ExceptionGroup("the first", [UpstreamError("the first")])
    for _ in range(count - 2):
        group = ExceptionGroup("nested", [group])
    raise ExceptionGroup("the last", [group])


def fails_with_a_group_in_its_chain(count: int) -> NoReturn:
    """Raise an exception with *count* contexts, the middle one of which is a group."""
    error = _linked(count // 2, lambda error, before: setattr(error, "__context__", before))
    members: list[Exception] = [error, UpstreamError("no answer")]
    group: BaseException = ExceptionGroup("two suppliers", members)
    for _ in range(count // 2):
        error = ShopError("again")
        error.__context__, group = group, error
    raise ShopError("the last") from group


def fails_in_a_ring(count: int) -> NoReturn:
    """Raise an exception whose *count* contexts are a ring."""
    errors = [ShopError(str(number)) for number in range(count)]
    for error, before in zip(errors, [*errors[1:], errors[0]], strict=True):
        error.__context__ = before
    # raise would look for the ring, and break it.
    last = ShopError("the last")
    last.__cause__ = errors[0]
    raise last


def _linked(count: int, link: Callable[[Exception, Exception], None]) -> Exception:
    """Return an exception with *count* others behind it, the oldest of another class."""
    error: Exception = UpstreamError("the first")
    for number in range(1, count + 1):
        before, error = error, ShopError("the last" if number == count else "again")
        link(error, before)
    return error


def aborts(status: int) -> Behaviour:
    """Return a behaviour that raises the framework's HTTP exception for *status*."""

    def abort(request: Request) -> NoReturn:
        raise request.abort(status)

    return abort


def aborts_from_error(request: Request) -> NoReturn:
    """Raise the framework's 503 from another exception."""
    try:
        fails()
    except ShopError as error:
        raise request.abort(503) from error


def aborts_in_context(request: Request) -> NoReturn:
    """Raise the framework's 503 while another exception is being handled."""
    try:
        fails()
    except ShopError:
        raise request.abort(503)  # noqa: B904 # an implicit context is the case


def aborts_from_none(request: Request) -> NoReturn:
    """Raise the framework's 503 ``from None``."""
    try:
        fails()
    except ShopError:
        raise request.abort(503) from None


def handled(status: int) -> Behaviour:
    """Return a behaviour whose exception the error handler answers with *status*."""

    def sell_out(_request: Request) -> NoReturn:
        raise HandledError(status)

    return sell_out


def streams_and_fails(chunks: int, status: int = 200) -> Behaviour:
    """Return a behaviour whose body fails after *chunks* chunks."""

    def rows() -> Iterator[bytes]:
        for number in range(chunks):
            yield b"row %d;" % number
        fails()

    def stream(_request: Request) -> ResponseSpec:
        return ResponseSpec(status, stream=rows())

    return stream


class BothWays:
    """A stream that is iterable with ``for`` and with ``async for``, as Django's responses are."""

    def __init__(self) -> None:
        self._chunks = [b"one", b"two"]

    def __iter__(self) -> BothWays:
        return self

    def __next__(self) -> bytes:
        if not self._chunks:
            raise StopIteration
        return self._chunks.pop(0)

    def __aiter__(self) -> BothWays:
        return self

    async def __anext__(self) -> bytes:
        if not self._chunks:
            raise StopAsyncIteration
        return self._chunks.pop(0)


def silent(app: Any) -> Any:  # a middleware gets it
    """Return an application that returns without a response, for WSGI and ASGI."""

    class Nothing(list[bytes]):
        def __await__(self) -> Iterator[None]:
            return iter(())

    return lambda *_: Nothing()


def answers_twice(app: Any) -> Any:  # a middleware gets it
    """Return an application that fails after its first bytes, and answers 500 then."""

    def wsgi(start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"row"
        try:
            fails()
        except ShopError:
            start_response("500 Internal Server Error", [], sys.exc_info())
        yield b"sorry"

    async def asgi(send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"row", "more_body": True})
        try:
            fails()
        except ShopError:
            await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"sorry"})

    return lambda _, *calls: asgi(calls[1]) if len(calls) > 1 else wsgi(*calls)


def refuses_the_lifespan(app: Any) -> Any:
    """Return an ASGI middleware that fails before it awaits anything of the start-up."""

    async def middleware(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            fails()
        await app(scope, receive, send)

    return middleware


def ignores_the_lifespan(called: list[Any], app: Any) -> Any:
    """Return an ASGI middleware that adds to *called*, and returns without a message."""

    async def middleware(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            called.append(scope)
        else:
            await app(scope, receive, send)

    return middleware


def fails_in_background(_request: Request) -> ResponseSpec:
    """Answer, and fail in background work after the response."""
    return ResponseSpec(background=fails)


def exits(code: object) -> Behaviour:
    """Return a behaviour that calls ``sys.exit(code)``."""

    def leave(_request: Request) -> NoReturn:
        sys.exit(code)  # type: ignore[arg-type] # None, numbers and texts are all cases

    return leave


async def reads_and_answers(request: Request) -> ResponseSpec:
    """Answer with the body of the request."""
    return ResponseSpec(body=bytes(await request.read()) or b"empty")


async def reads_and_fails_if_it_can(request: Request) -> ResponseSpec:
    """Read the body, and let pass what reading raises."""
    await request.read()
    return ResponseSpec()


async def reads_then_wraps(request: Request) -> ResponseSpec:
    """Raise an exception of the application from the one that reading raises."""
    try:
        await request.read()
    except Exception as error:
        raise RuntimeError("cannot read the order") from error
    return ResponseSpec()


async def reads_then_answers_503(request: Request) -> ResponseSpec:
    """Answer 503, also if reading fails."""
    try:
        await request.read()
    except Exception:  # noqa: BLE001 # an application that catches everything
        return ResponseSpec(503)
    return ResponseSpec(503)


async def reads_then_aborts(request: Request) -> ResponseSpec:
    """Raise the framework's 503 if reading fails."""
    try:
        await request.read()
    except Exception:  # noqa: BLE001 # an application that catches everything
        raise request.abort(503)  # noqa: B904 # an implicit context is the case
    return ResponseSpec()


def logs_then_answers_500(say: Callable[[BaseException], object], *, later: bool) -> Behaviour:
    """Return a behaviour that reads, calls *say* with what that raises, and then answers 500.

    *later*: *say* is called after the ``except`` block, as is the answer in any case.
    """

    async def answer(request: Request) -> ResponseSpec:
        failure = None
        try:
            await request.read()
        except Exception as error:  # noqa: BLE001 # an application that catches everything
            failure = error
            if not later:
                say(error)
        if failure is not None and later:
            say(failure)
        return ResponseSpec(500 if failure else 200)

    return answer


def reads_then_is_sold_out(ran: list[str]) -> Behaviour:
    """Return a behaviour that has an exception of its own after the client left; adds to *ran*."""

    async def sell_out(request: Request) -> NoReturn:
        with contextlib.suppress(Exception):
            await request.read()
        ran.append("HandledError")
        raise HandledError(503)

    return sell_out


async def reads_then_refuses_the_end(request: Request) -> NoReturn:
    """Read, and refuse the message that the client is gone, as code without a framework does."""
    with contextlib.suppress(Exception):
        await request.read()
    raise AssertionError({"type": "http.disconnect"})


async def reads_on(request: Request) -> ResponseSpec:
    """Read a WebSocket until it raises, and once more."""
    with contextlib.suppress(Exception):
        for _ in range(5):
            await request.read()
    for _ in range(5):
        await request.read()
    return ResponseSpec()


async def reads_then_has_a_bug(request: Request) -> NoReturn:
    """Read a WebSocket until its peer has left, and raise an exception of the application."""
    with contextlib.suppress(Exception):
        for _ in range(5):
            await request.read()
    raise RuntimeError("cannot say goodbye")


@needs_loop
async def awaits_a_cancelled_task(_request: Request) -> ResponseSpec:
    """Await a task that somebody else cancels."""
    task = asyncio.ensure_future(asyncio.Event().wait())
    asyncio.get_running_loop().call_soon(task.cancel)
    await task
    return ResponseSpec()


@needs_loop
async def aborts_from_a_cancelled_task(request: Request) -> ResponseSpec:
    """Raise the framework's 503 because a task was cancelled."""
    try:
        return await awaits_a_cancelled_task(request)  # type: ignore[no-any-return,misc] # a coroutine
    except asyncio.CancelledError as error:
        raise request.abort(503) from error


async def loses_its_upstream(request: Request) -> ResponseSpec:
    """Read the whole body, then lose a connection to an upstream."""
    await request.read()
    raise ConnectionResetError(104, "Connection reset by peer")


def waits_for_ever(started: asyncio.Event) -> Behaviour:
    """Return a behaviour that sets *started*, and never answers."""

    async def wait(_request: Request) -> ResponseSpec:
        # Raises in a thread, which must not use an event of another thread's loop.
        asyncio.get_running_loop()
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    return wait


def wraps_its_cancellation(started: asyncio.Event) -> Behaviour:
    """Return a behaviour that raises an exception of the application when it is cancelled."""

    async def wait(_request: Request) -> NoReturn:
        asyncio.get_running_loop()  # as in waits_for_ever
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise RuntimeError("cannot order") from error
        raise AssertionError

    return wait


def in_thread(work: Callable[[], ResponseSpec]) -> Behaviour:
    """Return a behaviour that runs *work* in a thread of a pool."""

    def delegate(_request: Request) -> ResponseSpec:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(copy_context().run, work).result()

    return delegate


def in_task(work: Callable[[], ResponseSpec]) -> Behaviour:
    """Return a behaviour that runs *work* in a child task."""

    @needs_loop
    async def delegate(_request: Request) -> ResponseSpec:
        async def child() -> ResponseSpec:
            return work()

        return await asyncio.create_task(child())

    return delegate


class Meeting:
    """A barrier for two requests: both reach it before either goes on."""

    def __init__(self, threaded: bool) -> None:
        self._barrier = threading.Barrier(2, timeout=10) if threaded else None
        self._waiting = 0
        self._all = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the other request."""
        if self._barrier is not None:
            self._barrier.wait()
            return
        self._waiting += 1
        if self._waiting == 2:
            self._all.set()
        await self._all.wait()


@needs_loop
async def in_task_group(_request: Request) -> ResponseSpec:
    """Raise in a child task of a task group."""

    async def child() -> None:
        fails()

    async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined,unused-ignore] # the case that uses it is skipped before 3.11
        group.create_task(child())
    return ResponseSpec()

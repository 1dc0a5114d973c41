"""What counts as an abort: classes, chains and groups, and errors that the server raised."""

from __future__ import annotations

import asyncio
import concurrent.futures
import errno
import functools
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from linked import Gone, during, from_, linked_exceptions

from sentryinit._policy.aborts import (
    NO_REQUEST,
    RequestState,
    is_abort,
    is_of_client,
    raised_by,
)

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup, ExceptionGroup


@pytest.mark.parametrize(
    "exc", [asyncio.CancelledError(), GeneratorExit(), KeyboardInterrupt(), SystemExit(0)]
)
def test_class_is_an_abort(exc: BaseException) -> None:
    """Cancellation, closing, interruption and a clean exit are aborts."""
    assert is_abort(exc)


@pytest.mark.parametrize(
    "exc",
    [
        ValueError(),
        SystemExit(3),
        SystemExit("text"),
        ConnectionResetError(),
        BrokenPipeError(),
        TimeoutError(),
        asyncio.TimeoutError(),
        concurrent.futures.TimeoutError(),
        RuntimeError("No response returned."),
    ],
)
def test_class_is_a_failure(exc: BaseException) -> None:
    """Other errors are failures, connection errors and timeouts included."""
    assert not is_abort(exc)


def test_subclass_of_an_abort_is_an_abort() -> None:
    """Libraries derive their own cancellations."""

    class Cancelled(asyncio.CancelledError):
        pass

    assert is_abort(Cancelled())


def test_adapter_s_abort_is_an_abort() -> None:
    """The classes that the adapter names are aborts."""
    assert is_abort(Gone(), RequestState(aborts=(Gone,)))


def test_adapter_s_abort_is_a_failure_without_the_adapter() -> None:
    """The same class is a failure if no adapter names it."""
    assert not is_abort(Gone())


@pytest.mark.parametrize(
    "abort", [asyncio.CancelledError(), GeneratorExit(), KeyboardInterrupt(), SystemExit()]
)
def test_error_raised_from_an_abort_is_an_abort(abort: BaseException) -> None:
    """An error whose cause is an abort is an abort."""
    assert is_abort(from_(RuntimeError("stopped"), abort))


def test_error_during_an_adapter_s_abort_is_an_abort() -> None:
    """An error whose context is an adapter's abort is an abort."""
    assert is_abort(during(RuntimeError("stopped"), Gone()), RequestState(aborts=(Gone,)))


def test_error_during_a_cancellation_is_a_failure() -> None:
    """Timeouts and task groups cancel too, so an error in the meantime is reported."""
    assert not is_abort(during(ValueError(), asyncio.CancelledError()))


@pytest.mark.parametrize("state,expected", [({}, True), ({"has_started": False}, False)])
def test_error_of_a_closed_generator(state: dict[str, bool], expected: bool) -> None:
    """The server closes a response that has started; before, the application closes its own."""

    def rows() -> Iterator[int]:
        try:
            yield 1
        finally:
            raise ValueError("cannot close the cursor")

    generator = rows()
    next(generator)
    error = caught(generator.close)  # type: ignore[attr-defined] # a generator
    assert is_abort(error, RequestState(**state)) is expected


def test_error_during_a_cancellation_is_an_abort_if_the_client_is_gone() -> None:
    """If the client is gone, the cancellation was caused by the client."""
    assert is_abort(during(ValueError(), asyncio.CancelledError()), RequestState(client_gone=True))


@pytest.mark.parametrize(
    "kind", [TimeoutError, asyncio.TimeoutError, concurrent.futures.TimeoutError]
)
def test_timeout_raised_from_a_cancellation_is_a_failure(kind: type[BaseException]) -> None:
    """asyncio.timeout() raises from the CancelledError that it causes itself."""
    assert not is_abort(from_(kind(), asyncio.CancelledError()))


def test_error_raised_from_a_timeout_is_a_failure() -> None:
    """The search for an abort stops at the timeout."""
    timeout = from_(TimeoutError(), asyncio.CancelledError())

    assert not is_abort(from_(RuntimeError(), timeout))


def test_timeout_of_wait_for_is_a_failure() -> None:
    """The exception that asyncio.wait_for() raises is a failure."""

    async def late() -> None:
        await asyncio.wait_for(asyncio.sleep(5), 0.001)

    with pytest.raises(asyncio.TimeoutError) as caught:
        asyncio.run(late())

    assert not is_abort(caught.value)


def test_group_of_aborts_is_an_abort() -> None:
    """A group is an abort if all its members are."""
    assert is_abort(BaseExceptionGroup("g", [asyncio.CancelledError(), GeneratorExit()]))


def test_group_with_an_error_is_a_failure() -> None:
    """One error in a group makes it a failure."""
    assert not is_abort(BaseExceptionGroup("g", [asyncio.CancelledError(), ValueError()]))


def test_nested_groups_are_judged_by_their_leaves() -> None:
    """A nested group is an abort if all its leaves are."""
    inner = BaseExceptionGroup("inner", [asyncio.CancelledError()])

    assert is_abort(BaseExceptionGroup("outer", [inner, GeneratorExit()]))


def test_error_raised_from_a_group_of_aborts_is_an_abort() -> None:
    """The search for an abort looks into groups as well."""
    group = BaseExceptionGroup("g", [asyncio.CancelledError()])

    assert is_abort(from_(RuntimeError(), group))


def test_error_raised_out_of_its_group_is_a_failure() -> None:
    """Starlette raises the only member of a group: a cycle through the group, and a failure."""
    error = ValueError("x")
    with pytest.raises(ValueError, match="x") as caught:  # noqa: PT012 # the ring takes a frame
        try:
            raise ExceptionGroup("g", [error])
        except ExceptionGroup as group:
            raise group.exceptions[0]  # noqa: B904 # as Starlette does

    assert not is_abort(caught.value)


def test_no_response_returned_is_an_abort_if_the_client_is_gone() -> None:
    """BaseHTTPMiddleware raises this if a disconnect stopped the application."""
    assert is_abort(RuntimeError("No response returned."), RequestState(client_gone=True))


def test_other_runtime_error_is_a_failure_if_the_client_is_gone() -> None:
    """Any other error is a failure, even if the client is gone."""
    assert not is_abort(RuntimeError("broken"), RequestState(client_gone=True))


@given(linked_exceptions())
def test_is_abort_never_raises(exc: BaseException) -> None:
    """With any links, is_abort returns a bool."""
    assert is_abort(exc, RequestState(aborts=(Gone,))) in {True, False}


@given(linked_exceptions())
def test_more_abort_classes_make_no_failure(exc: BaseException) -> None:
    """An abort stays one if an adapter names more classes."""
    assert not is_abort(exc) or is_abort(exc, RequestState(aborts=(Gone, ValueError)))


@given(linked_exceptions())
def test_client_gone_makes_no_failure(exc: BaseException) -> None:
    """An abort stays one if the client is gone."""
    assert not is_abort(exc) or is_abort(exc, RequestState(client_gone=True))


# -- origin ----------------------------------------------------------------------------------------


class Server:
    """Has a bound method, like uvicorn's request cycle."""

    def receive(self) -> None:
        raise ConnectionResetError("by peer")


def send(message: object = None, *rest: object) -> None:
    raise BrokenPipeError("by peer")


class Stream:
    """The input stream of a server."""

    def read(self) -> bytes:
        raise ConnectionResetError("by peer")


class Buffered:
    """A stream around another one, like werkzeug's around io.BufferedReader."""

    def __init__(self, raw: object) -> None:
        self.raw = raw


class Raw(io.RawIOBase):
    """A socket that the peer resets."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise ConnectionResetError("by peer")


def caught(function: Any) -> BaseException:
    try:
        function()
    except BaseException as exc:
        return exc
    raise AssertionError("raised nothing")


class BodyTooShort(Exception):
    """What a server raises for a response that is shorter than its Content-Length."""


@pytest.mark.parametrize(("is_socket", "expected"), [(False, False), (True, True)])
def test_server_s_own_class_is_about_the_response(*, is_socket: bool, expected: bool) -> None:
    """B3: a server's own class is an abort for a WebSocket that is closed, else a failure.

    The connection is closed after a response that is too short, so that the client is gone.
    """

    def send() -> None:
        raise BodyTooShort

    request = RequestState(server=(send,), client_gone=True, is_socket=is_socket)
    assert is_abort(caught(send), request) is expected


@pytest.mark.parametrize(
    "server",
    [
        pytest.param(send, id="function"),
        pytest.param(Server().receive, id="method"),
        pytest.param(functools.partial(send, 1), id="partial"),
        pytest.param(functools.partial(functools.partial(send, 1), 2), id="partial of a partial"),
        pytest.param(functools.partial(Server().receive), id="partial of a method"),
    ],
)
def test_error_raised_by_a_server_s_callable(server: Any) -> None:
    """The traceback has a frame of the server's callable."""
    assert raised_by(caught(server), (server,))


def test_error_raised_by_a_server_s_coroutine() -> None:
    """The server's callables can be coroutine functions."""

    async def receive() -> None:
        raise ConnectionResetError

    assert raised_by(caught(lambda: asyncio.run(receive())), (receive,))


def test_error_of_the_same_class_raised_by_the_application() -> None:
    """A database that resets the connection is not the client."""

    def query() -> None:
        raise ConnectionResetError

    assert not raised_by(caught(query), (send, Server().receive, Stream()))


def test_error_raised_by_a_server_s_stream() -> None:
    """A stream is recognised as the ``self`` of a frame."""
    stream = Stream()

    assert raised_by(caught(stream.read), (stream,))


class Spool:
    """An input that a middleware keeps in a file."""

    def __init__(self, number: int) -> None:
        self.number = number

    def read(self) -> None:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EMFILE, errno.EACCES])
def test_error_of_a_file_behind_the_stream_is_a_failure(number: int) -> None:
    """A full disk is no lost client, though the stream of the request has raised it."""
    spool = Spool(number)
    assert not is_abort(caught(spool.read), RequestState(server=(spool,)))


def test_lost_connection_behind_the_stream_is_an_abort() -> None:
    """Errors of a connection, and those without a number, are those of a server."""
    for number in (errno.ECONNRESET, errno.EPIPE, errno.ETIMEDOUT):
        spool = Spool(number)
        assert is_abort(caught(spool.read), RequestState(server=(spool,)))


def test_error_raised_by_another_stream_of_the_same_class() -> None:
    """The object is compared, not its class: an upstream can be read through the same class."""
    assert not raised_by(caught(Stream().read), (Stream(),))


def test_error_raised_by_a_stream_behind_a_buffer() -> None:
    """A C buffer has no frame, but the stream that it reads has one."""
    raw = Raw()
    buffered = io.BufferedReader(raw)

    assert raised_by(caught(buffered.read), (buffered,))


def test_buffer_whose_raw_stream_is_not_in_the_traceback() -> None:
    """A buffer is not the origin if its raw stream is not in the traceback."""
    assert not raised_by(caught(Stream().read), (Buffered(Stream()),))


def test_uwsgi_s_stream_is_recognised_by_its_message() -> None:
    """UWSGI's stream is written in C and has no frame, but its message is known."""
    assert raised_by(OSError("error during read(12) on wsgi.input"), (object(),))


@pytest.mark.parametrize(
    ("exc", "server"),
    [
        (ValueError("error during read(12) on wsgi.input"), (object(),)),
        (OSError("error during read(12) on wsgi.input"), (send,)),
        (OSError("error during read(12) on wsgi.input"), ()),
        (OSError("error during read(12) on wsgi.input"), (None,)),
    ],
)
def test_uwsgi_s_message_needs_an_os_error_and_a_stream(
    exc: BaseException, server: tuple[object, ...]
) -> None:
    """The message counts only for an OSError, and only if the server has a stream."""
    assert not raised_by(exc, server)


def uwsgi_reads() -> None:
    raise OSError("error during read(12) on wsgi.input")


def uwsgi_writes() -> None:
    raise OSError("write error")


@pytest.mark.parametrize(
    ("exc", "request_", "verdict"),
    [
        (caught(uwsgi_reads), NO_REQUEST, True),
        # Where the request is known, its stream decides.
        (caught(uwsgi_reads), RequestState(server=(send,)), False),
        (OSError("write error"), NO_REQUEST, True),
        (OSError("write error"), RequestState(server=(object(),)), True),
        (OSError("no space left"), NO_REQUEST, False),
        # Python code raised it, so it is the application's.
        (caught(uwsgi_writes), NO_REQUEST, False),
        (BlockingIOError("write error"), NO_REQUEST, False),
    ],
)
def test_uwsgi_s_errors_without_a_request(
    exc: BaseException, request_: RequestState, verdict: bool
) -> None:
    """UWSGI passes them to sys.excepthook, where no request is known."""
    assert is_abort(exc, request_) is verdict


def test_exception_without_traceback_has_no_origin() -> None:
    """Without a traceback the origin is unknown."""
    assert not raised_by(OSError(), (send, Stream()))


def test_os_error_raised_by_the_server_is_an_abort() -> None:
    """A connection error that the server raised is an abort."""
    assert is_abort(caught(send), RequestState(server=(send,)))


def test_os_error_raised_by_the_application_is_a_failure() -> None:
    """A connection error that the application raised is a failure."""
    assert not is_abort(caught(send), RequestState(server=(Server().receive,)))


def test_other_error_raised_by_the_server_is_a_failure() -> None:
    """An error of another class is a bug in the server."""

    def broken() -> None:
        raise ValueError

    assert not is_abort(caught(broken), RequestState(server=(broken,)))


def test_error_raised_from_the_server_s_error_is_an_abort() -> None:
    """A library that wraps the server's error raises an abort."""

    def wraps() -> None:
        try:
            send()
        except OSError as error:
            raise RuntimeError("could not send") from error

    assert is_abort(caught(wraps), RequestState(server=(send,)))


@pytest.mark.parametrize(
    "modules,expected",
    [
        (["gevent._gevent_cgreenlet", "gevent.baseserver", "gevent.ssl"], True),
        (["gevent._gevent_cgreenlet", "gevent.ssl"], False),
        (["gevent._gevent_cgreenlet", "gevent.baseserver", "shop", "gevent.ssl"], False),
    ],
    ids=["server", "client", "application"],
)
@pytest.mark.parametrize("kind", [ConnectionResetError, ValueError])
def test_handshake_of_gevent_s_server(
    modules: list[str], kind: type[Exception], *, expected: bool
) -> None:
    """A client that ends before its handshake is lost to the server, and not to an application."""
    function: Any = None
    for name in reversed(modules):
        space: dict[str, Any] = {"__name__": name, "function": function, "kind": kind}
        body = "raise kind" if function is None else "function()"
        exec(f"def call():\n    {body}", space)  # noqa: S102 # a frame of that module
        function = space["call"]
    error = caught(function)
    assert error.__traceback__ is not None
    error.__traceback__ = error.__traceback__.tb_next  # without the frame of caught()
    assert is_of_client(error) is (expected and kind is ConnectionResetError)

"""Which exceptions are aborts: the client, the server or the caller gave up (B1 to B3)."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
from collections.abc import Sequence
from typing import NamedTuple

from sentryinit._policy.exceptions import (
    all_causes,
    cause_of,
    causes,
    exit_code,
    group_members,
    holds,
    text_of,
)

ABORTS = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)
# asyncio.timeout() and wait_for() raise these from the CancelledError that they cause themselves.
TIMEOUTS = (TimeoutError, asyncio.TimeoutError, concurrent.futures.TimeoutError)
# Only these classes can be an abort; what else is known about the request decides.
_CANDIDATES = (*ABORTS, OSError, RuntimeError, SystemExit)


class RequestState(NamedTuple):
    """What is known of the request that an exception ended.

    *aborts*: the framework's classes for a client that disconnected. *server*: the server's
    callables and streams. *client_gone*: the client is known to have disconnected.
    """

    aborts: tuple[type[BaseException], ...] = ()
    server: Sequence[object] = ()
    client_gone: bool = False


NO_REQUEST = RequestState()


def cannot_be_abort(exc: BaseException, aborts: tuple[type[BaseException], ...]) -> bool:
    """Return True if *exc* is no abort in any request; a cheap check that most failures pass."""
    return not (isinstance(exc, (_CANDIDATES, aborts)) or all_causes(exc))


def is_abort(exc: BaseException, request: RequestState = NO_REQUEST) -> bool:
    """Return True if *exc* means that the client, the server or a caller gave up.

    A group is an abort if all its members are. An error is an abort if it was raised because of
    one. A cancellation in the implicit context counts only if the client is known to be gone:
    timeouts and task groups leave one behind too.
    """
    return holds(exc, lambda link, found: _is_abort(link, request, found), causes)


def _is_abort(exc: BaseException, request: RequestState, found: set[int]) -> bool:
    """Return True if *exc* is an abort; *found* are the ids of those that it may come from."""
    if group_members(exc):
        return found.issuperset(map(id, group_members(exc)))
    if _is_abort_itself(exc, request):
        return True
    came_from = next(iter(causes(exc)), None)
    if came_from is None or isinstance(exc, TIMEOUTS):
        return False
    implicit = cause_of(exc) is None and isinstance(came_from, asyncio.CancelledError)
    return (request.client_gone or not implicit) and id(came_from) in found


def _is_abort_itself(exc: BaseException, request: RequestState) -> bool:
    if isinstance(exc, (*ABORTS, *request.aborts)) or exit_code(exc) == 0:
        return True
    if isinstance(exc, OSError):
        if raised_by(exc, request.server) or _is_from_uwsgi(exc, request):
            return True
        # The client's connection closes at the same time: the error may well be about that one.
        return request.client_gone and isinstance(exc, ConnectionError)
    # Starlette's BaseHTTPMiddleware raises this if a disconnect stopped the application.
    may_be_stopped = request.client_gone and isinstance(exc, RuntimeError)
    return may_be_stopped and text_of(exc) == "No response returned."


def raised_by(exc: BaseException, server: Sequence[object]) -> bool:
    """Return True if the traceback of *exc* goes through a callable or stream of the *server*.

    The class alone does not tell a client that disconnected from a database that did (B2). A
    callable is recognised by its code object, a stream by being the ``self`` of a frame.
    """
    codes = set(map(_code_of, server))
    streams = [thing for thing in server if thing is not None and not callable(thing)]
    streams += [getattr(stream, "raw", stream) for stream in streams]
    # uWSGI's input stream is written in C and leaves no frame.
    if isinstance(exc, OSError) and streams and "on wsgi.input" in text_of(exc):
        return True
    trace = exc.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code in codes:
            return True
        owner = frame.f_locals.get("self") if streams else None
        if owner is not None and any(owner is stream for stream in streams):
            return True
        trace = trace.tb_next
    return False


def _code_of(function: object) -> object:
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(getattr(function, "__func__", function), "__code__", None)


def _is_from_uwsgi(exc: BaseException, request: RequestState) -> bool:
    """Return True if *exc* is the error that uWSGI makes in C for a client that disconnected.

    uWSGI passes it to ``sys.excepthook``, after the request, when nobody reads the response.
    """
    if type(exc) is not OSError:
        return False
    if exc.__traceback__ is None:
        return text_of(exc) == "write error"
    return not request.server and text_of(exc).endswith("on wsgi.input")

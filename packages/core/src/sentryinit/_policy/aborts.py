"""Which exceptions are aborts: the client, the server or the caller gave up (B1 to B3)."""

from __future__ import annotations

import asyncio
import concurrent.futures
import errno
import functools
import io
import itertools
import sys
from collections.abc import Sequence
from typing import NamedTuple

from sentryinit._policy.application import STDLIB
from sentryinit._policy.exceptions import (
    all_causes,
    cause_of,
    causes,
    exit_code,
    group_members,
    holds,
    iter_traceback,
    text_of,
    traceback_of,
)

ABORTS = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)
# asyncio.timeout() and wait_for() raise these from the CancelledError that they cause themselves.
TIMEOUTS = (TimeoutError, asyncio.TimeoutError, concurrent.futures.TimeoutError)
# Timeouts and task groups leave the first behind, a generator that its own code closes the second.
_LEFT_BEHIND = (asyncio.CancelledError, GeneratorExit)
# The classes of frameworks for a client that disconnected, by module, where no request is known.
_DISCONNECTS = {
    "django.core.exceptions": "RequestAborted",
    "django.http.request": "UnreadablePostError",
    "falcon": "WebSocketDisconnected",
    "starlette.requests": "ClientDisconnect",
    "starlette.websockets": "WebSocketDisconnect",
    "werkzeug.exceptions": "ClientDisconnected",
}
# The modules of servers, whose own errors of a socket are about their clients.
_SERVERS = frozenset("daphne granian gunicorn hypercorn uvicorn waitress".split())
# No connection raises these: an input stream that a middleware keeps in a file does.
_OF_FILES = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EFBIG),
    *(errno.ENOENT, errno.EACCES),
)
# The messages by which a server of ASGI says so.
_TOLD = "http.disconnect", "websocket.disconnect"
# Only these classes can be an abort; what else is known about the request decides.
_CANDIDATES = (*ABORTS, OSError, RuntimeError, SystemExit)


class RequestState(NamedTuple):
    """What is known of the request that an exception ended.

    *aborts*: the framework's classes for a client that disconnected. *server*: the server's
    callables and streams. *client_gone*: the client is known to have disconnected. *cancelled*: the
    task of the request was cancelled, or that cannot be known. *sockets*: the framework's classes
    of a WebSocket. *socket_closed*: the application has closed the WebSocket. *is_socket*: the
    client was accepted as a WebSocket. *has_started*: a good response has.
    """

    aborts: tuple[type[BaseException], ...] = ()
    server: Sequence[object] = ()
    client_gone: bool = False
    cancelled: bool = True
    sockets: tuple[type, ...] = ()
    socket_closed: bool = False
    is_socket: bool = False
    has_started: bool = True


NO_REQUEST = RequestState()


def cannot_be_abort(exc: BaseException, aborts: tuple[type[BaseException], ...]) -> bool:
    """Return True if *exc* is no abort in any request; a cheap check that most failures pass."""
    return not (isinstance(exc, (_CANDIDATES, aborts)) or all_causes(exc))


def is_abort(exc: BaseException, request: RequestState = NO_REQUEST) -> bool:
    """Return True if *exc* means that the client, the server or a caller gave up.

    A group is an abort if all its members are. An error is an abort if it was raised because of
    one. A cancellation in the implicit context counts only if the client is known to be gone:
    timeouts and task groups leave one behind too. The end of a generator there counts once the
    response has started, whose body the server closes.
    """
    return holds(exc, lambda link, found: _is_abort(link, request, found), causes)


def is_of_client(exc: BaseException) -> bool:
    """Return True if *exc*, which a server has logged, is about its client; no request is known."""
    found = [getattr(sys.modules.get(name), cls, None) for name, cls in _DISCONNECTS.items()]
    request = NO_REQUEST._replace(aborts=tuple(filter(None, found)))

    def rule(link: BaseException, known: set[int]) -> bool:
        return _is_abort(link, request, known) or _is_from_server(link)

    return holds(exc, rule, causes)


def _is_from_server(exc: BaseException) -> bool:
    """Return True if a server itself has raised *exc*, an error of a socket."""
    if not isinstance(exc, OSError):
        return False
    frames = (entry.tb_frame for entry in iter_traceback(traceback_of(exc)))
    outside = (f for f in frames if not f.f_code.co_filename.startswith(STDLIB))
    # The sockets of gevent are those of servers and of applications.
    names = [str(frame.f_globals.get("__name__")) for frame in outside]
    inner = [name for name in names[::-1] if not name.startswith("gevent")]
    if not inner:
        return "gevent.baseserver" in names  # a handshake of TLS, before there is a request
    if inner[0].startswith("aiohttp."):  # it is a client, too
        own = itertools.takewhile(lambda name: name.startswith("aiohttp."), inner)
        return any(name.startswith("aiohttp.web_") for name in own)
    return inner[0].partition(".")[0] in _SERVERS


def _is_abort(exc: BaseException, request: RequestState, found: set[int]) -> bool:
    """Return True if *exc* is an abort; *found* are the ids of those that it may come from."""
    if group_members(exc):
        return found.issuperset(map(id, group_members(exc)))
    if _is_abort_itself(exc, request):
        return True
    came_from = next(iter(causes(exc)), None)
    if came_from is None or isinstance(exc, TIMEOUTS):
        return False
    implicit = cause_of(exc) is None and isinstance(came_from, _LEFT_BEHIND)
    if implicit and not request.client_gone:
        # The server closes the body of a response, which has started.
        return isinstance(came_from, GeneratorExit) and request.has_started
    return id(came_from) in found


def _is_abort_itself(exc: BaseException, request: RequestState) -> bool:
    if isinstance(exc, (GeneratorExit, KeyboardInterrupt)) or exit_code(exc) == 0:
        return True
    # Its class may refuse attributes.
    if isinstance(exc, OSError) and vars(OSError)["errno"].__get__(exc) in _OF_FILES:
        return False
    gone, cancelled = request.client_gone, isinstance(exc, asyncio.CancelledError)
    if cancelled and (gone or request.cancelled):
        return True
    framework_s = isinstance(exc, request.aborts)
    # Where the adapter knows no server, the class alone decides.
    if framework_s and (gone or request.socket_closed or not request.server):
        return True
    if cancelled or framework_s or isinstance(exc, OSError):
        # The origin decides: another client, or an upstream, raises the same classes (B2).
        return (
            raised_by(exc, request.server)
            or _is_from_uwsgi(exc, request)
            or (gone and _is_from_socket(exc, request.sockets))
        )
    return gone and isinstance(exc, Exception) and _needs_a_peer(exc, request)


def _needs_a_peer(exc: Exception, request: RequestState) -> bool:
    """Return True if *exc* says only that the connection of a client that is gone is used.

    Other classes than ``RuntimeError`` are about what the application sends: a body that is too
    short, for example. Servers have classes of their own for a WebSocket that is closed.
    """
    text = text_of(exc)
    if isinstance(exc, RuntimeError) and text == "No response returned.":
        # Starlette's BaseHTTPMiddleware raises this if a disconnect stopped the application.
        return True
    again = getattr(sys.modules.get("django.http.request"), "RawPostDataException", ())
    # The body is read again, after a read that has failed; or code awaits it, and refuses the
    # message that the client is gone.
    if isinstance(exc, again) or any(each in text for each in _TOLD):
        return True
    own = request.is_socket and type(exc).__module__ != "builtins"
    about_state = isinstance(exc, RuntimeError) or own
    return about_state and (raised_by(exc, request.server) or _is_from_socket(exc, request.sockets))


def _is_from_socket(exc: BaseException, sockets: tuple[type, ...]) -> bool:
    """Return True if a method of one of *sockets* itself has raised *exc*."""
    entries = list(iter_traceback(traceback_of(exc)))
    code = entries[-1].tb_frame.f_code if entries else None
    methods = [getattr(kind, code.co_name, None) for kind in sockets if code is not None]
    return any(_target(method)[0] is code for method in methods)


def raised_by(exc: BaseException, server: Sequence[object]) -> bool:
    """Return True if the traceback of *exc* goes through a callable or stream of the *server*.

    The class alone does not tell a client that disconnected from a database that did (B2). A
    callable is recognised by its code object and the object that it is bound to, a stream by being
    the ``self`` of a frame.
    """
    known = [_target(thing) for thing in server if callable(thing)]
    streams = [thing for thing in server if thing is not None and not callable(thing)]
    streams += [getattr(stream, "raw", stream) for stream in streams]
    # uWSGI's input stream is written in C and leaves no frame.
    if isinstance(exc, OSError) and streams and "on wsgi.input" in text_of(exc):
        return True
    for entry in iter_traceback(traceback_of(exc)):
        code, owner = entry.tb_frame.f_code, entry.tb_frame.f_locals.get("self")
        if any(code is each and (bound is None or bound is owner) for each, bound in known):
            return True
        held = [owner] if owner is not None else []
        if isinstance(owner, io.IOBase) and not isinstance(exc, OSError):
            # The framework's stream around the server's raises the framework's class.
            held += getattr(owner, "__dict__", {}).values()
        if any(each is stream for each in held for stream in streams):
            return True
    return False


def _target(function: object) -> tuple[object, object]:
    """Return the code of *function*, and the object that it is bound to."""
    while isinstance(function, functools.partial):
        function = function.func
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return code, getattr(function, "__self__", None)


def _is_from_uwsgi(exc: BaseException, request: RequestState) -> bool:
    """Return True if *exc* is the error that uWSGI makes in C for a client that disconnected.

    uWSGI passes it to ``sys.excepthook``, after the request, when nobody reads the response.
    """
    if type(exc) is not OSError:
        return False
    if traceback_of(exc) is None:
        return text_of(exc) == "write error"
    return not request.server and text_of(exc).endswith("on wsgi.input")

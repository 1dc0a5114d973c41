"""What a request knows of aborts: its client, its server and its own task."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from sentryinit._boundary.facts import Facts, ask
from sentryinit._policy import aborts, exceptions

# The codes that close a WebSocket because of an error of the server: RFC 6455 and its registry.
SERVER_ERRORS = range(1011, 1015)


E = TypeVar("E", BaseException, BaseException | None)


class RequestAborts:
    """The part of a capture that tells aborts from failures, and finds what a failure came from."""

    __slots__ = ()
    adapter: Facts[Any]
    request: Any
    status: int | None

    client_gone: bool = False
    # The code with which the application has closed its WebSocket.
    close_code: int | None
    # The exception that a hook of the framework showed last.
    seen_exception: BaseException | None = None
    _handled = True
    # The facts and the request of an outer boundary, which knows the server.
    _outer: tuple[Facts[Any], Any] | None = None

    def server_writes(self) -> tuple[object, ...]:
        """Return the function of the server that writes to the client, under WSGI."""
        return ()

    def is_abort(self, exc: BaseException) -> bool:
        """Return True if *exc* means that the client, the server or a caller gave up."""
        known, gone = self.adapter.aborts, self._is_client_gone()
        if not gone and aborts.cannot_be_abort(exc, known):
            return False
        facts, request = self._outer or (self.adapter, self.request)
        server: tuple[object, ...] = ask(facts.server, request, ())
        state = aborts.RequestState(
            known,
            (*server, *self.server_writes()) if server else (),
            gone,
            # After the start of a good response no client gets a 5xx for a cancellation.
            (self.status or 500) < 500 or _is_task_cancelled(exc),
            self.adapter.sockets,
            self.close_code is not None and self.close_code not in SERVER_ERRORS,
            self.status == 101,
            (self.status or 500) < 500,
        )
        return aborts.is_abort(exc, state)

    def _is_client_gone(self) -> bool:
        facts, request = self._outer or (self.adapter, self.request)
        return self.client_gone or ask(facts.client_gone, request, False)

    def _error_behind(self, exc: BaseException | None) -> BaseException | None:
        # An exception that nobody handled was no response to anybody, whatever its class.
        if exc is self.seen_exception and not self._handled:
            return self._before_disconnect(exc)
        status_of = self.adapter.status_of
        # Nor is one below 500 this response: a handler has answered it with another status.
        if exc is not None and (ask(status_of, exc, None) or 500) < 500:
            return exc
        error = exceptions.unwrap_response(exc, lambda link: ask(status_of, link, None))
        if error is None and self.close_code in SERVER_ERRORS:
            return exc  # a WebSocket has no status to report in its place
        return self._before_disconnect(error)

    def _before_disconnect(self, exc: E) -> E | BaseException:
        """Return what *exc* came from, if it is a framework's disconnect, and yet no abort.

        Starlette turns every ``OSError`` of a streamed body into such an exception (B2).
        """
        kinds = self.adapter.aborts
        if not isinstance(exc, kinds) or isinstance(exc, OSError) or self.is_abort(exc):
            return exc
        error = exceptions.unwrap_response(exc, lambda e: isinstance(e, kinds) or None)
        return exc if error is None else error


def _is_task_cancelled(exc: BaseException) -> bool:
    """Return True if the task that runs was cancelled itself; before Python 3.11 nobody knows.

    anyio takes a cancellation back, so that behind two of Starlette's BaseHTTPMiddleware the task
    no longer tells of it. But a cancellation that the application raises never comes through their
    ``call_next``, which waits in another task.
    """
    frames = (entry.tb_frame for entry in exceptions.iter_traceback(exceptions.traceback_of(exc)))
    names = ((frame.f_globals.get("__name__"), frame.f_code.co_name) for frame in frames)
    if ("starlette.middleware.base", "call_next") in names:
        return True
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return False  # no event loop: nothing cancels a request of WSGI
    return task is not None and (not hasattr(task, "cancelling") or task.cancelling() > 0)

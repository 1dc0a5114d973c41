"""What boundaries have in common: who has a request, and bodies that are watched."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

from sentryinit._adapter import Adapter
from sentryinit._capture import Capture

# As in sentryinit.wsgi and sentryinit.asgi, where it is not worth a call.
_CAPTURE = "sentryinit.capture"
_new = object.__new__


def enter(adapter: Adapter[Any], request: Any, carrier: Any) -> Capture[Any] | None:
    """Begin *request*; None if a boundary further out has done so, which then reports.

    For adapters whose request is an object of the framework. *carrier*: the environ or scope, which
    all boundaries on the way of a request see.
    """
    outer: Capture[Any] | None = carrier.get(_CAPTURE)
    if outer is None:
        capture: Capture[Any] = adapter.open(request)
        carrier[_CAPTURE] = capture
        return capture
    if adapter.name != outer.adapter.name:
        outer.adapter = _nested(adapter, outer.adapter)
        outer.request = request, outer.request
    return None


@functools.lru_cache(maxsize=16)
def _nested(inner: Adapter[Any], outer: Adapter[Any]) -> Adapter[Any]:
    """Return the facts of a pair of requests: *outer* knows the server, *inner* the framework."""
    return replace(
        inner,
        describe=_of(0, inner.describe),
        endpoint=_of(0, inner.endpoint) if inner.endpoint else None,
        server=_of(1, outer.server),
        gone=_of(1, outer.gone),
    )


def _of(which: int, fact: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda pair: fact(pair[which])


def watched(body: Any, capture: Capture[Any], unsent: int | None = None) -> Any:
    """Return *body* so that what fails in it while it is being sent is seen.

    *unsent*: the status that the client gets if nothing has been sent by then; None: what went out.
    Whoever sends the body has to close it.
    """
    if hasattr(body, "__aiter__"):
        return _AsyncBody(body, capture)
    watching: Body = _new(_SizedBody if hasattr(body, "__len__") else Body)
    watching.body, watching.capture, watching.unsent = body, capture, unsent
    return watching


class Body:
    # Nearly every good answer has one: it is made without a call of __init__.
    __slots__ = ("body", "capture", "unsent")
    body: Any
    capture: Capture[Any]
    unsent: int | None

    def __iter__(self) -> Iterator[bytes]:
        status = self.unsent
        try:
            for chunk in self.body:
                status = None if chunk else status
                yield chunk
            if self.capture.busy:
                self.capture.settle()
        except GeneratorExit:
            raise
        except BaseException as exc:
            self.capture.raised(exc, status)
            raise

    def close(self) -> None:
        """Close the body, as the server must; its failure is the request's as well."""
        try:
            close = getattr(self.body, "close", None)
            if close is not None:
                close()
        except BaseException as exc:
            self.capture.raised(exc)
            raise
        finally:
            capture = self.capture
            if capture.busy or capture.closed:
                capture.close()
            else:
                # What close() does, without a call.
                capture.closed = True
                del capture.request


class _SizedBody(Body):
    """A body whose length a server may look at, to send a Content-Length."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self.body)


class _AsyncBody:
    # ASGI sends the status before it looks at the body.

    def __init__(self, body: Any, capture: Capture[Any]) -> None:
        self._body, self._capture = body, capture

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._body:
                yield chunk
        except BaseException as exc:
            self._capture.raised(exc)
            raise
        finally:
            self.close()

    def close(self) -> None:
        # The body may never have been begun.
        self._capture.close()

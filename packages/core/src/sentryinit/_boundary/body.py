"""Bodies that are watched while they are being sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from sentryinit._boundary.capture import OVER, Capture

_new = object.__new__


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
            if self.capture.busy:
                self.capture.close()
            else:
                self.capture.request = OVER  # what close() does, without a call


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

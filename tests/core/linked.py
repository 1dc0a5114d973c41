"""Exceptions for the tests of the policy: chains, groups and cycles."""

from __future__ import annotations

import asyncio
import sys

from hypothesis import strategies as st

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup


class Gone(Exception):
    """A framework's exception for a client that disconnected."""


class Response(Exception):
    """A framework's exception that is a response."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Mute(Exception):
    """An exception whose __str__ raises."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def from_(exc: BaseException, cause: BaseException) -> BaseException:
    exc.__cause__ = cause
    return exc


def during(exc: BaseException, context: BaseException) -> BaseException:
    exc.__context__ = context
    return exc


def status_of(exc: BaseException) -> int | None:
    return exc.status if isinstance(exc, Response) else None


LEAVES: tuple[type[BaseException], ...] = (
    ValueError,
    ConnectionResetError,
    TimeoutError,
    asyncio.CancelledError,
    KeyboardInterrupt,
    GeneratorExit,
    SystemExit,
    Gone,
    RuntimeError,
)


@st.composite
def linked_exceptions(draw: st.DrawFn) -> BaseException:
    """Build exceptions with any links: chains, groups, and cycles through both."""
    made: list[BaseException] = [
        draw(st.sampled_from(LEAVES))("text") for _ in range(draw(st.integers(1, 5)))
    ]
    for _ in range(draw(st.integers(0, 3))):
        inside = draw(st.lists(st.sampled_from(made), min_size=1, max_size=3))
        made.append(BaseExceptionGroup("group", inside))
    for exc in made:
        for name in ("__cause__", "__context__"):
            link = draw(st.sampled_from([None, *made]))
            setattr(exc, name, link)
        exc.__suppress_context__ = draw(st.booleans())
    return draw(st.sampled_from(made))

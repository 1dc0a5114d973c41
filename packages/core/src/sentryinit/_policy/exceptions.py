"""Chains and groups of exceptions, and the mark of those that are on an event already."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

log = logging.getLogger("sentryinit")

# Attribute of an exception that is on an event: False if it was captured outside of any request.
_MARK = "__sentryinit_captured__"


def group_members(exc: BaseException) -> tuple[BaseException, ...]:
    """Return the members of an exception group; none for any other exception.

    Recognised by its attribute: before Python 3.11 the class comes from a backport.
    """
    try:
        found = getattr(exc, "exceptions", ())
    except Exception:  # noqa: BLE001 # a property of the application's class may raise
        return ()
    if not found:
        return ()
    good = isinstance(found, tuple) and all(isinstance(link, BaseException) for link in found)
    return found if good else ()


def causes(exc: BaseException) -> list[BaseException]:
    """Return what *exc* came from: members of a group, else its cause, else its context."""
    if group_members(exc):
        return list(group_members(exc))
    if exc.__cause__ is not None:
        return [exc.__cause__]
    if exc.__context__ is not None and not exc.__suppress_context__:
        return [exc.__context__]
    return []


def iter_chain(exc: BaseException) -> Iterable[BaseException]:
    """Return *exc* and everything that it came from, each exception once."""
    if exc.__cause__ is None and exc.__context__ is None and not group_members(exc):
        return (exc,)
    return _iter_chain(exc)


def _iter_chain(exc: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [exc]
    while waiting:
        exc = waiting.pop()
        if id(exc) not in seen:
            seen.add(id(exc))
            yield exc
            waiting += causes(exc)
            # A group can have a cause of its own beside its members.
            if exc.__cause__ is not None:
                waiting.append(exc.__cause__)


def shares_exception(exc: BaseException, others: Iterable[BaseException]) -> bool:
    """Return True if *exc*, or an exception that it came from, is one of *others*.

    Compares identity: ``__eq__`` of an exception is code of the application.
    """
    known = {id(other) for other in others}
    return any(id(link) in known for link in iter_chain(exc))


def unwrap_response(
    exc: BaseException | None, status_of: Callable[[BaseException], int | None]
) -> BaseException | None:
    """Return *exc*; if it is an HTTP response, return the real error that it came from."""
    for _ in range(100):  # a chain can be a ring
        if exc is None or status_of(exc) is None:
            return exc
        exc = next(iter(causes(exc)), None)
    return None


def exit_code(exc: BaseException) -> int | None:
    """Return the exit code of a ``SystemExit``, None for any other exception."""
    if not isinstance(exc, SystemExit):
        return None
    if exc.code is None or isinstance(exc.code, int):
        return exc.code or 0
    return 1


def text_of(value: object) -> str:
    """Return ``str(value)``, or an empty text if that raises."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 # __str__ is code of the application
        return ""


def was_captured(exc: BaseException) -> bool:
    """Return True if *exc*, or an exception that it came from, is on an event already."""
    return any(_MARK in link.__dict__ for link in iter_chain(exc))


def mark_captured(exc: BaseException, *, in_request: bool) -> None:
    """Remember on *exc* that it is on an event."""
    try:
        setattr(exc, _MARK, in_request)
    except (AttributeError, TypeError):
        # A class that refuses attributes: a second capture outside of requests is a second event.
        log.debug("%s cannot be marked as captured", type(exc).__name__)


def claim_outside_request(exc: BaseException) -> bool:
    """Return True if *exc* was captured where its request was unknown, as in a worker thread.

    True once: the next request that raises the same instance has a failure of its own (C4, C6).
    """
    unclaimed = [link for link in iter_chain(exc) if link.__dict__.get(_MARK) is False]
    for link in unclaimed:
        mark_captured(link, in_request=True)
    return bool(unclaimed)

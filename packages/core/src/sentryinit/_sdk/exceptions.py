"""The event of an exception: ``sentry_sdk``'s own, but for groups."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from sentry_sdk.utils import event_from_exception, single_exception_from_error_tuple

from sentryinit._policy import ignore_rules as _policy
from sentryinit._sdk.preserialized import Ready

MOST_LINKS = 100


def event_from(
    exc: BaseException, stack: TracebackType | None, options: Any, mechanism: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the event of *exc* with the traceback *stack*, and its hint.

    The SDK looks into a group only if that is outermost, on Python 3.10 not at all, and its older
    releases follow a ring for ever.
    """
    event, hint = _event_from(exc, stack, options, mechanism)
    # Locals are trimmed by the serialiser.
    if not options["include_local_variables"]:
        event["exception"] = Ready(event["exception"])
    return event, hint


def _event_from(
    exc: BaseException, stack: TracebackType | None, options: Any, mechanism: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    info = (type(exc), exc, stack)
    if any(map(_policy.members, _policy.tree(exc))):
        values = _values(exc, stack, options, mechanism)
        return {"level": "error", "exception": {"values": values}}, {"exc_info": info}
    event, hint = event_from_exception(info, client_options=options, mechanism=mechanism)
    return dict(event), hint


def _values(
    exc: BaseException, stack: TracebackType | None, options: Any, mechanism: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return *exc* and all that it came from, numbered from *exc* on; it comes last."""
    found: list[dict[str, Any]] = []
    seen: set[int] = set()
    waiting: list[tuple[BaseException, int, str | None]] = [(exc, 0, None)]
    while waiting and len(found) < MOST_LINKS:
        link, parent, source = waiting.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        number = len(found)
        trace = stack if link is exc else link.__traceback__
        value = single_exception_from_error_tuple(
            type(link), link, trace, options, mechanism, number, parent, source
        )
        if _policy.members(link):
            value["mechanism"]["is_exception_group"] = True
        found.append(value)
        waiting += [(other, number, how) for other, how in reversed(_sources(link))]
    return found[::-1]


def _sources(exc: BaseException) -> list[tuple[BaseException, str]]:
    """Return what *exc* came from, each with the word that the SDK has for the way."""
    found = []
    if exc.__cause__ is not None:
        found.append((exc.__cause__, "__cause__"))
    elif exc.__context__ is not None and not exc.__suppress_context__:
        found.append((exc.__context__, "__context__"))
    members = enumerate(_policy.members(exc))
    return found + [(member, f"exceptions[{number}]") for number, member in members]

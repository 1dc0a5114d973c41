"""The event of an exception, and events that are serialised in part only."""

from __future__ import annotations

from datetime import datetime, timezone
from types import TracebackType
from typing import Any

from sentry_sdk.serializer import serialize
from sentry_sdk.utils import event_from_exception, single_exception_from_error_tuple

from sentryinit._events.build import TIME_FORMAT
from sentryinit._policy.exceptions import group_members, iter_chain

# The most exceptions of one chain or group on an event.
MAX_LINKS = 100
# Texts in any case: set by us, or options of the client.
_TEXTS = frozenset(
    "dist environment event_id level platform release server_name timestamp transaction".split()
)


def exception_event(
    exc: BaseException,
    stack: TracebackType | None,
    options: dict[str, Any],
    mechanism: dict[str, Any],
) -> dict[str, Any]:
    """Return the event of *exc* with the traceback *stack*, without source lines.

    sentry-sdk looks into a group only if that is outermost, on Python 3.10 not at all, and its
    older releases follow a ring for ever.
    """
    if any(map(group_members, iter_chain(exc))):
        return {"exception": {"values": _values(exc, stack, options, mechanism)}}
    info = type(exc), exc, stack
    event, _hint = event_from_exception(info, client_options=options, mechanism=mechanism)
    return dict(event)


def _values(
    exc: BaseException, stack: TracebackType | None, options: Any, mechanism: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return *exc*, with number 0 and last, and everything that it came from."""
    found: list[dict[str, Any]] = []
    seen: set[int] = set()
    waiting: list[tuple[BaseException, int, str | None]] = [(exc, 0, None)]
    while waiting and len(found) < MAX_LINKS:
        link, parent, source = waiting.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        number = len(found)
        trace = stack if link is exc else link.__traceback__
        value = single_exception_from_error_tuple(
            type(link), link, trace, options, mechanism, number, parent, source
        )
        if group_members(link):
            value["mechanism"]["is_exception_group"] = True
        found.append(value)
        waiting += [(other, number, how) for other, how in reversed(_sources(link))]
    return found[::-1]


def _sources(exc: BaseException) -> list[tuple[BaseException, str]]:
    """Return what *exc* came from, with sentry-sdk's words for the relations."""
    members = [(link, f"exceptions[{n}]") for n, link in enumerate(group_members(exc))]
    if exc.__cause__ is not None:
        return [(exc.__cause__, "__cause__"), *members]
    if exc.__context__ is not None and not exc.__suppress_context__:
        return [(exc.__context__, "__context__"), *members]
    return members


class PreSerializedEvent(dict[str, Any]):
    """An event of ours: only what the application adds to it is serialised.

    The parts that we made are JSON already. sentry-sdk's serialiser walks each text and number:
    half of what an event costs. It asks for ``__sentry_repr__`` first; a release that does not ask
    only takes longer.
    """

    __slots__ = ("_made_by_us", "_options")

    def __init__(self, event: dict[str, Any], options: dict[str, Any]) -> None:
        super().__init__(event)
        self["timestamp"] = datetime.now(timezone.utc).strftime(TIME_FORMAT)
        self._options = options
        parts = [*event.values(), *event["contexts"].values(), *event["breadcrumbs"]["values"]]
        # Scopes add to the tags; local variables are objects of the application.
        theirs = {id(event["tags"])}
        if options["include_local_variables"]:
            theirs.add(id(event.get("exception")))
        self._made_by_us = set(map(id, parts)) - theirs

    def __sentry_repr__(self) -> dict[str, Any]:
        done = {name: value for name, value in self.items() if self._is_json(name, value)}
        for crumb in done.get("breadcrumbs", {}).get("values", ()):
            # The SDK has parsed the times, to sort by them.
            if isinstance(crumb["timestamp"], datetime):
                crumb["timestamp"] = crumb["timestamp"].strftime(TIME_FORMAT)
        rest = {name: value for name, value in self.items() if name not in done}
        if rest:
            names = "max_request_body_size", "max_value_length", "custom_repr"
            done |= serialize(rest, **{name: self._options.get(name) for name in names})
        return done

    def _is_json(self, name: str, value: Any) -> bool:
        if isinstance(value, str):
            return name in _TEXTS
        if name in {"contexts", "breadcrumbs"} and isinstance(value, dict):
            # Scopes add to these as well: they are JSON if all their parts are.
            parts = value.values() if name == "contexts" else value.get("values", ())
            return self._made_by_us.issuperset(map(id, parts))
        return id(value) in self._made_by_us

"""The event of an exception, and events that sentry-sdk's serialiser takes as they are."""

from __future__ import annotations

from datetime import datetime, timezone
from types import TracebackType
from typing import Any

from sentry_sdk.serializer import serialize
from sentry_sdk.utils import event_from_exception, single_exception_from_error_tuple

from sentryinit._policy.exceptions import group_members, iter_chain

# The most exceptions of one chain or group on an event.
MAX_LINKS = 100
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
# Set by us, or options of the client: texts in any case.
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
    """Return *exc* and everything that it came from, numbered from *exc* on, which is last."""
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
    """Return what *exc* came from, each with sentry-sdk's word for the relation."""
    found = []
    if exc.__cause__ is not None:
        found.append((exc.__cause__, "__cause__"))
    elif exc.__context__ is not None and not exc.__suppress_context__:
        found.append((exc.__context__, "__context__"))
    members = enumerate(group_members(exc))
    return found + [(member, f"exceptions[{number}]") for number, member in members]


class PreSerializedEvent(dict[str, Any]):
    """An event of ours: only what the application adds to it is serialised.

    sentry-sdk's serialiser walks each text and number of an event: half of what an event costs. The
    parts that we made are JSON already. The serialiser asks ``__sentry_repr__`` of a class before
    it walks; a release that would not ask only takes longer.
    """

    __slots__ = ("_made_by_us", "_options")

    def __init__(self, event: dict[str, Any], options: dict[str, Any]) -> None:
        super().__init__(event)
        self["timestamp"] = datetime.now(timezone.utc).strftime(_TIME_FORMAT)
        self._options = options
        parts = [*event.values(), *event["contexts"].values(), *event["breadcrumbs"]["values"]]
        # Local variables are objects of the application, and scopes add theirs to the tags.
        theirs = [event["tags"]]
        if options["include_local_variables"]:
            theirs.append(event.get("exception"))
        self._made_by_us = {id(part) for part in parts} - set(map(id, theirs))

    def __sentry_repr__(self) -> dict[str, Any]:
        done = {name: value for name, value in self.items() if self._is_json(name, value)}
        for crumb in done.get("breadcrumbs", {}).get("values", ()):
            # The SDK parses the times to sort by them.
            if isinstance(crumb["timestamp"], datetime):
                crumb["timestamp"] = crumb["timestamp"].strftime(_TIME_FORMAT)
        names = "max_request_body_size", "max_value_length", "custom_repr"
        options = {name: self._options.get(name) for name in names}
        rest = {name: value for name, value in self.items() if name not in done}
        return {**done, **serialize(rest, **options)} if rest else done

    def _is_json(self, name: str, value: Any) -> bool:
        if isinstance(value, str):
            return name in _TEXTS
        # Scopes add to these as well: they are JSON if all their parts are.
        if name == "contexts" and isinstance(value, dict):
            return self._made_by_us.issuperset(map(id, value.values()))
        if name == "breadcrumbs" and isinstance(value, dict):
            return self._made_by_us.issuperset(map(id, value.get("values", ())))
        return id(value) in self._made_by_us

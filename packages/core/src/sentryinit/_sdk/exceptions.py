"""The event of an exception, and events that are serialised in part only."""

from __future__ import annotations

import functools
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

from sentry_sdk import utils
from sentry_sdk.serializer import serialize

from sentryinit._events.build import TIME_FORMAT
from sentryinit._policy.exceptions import (
    MAX_ON_EVENT,
    cause_of,
    ends_of_chain,
    group_members,
    parent_of,
    text_of,
    traceback_of,
)
from sentryinit._policy.grouping import is_in_app
from sentryinit._state import STATE

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
    """Return the event of *exc* with the traceback *stack*, without source lines."""
    info = type(exc), exc, stack
    event, _hint = utils.event_from_exception(info, client_options=options, mechanism=mechanism)
    return dict(event)


def exception_values(
    exc_info: tuple[Any, BaseException | None, TracebackType | None],
    client_options: Any = None,
    mechanism: Any = None,
    full_stack: Any = None,
) -> list[dict[str, Any]]:
    """Return the exceptions of an event, the newest last: of a long chain, both its ends.

    Replaces the function of sentry-sdk, also for what the application captures. That one is
    recursive in groups, looks into a group only if it is outermost, on Python 3.10 not at all, and
    in older releases follows a ring for ever.
    """
    exc, stack = exc_info[1:]
    links, omitted = ([], 0) if exc is None else ends_of_chain(exc)
    is_tree, half = any(map(group_members, links)), MAX_ON_EVENT // 2
    # What came from an omitted one hangs on the last one before the gap.
    parents: dict[int, tuple[int, str | None]] = {id(exc): (0, None)}
    found = []
    for number, link in enumerate(links):
        for source, how in _sources(link) if is_tree else ():
            parents.setdefault(id(source), (number, how))
        relation = (number, *parents.get(id(link), (half - 1, None))) if is_tree else ()
        trace = stack if link is exc else traceback_of(link)
        found.append(_value(link, trace, client_options, mechanism, full_stack, *relation))
    if omitted:
        found[half - 1]["mechanism"]["data"] = {"omitted": omitted}
    return found[::-1]


utils.exceptions_from_error_tuple = exception_values
_serialize_frame = utils.serialize_frame


def _frame(frame: Any, *args: Any, **options: Any) -> dict[str, Any]:
    """Replace ``serialize_frame``: *frame* is the application's where grouping says so (D4)."""
    made = _serialize_frame(frame, *args, **options)
    if STATE.reporter is not None:
        made["in_app"] = is_in_app(frame.f_code.co_filename, frame.f_globals.get("__name__"))
    return made


utils.serialize_frame = _frame


def _sources(exc: BaseException) -> list[tuple[BaseException, str]]:
    """Return what *exc* came from, with sentry-sdk's words for the relations."""
    parent, how = parent_of(exc), "__context__" if cause_of(exc) is None else "__cause__"
    members = [(link, f"exceptions[{n}]") for n, link in enumerate(group_members(exc))]
    return members if parent is None else [(parent, how), *members]


def _value(
    exc: BaseException, stack: Any, options: Any, mechanism: Any, full_stack: Any, *relation: Any
) -> dict[str, Any]:
    make = functools.partial(utils.single_exception_from_error_tuple, full_stack=full_stack)
    try:
        value = make(type(exc), exc, stack, options, mechanism, *relation)
    except BaseException:  # noqa: BLE001 # it reads attributes, which are code of the application
        value = make(type(exc), None, stack, options, mechanism, *relation)
        value["value"] = text_of(exc)
    if group_members(exc):
        value["mechanism"]["is_exception_group"] = True
    return value


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

"""Chains and groups of exceptions, and the mark of those that are on an event already.

Every walk is iterative and bounded, and reads an exception past the attributes of its class, which
are code of the application.
"""

from __future__ import annotations

import opcode
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import Any

# The most exceptions of one chain that are looked at. Python itself takes longer to format them.
MAX_LINKS = 200_000
# The most exceptions of one chain or group on an event.
MAX_ON_EVENT = 100
# The most exceptions of one event that get a mark.
MAX_MARKED = 1000
# A shorter text, as the 1 of KeyError(1), is in many texts by chance.
SHORTEST_TEXT = 8
_RAISE = opcode.opmap["RAISE_VARARGS"]
_RAISE_FROM = (_RAISE, 2)
# Modules that raise what they were given: the result of a future, and sentry-sdk's reraise().
_PASSING_ON = {"concurrent.futures._base", "sentry_sdk.utils"}

_FIELDS: Any = vars(BaseException)
cause_of: Callable[[BaseException], BaseException | None] = _FIELDS["__cause__"].__get__
traceback_of: Callable[[BaseException], TracebackType | None] = _FIELDS["__traceback__"].__get__

Sources = Callable[[BaseException], list[BaseException]]


def group_members(exc: BaseException) -> tuple[BaseException, ...]:
    """Return the members of an exception group; none for any other exception.

    Recognised by its attribute: before Python 3.11 the class comes from a backport.
    """
    try:
        found = getattr(exc, "exceptions", ())
    except Exception:  # noqa: BLE001 # a property of the application's class may raise
        return ()
    if not (isinstance(found, tuple) and found):
        return ()
    return found if all(issubclass(type(each), BaseException) for each in found) else ()


def parent_of(exc: BaseException) -> BaseException | None:
    """Return the cause of *exc*, else its context."""
    cause, context = cause_of(exc), _FIELDS["__context__"].__get__(exc)
    is_suppressed = cause is not None or _FIELDS["__suppress_context__"].__get__(exc)
    return cause if is_suppressed else context


def causes(exc: BaseException) -> list[BaseException]:
    """Return what *exc* came from: members of a group, else its cause, else its context."""
    members, parent = group_members(exc), parent_of(exc)
    return list(members) if members or parent is None else [parent]


def all_causes(exc: BaseException) -> list[BaseException]:
    """Return what *exc* came from; a group can have a cause or context beside its members."""
    parent = parent_of(exc)
    return [*group_members(exc)] if parent is None else [parent, *group_members(exc)]


def explicit_causes(exc: BaseException) -> list[BaseException]:
    """Return the members of a group, and the cause of *exc*."""
    cause = cause_of(exc)
    return [*group_members(exc)] if cause is None else [cause, *group_members(exc)]


def _raised_from(exc: BaseException) -> list[BaseException]:
    """Return the members of a group, and the cause of *exc*, unless that was its context.

    Starlette's BaseHTTPMiddleware raises an exception again, ``from`` its context. Then a ``raise``
    without ``from`` made it, and another one has ``from``. A context that *exc* quotes counts.
    """
    # Without a parent, the text is short.
    entries, text = list(iter_traceback(traceback_of(exc))), text_of(parent_of(exc))
    made_by = _instruction(entries[-1]) if entries else _RAISE_FROM
    # An AttributeError has the name of a KeyError in it; nobody has quoted that.
    if made_by[:1] == (_RAISE,) and len(text) >= SHORTEST_TEXT and text[:1000] in text_of(exc):
        return all_causes(exc)
    if cause_of(exc) is None or made_by == _RAISE_FROM:
        return explicit_causes(exc)
    context: BaseException | None = _FIELDS["__context__"].__get__(exc)
    # A task group has ended between the two, in newer releases of Starlette.
    is_grouped = context is not None and any(each is exc for each in group_members(context))
    is_context = is_grouped or _RAISE_FROM in map(_instruction, entries)
    return [*group_members(exc)] if is_context else explicit_causes(exc)


def iter_chain(exc: BaseException, sources: Sources = all_causes) -> Iterator[BaseException]:
    """Yield *exc* and everything that it came from, each exception once, *exc* first."""
    seen: set[int] = set()
    waiting = [exc]
    while waiting and len(seen) < MAX_LINKS:
        exc = waiting.pop()
        if id(exc) not in seen:
            seen.add(id(exc))
            yield exc
            waiting += reversed(sources(exc))


def ends_of_chain(exc: BaseException) -> tuple[list[BaseException], int]:
    """Return *exc* and what it came from, the newest 50 and the oldest 50; how many are omitted."""
    links = list(iter_chain(exc))
    half, omitted = MAX_ON_EVENT // 2, max(len(links) - MAX_ON_EVENT, 0)
    if omitted:
        del links[half:-half]
    return links, omitted


def iter_explicit(exc: BaseException) -> Iterator[BaseException]:
    """Yield *exc*, the members of its group, and what it was raised ``from``, each once.

    Not a context that it does not quote: what was raised in the handling of another is news (C1).
    """
    return iter_chain(exc, _raised_from)


def holds(
    exc: BaseException, rule: Callable[[BaseException, set[int]], bool], sources: Sources
) -> bool:
    """Return True if *rule* holds for *exc*.

    It is asked for what *exc* came from first. It gets the ids of the exceptions for which it
    holds; in a ring, it does not hold for the one that was asked last.
    """
    true: set[int] = set()
    if not sources(exc):
        return rule(exc, true)
    seen: set[int] = set()
    waiting = [(exc, False)]
    while waiting:
        link, is_due = waiting.pop()
        if is_due:
            if rule(link, true):
                true.add(id(link))
        elif id(link) not in seen and len(seen) < MAX_LINKS:
            seen.add(id(link))
            waiting.append((link, True))
            waiting += [(source, False) for source in sources(link)]
    return id(exc) in true


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
    seen: set[int] = set()
    while exc is not None and status_of(exc) is not None:
        seen.add(id(exc))
        exc = next(iter(causes(exc)), None)
        if id(exc) in seen or len(seen) >= MAX_LINKS:
            return None
    return exc


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
    except BaseException:  # noqa: BLE001 # __str__ is code of the application; also sys.exit() in it
        return ""


class _Marked(dict[str, Any]):
    """The attributes of an exception that is on the event *event_id*; no copy has the mark.

    *owner* is its id: another exception may be given the same attributes. *traceback* and *thread*
    are those when the event left. *on_event*: False if a boundary has decided on no event.
    """

    __slots__ = ("event_id", "in_request", "on_event", "owner", "thread", "traceback")
    event_id: str | None
    owner: int
    traceback: TracebackType | None
    thread: int
    in_request: bool
    on_event: bool

    def __reduce_ex__(self, _protocol: Any) -> tuple[Any, ...]:
        return dict, (), None, None, iter(self.items())


def _iter_marks(links: Iterable[BaseException]) -> Iterator[tuple[BaseException, _Marked]]:
    for link in links:
        mark = _FIELDS["__dict__"].__get__(link)
        if type(mark) is _Marked and mark.owner == id(link):
            yield link, mark


def was_captured(exc: BaseException) -> bool:
    """Return True if *exc* is on an event already, or an exception that it was raised ``from``.

    False if that was raised again since then.
    """
    return bool(event_ids(exc))


def was_decided(exc: BaseException) -> bool:
    """Return True if *exc* is on an event, or if a boundary has decided that it is on none."""
    marks = _iter_marks(iter_explicit(exc))
    return any(not _is_raised_again(link, mark) for link, mark in marks)


def event_ids(exc: BaseException, *, in_request: bool = True) -> list[str | None]:
    """Return the ids of the events that *exc* is on: see :func:`was_captured`.

    *in_request*: also of those that left inside a request.
    """
    return [
        mark.event_id
        for link, mark in _iter_marks(iter_explicit(exc))
        if mark.on_event
        and (in_request or not mark.in_request)
        and not _is_raised_again(link, mark)
    ]


def mark_captured(exc: BaseException, event_id: str | None, *, in_request: bool) -> None:
    """Remember that *exc* is on an event, with the exceptions that it was raised ``from``."""
    for link in islice(iter_explicit(exc), MAX_MARKED):
        _mark(link, event_id, in_request=in_request)


def mark_decided(exc: BaseException) -> None:
    """Remember that a boundary has decided on *exc*, which goes on to the server."""
    if not any(not _is_raised_again(link, mark) for link, mark in _iter_marks([exc])):
        _mark(exc, None, in_request=True, on_event=False)


def _mark(
    exc: BaseException, event_id: str | None, *, in_request: bool, on_event: bool = True
) -> None:
    # Past __setattr__ and __slots__ of the class.
    mark = _Marked(_FIELDS["__dict__"].__get__(exc))
    mark.owner, mark.in_request, mark.on_event = id(exc), in_request, on_event
    mark.event_id, mark.traceback, mark.thread = event_id, traceback_of(exc), threading.get_ident()
    _FIELDS["__dict__"].__set__(exc, mark)


def claim_outside_request(exc: BaseException) -> bool:
    """Return True if *exc* was captured where its request was unknown, as in a worker thread.

    True once: the next request that raises the same instance has a failure of its own (C4, C6).
    """
    here, claimed = threading.get_ident(), False
    for link, mark in _iter_marks(iter_explicit(exc)):
        # What comes from another thread may have been raised again to get here.
        is_new = mark.thread == here and _is_raised_again(link, mark)
        if not mark.in_request and not is_new:
            mark.in_request = claimed = True
    return claimed


def _is_raised_again(exc: BaseException, mark: _Marked) -> bool:
    """Return True if *exc* was raised anew, and did not only go on, since it got *mark*.

    Python puts an entry in front of the traceback for each frame that an exception leaves, and
    leaves the entries there if the exception is raised anew. The entry before the old ones is
    then that of a ``raise``.
    """
    old, newest = set(map(id, iter_traceback(mark.traceback))), None
    for entry in iter_traceback(traceback_of(exc)):
        if id(entry) in old:
            break
        newest = entry
    else:
        # The old traceback was removed. An exception that has none was not raised again.
        return bool(old) and newest is not None
    if newest is None:
        return False
    if newest.tb_frame is entry.tb_frame:
        # The same instruction is that of a loop; another one, `raise error` in an except block.
        return newest.tb_lasti == entry.tb_lasti
    module = newest.tb_frame.f_globals.get("__name__")
    return _instruction(newest)[0] == _RAISE and module not in _PASSING_ON


def _instruction(entry: TracebackType) -> tuple[int, ...]:
    """Return the instruction of *entry*: its code, and its argument."""
    return tuple(entry.tb_frame.f_code.co_code[entry.tb_lasti :][:2])


def iter_traceback(entry: TracebackType | None) -> Iterator[TracebackType]:
    """Yield the entries of a traceback, the outermost first."""
    while entry is not None:
        yield entry
        entry = entry.tb_next

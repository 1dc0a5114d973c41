"""The exception section of an event: chains, groups and their mechanisms."""

from __future__ import annotations

import sys
from typing import Any

from sentryinit import testing
from sentryinit._sdk.exceptions import MAX_LINKS
from sentryinit._state import STATE

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup
else:
    from builtins import ExceptionGroup


def caught(exc: BaseException, cause: BaseException | None = None) -> BaseException:
    """Raise and catch *exc*, so that it has a traceback."""
    try:
        raise exc from cause
    except BaseException as error:
        return error


def values(exc: BaseException) -> list[dict[str, Any]]:
    """Report *exc*; return the exceptions of its event."""
    with testing.capture("shop") as box:
        assert STATE.reporter is not None
        STATE.reporter.capture_unhandled(exc, "test")
    found: list[dict[str, Any]] = box.events[0]["exception"]["values"]
    return found


def links(exc: BaseException) -> list[tuple[Any, ...]]:
    """Return type, id, parent id and source of each exception, the outermost first."""
    names = ("exception_id", "parent_id", "source")
    return [
        (value["type"], *(value["mechanism"].get(name) for name in names))
        for value in reversed(values(exc))
    ]


def test_group_members_are_on_the_event() -> None:
    """The members of a group are on the event, on every Python."""
    group = caught(ExceptionGroup("both", [caught(KeyError("a")), caught(ValueError("b"))]))

    assert links(group) == [
        ("ExceptionGroup", 0, None, None),
        ("KeyError", 1, 0, "exceptions[0]"),
        ("ValueError", 2, 0, "exceptions[1]"),
    ]


def test_group_is_marked_as_exception_group() -> None:
    """The mechanism marks the group, so that a backend shows its tree."""
    *group_members, group = values(caught(ExceptionGroup("both", [KeyError("a"), ValueError("b")])))

    assert group["mechanism"]["is_exception_group"] is True
    assert [value["mechanism"].get("is_exception_group") for value in group_members] == [None, None]


def test_members_of_a_group_that_is_a_cause_are_on_the_event() -> None:
    """The members of a group that is the cause of an exception are on the event."""
    group = caught(ExceptionGroup("both", [KeyError("a"), ValueError("b")]))

    assert links(caught(RuntimeError("c"), group)) == [
        ("RuntimeError", 0, None, None),
        ("ExceptionGroup", 1, 0, "__cause__"),
        ("KeyError", 2, 1, "exceptions[0]"),
        ("ValueError", 3, 1, "exceptions[1]"),
    ]


def test_context_of_a_member_is_on_the_event() -> None:
    """The chain of a member is on the event."""
    try:
        try:
            raise KeyError("a")
        except KeyError:
            raise ValueError("b")  # noqa: B904 # an implicit context is the case
    except ValueError as error:
        member = error

    assert links(ExceptionGroup("one", [member])) == [
        ("ExceptionGroup", 0, None, None),
        ("ValueError", 1, 0, "exceptions[0]"),
        ("KeyError", 2, 1, "__context__"),
    ]


def test_group_and_member_have_their_own_frames() -> None:
    """Group and members have their own stack traces."""
    member = caught(KeyError("a"))
    group = caught(ExceptionGroup("one", [member]))

    functions = [
        [frame["function"] for frame in value["stacktrace"]["frames"]] for value in values(group)
    ]
    assert functions == [["caught"], ["caught"]]


def test_cycle_through_a_group_ends() -> None:
    """A member whose cause is its own group is on the event once."""
    member = ValueError("b")
    group = ExceptionGroup("one", [member])
    member.__cause__ = group

    assert [row[0] for row in links(group)] == ["ExceptionGroup", "ValueError"]


def test_large_group_is_truncated() -> None:
    """The number of members is bounded, and the group itself is always on the event."""
    group = ExceptionGroup("many", [ValueError(str(number)) for number in range(1000)])
    found = values(group)

    assert len(found) == MAX_LINKS
    assert found[-1]["type"] == "ExceptionGroup"

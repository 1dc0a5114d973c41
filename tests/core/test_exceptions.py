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


def told(exc: BaseException) -> list[tuple[Any, ...]]:
    """Return type, number, parent and way of each exception, the outermost first."""
    names = ("exception_id", "parent_id", "source")
    return [
        (value["type"], *(value["mechanism"].get(name) for name in names))
        for value in reversed(values(exc))
    ]


def test_a_group() -> None:
    """Its group_members are on the event, on every Python."""
    group = caught(ExceptionGroup("both", [caught(KeyError("a")), caught(ValueError("b"))]))

    assert told(group) == [
        ("ExceptionGroup", 0, None, None),
        ("KeyError", 1, 0, "exceptions[0]"),
        ("ValueError", 2, 0, "exceptions[1]"),
    ]


def test_a_group_says_that_it_is_one() -> None:
    """A backend shows the tree of it then."""
    *group_members, group = values(caught(ExceptionGroup("both", [KeyError("a"), ValueError("b")])))

    assert group["mechanism"]["is_exception_group"] is True
    assert [value["mechanism"].get("is_exception_group") for value in group_members] == [None, None]


def test_a_group_inside_a_chain() -> None:
    """Members of a group that is a cause are on the event as well."""
    group = caught(ExceptionGroup("both", [KeyError("a"), ValueError("b")]))

    assert told(caught(RuntimeError("c"), group)) == [
        ("RuntimeError", 0, None, None),
        ("ExceptionGroup", 1, 0, "__cause__"),
        ("KeyError", 2, 1, "exceptions[0]"),
        ("ValueError", 3, 1, "exceptions[1]"),
    ]


def test_the_context_of_a_member() -> None:
    """A member's own chain is on the event."""
    try:
        try:
            raise KeyError("a")
        except KeyError:
            raise ValueError("b")  # noqa: B904 # an implicit context is the case
    except ValueError as error:
        member = error

    assert told(ExceptionGroup("one", [member])) == [
        ("ExceptionGroup", 0, None, None),
        ("ValueError", 1, 0, "exceptions[0]"),
        ("KeyError", 2, 1, "__context__"),
    ]


def test_each_has_its_stack() -> None:
    """The frames of group and group_members are their own."""
    member = caught(KeyError("a"))
    group = caught(ExceptionGroup("one", [member]))

    functions = [
        [frame["function"] for frame in value["stacktrace"]["frames"]] for value in values(group)
    ]
    assert functions == [["caught"], ["caught"]]


def test_a_ring_through_a_group() -> None:
    """A member whose cause is its own group is there once."""
    member = ValueError("b")
    group = ExceptionGroup("one", [member])
    member.__cause__ = group

    assert [row[0] for row in told(group)] == ["ExceptionGroup", "ValueError"]


def test_a_very_large_group() -> None:
    """What a group may have group_members of is bounded, and the group itself is always there."""
    group = ExceptionGroup("many", [ValueError(str(number)) for number in range(1000)])
    found = values(group)

    assert len(found) == MAX_LINKS
    assert found[-1]["type"] == "ExceptionGroup"

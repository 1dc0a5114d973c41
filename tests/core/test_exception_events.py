"""The exception section of an event: chains, groups and their mechanisms."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import sentry_sdk

from sentryinit import testing
from sentryinit._policy.exceptions import MAX_ON_EVENT
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

    assert len(found) == MAX_ON_EVENT
    assert found[-1]["type"] == "ExceptionGroup"


def contexts(count: int) -> BaseException:
    """Return an exception that has *count* contexts, numbered from the oldest one."""
    exc: BaseException = ValueError(0)
    for number in range(1, count + 1):
        before, exc = exc, ValueError(number)
        exc.__context__ = before
    return exc


@pytest.mark.parametrize("count", [1000, 5000, 100_000])
def test_long_chain_keeps_its_ends(count: int) -> None:
    """Of a long chain the newest and the oldest exceptions are on the event."""
    found = [int(value["value"]) for value in values(contexts(count))]

    assert found == [*range(50), *range(count - 49, count + 1)]


def test_chain_that_fits_is_whole() -> None:
    """A chain of 100 exceptions is not cut, and the event does not say so."""
    with testing.capture("shop") as box:
        sentry_sdk.capture_exception(contexts(99))
        sentry_sdk.capture_exception(contexts(100))

    whole, cut = box.events
    assert "sentryinit" not in whole["contexts"]
    assert cut["contexts"]["sentryinit"] == {"cut": True}
    assert [len(event["exception"]["values"]) for event in box.events] == [100, 100]
    omitted = [value["mechanism"].get("data") for value in cut["exception"]["values"]]
    assert omitted == [None] * 50 + [{"omitted": 1}] + [None] * 49


def test_nested_groups_hang_together() -> None:
    """What came from an exception that is left out hangs on the last one before the gap."""
    group = ExceptionGroup("oldest", [ValueError("first")])
    for number in range(1000):
        group = ExceptionGroup(str(number), [group])
    *_, newest = rows = links(group)

    assert rows[0][0:3] == ("ExceptionGroup", 0, None)
    assert [parent for _type, _id, parent, _how in rows[1:]] == list(range(99))
    assert newest == ("ValueError", 99, 98, "exceptions[0]")


@pytest.mark.parametrize("number", range(3))
def test_application_s_own_capture_sees_groups(number: int) -> None:
    """A group anywhere in the chain is on the event of ``capture_exception`` as well."""
    exc = caught(ExceptionGroup("both", [KeyError("a"), ValueError("b")]))
    for _ in range(number):
        exc = caught(RuntimeError("c"), exc)
    with testing.capture("shop") as box:
        sentry_sdk.capture_exception(exc)

    types = [value["type"] for value in box.events[0]["exception"]["values"]]
    assert types == ["ValueError", "KeyError", "ExceptionGroup", *["RuntimeError"] * number]


def test_capture_without_an_exception_is_an_event() -> None:
    """``capture_exception()`` outside of an ``except`` block works as in sentry-sdk."""
    with testing.capture("shop") as box:
        sentry_sdk.capture_exception()

    assert len(box.events) == 1


class Unreadable(Exception):
    """An exception with attributes that sentry-sdk reads, and that raise."""

    @property
    def message(self) -> str:
        """Raise."""
        raise ZeroDivisionError

    __notes__ = errno = message


def test_exception_that_cannot_be_read_is_on_the_event() -> None:
    """An exception whose attributes raise has its class, its text and its frames."""
    (value,) = values(caught(Unreadable("no stock")))

    assert (value["type"], value["value"]) == ("Unreadable", "no stock")
    assert value["stacktrace"]["frames"][-1]["function"] == "caught"

"""Chains and groups of exceptions, responses with a cause, and exit codes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from linked import Response, during, from_, linked_exceptions, status_of

from sentryinit._policy import exceptions
from sentryinit._policy.aborts import RequestState, is_abort
from sentryinit._policy.exceptions import (
    causes,
    exit_code,
    group_members,
    iter_chain,
    iter_explicit,
    unwrap_response,
    was_captured,
)
from sentryinit._policy.ignore_rules import IgnoreRules

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup


def test_cause_is_preferred_to_context() -> None:
    """If an exception has a cause, its context is ignored."""
    cause, context = ValueError(), KeyError()

    assert causes(during(from_(OSError(), cause), context)) == [cause]


def test_suppressed_context_is_ignored() -> None:
    """``raise X from None`` means that X has no cause."""
    exc = during(OSError(), KeyError())
    exc.__suppress_context__ = True

    assert causes(exc) == []


def test_members_are_the_causes_of_a_group() -> None:
    """The causes of a group are its members."""
    one, two = ValueError(), KeyError()

    assert causes(ExceptionGroup("both", [one, two])) == [one, two]


@pytest.mark.parametrize("value", [None, [ValueError()], ("text",), "text", 5])
def test_attribute_named_exceptions_makes_no_group(value: object) -> None:
    """An exception with an attribute ``exceptions`` of its own is no group."""
    exc = ValueError()
    exc.exceptions = value  # type: ignore[attr-defined] # the application's own

    assert group_members(exc) == ()


def test_iter_chain_yields_members_and_cause_of_a_group() -> None:
    """The chain of a group contains its cause as well as its members."""
    cause, member = KeyError(), ValueError()
    group = from_(ExceptionGroup("g", [member]), cause)

    assert set(map(id, iter_chain(group))) == {id(group), id(member), id(cause)}


@given(linked_exceptions())
def test_iter_chain_yields_each_exception_once(exc: BaseException) -> None:
    """With any links, cycles as well, iter_chain ends."""
    found = [id(link) for link in iter_chain(exc)]

    assert len(found) == len(set(found))


def test_unwrap_response_returns_the_cause() -> None:
    """An error that a response was raised from is the one to report."""
    error = ValueError()

    assert unwrap_response(from_(Response(503), error), status_of) is error


def test_unwrap_response_returns_the_context() -> None:
    """A response that was raised in an except block has the error as its context."""
    error = ValueError()

    assert unwrap_response(during(Response(503), error), status_of) is error


def test_unwrap_response_without_cause_is_none() -> None:
    """A response without cause or context is not an error."""
    assert unwrap_response(Response(503), status_of) is None


def test_unwrap_response_of_none_is_none() -> None:
    """Without an exception there is no error."""
    assert unwrap_response(None, status_of) is None


def test_unwrap_response_ends_in_a_cycle() -> None:
    """A cycle of responses contains no error."""
    one, two = Response(500), Response(503)
    one.__cause__, two.__cause__ = two, one

    assert unwrap_response(one, status_of) is None


# -- long chains -----------------------------------------------------------------------------------


def chain(count: int, link: Callable[[BaseException, BaseException], object]) -> BaseException:
    """Return an exception with *count* others behind it, the oldest one a ``KeyError``."""
    exc: BaseException = KeyError()
    for _ in range(count):
        before, exc = exc, ValueError()
        link(exc, before)
    return exc


@pytest.mark.parametrize("count", [1000, 5000, 100_000])
@pytest.mark.parametrize("link", [during, from_])
def test_chain_is_walked_to_its_end(count: int, link: Any) -> None:
    """No walk over a chain is recursive, and each one sees the oldest exception."""
    exc = chain(count, link)
    rules = IgnoreRules(errors=[KeyError])

    assert sum(1 for _ in iter_chain(exc)) == count + 1
    assert rules.ignores_error(exc) == (link is from_)
    assert is_abort(exc, RequestState(aborts=(KeyError,)))
    assert not is_abort(exc)
    assert sum(1 for _ in iter_explicit(exc)) == (1 if link is during else count + 1)
    assert type(unwrap_response(exc, lambda e: 503 if type(e) is ValueError else None)) is KeyError


@pytest.mark.parametrize("walked", [iter_chain, iter_explicit])
def test_nested_groups_are_walked_to_their_end(walked: Any) -> None:
    """Neither is a walk over groups in groups."""
    exc: BaseException = KeyError()
    for _ in range(5000):
        exc = ExceptionGroup("g", [exc])

    assert type(list(walked(exc))[-1]) is KeyError
    assert IgnoreRules(errors=[KeyError]).ignores_error(exc)
    assert is_abort(exc, RequestState(aborts=(KeyError,)))


def test_walk_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a limit, so that no chain takes more than a second."""
    monkeypatch.setattr(exceptions, "MAX_LINKS", 10)
    exc = chain(20, from_)

    assert sum(1 for _ in iter_chain(exc)) == 10
    assert not IgnoreRules(errors=[KeyError]).ignores_error(exc)
    assert unwrap_response(exc, lambda _: 503) is None


@pytest.mark.parametrize("member", [KeyError, OSError])
def test_members_that_share_a_cause_are_judged_by_it(member: type[Exception]) -> None:
    """The members of a group may come from the same exception, by different ways."""
    cause = member()
    one, two = from_(ValueError(), cause), from_(ValueError(), from_(ValueError(), cause))
    group = ExceptionGroup("g", [one, two, cause])  # type: ignore[type-var] # these are Exceptions

    assert IgnoreRules(errors=[KeyError]).ignores_error(group) == (member is KeyError)
    assert is_abort(group, RequestState(aborts=(KeyError,))) == (member is KeyError)


# -- exit codes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exc", "code"),
    [
        (SystemExit(), 0),
        (SystemExit(None), 0),
        (SystemExit(0), 0),
        (SystemExit(False), 0),  # False is 0
        (SystemExit(3), 3),
        (SystemExit("message"), 1),
        (SystemExit(""), 1),
        (ValueError(), None),
        (KeyboardInterrupt(), None),
    ],
)
def test_exit_code(exc: BaseException, code: int | None) -> None:
    """The code is that of the interpreter; a text means 1."""
    assert exit_code(exc) == code


def test_long_texts_of_a_chain_cost_little() -> None:
    """A loop has tried again, each time with the same megabyte of SQL in its error."""
    text = "no stock " * 100_000
    error = ValueError(text)
    for _ in range(2000):
        before, error = error, ValueError(text)
        error.__context__ = before
    start = time.process_time()

    assert not was_captured(error)

    assert time.process_time() - start < 0.3

"""Middlewares outside of a boundary: what they answer, or raise, is seen by nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sentryinit._config.checks import Problem, wrong_order
from sentryinit._state import STATE, note_problem


def order_problems(outside: Iterable[object], hint: str) -> Iterator[Problem]:
    """Yield the problem of middlewares *outside* of a boundary; *hint*: what to do.

    Not if a generic boundary may be around them all.
    """
    names = [
        each if isinstance(each, str) else getattr(each, "__qualname__", type(each).__qualname__)
        for each in outside
    ]
    if names and not {"wsgi", "asgi"} & {*STATE.boundaries}:
        yield wrong_order(names, hint)


def check_order(outside: Iterable[object], hint: str) -> None:
    """Warn, for an adapter, of middlewares *outside* of its boundary; *hint*: what to do."""
    for problem in order_problems(outside, hint):
        note_problem(problem)

"""``job``: a unit of work outside of requests, as a context manager and as a decorator."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from sentryinit._state import STATE

P = ParamSpec("P")
T = TypeVar("T")


def job(name: str, /) -> Job:
    """Return a context manager, and a decorator of functions, for work outside of requests.

    What is set on the scopes inside stays inside, and an exception that leaves is one event, with
    *name* as its transaction; then it goes on. ``async`` functions may be decorated as well. Does
    nothing if reporting is off.
    """
    given: object = name
    if not isinstance(given, str) or not given:
        got = "an empty text" if given == "" else f"a {type(given).__name__}"
        raise TypeError(f'job() expects a name, as in sentryinit.job("nightly-report"), got {got}')
    return Job(name)


class Job:
    """What :func:`job` returns; it can be entered again, and by several threads and tasks."""

    def __init__(self, name: str) -> None:
        self._name = name
        # The captures that are open.
        self._open: list[Any] = []

    def __enter__(self) -> None:
        if STATE.reporter is not None:
            # With a reporter, it is imported already.
            from sentryinit._boundary.jobs import open_job

            self._open.append(open_job(self._name))

    def __exit__(self, _type: object, exc: BaseException | None, _traceback: object) -> None:
        if self._open:
            # With a job open, it is imported already.
            from sentryinit._boundary.jobs import close_job

            close_job(self._open, exc)

    def __call__(self, function: Callable[P, T], /) -> Callable[P, T]:
        """Return *function* so that each call is a job."""
        # Nobody else needs it before a job is decorated.
        import inspect

        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"job() cannot decorate a generator: use `with job({self._name!r}):`")
        given: object = function
        if inspect.isclass(given) or not callable(given):
            wanted = "job() decorates a function, below @staticmethod and the like"
            raise TypeError(f"{wanted}; got {getattr(given, '__name__', type(given).__name__)}")

        async def finish(result: Any) -> Any:
            with Job(self._name):
                return await result

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> T:
            with Job(self._name):
                result = function(*args, **kwargs)
            # Its work begins when it is awaited.
            return finish(result) if inspect.iscoroutine(result) else result  # type: ignore[return-value] # T is a coroutine then

        @functools.wraps(function)
        async def run_coroutine(*args: Any, **kwargs: Any) -> Any:
            return await finish(function(*args, **kwargs))

        return run_coroutine if inspect.iscoroutinefunction(function) else run  # type: ignore[return-value] # likewise

"""What is only FastAPI's: included routers, validation, dependencies with ``yield``.

FastAPI is not imported: an application that uses it has done so.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Iterable
from contextlib import AsyncExitStack
from typing import Any

from sentryinit import adapters


def flatten(routes: Iterable[Any]) -> Iterable[Any]:
    """Return *routes*, with those of included routers, which recent releases nest."""
    iter_contexts = getattr(sys.modules.get("fastapi.routing"), "iter_route_contexts", None)
    return iter_contexts(routes) if iter_contexts else routes


def status_of(exc: BaseException) -> int | None:
    """Return the status of *exc* if it is the exception for a wrong request."""
    invalid = getattr(sys.modules.get("fastapi.exceptions"), "RequestValidationError", ())
    return 422 if isinstance(exc, invalid) else None


class _ObservedStack(AsyncExitStack):
    """The stack of the dependencies of a request; a request without them pays nothing."""

    # Not async, like the methods below: a plain function costs half.
    def enter_async_context(self, cm: Any) -> Any:
        return super().enter_async_context(_Dependency(cm) if hasattr(cm, "__aexit__") else cm)

    @classmethod
    def __subclasshook__(cls, other: type) -> Any:
        # FastAPI checks that a stack in the scope, also one of the application, is of this class.
        # Not issubclass(), which asks the subclasses of AsyncExitStack, and so this method.
        return AsyncExitStack in other.__mro__ or NotImplemented


class _Dependency:
    """A dependency that notes the exception that it swallows.

    FastAPI then raises an error of its own, which does not refer to the swallowed one.
    """

    __slots__ = ("_cm",)

    def __init__(self, cm: Any) -> None:
        self._cm = cm

    def __aenter__(self) -> Any:
        return self._cm.__aenter__()

    def __aexit__(self, *details: Any) -> Any:
        leaving = self._cm.__aexit__(*details)
        # A task group swallows the cancellation that it has caused.
        return (
            _note_swallowed(leaving, details[1]) if isinstance(details[1], Exception) else leaving
        )


async def _note_swallowed(leaving: Awaitable[bool | None], exc: Exception) -> bool | None:
    is_swallowed = await leaving
    if is_swallowed:
        adapters.note_exception(exc, handled=False)
    return is_swallowed


def observe_dependencies() -> None:
    """Give FastAPI the observed stack, if the process uses FastAPI; it has no hook for this."""
    routing: Any = sys.modules.get("fastapi.routing")
    if getattr(routing, "AsyncExitStack", None) is AsyncExitStack:
        routing.AsyncExitStack = _ObservedStack

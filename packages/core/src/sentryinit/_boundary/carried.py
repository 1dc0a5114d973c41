"""What hangs in an environ or scope."""

from __future__ import annotations

from typing import Any


class Carried:
    """A base class: in a request that is copied, pickled or printed, the object is nothing (E1).

    A shallow copy of the request keeps it: mounts copy the scope.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()

    def __repr__(self) -> str:
        return "None"

"""What hangs in an environ or scope."""

from __future__ import annotations

from typing import Any


class Carried(str):
    """An empty text, as which it is copied, pickled, printed and made JSON of (E1).

    A shallow copy of the request keeps it, with its *capture*: mounts copy the scope.
    """

    __slots__ = ("capture",)
    capture: Any

    def __reduce__(self) -> tuple[Any, ...]:
        return str, ()

"""What ``init`` leaves behind for the rest of the process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentryinit._report import Reporter
    from sentryinit._settings import Settings


def _nothing(*_: object) -> None: ...


# In the order of the slots.
_AT_FIRST = (_nothing, _nothing, _nothing, (), None, None, _nothing, None)


class State:
    """*settings* once ``init`` has run; *reporter* if it is on.

    A request begins with *isolate(untouched)* and *set_current(None)*, unless *isolation()* and
    *current()* say that it is so already: all four are context variables' own methods.
    *left_out* names the boundaries that were built while there was no DSN, and so are not there.
    """

    # Every request reads them: a slot is read in a third of the time.
    __slots__ = (
        *("current", "isolate", "isolation", "left_out"),
        *("reporter", "settings", "set_current", "untouched"),
    )
    settings: Settings | None
    reporter: Reporter | None
    isolation: Callable[[], object]
    isolate: Callable[[Any], object]
    untouched: object
    current: Callable[[], object]
    set_current: Callable[[Any], object]
    left_out: tuple[str, ...]

    def __init__(self) -> None:
        self.replace()

    def replace(self, values: tuple[Any, ...] = _AT_FIRST) -> tuple[Any, ...]:
        """Take on *values*, or what there is before ``init``; return those of until now."""
        before = tuple(getattr(self, name, None) for name in State.__slots__)
        for name, value in zip(State.__slots__, values, strict=True):
            setattr(self, name, value)
        return before


STATE = State()

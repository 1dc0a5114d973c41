"""What ``init`` leaves behind for the rest of the process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentryinit._config.settings import Settings
    from sentryinit._reporter import Reporter


def nothing(*_: object) -> None:
    """Stand for what there is nothing to do or to ask."""


_AT_FIRST: dict[str, Any] = {
    "settings": None,
    "reporter": None,
    "isolation": nothing,
    "isolate": nothing,
    "untouched": None,
    "current": nothing,
    "set_current": nothing,
    "left_out": (),
}


class State:
    """*settings* once ``init`` has run; *reporter* if it is on.

    A request begins with *isolate(untouched)* and *set_current(None)*, unless *isolation()* and
    *current()* say that it is so already: all four are context variables' own methods.
    *left_out* names the boundaries that were built while there was no DSN, and so are not there.
    """

    # Every request reads them: a slot is read in a third of the time.
    __slots__ = tuple(_AT_FIRST)
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

    def replace(self, values: dict[str, Any] = _AT_FIRST) -> dict[str, Any]:
        """Take on *values*, or what there is before ``init``; return those of until now."""
        before = {name: getattr(self, name, None) for name in _AT_FIRST}
        for name, value in values.items():
            setattr(self, name, value)
        return before


STATE = State()

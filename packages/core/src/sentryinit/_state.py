"""What ``init`` leaves behind for the rest of the process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentryinit._report import Reporter
    from sentryinit._settings import Settings


def _nothing() -> None: ...


class State:
    """*settings* once ``init`` has run; *reporter* if it is on; *begin* starts a request's scope.

    *lazily* is what *begin* works with, where that can be done without a call of it.
    *left_out* names the boundaries that were built while there was no DSN, and so are not there.
    """

    settings: Settings | None = None
    reporter: Reporter | None = None
    begin: Callable[[], None] = staticmethod(_nothing)
    lazily: tuple[Any, Any, Any] | None = None
    left_out: tuple[str, ...] = ()


STATE = State()

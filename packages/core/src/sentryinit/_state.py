"""The state of the process, and what the lower layers may ask of the reporter and the scopes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import logging

    from sentryinit._config.settings import Settings
    from sentryinit._policy.verdict import Reason, Seen, Verdict


class Reporter(Protocol):
    """What a capture asks of the reporter; none of these methods raises."""

    def report(self, capture: Any, seen: Seen) -> Verdict:
        """Decide on a failure of the request of *capture*, and report it."""

    def is_limited(self, key: Hashable) -> bool:
        """Return True if a failure of the kind *key* would give no event now."""

    def explain(self, reason: Reason, exc: BaseException | None, capture: Any) -> None:
        """Count *reason*, and log at DEBUG why there is no event."""

    def capture_unhandled(self, exc: BaseException, mechanism: str) -> None:
        """Report an exception that nobody handled, outside of any request."""

    def capture_record(self, record: logging.LogRecord) -> None:
        """Make an event of a deferred log record."""

    def flush(self, *, last: bool = False) -> None:
        """Send what is queued."""

    def send_summary(self) -> None:
        """Report what the storm guard has suppressed."""

    def stats(self) -> dict[str, int]:
        """Return the counts."""

    def after_fork(self) -> None:
        """Start anew in a forked process."""


class Scopes(Protocol):
    """How a request gets its isolation scope.

    A request starts with ``set_isolation(unforked)`` and ``set_current(None)``, unless
    ``get_isolation()`` and ``get_current()`` say that this is so already. All four are methods of
    context variables: written in C, they cost a good request 0.07 us in all.
    """

    unforked: object
    get_isolation: Callable[[], object]
    set_isolation: Callable[[Any], object]
    get_current: Callable[[], object]
    set_current: Callable[[Any], object]

    def save(self) -> Callable[[], None]:
        """Return a function that restores the scopes of now."""


def no_op(*_: object) -> None:
    """Do nothing, return None."""


class NoScopes:
    """The scopes where reporting is off: requests change nothing."""

    unforked = None
    get_isolation = set_isolation = get_current = set_current = staticmethod(no_op)

    def save(self) -> Callable[[], None]:
        """Return a function that does nothing."""
        return no_op


class State:
    """*settings* once ``init`` has run, *reporter* and *scopes* if reporting is on.

    *skipped* names the boundaries that were built while there was no DSN, and are not installed.
    """

    # A slot is read in a third of the time of a dictionary's entry.
    __slots__ = ("reporter", "scopes", "settings", "skipped")
    settings: Settings | None
    reporter: Reporter | None
    scopes: Scopes
    skipped: tuple[str, ...]

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Return to what there is before ``init``."""
        self.settings, self.reporter, self.skipped = None, None, ()
        self.scopes = NoScopes()

    def save(self) -> Callable[[], None]:
        """Return a function that restores the state of now."""
        saved = {name: getattr(self, name) for name in self.__slots__}

        def restore() -> None:
            for name, value in saved.items():
                setattr(self, name, value)

        return restore


STATE = State()

"""The state of the process, and what the lower layers may ask of the reporter and the scopes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sentryinit._logger import log

if TYPE_CHECKING:
    from sentryinit._config.checks import Problem
    from sentryinit._config.settings import Settings
    from sentryinit._policy.verdict import Reason, Seen, Verdict


class Reporter(Protocol):
    """What the lower layers ask of the reporter; none of it raises."""

    # Any: captures are in a higher layer.
    def report(self, capture: Any, seen: Seen, /) -> Verdict: ...
    def is_limited(self, key: Hashable, /) -> bool: ...
    def expects(self, capture: Any, seen: Seen, key: Hashable, /) -> bool: ...
    def explain(self, reason: Reason, exc: BaseException | None, capture: Any, /) -> None: ...
    def capture_unhandled(self, exc: BaseException, mechanism: str, /) -> None: ...
    def admit(self, seen: Seen, key: Hashable, label: str, capture: Any, /) -> int | None: ...
    def internal_error(self, error: Exception, exc: BaseException | None, /) -> None: ...
    def drop(self, key: Hashable, suppressed: int, /) -> None: ...
    def waiting(self) -> bool: ...
    def flush(self, *, last: bool = False) -> None: ...
    def send_summary(self) -> None: ...
    def after_fork(self) -> None: ...
    def stats(self) -> dict[str, int]: ...
    def why_off(self) -> str: ...
    @property
    def sdk_version(self) -> str: ...


def no_op(*_: object) -> Any:
    """Do nothing, return None."""


class Scopes(NamedTuple):
    """How a request gets its isolation scope; by default, where reporting is off, it gets none.

    A request starts with ``set_isolation(unforked)`` and ``set_current(None)``, unless that is so
    already. These four are methods of context variables, written in C: 0.07 us of a good request.
    ``save()`` returns a function that restores the scopes of now. ``enter(capture)`` makes its
    request the current one; ``leave(capture)`` returns to the scope of the start-up, where it is.
    """

    unforked: object = None
    get_isolation: Callable[[], object] = no_op
    set_isolation: Callable[[Any], object] = no_op
    get_current: Callable[[], object] = no_op
    set_current: Callable[[Any], object] = no_op
    save: Callable[[], Callable[[], None]] = lambda: no_op
    # Any: captures are in a higher layer.
    enter: Callable[[Any], object] = no_op
    leave: Callable[[Any], object] = no_op


class State:
    """*settings* once ``init`` has run, *reporter* and *scopes* if reporting is on.

    *boundaries*: the names of the adapters that were set up; without a DSN they are not installed.
    *problems*: what was noticed since then. *command*: the command of a framework's own program,
    such as ``migrate``. *why_off*: why there is no reporter.
    """

    # A slot is read in a third of the time of a dictionary's entry.
    __slots__ = ("boundaries", "command", "problems", "reporter", "scopes", "settings", "why_off")
    settings: Settings | None
    reporter: Reporter | None
    scopes: Scopes
    boundaries: tuple[str, ...]
    problems: tuple[Problem, ...]
    command: str
    why_off: str

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> Callable[[], None]:
        """Return to what there is before ``init``; return a function that restores all."""
        saved = {name: getattr(self, name, None) for name in self.__slots__}
        self.settings, self.reporter = None, None
        self.boundaries, self.problems, self.scopes, self.command = (), (), Scopes(), ""
        self.why_off = "init() has not run in this process"

        def restore() -> None:
            for name, value in saved.items():
                setattr(self, name, value)

        return restore


STATE = State()


def note_problem(problem: Problem) -> None:
    """Log *problem*, once, and keep it for the checks of frameworks."""
    if problem not in STATE.problems:
        STATE.problems += (problem,)
        log.warning("%s %s", problem.text, problem.hint)

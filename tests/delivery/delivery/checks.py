"""What is wrong with a run: each function returns the words for it, none if it is as promised."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from delivery.cases import Case
from delivery.runs import Run

# Seconds for `flush_timeout`, and what else the end takes.
EXIT = 2.3


def complaint(case: Case, end: str, run: Run, without: int | None) -> str:
    """Return what is wrong; *without*: the exit status without sentryinit, where it is known."""
    if run.hung:
        return "the process did not end"
    if run.twice:
        return f"{run.twice} sent twice"
    if without is not None and run.status != without:
        return f"exit status {run.status}, without sentryinit {without}"
    return CHECKS[case.check](case, end, run)


def events(case: Case, end: str, run: Run) -> str:
    """All events arrive, unless the server ends before."""
    if run.received > run.sent:
        return f"{run.received} events for {run.sent}"
    lost = run.sent - run.received
    return f"{lost} of {run.sent} lost" if lost and end not in case.lets else ""


def took(case: Case, end: str, run: Run) -> str:
    """The last flush has its time, once."""
    seconds = run.words["took"]
    return f"{seconds} s, not {EXIT}" if seconds > EXIT else ""


def told(case: Case, end: str, run: Run) -> str:
    """Each failure is an event, or counted by one."""
    known = run.received + run.told
    return f"{run.sent} failures, the backend knows {known}" if known != run.sent else ""


def equation(case: Case, end: str, run: Run) -> str:
    """Each failure was received, told as suppressed, dropped or lost: nothing waits at the end."""
    stats = run.words["stats"]
    parts = {"received": run.received, "told": run.told}
    parts |= {name: stats[name] for name in ("dropped", "lost")}
    if stats["failures"] == sum(parts.values()):
        return ""
    return f"{stats['failures']} failures, not {sum(parts.values())}: {parts}, {stats}"


def cost(case: Case, end: str, run: Run) -> str:
    """An event that no backend takes costs little, and is no line of urllib3."""
    milliseconds, growth = run.words["cost"]["ms"], run.words["cost"]["kb"]
    lines = sum("urllib3" in line for line in run.output.splitlines())
    if milliseconds <= 8 and growth <= 2000 and not lines:
        return ""
    return f"{milliseconds:.1f} ms of CPU an event, {growth} kB more, {lines} lines of urllib3"


def gaps(case: Case, end: str, run: Run) -> str:
    """A refusal without a time is silence for 5 s, then for 10 s."""
    found = [round(after - before, 1) for before, after in pairwise(run.posts[:3])]
    expected = (5, 10)
    if len(found) == 2 and all(e <= f < e + 1 for e, f in zip(expected, found, strict=True)):
        return ""
    return f"silence for {found} s, not {expected}"


CHECKS: dict[str, Callable[[Case, str, Run], str]] = {
    check.__name__: check for check in (events, took, told, equation, cost, gaps)
}

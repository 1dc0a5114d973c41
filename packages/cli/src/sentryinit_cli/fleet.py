"""Verify many services side by side: one that crashes never ends the others."""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

from sentryinit_cli.guard import CRASH_REMEDY, crash_text
from sentryinit_cli.http import Http
from sentryinit_cli.target import Backends, SharedBackends, Target, by_url, check
from sentryinit_cli.verdicts import MOST_DARK, Verdict
from sentryinit_cli.verify import Outcome

Report = Callable[[Outcome], object]
Progress = Callable[[str], object]
# What the threads tell: the place of a service, and its next step or its outcome.
_News: TypeAlias = "queue.SimpleQueue[tuple[int, str | Outcome]]"


def verify_fleet(
    targets: Sequence[Target],
    http: Http,
    *,
    jobs: int = 16,
    report: Report = lambda _outcome: None,
    progress: Progress = lambda _step: None,
) -> list[Outcome]:
    """Return the outcome of each of *targets*, in their order; at most *jobs* run at once.

    *report* gets each outcome as it comes, *progress* what is being done, in this thread.
    """
    waiting: queue.SimpleQueue[tuple[int, Target]] = queue.SimpleQueue()
    news: _News = queue.SimpleQueue()
    for place in enumerate(targets):
        waiting.put(place)
    backends = SharedBackends(http)

    def work() -> None:
        while True:
            try:
                place, target = waiting.get_nowait()
            except queue.Empty:
                return
            tell = functools.partial(_put, news, place)
            tell(_one(target, backends, http, tell))

    for _ in range(min(jobs, len(targets))):
        # A daemon: Ctrl-C ends the process at once, and not after the last timeout.
        threading.Thread(target=work, daemon=True).start()
    return _collect(targets, news, report, progress)


def _put(news: _News, place: int, what: str | Outcome) -> None:
    news.put((place, what))


def _one(target: Target, backends: Backends, http: Http, progress: Progress) -> Outcome:
    try:
        return check(target, backends, by_url(target, http), progress)
    except BaseException as error:  # noqa: BLE001 # one crash never ends the others
        return Outcome(target.name, Verdict.CRASH, crash_text(error), CRASH_REMEDY)


def _collect(
    targets: Sequence[Target],
    news: _News,
    report: Report,
    progress: Progress,
) -> list[Outcome]:
    done: dict[int, Outcome] = {}
    while len(done) < len(targets):
        place, what = news.get()
        if isinstance(what, Outcome):
            done[place] = what
            report(what)
        else:
            dark = sum(not each.is_good for each in done.values())
            counts = f"{len(done)} of {len(targets)} services, {dark} not in order"
            progress(f"{counts}; {targets[place].name}: {what}")
    return [done[place] for place in range(len(targets))]


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """Return how many services are not in order, at most ``MOST_DARK``."""
    return min(MOST_DARK, sum(not each.is_good for each in outcomes))

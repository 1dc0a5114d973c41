"""What workers of queues report: with ``init`` alone, with an integration, with ``job``."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from harness.sink import Event

Run = Callable[..., list[Event]]

WIRINGS = ["init", "integration", "job"]
whole = pytest.mark.whole


def cases(*axes: list[str], short: tuple[str, ...]) -> list[Any]:
    """Return all combinations of *axes*; those that are not *short* are for the whole test only."""
    return [
        pytest.param(*case, id="-".join(case), marks=() if "-".join(case) in short else whole)
        for case in itertools.product(*axes)
    ]


POOLS = ["prefork", "threads", "solo", "gevent"]
SIGNALS = ["celeryd_init", "worker_init", "worker_process_init"]
SECRETS = ("kolibri-7-Zaun", "ghp_16C7")
CELERY = ("-m", "celery", "-A", "tasks_celery", "worker", "--loglevel=INFO", "--without-gossip")
NAMES = ["fail", "log_and_fail", "look"]


def by_kind(events: list[Event]) -> dict[str, Event]:
    """Return *events* by class or message; fail if there are two of a kind."""
    found = [event.error or event.data["logentry"]["message"] for event in events]
    assert sorted(found) == ["NoPrinter", "ValueError", "looked"], list(map(str, events))
    return dict(zip(found, events, strict=True))


def check(events: list[Event], wiring: str, prefix: str = "", *, isolated: bool = True) -> None:
    """Check the events of the three tasks, whatever queue has run them."""
    kinds = by_kind(events)
    text = json.dumps([event.data for event in events])
    assert [secret for secret in SECRETS if secret in text] == []
    # Nobody has handled it, whoever tells.
    assert kinds["NoPrinter"].mechanism["handled"] is False
    if wiring == "init":
        return
    in_order = [kinds[name] for name in ("NoPrinter", "ValueError", "looked")]
    assert [e.data["transaction"] for e in in_order] == [prefix + name for name in NAMES]
    if not isolated:
        return
    orders = [[name for name in e.tags if name.startswith("order-")] for e in in_order]
    assert orders == [["order-1"], ["order-2"], []]
    assert [(e.data.get("user") or {}).get("id") for e in in_order] == ["1", "2", None]
    if wiring == "job":  # integrations go on with the trace of the sender
        assert len({e.data["contexts"]["trace"]["trace_id"] for e in events}) == 3


@pytest.mark.parametrize(
    ("pool", "wiring"),
    cases(
        POOLS,
        WIRINGS,
        short=("prefork-init", "prefork-integration", "threads-job", "solo-job", "gevent-job"),
    ),
)
def test_celery(run: Run, pool: str, wiring: str) -> None:
    """Each failure is one event; a task that asks to be run again is none."""
    options = (f"--pool={pool}", "--concurrency=1")
    events = run(*CELERY, *options, events=3, stop="SIGTERM", WIRING=wiring)
    check(events, wiring, "tasks_celery.")


@pytest.mark.parametrize(
    ("signal", "wiring"), cases(SIGNALS, WIRINGS, short=("worker_process_init-integration",))
)
def test_celery_by_signal(run: Run, signal: str, wiring: str) -> None:
    """``init`` in a signal of the worker, in the parent or in each child."""
    options = ("--pool=prefork", "--concurrency=1")
    events = run(*CELERY, *options, events=3, stop="SIGTERM", WIRING=wiring, INIT=signal)
    # Before this signal the child has built its tasks: the integration comes too late for them.
    is_late = (signal, wiring) == ("worker_process_init", "integration")
    check(events, "init" if is_late else wiring, "tasks_celery.")


@pytest.mark.parametrize(
    ("init", "pool", "wiring"),
    cases(
        ["module", "horse"],
        ["horse", "simple"],
        WIRINGS,
        short=("module-horse-job", "horse-horse-job", "module-simple-integration"),
    ),
)
def test_rq(run: Run, broker: str, pool: str, init: str, wiring: str) -> None:
    """In a work horse, a process for each job, and in the worker itself."""
    command = ("-c", "import tasks_rq; tasks_rq.main()")
    events = run(*command, events=3, WIRING=wiring, INIT=init, POOL=pool, BROKER=broker)
    # RqIntegration has no isolation scope: in one process the tags of a job stay.
    is_shared = (pool, wiring) == ("simple", "integration")
    check(events, wiring, "tasks_rq.", isolated=not is_shared)


@pytest.mark.parametrize("wiring", WIRINGS)
def test_dramatiq(run: Run, broker: str, wiring: str) -> None:
    """In a thread of a process that the command has started."""
    command = ("-c", "import tasks_dramatiq; tasks_dramatiq.main()")
    env = {"BROKER": broker, "NAMESPACE": f"dramatiq-{wiring}"}
    events = run(*command, events=3, stop="SIGTERM", WIRING=wiring, **env)
    check(events, wiring)


@pytest.mark.parametrize(
    ("pool", "wiring"),
    cases(["thread", "process"], WIRINGS, short=("thread-integration", "process-job")),
)
def test_huey(run: Run, pool: str, wiring: str) -> None:
    """In threads and in processes of the consumer."""
    command = ("-c", "import tasks_huey; tasks_huey.main()")
    check(run(*command, events=3, stop="SIGTERM", WIRING=wiring, POOL=pool), wiring)


@pytest.mark.parametrize("wiring", ["init", "job"])
@pytest.mark.parametrize("pool", ["thread", "asyncio"])
def test_apscheduler(run: Run, pool: str, wiring: str) -> None:
    """In a thread of the scheduler, and in its event loop."""
    command = ("-c", "import tasks_apscheduler; tasks_apscheduler.main()")
    check(run(*command, events=3, WIRING=wiring, POOL=pool), wiring)

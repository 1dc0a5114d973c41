"""H2: after a fork no event is sent twice and nothing deadlocks, with the SDK's own transport."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
import sentry_sdk
from backend import Backend
from sentry_sdk.transport import HttpTransport

from conftest import UNMEASURED
from sentryinit import _process, testing

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

PRELUDE = """
import contextlib, faulthandler, logging, os, sys, threading, time
import sentry_sdk, sentryinit
from sentryinit import _init, adapters
from sentryinit._sdk import scopes
from sentryinit._state import STATE

report = sentry_sdk.capture_message
flush = sentryinit.init("shop", flush_timeout=9.0)

def in_child(work):
    child = os.fork()
    if child == 0:
        # If the child hangs, print where, and end it.
        faulthandler.dump_traceback_later(5, exit=True)
        work()
        flush()
        os._exit(0)
    return child

def wait_for(*children):
    for child in children:
        assert os.waitpid(child, 0)[1] == 0, "the child failed; see its stderr"
"""
Run = Callable[..., None]


@pytest.fixture
def run(child: Callable[..., Any]) -> Run:
    """Run code in a process that sends to *backend*, and in the children that it forks."""

    def run(backend: Backend, code: str, **variables: str) -> None:
        done = child(code, PRELUDE, SENTRY_DSN=backend.dsn, **variables)
        assert done.code == 0, done.err

    return run


def test_queued_events_are_sent_by_the_parent_only(run: Run) -> None:
    """The child has a copy of the queue and does not send it."""
    with Backend(ready=lambda backend, text: "child" in backend.texts) as backend:
        run(
            backend,
            "for number in range(3):\n"
            "    report(f'parent {number}')\n"
            "wait_for(in_child(lambda: report('child')))\n"
            "flush()\n",
        )
    assert sorted(backend.texts) == ["child", "parent 0", "parent 1", "parent 2"]


def test_fork_during_a_flush_does_not_deadlock(run: Run) -> None:
    """What a flushing thread of the parent holds is free in the child."""
    with Backend(ready=lambda backend, text: "child" in backend.texts) as backend:
        run(
            backend,
            "report('parent')\n"
            "thread = threading.Thread(target=flush)\n"
            "thread.start()\n"
            "import traceback\n"
            "def waits():\n"
            "    stack = traceback.extract_stack(sys._current_frames()[thread.ident])\n"
            "    return any(frame.name == '_timed_queue_join' for frame in stack)\n"
            "while not waits():\n"
            "    time.sleep(0.001)\n"
            "wait_for(in_child(lambda: report('child')))\n"
            "thread.join()\n",
        )

    assert sorted(backend.texts) == ["child", "parent"]


def test_child_does_not_use_the_parent_s_connection(run: Run) -> None:
    """The child opens a connection of its own."""
    with Backend() as backend:
        run(
            backend,
            "report('parent 0')\n"
            "flush()\n"
            "children = [in_child(lambda: report(f'child {number}')) for number in range(2)]\n"
            "report('parent 1')\n"
            "flush()\n"
            "wait_for(*children)\n",
        )

    ports = {arrival.text: arrival.port for arrival in backend.arrived}
    assert sorted(backend.texts) == ["child 0", "child 1", "parent 0", "parent 1"]
    assert ports["parent 0"] == ports["parent 1"]
    assert len(set(ports.values())) == 3


@pytest.mark.parametrize(
    "lock",
    [
        "_init._lock",
        "scopes._lock",
        "STATE.reporter._limiter._lock",
        "sentry_sdk.get_client().transport._worker._lock",
        "sentry_sdk.get_client().transport._worker._queue.mutex",
    ],
)
def test_child_replaces_the_locks_of_sentryinit(run: Run, lock: str) -> None:
    """The child has new locks if a thread of the parent holds them."""
    with Backend() as backend:
        run(
            backend,
            "locked, done = threading.Event(), threading.Event()\n"
            "def hold():\n"
            f"    with {lock}:\n"
            "        locked.set()\n"
            "        done.wait()\n"
            "thread = threading.Thread(target=hold)\n"
            "thread.start()\n"
            "locked.wait()\n"
            "def work():\n"
            "    sentryinit.init('shop')\n"
            "    adapters.Adapter('test', None).open(1)\n"
            "    sentry_sdk.set_tag('a', 'b')\n"
            "    with contextlib.suppress(LookupError), sentryinit.init():\n"
            "        raise LookupError\n"
            "    assert sentryinit.stats()['delivered'] == 1\n"
            "wait_for(in_child(work))\n"
            "done.set()\n"
            "thread.join()\n",
        )


def test_transport_is_reset_in_place() -> None:
    """The filter and the counter stay on the SDK's transport; another transport is not touched."""
    with testing.capture("shop", transport=HttpTransport):
        transport: Any = sentry_sdk.get_client().transport
        queue, guard, count = (
            transport._worker,
            transport.capture_envelope,
            transport.on_dropped_event,
        )
        _process.forks.start_anew()

        assert transport._worker is not queue
        assert (transport.capture_envelope, transport.on_dropped_event) == (guard, count)
    with testing.capture("shop"):
        before = vars(sentry_sdk.get_client().transport).copy()
        _process.forks.start_anew()

        assert vars(sentry_sdk.get_client().transport) == before


def test_child_counts_lost_events_from_zero(run: Run) -> None:
    """Events that the parent lost are counted by the parent only."""
    with Backend(500) as backend:
        run(
            backend,
            "logging.getLogger('sentryinit').disabled = True\n"
            "report('parent')\n"
            "flush()\n"
            "assert sentryinit.stats()['lost'] == 1\n"
            "def work():\n"
            "    assert sentryinit.stats()['lost'] == 0\n"
            "wait_for(in_child(work))\n",
        )


def test_sending_imports_nothing(run: Run) -> None:
    """A fork during an import can leave the child without the module, or block it."""
    with Backend() as backend:
        run(
            backend,
            "known = set(sys.modules)\n"
            "report('parent')\n"
            "flush()\n"
            "assert set(sys.modules) == known, set(sys.modules) - known\n",
        )

    assert backend.texts == ["parent"]


def test_children_report_while_threads_of_the_parent_report(run: Run) -> None:
    """Forked while threads report, each child reports, and no event arrives twice."""
    with Backend() as backend:
        run(
            backend,
            "done = threading.Event()\n"
            "def work():\n"
            "    while not done.is_set():\n"
            "        report('parent')\n"
            "        time.sleep(0.005)\n"
            "threads = [threading.Thread(target=work) for _ in range(3)]\n"
            "for thread in threads:\n"
            "    thread.start()\n"
            "for number in range(20):\n"
            "    wait_for(in_child(lambda: report(f'child {number}')))\n"
            "done.set()\n"
            "for thread in threads:\n"
            "    thread.join()\n"
            "flush()\n",
            **UNMEASURED,
        )

    ids = [arrival.event_id for arrival in backend.arrived]
    assert len(set(ids)) == len(ids)
    assert sorted(t for t in backend.texts if t.startswith("child")) == sorted(
        f"child {number}" for number in range(20)
    )

"""Cases of clause F: cost."""

from __future__ import annotations

import contextvars
import gc
import logging
import sys
import threading
import time
import tracemalloc
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import sentryinit
from sentryinit.adapters import Capture
from sentryinit.testing import Work, count_work
from sentryinit_testkit import _events, behaviours
from sentryinit_testkit._contract import Contract
from sentryinit_testkit._driver import Behaviour, Driver, Request, ResponseSpec
from sentryinit_testkit._harness import Harness
from sentryinit_testkit._server import Call
from sentryinit_testkit._watch import new_objects_only, profiled, wait_for_threads

# The limit for what adapter, core and sentry-sdk hold while a good request's handler runs.
MOST_BYTES = 4096
# The number of requests: a leak of one block a request exceeds the noise.
MANY = 300


def _is_ours(frame: FrameType) -> bool:
    root = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    return root.startswith("sentryinit") and root != "sentryinit_testkit"


def _open_captures() -> int:
    """Return how many captures are not closed."""
    gc.collect()
    # isinstance() would evaluate the lazy objects of frameworks.
    found = [each for each in gc.get_objects() if issubclass(type(each), Capture)]
    # One that was never opened has no attributes, and is not open.
    return sum(not getattr(capture, "closed", True) for capture in found)


def _allocated(driver: Driver) -> int:
    """Return the bytes that code of the adapter, the core and sentry-sdk holds now."""
    packages = {name.partition(".")[0] for name in driver.modules} | {"sentryinit", "sentry_sdk"}
    folders = [Path(str(sys.modules[name].__file__)).parent for name in packages]
    ours = [tracemalloc.Filter(True, f"{folder}/*") for folder in folders]
    traces = tracemalloc.take_snapshot().filter_traces(ours).traces
    return sum(trace.size for trace in traces)


def _blocks_left(harness: Harness, app: Any) -> int:
    """Return how many blocks stay allocated after many good requests to *app*."""
    threads = threading.active_count()
    harness.server.serve(app, *[Call()] * 10)  # fills caches
    wait_for_threads(threads)
    gc.collect()
    before = sys.getallocatedblocks()
    harness.server.serve(app, *[Call()] * MANY)
    wait_for_threads(threads)
    gc.collect()
    return sys.getallocatedblocks() - before


def _installed(name: str, library: str) -> Behaviour:
    """Return a behaviour of an application that is installed; it fails in the file *library*."""
    made: dict[str, Any] = {"ShopError": behaviours.ShopError}
    code = "def query():\n    raise ShopError('no stock')"
    exec(compile(code, library, "exec"), made)  # noqa: S102 # a frame of such a file
    padding = "\n" * len(name)  # another line of the same file
    code = f"{padding}def {name}(request):\n    query()"
    exec(compile(code, "/venv/lib/site-packages/shop/views.py", "exec"), made)  # noqa: S102 # likewise
    return made[name]  # type: ignore[no-any-return] # it was made here


class Cost(Contract):
    """Clauses F1 to F3."""

    def test_f1_good_request_describes_nothing(self, harness: Harness) -> None:
        """F1: A good request is not described; a bad one is described once."""
        app, failing = harness.app(behaviours.good), harness.app(behaviours.fails)
        with count_work() as work:
            harness.server.serve(app, Call(), Call(path="/nowhere"))
            assert work.requests_described == 0
            harness.server.serve(failing, Call())
            assert work.requests_described == 1

    def test_f1_good_request_builds_nothing(self, harness: Harness) -> None:
        """F1: A good request forks no scope, and builds and masks no event."""
        app, failing = harness.app(behaviours.good), harness.app(behaviours.fails)
        harness.server.serve(app, Call())
        with count_work() as work:
            harness.server.serve(app, Call())
            assert work == Work()
            harness.server.serve(failing, Call())
            assert (work.events_built, work.events_masked) == (1, 1)

    def test_f1_good_request_is_few_calls(self, harness: Harness) -> None:
        """F1: A good request calls few functions of ours: four, or as many as its driver says."""
        app = harness.app(behaviours.good)
        harness.server.serve(app, Call())
        frames: list[FrameType] = []

        def profile(frame: FrameType, event: str, _arg: object) -> None:
            # A coroutine that is resumed is a "call" event of the same frame.
            if event == "call" and frame not in frames and _is_ours(frame):
                frames.append(frame)

        # A collection would finalize the generators of earlier requests: those are calls, too.
        with new_objects_only(), profiled(profile):
            harness.server.serve(app, Call())
        names = [frame.f_code.co_name for frame in frames]
        frames.clear()
        assert len(names) <= harness.driver.calls, names

    def test_f2_good_request_takes_little_room(self, harness: Harness) -> None:
        """F2: While its handler runs, a good request uses little memory of ours."""
        found: list[int] = []

        def measure(request: Request) -> Any:
            if tracemalloc.is_tracing():
                found.append(_allocated(harness.driver))
            return behaviours.good(request)

        app = harness.app(measure)
        harness.server.serve(app, *[Call()] * 3)
        tracemalloc.start()
        try:
            harness.server.serve(app, Call())
        finally:
            tracemalloc.stop()
        assert len(found) == 1
        assert 0 < found[0] < MOST_BYTES

    def test_f2_good_request_leaves_nothing_behind(self, harness: Harness) -> None:
        """F2: After many good requests there are as many allocated blocks as before."""

        def extra() -> int:
            # The framework may leave some as well, and so may coverage for each thread.
            ours, bare = (harness.app(behaviours.good, copies=copies) for copies in (1, 0))
            return _blocks_left(harness, ours) - _blocks_left(harness, bare)

        with new_objects_only():
            # A leak shows each time; other threads allocate now and then.
            assert any(extra() < MANY // 2 for _ in range(3))

    def test_f2_request_is_not_kept(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """F2: Nothing keeps a request after its end, failed or not."""
        # pytest keeps log records, and the frameworks' records contain tracebacks.
        monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)

        class Basket:
            """An object that belongs to one request."""

        def fail(_request: Request) -> ResponseSpec:
            basket = Basket()
            assert basket is not None
            behaviours.fails()

        harness.server.serve(harness.app(fail), Call(), Call())
        harness.server.serve(harness.app(behaviours.good), Call())
        # sys.last_value and the like may keep the newest exception, but not the first one.
        gc.collect()
        # isinstance() would evaluate the lazy objects of frameworks.
        kept = [thing for thing in gc.get_objects() if type(thing) is Basket]
        assert len(kept) <= 1

    def test_f2_request_that_is_over_is_let_go(self, harness: Harness) -> None:
        """F2: A context that outlives its request keeps neither environ nor scope of it."""
        contexts = []

        def outlived(request: Request) -> ResponseSpec:
            contexts.append(contextvars.copy_context())
            return behaviours.good(request)

        app = harness.app(outlived)
        with new_objects_only():
            harness.server.serve(app, Call())
            assert len(contexts) == 1
            # A task may end a moment after its client has received the response.
            until = time.monotonic() + 5
            while _open_captures() and time.monotonic() < until:
                time.sleep(0.01)
            assert _open_captures() == 0

    def test_f3_storm_is_counted_to_the_last_failure(self, harness: Harness) -> None:
        """F3: Failures within the budget are sent, the others are counted in a summary."""
        harness.start(storm_guard=True, storm_burst=3, storm_per_minute=0)
        harness.server.serve(harness.app(behaviours.fails), *[Call()] * 50)
        assert harness.titles == ["ShopError: no stock"] * 3
        harness.flush()
        counted = [
            event["contexts"]["sentryinit"]["suppressed"]
            for event in harness.events
            if "sentryinit" in event.get("contexts", {})
        ]
        assert (len(harness.events), sum(counted)) == (4, 47)
        # The title of an issue stays that of its first event: it has no number.
        assert harness.titles[-1] == "failures held back by the storm guard"
        assert _events.tags(harness.events[-1])["suppressed"] == "47"

    def test_f3_storm_of_statuses_is_counted_too(self, harness: Harness) -> None:
        """F3: Status failures are limited as well; each kind of failure has its own budget."""
        harness.start(storm_guard=True, storm_burst=2, storm_per_minute=0)
        harness.server.serve(harness.app(behaviours.answers(503)), *[Call()] * 10)
        harness.server.serve(harness.app(behaviours.answers(500)), *[Call()] * 10)
        assert [_events.tags(event)["status_code"] for event in harness.events] == [
            "503",
            "503",
            "500",
            "500",
        ]

    def test_f3_held_back_answer_describes_nothing(self, harness: Harness) -> None:
        """F3: A status failure beyond the budget describes no request."""
        harness.start(storm_guard=True, storm_burst=1, storm_per_minute=0)
        app = harness.app(behaviours.answers(503))
        harness.server.serve(app, Call())
        assert len(harness.events) == 1
        with count_work() as work:
            harness.server.serve(app, *[Call()] * 3)
        assert (work.requests_described, sentryinit.stats()["suppressed"]) == (0, 3)

    @pytest.mark.parametrize("library", ["/venv/lib/site-packages/database.py", "<string>"])
    def test_f3_failures_without_a_frame_of_the_application_are_told_apart(
        self, harness: Harness, library: str
    ) -> None:
        """F3: Two failures in installed or generated code are two kinds, whatever they call."""
        harness.start(storm_guard=True, storm_burst=2, storm_per_minute=0)
        for name in ("orders", "invoices"):
            app = harness.app(_installed(name, library))
            harness.server.serve(app, *[Call(path=f"/orders/{each}") for each in range(5)])
        assert harness.titles == ["ShopError: no stock"] * 4
        assert sentryinit.stats()["suppressed"] == 6

    def test_f3_count_is_exact(self, harness: Harness) -> None:
        """F3: Failures are delivered plus suppressed, exactly, for all kinds."""
        harness.start(storm_guard=True, storm_burst=2, storm_per_minute=0)
        for failing in (behaviours.fails, behaviours.answers(503), behaviours.answers(500)):
            harness.server.serve(harness.app(failing), *[Call()] * 5)
        expected = {"failures": 15, "delivered": 6, "suppressed": 9, "dropped": 0, "lost": 0}
        # There may be further counters.
        assert {name: sentryinit.stats()[name] for name in expected} == expected
        assert len(harness.events) == 6

    def test_f3_held_back_failure_builds_nothing(self, harness: Harness) -> None:
        """F3: A failure beyond the budget builds no event and describes no request."""
        harness.start(storm_guard=True, storm_burst=1, storm_per_minute=0)
        app = harness.app(behaviours.fails)
        harness.server.serve(app, Call())
        with count_work() as work:
            harness.server.serve(app, Call())
        assert (work.requests_described, work.events_built, work.events_masked) == (0, 0, 0)
        assert sentryinit.stats()["suppressed"] == 1

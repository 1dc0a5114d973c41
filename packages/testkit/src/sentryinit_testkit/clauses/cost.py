"""F: cost."""

from __future__ import annotations

import contextvars
import gc
import logging
import statistics
import sys
import threading
import time
import tracemalloc
from types import FrameType
from typing import Any

import pytest

import sentryinit
import sentryinit.adapters
from sentryinit.adapters import Capture
from sentryinit.testing import Work, count_work
from sentryinit_testkit import _events, behaviours
from sentryinit_testkit._contract import Contract
from sentryinit_testkit._driver import Request, ResponseSpec
from sentryinit_testkit._harness import Harness
from sentryinit_testkit._server import Call

# Bytes at the peak beyond the application without us, where tasks and threads of a framework do not
# come and go at the same moment each time.
MOST_BYTES = 8192


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


def _peak(harness: Harness, app: Any) -> int:
    """Return the most memory that a good request has at once."""
    harness.server.serve(app, *[Call()] * 5)
    peaks = []
    for _ in range(5):
        gc.collect()
        tracemalloc.start()
        try:
            harness.server.serve(app, Call())
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    return min(peaks)


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
        """F1: A good request enters few functions of ours: four, or as its driver says."""
        app = harness.app(behaviours.good)
        harness.server.serve(app, Call())
        frames: list[FrameType] = []

        def profile(frame: FrameType, event: str, _arg: object) -> None:
            # A coroutine that goes on is no call; its frame, held, is the same one.
            if event == "call" and frame not in frames and _is_ours(frame):
                frames.append(frame)

        before = sys.getprofile()
        threading.setprofile(profile)
        sys.setprofile(profile)
        try:
            harness.server.serve(app, Call())
        finally:
            sys.setprofile(before)
            threading.setprofile(None)
        names = [frame.f_code.co_name for frame in frames]
        frames.clear()
        assert len(names) <= harness.driver.calls, names

    def test_f2_good_request_takes_little_room(self, harness: Harness) -> None:
        """F2: At its peak a good request has some hundred bytes of ours: its capture and scope."""
        # What threads allocate while they come and go is counted as well.
        most = MOST_BYTES * (4 if harness.driver.threaded() else 1)

        def extra() -> int:
            ours, bare = (harness.app(behaviours.good, copies=copies) for copies in (1, 0))
            return _peak(harness, ours) - _peak(harness, bare)

        # What is ours is there each time; what else runs in the process, now and then.
        assert any(extra() < most for _ in range(3))

    def test_f2_good_request_leaves_nothing_behind(self, harness: Harness) -> None:
        """F2: After any number of good requests there are as many allocated blocks as before."""
        number = 50

        def left_by(app: Any) -> float:
            """Count the blocks that each round leaves: what caches take they take only once."""
            left = []
            for _ in range(5):
                gc.collect()
                before = sys.getallocatedblocks()
                harness.server.serve(app, *[Call()] * number)
                gc.collect()
                left.append(sys.getallocatedblocks() - before)
            return statistics.median(left)

        def extra() -> float:
            # The framework, or whatever traces the threads that it starts, may leave some as well.
            return left_by(harness.app(behaviours.good)) - left_by(
                harness.app(behaviours.good, copies=0)
            )

        # What leaks does so each time; what else runs in the process, now and then.
        assert any(extra() < number // 2 for _ in range(3))

    def test_f2_request_is_not_kept(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """F2: Nothing holds on to a request that is over, failed or not."""
        # pytest keeps log records, and those that frameworks write have the traceback in them.
        monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)

        class Basket:
            """Something large that belongs to a request."""

        def fail(_request: Request) -> ResponseSpec:
            basket = Basket()
            assert basket is not None
            behaviours.fails()

        harness.server.serve(harness.app(fail), Call(), Call())
        harness.server.serve(harness.app(behaviours.good), Call())
        # The newest error may be the last that sys or the SDK remembers; the first one may not.
        gc.collect()
        # isinstance() would ask frameworks' lazy objects what they stand for.
        kept = [thing for thing in gc.get_objects() if type(thing) is Basket]
        assert len(kept) <= 1

    def test_f2_request_that_is_over_is_let_go(self, harness: Harness) -> None:
        """F2: A context that outlives a request has nothing of it, neither environ nor scope."""
        before, contexts = _open_captures(), []

        def outlived(request: Request) -> ResponseSpec:
            contexts.append(contextvars.copy_context())
            return behaviours.good(request)

        harness.serve(outlived)
        assert len(contexts) == 1
        # A task may end a moment after its client has the answer.
        until = time.monotonic() + 2
        while _open_captures() != before and time.monotonic() < until:
            time.sleep(0.01)
        assert _open_captures() == before

    def test_f3_storm_is_counted_to_the_last_failure(self, harness: Harness) -> None:
        """F3: Of a storm the budget is delivered now, the exact rest as a count at the flush."""
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

    def test_f3_storm_of_statuses_is_counted_too(self, harness: Harness) -> None:
        """F3: So it is for answers, and each kind of failure has its own budget."""
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
        """F3: An answer beyond the budget is told by its status and endpoint."""
        harness.start(storm_guard=True, storm_burst=1, storm_per_minute=0)
        app = harness.app(behaviours.answers(503))
        harness.server.serve(app, Call())
        assert len(harness.events) == 1
        with count_work() as work:
            harness.server.serve(app, *[Call()] * 3)
        assert (work.requests_described, sentryinit.stats()["suppressed"]) == (0, 3)

    def test_f3_count_is_exact(self, harness: Harness) -> None:
        """F3: Delivered and suppressed are the failures, of all kinds, at any time."""
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

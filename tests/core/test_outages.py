"""F3, H3: every failure is received, told as a count, dropped, lost, or still waits."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import outages
import pytest
from backend import Backend
from outages import missing, run, told

import sentryinit
from sentryinit._state import STATE

GUARD = {"SENTRYINIT_STORM_BURST": "3", "SENTRYINIT_STORM_PER_MINUTE": "0"}
GUARDS = pytest.mark.parametrize(
    "guard", [GUARD, {"SENTRYINIT_STORM_GUARD": "0"}], ids=["guarded", "unguarded"]
)


@pytest.fixture
def backend() -> Iterator[Backend]:
    """Start a backend."""
    with Backend() as started:
        yield started


def cause(stats: dict[str, int]) -> dict[str, int]:
    """Return the causes of losses that are not 0."""
    return {name[5:]: stats[name] for name in stats if name.startswith("lost_") and stats[name]}


@GUARDS
@pytest.mark.parametrize(
    ("status", "why"), [(500, "refused"), (403, "refused"), (413, "refused"), (429, "rate_limited")]
)
def test_refused_events_are_counted_and_give_their_count_back(
    backend: Backend, guard: dict[str, str], status: int, why: str
) -> None:
    """All that a refusing backend does not know at the end is lost, and in the last line."""
    backend.status = status
    outcome = run(backend.dsn, "serve('/raise', 20)\nflush()\nstep()\nlast()\nstep()\n", **guard)
    before, after = outcome.steps

    sent = 3 if guard is GUARD else 20
    assert cause(before) == {why: sent}
    # A failure is held back, or lost: what is not told at the end is lost as well.
    assert missing(backend, before) == 20 - sent
    assert missing(backend, after) == 0
    assert after["lost"] == 20
    assert len(outcome.lines) == 2
    assert outcome.lines[1].startswith("the last flush is over; 20 failures are lost")


@GUARDS
@pytest.mark.parametrize("how", ["refuse", "reset"])
def test_events_without_a_connection_are_counted(guard: dict[str, str], how: str) -> None:
    """A backend that is down, or resets each connection, costs two lines and no failure."""
    with Backend() as backend:
        dsn = backend.dsn
        backend.breaks = lambda events: True
        if how == "reset":
            outcome = run(dsn, "serve('/raise', 20)\nflush()\nstep()\nlast()\nstep()\n", **guard)
    if how == "refuse":
        outcome = run(dsn, "serve('/raise', 20)\nflush()\nstep()\nlast()\nstep()\n", **guard)

    sent = 3 if guard is GUARD else 20
    assert cause(outcome.steps[0]) == {"network": sent}
    assert missing(backend, outcome.steps[1]) == 0
    assert outcome.steps[1]["lost"] == 20
    assert len(outcome.lines) == 2


@GUARDS
def test_what_waits_when_the_last_flush_is_over_is_lost(guard: dict[str, str]) -> None:
    """A backend that hangs: what fills the queue, and what waits, is counted and logged."""
    over = threading.Event()
    with Backend(ready=lambda backend, text: over.is_set()) as backend:
        code = "serve('/raise', 150)\nstep()\nlast()\nstep()\nserve('/raise', 2)\nlast()\nstep()\n"
        try:
            outcome = run(backend.dsn, code, SENTRYINIT_FLUSH_TIMEOUT="1", **guard)
        finally:
            over.set()
    backend.accepted.clear()  # it has read one, and not answered
    first, second, third = outcome.steps

    assert first["lost_at_exit"] == 0
    assert missing(backend, second) == missing(backend, third) == 0
    assert second["lost"] == 150
    assert third["lost"] == 152
    assert second["lost_at_exit"] == 150 - first["lost_queue_full"]
    assert outcome.lines[-2].startswith("the last flush is over; 150 failures are lost")
    assert outcome.lines[-1].startswith("the last flush is over; 152 failures are lost")


@GUARDS
def test_counts_of_lost_events_are_told_when_the_backend_is_back(guard: dict[str, str]) -> None:
    """After an outage the backend is told all that was held back, also before lost events."""
    refused = iter(range(4))
    with Backend() as backend:
        # The first four events are refused.
        def status(events: list[dict[str, Any]]) -> bool:
            backend.status = 500 if next(refused, None) is not None else 200
            return False

        backend.breaks = status
        rate = {**guard, "SENTRYINIT_STORM_PER_MINUTE": "600"} if guard is GUARD else guard
        code = (
            "import time\n"
            "for _ in range(8):\n"
            "    serve('/raise', 10); time.sleep(0.11); flush()\n"
            "step()\nlast()\nstep()\n"
        )
        outcome = run(backend.dsn, code, **rate)

    before, after = outcome.steps
    assert before["lost_refused"] >= 3
    assert missing(backend, before) == missing(backend, after) == 0
    assert after["lost"] == after["lost_refused"] <= 4
    (first, again) = outcome.lines
    assert first == "1 event rejected with HTTP 500: the backend has an error"
    assert again.startswith(f"events arrive again; {after['lost']} failures are lost")


def test_a_lost_summary_is_not_a_failure(backend: Backend) -> None:
    """What a summary tells of is told again, under its label."""
    refuse = iter([False, True])

    def status(events: list[dict[str, Any]]) -> bool:
        backend.status = 500 if next(refuse, False) else 200
        return False

    backend.breaks = status
    code = "serve('/raise', 5)\nflush()\nstep()\nflush()\nstep()\n"
    outcome = run(backend.dsn, code, **{**GUARD, "SENTRYINIT_STORM_BURST": "1"})

    assert [step["lost"] for step in outcome.steps] == [0, 0]
    assert told(backend) == (1, 4)
    assert list(backend.accepted[-1]["contexts"]["sentryinit"]["kinds"].values()) == [4]
    assert outcome.lines == []


@pytest.mark.parametrize("what", ["/raise", "/text", "/logged", "/both", "/message", "/captured"])
def test_an_outage_of_a_database_does_not_fill_the_queue(backend: Backend, what: str) -> None:
    """Records at ERROR, and what the application captures, have the limits of failures (F3)."""
    code = f"serve('{what}', 500)\nstep()\nflush()\nstep()\nlast()\nstep()\n"
    outcome = run(backend.dsn, code, **GUARD)
    stats = outcome.steps[-1]

    # A record beside a failure is a failure of its own, or says what the event says.
    assert stats["failures"] in {500, 1000}
    assert stats["failures"] == 500 or what == "/both"
    assert [step["lost"] for step in outcome.steps] == [0, 0, 0]
    assert told(backend)[0] == stats["delivered"] <= 6
    assert missing(backend, stats) == 0


def test_a_rare_error_passes_in_the_middle_of_a_storm_of_records(backend: Backend) -> None:
    """The reserve is for new kinds, also of records and of what is captured."""
    code = (
        "serve('/text', 500)\nserve('/message', 300)\nserve('/captured', 300)\nserve('/raise')\n"
        "flush()\nstep()\n"
    )
    outcome = run(backend.dsn, code, **{**GUARD, "SENTRYINIT_STORM_BURST": "1"})
    titles = outages.texts(backend.accepted)

    assert any("no database for order %s" in title for title in titles)
    assert "no database for order 7" in titles
    assert missing(backend, outcome.steps[0]) == 0


@pytest.fixture
def fail(begin: Callable[..., Any], clean: None) -> Callable[[], None]:
    """Fail with four kinds of failures, two times each."""

    def fail() -> None:
        for kind in (KeyError, OSError, TypeError, ValueError) * 2:
            capture = begin()
            capture.exception_escaped(kind())
            capture.close()

    return fail


@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "unguarded"])
def test_a_slow_backend_gets_the_counts_of_what_the_queue_did_not_take(
    fail: Callable[[], None], said: Callable[[], list[str]], *, is_guarded: bool
) -> None:
    """With answers after 300 ms only events are lost; the last flush sends the summary again."""
    failed = threading.Event()

    def slow(events: list[dict[str, Any]]) -> bool:
        failed.wait(20)
        time.sleep(0.3)
        return False

    with Backend() as backend:
        backend.breaks = slow
        options: Any = {"storm_guard": is_guarded, "storm_burst": 1, "storm_per_minute": 0}
        flush = sentryinit.init("shop", dsn=backend.dsn, transport_queue_size=1, **options)
        for _ in range(4):
            fail()
        failed.set()
        STATE.reporter.flush(last=True)
        stats = sentryinit.stats()
        flush()

    assert stats["failures"] == 32
    assert missing(backend, stats) == 0
    assert stats["suppressed"] == (28 if is_guarded else 0)
    assert told(backend)[1] == stats["suppressed"]
    assert cause(stats) == {"queue_full": stats["lost"]}
    first, last = said()
    assert first == "1 event lost: the queue is full"
    assert f"; {stats['lost']} failures are lost since the start: " in last


@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "unguarded"])
def test_a_restart_of_the_backend_loses_only_what_was_sent_meanwhile(
    fail: Callable[[], None], said: Callable[[], list[str]], *, is_guarded: bool
) -> None:
    """What was held back before and meanwhile is told afterwards, over a new connection."""
    options: Any = {"storm_guard": is_guarded, "storm_burst": 1, "storm_per_minute": 0}
    with Backend() as before:
        flush = sentryinit.init("shop", dsn=before.dsn, **options)
        fail()
        flush()
    assert missing(before, sentryinit.stats()) == 0

    fail()
    flush()
    stats = sentryinit.stats()
    assert missing(before, stats) == (8 if is_guarded else 0)
    assert cause(stats) == ({} if is_guarded else {"network": 8})

    with Backend(port=before.server_port) as after:
        fail()
        STATE.reporter.flush(last=True)
        after.accepted += before.accepted

    assert missing(after, sentryinit.stats()) == 0
    assert cause(sentryinit.stats()) == cause(stats)
    assert told(after) == ((4, 20) if is_guarded else (16, 0))
    assert len(said()) == (0 if is_guarded else 2)


class Closing:
    """A backend that closes each connection after *requests* answers, without saying so."""

    def __init__(self, requests: int) -> None:
        self.bodies: list[bytes] = []
        self._requests, self._socket = requests, socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def dsn(self) -> str:
        """The DSN of this backend."""
        return f"http://key@127.0.0.1:{self._socket.getsockname()[1]}/1"

    def close(self) -> None:
        """End it."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection = self._socket.accept()[0]
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                for _ in range(self._requests):
                    length = 0
                    while (line := stream.readline()) not in {b"\r\n", b""}:
                        if line.lower().startswith(b"content-length:"):
                            length = int(line.split(b":")[1])
                    if not line:
                        break
                    self.bodies.append(stream.read(length))
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                else:
                    # The next request is on its way, and gets no answer.
                    connection.recv(1)


def test_a_request_without_an_answer_is_sent_once_more() -> None:
    """Of 100 events in a burst none is lost, and none arrives twice; nothing is logged."""
    backend = Closing(5)
    try:
        outcome = run(
            backend.dsn,
            "serve('/raise', 100)\nfor _ in range(10): flush()\nstep()\n",
            SENTRYINIT_STORM_GUARD="0",
        )
    finally:
        backend.close()

    assert (outcome.steps[0]["lost"], outcome.lines) == (0, [])
    assert len(backend.bodies) == len(set(backend.bodies)) == 100

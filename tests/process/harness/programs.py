"""Programs without a server, from a few lines of code, in processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from harness.bounds import DEADLINE
from harness.service import Bench, Process, inherited
from harness.sink import Event, Mailbox

PRELUDE = """
import _thread, asyncio, json, multiprocessing, os, signal, subprocess, sys, threading, time
import sentry_sdk, sentryinit
from pathlib import Path

def queue(*_):
    for number in range(3):
        sentry_sdk.capture_message(f"message {number}")

def ready():
    Path("ready").touch()

def fail(*_):
    raise LookupError("no price")
"""
INIT = 'handle = sentryinit.init("shop")'
PATCH = "from gevent import monkey; monkey.patch_all()"
# What queue() sends.
THREE = ["message 0", "message 1", "message 2"]
# Each code in a child: the imports, which take the most time, are done once.
FORK = """
pids = []
for dsn, code in json.loads(Path("cases").read_text()):
    pids.append(os.fork())
    if not pids[-1]:
        os.environ["SENTRY_DSN"] = dsn
        exec(code, globals())
        break
else:
    for pid in pids:
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print("status", status, flush=True)
"""


class Programs:
    """Starts programs in *folder*; the backend takes 0.1 s for each event."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self._bench, self._folder = bench, folder

    def start(
        self, code: str, *, init: str = INIT, ready: bool = False, answers: bool = True
    ) -> Process:
        """Start *code*, after *init*, which sets up reporting.

        *ready*: wait until it has called ``ready()``. *answers*: False if the backend hangs.
        """
        box = self._mailbox()
        if not answers:
            box.answers.clear()
        path = self._folder / "program.py"
        path.write_text(f"{PRELUDE}\n{init}\n{code}")
        variables = {**inherited(), "SENTRY_DSN": box.dsn}
        command = [sys.executable, str(path)]
        log = self._folder / "output"
        process = Process("program", command, variables, log, box, folder=self._folder)
        self._bench.used.append(process)
        if ready:
            self._await_ready(process)
        return process

    def close(self) -> None:
        """End the programs that a failed test has left."""
        for process in self._bench.used:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.popen.pid, signal.SIGKILL)
            process.popen.wait(DEADLINE)

    def run_each(self, codes: Sequence[str]) -> list[tuple[int, list[str]]]:
        """Return the exit status and the events of each of *codes*, in a process of its own."""
        boxes = [self._mailbox() for _ in codes]
        cases = [(box.dsn, code) for box, code in zip(boxes, codes, strict=True)]
        (self._folder / "cases").write_text(json.dumps(cases))
        process = self.start(FORK, init="")
        # All at once, so on a busy machine each takes longer than alone.
        assert process.popen.wait(2 * DEADLINE) == 0, process.output
        lines = [line.split() for line in process.output.splitlines()]
        # A child may print, too.
        statuses = [int(words[1]) for words in lines if words and words[0] == "status"]
        found = [texts(box.drain()) for box in boxes]
        return list(zip(statuses, found, strict=True))

    def _mailbox(self) -> Mailbox:
        box = self._bench.sink.mailbox()
        box.delay = 0.1
        return box

    def _await_ready(self, process: Process) -> None:
        end = time.monotonic() + 20
        while not (self._folder / "ready").exists():
            assert process.popen.poll() is None, process.output
            assert time.monotonic() < end, process.output
            time.sleep(0.02)


def texts(events: list[Event]) -> list[str]:
    """Return the sorted texts of *events*: of a message, or the class of an exception."""
    return sorted(e.error or str(e.data.get("logentry", e.data)["message"]) for e in events)


def ends(process: Process, status: int) -> list[str]:
    """Return the texts of what *process* has sent, after it has ended with *status*."""
    assert process.wait() == status, process.output
    return texts(process.mailbox.drain())

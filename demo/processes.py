"""Start the child processes of the demo, each with a log, and stop all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

GRACE = 8.0
"""Seconds that a process has to stop before it is killed."""

LAST_LINES = 15


def environment() -> dict[str, str]:
    """Return the environment of a server, without variables that could change the table."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ}


class Failed(Exception):
    """The demo cannot continue. The message says what went wrong."""


@dataclass(frozen=True)
class Process:
    """A child process, the leader of its own process group."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals

    def kill_group(self) -> None:
        """Kill the child and its children; do nothing if all have ended."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)

    def failed(self, what: str) -> Failed:
        """Return an error that says `what` went wrong and shows the end of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        tail = "".join(f"\n    {line}" for line in lines[-LAST_LINES:])
        return Failed(f"{self.name}: {what}; the end of {self.log}:{tail}")


class Processes:
    """A context manager that stops every child that it has started.

    Each child has its own process group, so a Ctrl-C in the terminal reaches only this process,
    which then stops the children in order.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[Process] = []

    def __enter__(self) -> Processes:  # noqa: PYI034 # typing.Self is new in Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not interrupt this
        self.stop(*self._running)

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> Process:
        """Start `command`, and append its output to `name`.log."""
        log = self._logs / f"{name}.log"
        with log.open("ab") as output:
            popen = subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(name, popen, log, stop_signal)
        self._running.append(process)
        return process

    def run(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run `command` and wait for its end; raise `Failed` if the exit code is not 0."""
        process = self.start(name, command, environment)
        code = process.popen.wait()
        self.stop(process)
        if code:
            raise process.failed(f"exit code {code}")

    def wait_until(self, process: Process, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `ready()`; raise `Failed` if the process ends or needs too long."""
        end = time.monotonic() + seconds
        while not ready():
            if process.popen.poll() is not None:
                raise process.failed(f"ended with exit code {process.popen.returncode}")
            if time.monotonic() > end:
                raise process.failed(f"not ready after {seconds:.0f} s")
            time.sleep(0.1)

    def stop(self, *processes: Process) -> None:
        """Send each of `processes` its stop signal, wait, and kill those that still run."""
        stopping = [process for process in processes if process.popen.poll() is None]
        for process in stopping:
            process.popen.send_signal(process.stop_signal)
        end = time.monotonic() + GRACE
        for process in stopping:
            with suppress(subprocess.TimeoutExpired):
                process.popen.wait(max(0.0, end - time.monotonic()))
            process.kill_group()
            process.popen.wait()
        self._running = [process for process in self._running if process not in processes]

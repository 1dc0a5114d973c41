"""Services: an application of apps/ under a real server, or a script, in its own process."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.bounds import DEADLINE, poll
from harness.gate import Gate
from harness.sink import Event, Mailbox, Sink
from harness.table import SERVERS, Server
from harness.upstream import ResettingPeer
from harness.wire import Answer, Wire, request

HERE = Path(__file__).parent.parent
# PYTHONDEVMODE, with which the tests run, makes servers and their event loops log more.
_FOREIGN = re.compile(
    r"SENTRY|OTEL_|ENV$|GUNICORN_|WEB_CONCURRENCY$|UVICORN_|FLASK_|.*_PROXY$|PYTHONDEVMODE$",
    re.IGNORECASE,
)
_COUNTER = itertools.count(1)


def new_id(what: str) -> str:
    """Return a unique request id."""
    return f"{what}-{next(_COUNTER)}"


def free_port() -> int:
    """Return a port that was free a moment ago.

    It is below the ephemeral ports, which a client may take in the meantime. A client that connects
    to an unused ephemeral port can even connect to itself.
    """
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def inherited() -> dict[str, str]:
    """Return our environment without what configures services."""
    return {name: value for name, value in os.environ.items() if not _FOREIGN.match(name)}


class Process:
    """A process whose output goes to a file, which the report of a failed test shows."""

    def __init__(
        self,
        name: str,
        command: list[str],
        environ: Mapping[str, str],
        log: Path,
        box: Mailbox,
        *,
        folder: Path = HERE,
    ) -> None:
        self.name, self.mailbox, self._log = name, box, log
        with log.open("wb") as output:
            self.popen = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Its own process group, so that its workers can be killed with it.
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """The output so far, stdout and stderr."""
        return self._log.read_text(errors="replace")

    def wait(self) -> int:
        """Return the exit status when the process has ended by itself."""
        return self.popen.wait(DEADLINE)

    def end(self) -> None:
        """End the process and its workers."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(DEADLINE / 2)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait(DEADLINE)


class Service(Process):
    """A process that serves HTTP."""

    server: Server
    framework: str
    port: int
    gate: Gate
    # True if all its events were taken.
    settled = False

    def wire(self) -> Wire:
        """Return a new connection."""
        return Wire(self.port)

    def call(self, path: str, request_id: str, *, method: str = "GET", body: bytes = b"") -> Answer:
        """Return the response to one request on its own connection."""
        with self.wire() as wire:
            wire.send(request(method, path, request_id, body=body))
            return wire.answer()

    def await_ready(self) -> None:
        """Return when the service accepts connections; raise if it ends instead."""

        def accepts() -> bool:
            assert self.popen.poll() is None, f"{self.name} ended at start:\n{self.output}"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return True
            return False

        poll(accepts, f"{self.name} does not listen:\n{self.output}")

    def settle(self) -> list[Event]:
        """Return all events that were not taken yet.

        A last failure is reported by the service. Its queue is in order, so all earlier events have
        arrived when the last one has.
        """
        marker = new_id("marker")
        assert self.call("/orders/1/unavailable", marker).status == 503
        complaints = [line for line in self.output.splitlines() if "[sentryinit] WARN" in line]
        assert not complaints, complaints
        self.mailbox.wait_for(marker)
        events = [event for event in self.mailbox.take() if event.request_id != marker]
        self.settled = True
        return events


class Bench:
    """The parts that a test needs, and the services that all tests share."""

    def __init__(self, logs: Path) -> None:
        self.sink, self.gate, self.upstream = Sink(), Gate(), ResettingPeer()
        self._logs = logs
        self._kept: dict[tuple[str, str], Service] = {}
        # The processes of the current test.
        self.used: list[Process] = []

    def service(self, framework: str, server: str) -> Service:
        """Return the shared service; a test must leave it running."""
        kept = self._kept.get((framework, server))
        if kept is None or kept.popen.poll() is not None:
            kept = self._kept[framework, server] = self.start(framework, server)
            kept.await_ready()
        elif not kept.settled:
            # A test failed halfway; its events do not belong to this one.
            kept.settle()
        kept.settled = False
        self.used.append(kept)
        return kept

    @contextlib.contextmanager
    def fresh(
        self, framework: str, server: str, *, ready: bool = True, **knobs: str
    ) -> Iterator[Service]:
        """Start a service for one test.

        *ready*: False if it is expected to fail at start-up. Other names are settings of the
        server, or, in capitals, variables of its environment.
        """
        service = self.start(framework, server, **knobs)
        self.used.append(service)
        try:
            if ready:
                service.await_ready()
            yield service
        finally:
            service.end()

    def start(self, framework: str, server: str, **knobs: str) -> Service:
        """Start a service without waiting until it is ready; *knobs* as in ``fresh()``."""
        port = free_port()
        settings = {name: value for name, value in knobs.items() if name.islower()}
        command = SERVERS[server].line(
            f"apps.{framework.replace('-', '_')}_app:app", port, **settings
        )
        environ = {name: value for name, value in knobs.items() if name.isupper()}
        name = f"{framework}/{server}"
        box = self.sink.mailbox()
        service = Service(name, command, self._environ(box, environ), self._log_file(name), box)
        service.server, service.framework = SERVERS[server], framework
        service.port, service.gate = port, self.gate
        return service

    def script(self, *arguments: str, **environ: str) -> Process:
        """Start apps/script.py."""
        name = " ".join(("script", *arguments))
        box = self.sink.mailbox()
        command = [sys.executable, "-m", "apps.script", *arguments]
        process = Process(name, command, self._environ(box, environ), self._log_file(name), box)
        self.used.append(process)
        return process

    def close(self) -> None:
        """End everything."""
        for service in self._kept.values():
            service.popen.terminate()
        for service in self._kept.values():
            service.end()
        self.upstream.close()
        for part in (self.gate, self.sink):
            part.shutdown()
            part.server_close()

    def _environ(self, box: Mailbox, more: Mapping[str, str]) -> dict[str, str]:
        return {
            **inherited(),
            "SENTRY_DSN": box.dsn,
            "SENTRYINIT_SERVICE": "shop",
            # One service reports the failures of all tests.
            "SENTRYINIT_STORM_GUARD": "false",
            "PROCESS_GATE": self.gate.address,
            "PROCESS_UPSTREAM": self.upstream.address,
            "PYTHONUNBUFFERED": "1",
            **more,
        }

    def _log_file(self, name: str) -> Path:
        return self._logs / f"{next(_COUNTER)}-{re.sub('[^a-z0-9]+', '-', name)}.log"

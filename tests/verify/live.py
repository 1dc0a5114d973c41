"""The services of the demo, each under its server, and runs of the installed command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bugsink

DEBUG_TOKEN = "d3bug-t0ken-for-these-tests-only"
ENVIRONMENT, RELEASE = "staging", "shop@4.2.0"
COMMAND = Path(sys.executable).with_name("sentryinit")
# The projects that no service of the demo has; the setup script knows the last one.
OTHERS = ("here", "quota", "full", "other", "wrong-key", "late", "drops")


@dataclass
class Done:
    """What a run of the command gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Site:
    """A Bugsink, and the services of the demo, each under its server."""

    store: bugsink.Bugsink
    running: Any
    services: Mapping[str, Any]
    folder: Path
    python: str
    secrets: list[str] = field(default_factory=list)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.services[name].port}/debug/sentry-panic"

    def run(self, *arguments: str, **environment: str) -> Done:
        """Run the installed command."""
        return self.execute([str(COMMAND), *arguments], self.folder, environment)

    def python_run(self, *arguments: str, folder: Path, **environment: str) -> Done:
        """Run Python in *folder*."""
        return self.execute([sys.executable, *arguments], folder, environment)

    def execute(self, command: list[str], folder: Path, environment: Mapping[str, str]) -> Done:
        """Run *command*; no secret may be in what it prints."""
        variables = {
            "PATH": os.environ["PATH"],
            "SENTRYINIT_AUTH_TOKEN": self.store.tokens["least"],
            "SENTRYINIT_DEBUG_TOKEN": DEBUG_TOKEN,
            **environment,
        }
        done = subprocess.run(
            command,
            env={name: value for name, value in variables.items() if value},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
        for secret in [*self.secrets, *self.store.tokens.values()]:
            assert secret not in done.stdout + done.stderr, "a secret is shown"
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def verify(self, name: str, *arguments: str, **environment: str) -> Done:
        """Run ``sentryinit verify --json`` over the debug route of a service."""
        dsn = environment.pop("SENTRY_DSN", self.store.dsns[name])
        arguments = ("verify", "--json", "--url", self.url(name), "--service", name, *arguments)
        return self.run(*arguments, SENTRY_DSN=dsn, **environment)


@dataclass(frozen=True)
class Service:
    """A service that runs."""

    process: Any
    port: int

    def is_ready(self) -> bool:
        return bool(bugsink.backend.answers(self.port, "/orders/1"))


def start(running: Any, service: Any, dsn: str, **environment: str) -> Service:
    """Start a service of the demo, which reports to *dsn*."""
    port = bugsink.free_port()
    variables = {
        "SENTRY_DSN": dsn,
        "SENTRY_ENVIRONMENT": ENVIRONMENT,
        "SENTRY_RELEASE": RELEASE,
        "SENTRYINIT_SERVICE": service.name,
        "SENTRYINIT_DEBUG_TOKEN": DEBUG_TOKEN,
        "WAREHOUSE": "127.0.0.1:9",
        **environment,
    }
    command = [sys.executable, *service.server(service.app, port).split()]
    settings = bugsink.processes.environment() | variables
    # No server may wait for open connections at the end of the tests.
    process = running.start(service.name, command, settings, stop_signal=signal.SIGKILL)
    return Service(process, port)

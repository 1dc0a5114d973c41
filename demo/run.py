"""Run sentryinit end to end with a real backend: `python3 demo/run.py [--keep]`.

Needs only Python 3.10 or newer with pip, on a POSIX system. The demo:

1. installs a backend (Bugsink on SQLite) and a service for each adapter into `.demo/`;
2. starts them on free loopback ports;
3. sends requests to each service;
4. reads the events from the backend, by id;
5. prints a table of the events that are stored for each request, and of the harmless values, sent
   with each request, that are stored although nobody asked for them;
6. proves one service with the command `sentryinit verify`.

The exit code is 0 if all events are as expected, 1 if they are not, 2 if the demo could not run.
With `--keep` the backend and the services keep running after the table, until Ctrl-C.

`--pictures` makes the pictures of the documentation instead, with Chromium: see `pictures.py`.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import backend
import install
import pictures
import report
import traffic
from processes import Failed, Process, Processes, environment
from scenarios import SCENARIOS

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".demo"
LOGS = HOME / "logs"
APPS = ROOT / "demo" / "services"


def gunicorn(app: str, port: int) -> str:
    """Return the arguments to serve a WSGI application, with threads."""
    return (
        f"-m gunicorn --chdir {APPS} -b 127.0.0.1:{port} -w 1 -k gthread --threads 4 "
        f"--graceful-timeout 5 --no-control-socket --access-logfile - {app}"
    )


def uvicorn(app: str, port: int) -> str:
    """Return the arguments to serve an ASGI application."""
    return (
        f"-m uvicorn --app-dir {APPS} --host 127.0.0.1 --port {port} --workers 1 "
        f"--timeout-graceful-shutdown 5 {app}"
    )


def itself(app: str, port: int) -> str:
    """Return the arguments to run an application that has its own server."""
    return f"{APPS / app} {port}"


@dataclass(frozen=True)
class Service:
    """A row of the table of services; `app` is in `demo/services/`."""

    name: str
    app: str
    server: Callable[[str, int], str]
    requires: Sequence[str]
    package: str | None = None
    """The folder of the adapter in `packages/`; None for the generic middleware of the core."""


SERVICES = (
    Service("django", "django_app:serve()", gunicorn, ["django", "gunicorn>=26"], "django"),
    Service("django-asgi", "--factory django_asgi_app:serve", uvicorn, ["uvicorn"], "django"),
    Service("flask", "flask_app:app", gunicorn, ["flask", "gunicorn>=26"], "flask"),
    Service("starlette", "starlette_app:app", uvicorn, ["starlette", "uvicorn"], "starlette"),
    Service("fastapi", "fastapi_app:app", uvicorn, ["fastapi", "uvicorn"], "starlette"),
    Service("aiohttp", "aiohttp_app.py", itself, ["aiohttp"], "aiohttp"),
    Service("falcon", "falcon_app:app", gunicorn, ["falcon", "gunicorn>=26"], "falcon"),
    Service("falcon-asgi", "falcon_asgi_app:app", uvicorn, ["uvicorn"], "falcon"),
    Service("wsgi", "wsgi_app:app", gunicorn, ["gunicorn>=26"]),
    Service("asgi", "asgi_app:app", uvicorn, ["uvicorn"]),
)

VERIFIED = "flask"
"""The service that the command verifies at the end."""


@contextmanager
def step(what: str) -> Iterator[None]:
    """Print a line of progress: the step, and how many seconds it took."""
    print(f"{what} ...", end=" ", flush=True)
    start = time.monotonic()
    yield
    print(f"{time.monotonic() - start:.1f} s", flush=True)


@dataclass(frozen=True)
class Running:
    """A service that runs."""

    service: Service
    process: Process
    port: int

    def visits(self) -> dict[str, traffic.Visit]:
        """Send the requests of all scenarios, one scenario after the other."""
        found = {}
        for scenario in SCENARIOS:
            found[scenario.name] = traffic.Visit(scenario.name, self.port, self.process.log)
            scenario.send(found[scenario.name])
        return found


def main() -> int:
    """Run the demo; return the exit code."""
    parser = argparse.ArgumentParser(description="run sentryinit end to end with a real backend")
    parser.add_argument("--keep", action="store_true", help="keep everything running until Ctrl-C")
    parser.add_argument("--pictures", action="store_true", help="make docs/pictures/ instead")
    given = parser.parse_args()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a background job of a shell ignores SIGINT
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    try:
        with alone(), Processes(LOGS) as processes, traffic.resetting_peer() as warehouse:
            if given.pictures:
                return pictures.take(processes, HOME)
            return demo(processes, warehouse, keep=given.keep)
    except Failed as error:
        print(f"\n\nThe demo could not run. {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted. Everything is stopped.", file=sys.stderr)
        return 130


def demo(processes: Processes, warehouse: str, *, keep: bool) -> int:
    """Install, start, send, read the events, compare; return the exit code."""
    begin = time.monotonic()
    names = [service.name for service in SERVICES]
    bugsink_port, *ports = free_ports(1 + len(SERVICES))
    bugsink_python, services_python = installed(processes)
    with step("starting Bugsink with an empty database"):
        store = backend.start(processes, bugsink_python, HOME / "bugsink", bugsink_port, names)
    with step(f"starting {len(SERVICES)} services: {', '.join(names)}"):
        running = started(processes, services_python, store, warehouse, ports)
    with step("sending the requests"), ThreadPoolExecutor(len(running)) as pool:
        visits = list(pool.map(Running.visits, running))
    with step("verifying a service with the command"):
        settle(store, running, visits)
        proof = verified(services_python, store, running)
    with step("reading the events from the backend"):
        if not keep:
            # A service sends its queued events when it stops: the table must count them.
            processes.stop(*(one.process for one in running))
        columns = [
            report.Column(
                one.service.name,
                one.service.package is not None,
                visit,
                [event for event in stored(store, one) if event.event_id != proof.event_id],
            )
            for one, visit in zip(running, visits, strict=True)
        ]
    print()
    right = report.show(columns)
    print(f"\n$ {proof.command}\n{proof.line}")
    print(f"\n{'As expected' if right else 'NOT as expected'}, {time.monotonic() - begin:.0f} s.")
    if keep:
        hold(store, running)
    return 0 if right else 1


def installed(processes: Processes) -> tuple[str, str]:
    """Return the Python interpreters of Bugsink's venv and of the services' venv."""
    with step(f"installing {install.BUGSINK}, the backend"):
        bugsink_python = install.bugsink(processes, HOME / "venv-bugsink")
    adapters = sorted({service.package for service in SERVICES if service.package})
    packages = [ROOT / "packages" / name for name in ["core", "cli", *adapters]]
    requirements = [name for service in SERVICES for name in service.requires]
    with step("installing this checkout's packages, frameworks and servers"):
        services_python = install.services(
            processes, HOME / "venv-services", requirements, packages
        )
    return bugsink_python, services_python


def started(
    processes: Processes,
    python: str,
    store: backend.Backend,
    warehouse: str,
    ports: Sequence[int],
) -> list[Running]:
    """Start all services, each with its own project; return them when they respond."""
    running = []
    for service, port in zip(SERVICES, ports, strict=True):
        variables = {
            "SENTRY_DSN": store.projects[service.name].dsn,
            "SENTRY_ENVIRONMENT": report.ENVIRONMENT,
            "SENTRY_RELEASE": report.RELEASE,
            "SENTRYINIT_SERVICE": service.name,
            "SENTRYINIT_DEBUG_TOKEN": traffic.DEBUG_TOKEN,
            "WAREHOUSE": warehouse,
        }
        command = [python, *service.server(service.app, port).split()]
        process = processes.start(service.name, command, environment() | variables)
        running.append(Running(service, process, port))
    for one in running:
        processes.wait_until(one.process, partial(backend.answers, one.port, "/orders/1"), 30)
    return running


@dataclass(frozen=True)
class Proof:
    """What the command `sentryinit verify` said about a service."""

    command: str
    line: str
    event_id: str


def verified(python: str, store: backend.Backend, running: Sequence[Running]) -> Proof:
    """Have the debug route of a service send an event, and read it back with the command."""
    one = next(one for one in running if one.service.name == VERIFIED)
    url = f"http://127.0.0.1:{one.port}/debug/sentry-panic"
    options = ["verify", "--url", url, "--service", one.service.name]
    settings = {
        "SENTRY_DSN": store.projects[one.service.name].dsn,
        "SENTRYINIT_AUTH_TOKEN": store.token,
        "SENTRYINIT_DEBUG_TOKEN": traffic.DEBUG_TOKEN,
    }
    program = str(Path(python).with_name("sentryinit"))
    done = subprocess.run(
        [program, *options, "--json"],
        env=environment() | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"sentryinit verify: exit code {done.returncode}:\n{done.stdout}{done.stderr}")
    told = json.loads(done.stdout)
    line = f"{told['service']}: found in {told['backend']} after {told['milliseconds']} ms"
    return Proof(f"sentryinit {' '.join(options)}", line, told["event_id"].replace("-", ""))


def stored(store: backend.Backend, one: Running) -> Iterator[backend.Event]:
    """Yield all events of a service."""
    return store.events(store.projects[one.service.name])


def settle(
    store: backend.Backend,
    running: Sequence[Running],
    visits: Sequence[Mapping[str, traffic.Visit]],
) -> None:
    """Wait for the event of the last request of each service: events are sent in order."""
    for one, visit in zip(running, visits, strict=True):
        for event_id in visit[SCENARIOS[-1].name].event_ids:
            store.wait_for(store.projects[one.service.name], event_id)


def hold(store: backend.Backend, running: Sequence[Running]) -> None:
    """Print all addresses, and wait for Ctrl-C."""
    print(f"\nBugsink     {store.url}   user {backend.USER}, password {store.password}")
    for one in running:
        print(f"{one.service.name:11} http://127.0.0.1:{one.port}   log {one.process.log}")
    print(f"try         curl -i http://127.0.0.1:{running[0].port}/orders/99/price")
    print("\nCtrl-C stops everything.", flush=True)
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        print("\nstopping", flush=True)


def free_ports(count: int) -> list[int]:
    """Return different loopback ports that are free."""
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def alone() -> Iterator[None]:
    """Hold the lock of `.demo/`, and delete the files of the last run, except the venvs."""
    HOME.mkdir(exist_ok=True)
    (HOME / ".gitignore").write_text("*\n")
    with (HOME / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed("Another demo runs in this checkout.") from None
        for folder in (LOGS, HOME / "bugsink"):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        yield


def leave(number: int, _: object) -> None:
    """End the demo in order, as a signal handler."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    if sys.version_info < (3, 10):  # noqa: UP036  # an older Python gets a message
        sys.exit("The demo needs Python 3.10 or newer.")
    sys.exit(main())

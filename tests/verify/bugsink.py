"""The real backend of these tests: the demo's Bugsink, with other settings.

``python bugsink.py VENV`` installs it into the folder VENV, or finds that it is there.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(__file__).resolve().parent / "site"
SERVICES = ROOT / "demo" / "services"
QUOTA = 25
"""Events that a project may store in five minutes: more than any test here sends to one."""


def _of_the_demo(name: str) -> Any:
    """Return a module of the demo; `backend` is the name of another module of the tests, too."""
    sys.path.insert(0, str(ROOT / "demo"))
    hidden = sys.modules.pop(name, None)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(ROOT / "demo"))
        if hidden is not None:
            sys.modules[name] = hidden


processes = _of_the_demo("processes")
backend = _of_the_demo("backend")
install = _of_the_demo("install")
demo = _of_the_demo("run")


@dataclass(frozen=True)
class Bugsink:
    """A Bugsink that runs. *dsns*: by the name of the project. *tokens*: by what they lack."""

    store: Any
    dsns: Mapping[str, str]
    tokens: Mapping[str, str]
    port: int
    settings: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def events(self, project: str) -> list[Any]:
        """Return all stored events of a project, by another reader than that of the command."""
        return list(self.store.events(self.store.projects[project]))

    def fill(self, project: str) -> None:
        """Send, without the command, as many events to *project* as its quota admits."""
        scheme, _, rest = self.dsns[project].partition("://")
        key, _, place = rest.partition("@")
        host, _, number = place.partition("/")
        for _ in range(QUOTA - len(self.events(project))):
            event = {
                "event_id": uuid.uuid4().hex,
                "timestamp": time.time(),
                "platform": "python",
                "level": "error",
                "logentry": {"message": "one of many"},
            }
            request = urllib.request.Request(  # noqa: S310 # of this test's Bugsink
                f"{scheme}://{host}/api/{number}/store/",
                json.dumps(event).encode(),
                {
                    "Content-Type": "application/json",
                    "X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={key}",
                },
            )
            urllib.request.urlopen(request, timeout=20).close()  # noqa: S310 # likewise

    def count(self) -> int:
        """Return the number of all stored events."""
        return sum(len(self.events(name)) for name in self.dsns)


def start(running: Any, python: str, folder: Path, names: list[str]) -> Bugsink:
    """Start a Bugsink with a project for each of *names*; *running*: the demo's `Processes`."""
    port = free_port()
    settings = _settings(folder, port)
    made = folder / "made.json"
    command = [python, str(SITE / "bugsink_verify_setup.py"), str(made), *names]
    running.run("bugsink-setup", command, settings)
    process = backend.serve(running, python, settings, port)
    filled = json.loads(made.read_text(encoding="utf-8"))
    projects = {name: backend.Project(**one) for name, one in filled["projects"].items()}
    store = backend.Backend(process, port, "", filled["token"], projects)
    dsns = {name: project.dsn for name, project in projects.items()}
    return Bugsink(store, dsns, filled["tokens"], port, settings)


def without_worker(running: Any, python: str, bugsink: Bugsink) -> int:
    """Start a second server on the same database, whose worker is down; return its port."""
    port = free_port()
    backend.serve(running, python, {**bugsink.settings, "VERIFY_WORKER_DOWN": "1"}, port)
    return port


def _settings(folder: Path, port: int) -> dict[str, str]:
    settings: dict[str, str] = backend.variables(folder, port)
    settings["PYTHONPATH"] += f":{SITE}"
    settings["DJANGO_SETTINGS_MODULE"] = "bugsink_verify_settings"
    settings["VERIFY_QUOTA"] = str(QUOTA)
    return settings


def free_port() -> int:
    """Return a loopback port that is free."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def main(folder: Path) -> None:
    """Install Bugsink into *folder*."""
    logs = folder.parent / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with processes.Processes(logs) as running:
        print(install.bugsink(running, folder))  # noqa: T201 # a program, which prints its result


if __name__ == "__main__":
    main(Path(sys.argv[1]))

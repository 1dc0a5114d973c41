"""Start the backend of the demo, Bugsink on SQLite, and read events from it."""

from __future__ import annotations

import http.client
import json
import secrets
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from processes import Failed, Process, Processes, environment

SITE = Path(__file__).parent / "bugsink_site"
USER = "demo"
API = "/api/canonical/0"


@dataclass(frozen=True)
class Project:
    """The project of one service in the backend."""

    id: int
    dsn: str


@dataclass(frozen=True)
class Event:
    """An event in the backend: `data` is what was sent, `record` is all that the API returns."""

    event_id: str
    issue: str
    title: str
    data: dict[str, Any]
    record: str


@dataclass(frozen=True)
class Backend:
    """A Bugsink that runs."""

    process: Process
    port: int
    password: str
    token: str
    projects: Mapping[str, Project]

    @property
    def url(self) -> str:
        """The address of its pages."""
        return f"http://127.0.0.1:{self.port}"

    def events(self, project: Project) -> Iterator[Event]:
        """Yield all events of a project, each read by its id."""
        for issue, listed in self._listed(project):
            record = self._get(f"/events/{listed['id']}/")
            event_id, title = _plain(record["event_id"]), _title(issue)
            yield Event(event_id, issue["id"], title, record["data"], json.dumps(record))

    def wait_for(self, project: Project, event_id: str, seconds: float = 10.0) -> bool:
        """Wait until the event with this id is stored; return False if it is not."""
        end = time.monotonic() + seconds
        while event_id not in {_plain(event["event_id"]) for _, event in self._listed(project)}:
            if time.monotonic() > end:
                return False
            time.sleep(0.2)
        return True

    def only_project(self) -> Project:
        """Return the project that somebody has made on the pages."""
        (found,) = self._page("/projects/")
        return Project(found["id"], found["dsn"])

    def issue(self, project: Project, title: str) -> str:
        """Return the id of the one issue with *title* in its title."""
        found = [
            issue for issue in self._page("/issues/", project=project.id) if title in _title(issue)
        ]
        if len(found) != 1:
            raise Failed(f"Bugsink has {len(found)} issues with {title!r}")
        id_: str = found[0]["id"]
        return id_

    def _listed(self, project: Project) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        for issue in self._page("/issues/", project=project.id):
            for event in self._page("/events/", issue=issue["id"]):
                yield issue, event

    def _page(self, path: str, **query: str | int) -> list[dict[str, Any]]:
        page = self._get(path, **query)
        if page["next"]:
            raise Failed(f"{path} has more than one page (250): the demo has not sent so many")
        results: list[dict[str, Any]] = page["results"]
        return results

    def _get(self, path: str, **query: str | int) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            connection.request("GET", f"{API}{path}?{urlencode(query)}", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise self.process.failed(f"GET {path}: status {answer.status}")
        loaded: dict[str, Any] = json.loads(body)
        return loaded


def _plain(event_id: str) -> str:
    """Return the id without hyphens: Bugsink shows them, the SDKs do not use them."""
    return event_id.replace("-", "")


def _title(issue: Mapping[str, str]) -> str:
    """Return the title of an issue as on the pages of Bugsink."""
    kind, value = issue["calculated_type"], issue["calculated_value"]
    return value if kind == "Log Message" else f"{kind}: {value}"


def start(
    processes: Processes,
    python: str,
    folder: Path,
    port: int,
    projects: Sequence[str],
) -> Backend:
    """Start Bugsink with an empty database in `folder`, and a project for each name."""
    settings = variables(folder, port)
    made = folder / "made.json"
    command = [python, str(SITE / "bugsink_demo_setup.py"), str(made), *projects]
    processes.run("bugsink", command, settings)
    process = serve(processes, python, settings, port)
    filled = json.loads(made.read_text(encoding="utf-8"))
    found = {name: Project(**project) for name, project in filled["projects"].items()}
    password = settings["DEMO_BACKEND_PASSWORD"]
    return Backend(process, port, password, filled["token"], found)


def variables(folder: Path, port: int) -> dict[str, str]:
    """Return the environment of a Bugsink with its data in `folder`."""
    return environment() | {
        "PYTHONPATH": str(SITE),
        "DJANGO_SETTINGS_MODULE": "bugsink_demo_settings",
        "DEMO_BACKEND_FOLDER": str(folder),
        "DEMO_BACKEND_URL": f"http://127.0.0.1:{port}",
        "DEMO_BACKEND_SECRET": secrets.token_hex(32),
        "DEMO_BACKEND_PASSWORD": secrets.token_urlsafe(12),
    }


def serve(processes: Processes, python: str, settings: Mapping[str, str], port: int) -> Process:
    """Start the server of a Bugsink that is set up; return when it responds."""
    # By default gunicorn closes a connection that is idle for 2 s. An SDK that sends at that moment
    # loses the event, because it does not repeat a POST. 75 s is what a proxy would use.
    server = (
        f"-m gunicorn -b 127.0.0.1:{port} -w 1 --threads 4 --keep-alive 75 --no-control-socket "
        "bugsink.wsgi"
    )
    # SIGTERM would make gunicorn's threads wait for the connections of the SDK, which stay open.
    process = processes.start(
        "bugsink", [python, *server.split()], settings, stop_signal=signal.SIGQUIT
    )
    processes.wait_until(process, lambda: answers(port, "/health/ready"), seconds=30)
    return process


def answers(port: int, path: str) -> bool:
    """Return True if a server on this port responds to `path` with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

"""Freezer's API, of OpenStack: Falcon in a pipeline of Paste, under uWSGI as in its README.

It streams nothing.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from real import Application, summary, without_table

from harness.sink import Event

HERE = Path(__file__).parent
# What Keystone's middleware adds.
USER = {
    "X_Identity_Status": "Confirmed",
    "X_User_Id": "alice",
    "X_Project_Id": "books",
    "X_Roles": "admin",
}
JSON = {"Content_Type": "application/json"}


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """Start the API, use it, provoke failures, and end it; return what it has reported."""
    folder = tmp_path_factory.mktemp("freezer")
    server = Application("backups", folder)
    for name in ("freezer-api.conf", "freezer-paste.ini", "wiring.py"):
        shutil.copy(HERE / name, folder)
    server.run("freezer-manage", "--config-file=freezer-api.conf", "db", "sync")
    with server.serving(
        *("uwsgi", "--http-socket", f"127.0.0.1:{server.port}", "--need-app", "--master"),
        *("--enable-threads", "--py-call-uwsgi-fork-hooks", "--pythonpath=."),
        # By default SIGTERM reloads.
        *("--hook-master-start", "unix_signal:15 gracefully_kill_them_all"),
        *("--module=wiring:application", "--pyargv=--config-file=freezer-api.conf"),
    ):
        visit(server)
        provoke(server)
    return server.events()


def ask(
    server: Application, method: str, path: str, request_id: str = "ordinary", **data: Any
) -> int:
    """Call the API as Alice, with *data* as JSON; return the status."""
    body = json.dumps(data) if data else b""
    return server.ask(method, f"/v2/books/{path}", request_id, body=body, **USER, **JSON).status


def visit(server: Application) -> None:
    """Use the API as clients and scanners do."""
    assert server.ask("GET", "/healthcheck").status == 200
    assert server.ask("GET", "/").status == 300
    assert server.ask("GET", "/v2/").status == 401
    assert server.ask("GET", "/v2/", **USER).status == 200
    assert server.ask("GET", "/v2/no/such/page", **USER).status == 404
    assert server.ask("GET", "/v2/books/clients", **USER, Accept="text/html").status == 406
    assert ask(server, "POST", "clients", client_id="laptop") == 201
    assert ask(server, "GET", "clients") == 200
    assert ask(server, "GET", "clients?limit=many") == 400
    assert ask(server, "GET", "clients/laptop") == 200
    assert ask(server, "GET", "clients/none") == 404
    assert ask(server, "PUT", "clients") == 405
    assert ask(server, "DELETE", "clients/laptop") == 204
    assert ask(server, "GET", "jobs/none") == 404
    assert ask(server, "DELETE", "jobs/none") == 204
    # Falcon knows this status, and Freezer sends it.
    assert server.ask("POST", "/v2/books/clients", body="{", **USER, **JSON).status == 753
    assert ask(server, "POST", "clients", "logged-empty") == 400
    assert ask(server, "POST", "jobs", "logged-invalid", description=5) == 400
    assert ask(server, "PATCH", "sessions/none", "logged-missing", x=1) == 404


def provoke(server: Application) -> None:
    """Fail in each way that the API has, with a request id for each."""
    with without_table(server.folder / "freezer.db", "clients"):
        assert ask(server, "GET", "clients", "exception") == 500
    (server.folder / "disabled").touch()
    assert server.ask("GET", "/healthcheck", "returned").status == 503
    half = {**USER, **JSON, "Content_Length": "8"}
    with server.asking("POST", "/v2/books/clients", "left-upload", **half) as connection:
        connection.sendall(b"half")


def of(events: list[Event], start: str) -> list[tuple[str, ...]]:
    """Return the summary of the events of requests whose id starts with *start*."""
    return summary([event for event in events if event.request_id.startswith(start)])


def test_an_exception_is_one_event(events: list[Event]) -> None:
    """An exception, logged with its traceback and answered by an HTTP error, is one event."""
    assert of(events, "exception") == [
        ("exception", "DBNonExistentTable", "500", "/{project_id}/clients", "backups")
    ]


def test_a_returned_5xx_is_one_event(events: list[Event]) -> None:
    """A middleware of the pipeline answers 503 without the application: one event."""
    assert of(events, "returned") == [
        ("returned", "HTTP 503 GET <unknown>", "503", "<unknown>", "backups")
    ]


def test_a_client_that_left_is_no_failure(events: list[Event]) -> None:
    """Half of a body is no event."""
    assert of(events, "left") == []


def test_ordinary_requests_are_no_events(events: list[Event]) -> None:
    """Not even the 4xx whose text Freezer logs at ERROR (C2)."""
    assert of(events, "ordinary") == []
    assert of(events, "logged") == []

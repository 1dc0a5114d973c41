"""Freezer's API, of OpenStack: Falcon in a pipeline of Paste, under uWSGI as in its README.

It streams nothing.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.sink import Event
from real import Answer, Application, summary, without_table

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
        *("--enable-threads", "--die-on-term", "--lazy-apps", "--pythonpath=."),
        *("--module=wiring:application", "--pyargv=--config-file=freezer-api.conf"),
    ):
        visit(server)
        provoke(server)
    return server.events()


def post(server: Application, path: str, request_id: str = "ordinary", **data: Any) -> Answer:
    """Create what *data* describes."""
    return server.ask("POST", path, request_id, body=json.dumps(data), **USER, **JSON)


def visit(server: Application) -> None:
    """Use the API as clients and scanners do."""
    assert server.ask("GET", "/healthcheck").status == 200
    assert server.ask("GET", "/").status == 300
    assert server.ask("GET", "/v2/").status == 401
    assert server.ask("GET", "/v2/", **USER).status == 200
    assert server.ask("GET", "/v2/no/such/page", **USER).status == 404
    assert server.ask("GET", "/v2/books/clients", **USER, Accept="text/html").status == 406
    assert post(server, "/v2/books/clients", client_id="laptop").status == 201
    assert post(server, "/v2/books/clients", client_id="laptop").status == 409
    assert server.ask("GET", "/v2/books/clients", **USER).status == 200
    assert server.ask("GET", "/v2/books/clients/laptop", **USER).status == 200
    assert server.ask("GET", "/v2/books/clients/none", **USER).status == 404
    assert server.ask("POST", "/v2/books/clients", body="{", **USER, **JSON).status == 400
    assert server.ask("PUT", "/v2/books/clients", **USER).status == 405
    assert post(server, "/v2/books/jobs", description=5).status == 400
    assert server.ask("GET", "/v2/books/jobs/none", **USER).status == 404
    assert server.ask("DELETE", "/v2/books/jobs/none", **USER).status in {204, 404}


def provoke(server: Application) -> None:
    """Fail in each way that the API has, with a request id for each."""
    with without_table(server.folder / "freezer.db", "clients"):
        assert server.ask("GET", "/v2/books/clients", "exception", **USER).status == 500
    (server.folder / "disabled").touch()
    assert server.ask("GET", "/healthcheck", "returned").status == 503
    server.leave("POST", "/v2/books/clients", "left-upload", Content_Length="1000", **USER, **JSON)


def test_each_failure_is_one_event(events: list[Event]) -> None:
    """Each failure is one event; nothing else is, nor are clients that left."""
    for event in events:
        print(
            event.request_id,
            event.error,
            event.tags,
            event.data.get("transaction"),
            event.mechanism,
            (event.data.get("logentry") or {}).get("formatted"),
            event.data.get("logger"),
        )
    assert summary(events) == []

"""Airflow's API server: FastAPI, under uvicorn, which it starts, below ``run``.

Its handler of a database error logs a line of its own with a random id, and without the exception.
"""

from __future__ import annotations

import json

import pytest
from real import Application, summary, wiring, without_table

from harness.sink import Event

API = "/api/v2"
JSON = {"Content_Type": "application/json"}
HALF = {"Content_Type": "application/json", "Content_Length": "1000"}


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """Start a server, use it, provoke failures, and end it; return what it has reported."""
    server = Application("workflows", tmp_path_factory.mktemp("airflow"))
    server.environ |= {
        "AIRFLOW_HOME": str(server.folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
    }
    server.run("airflow", "db", "migrate")
    with server.serving(*wiring("airflow"), "--host=127.0.0.1", f"--port={server.port}"):
        visit(server)
        provoke(server)
    return server.events()


def variable(server: Application) -> int:
    """Add a variable; return the status."""
    body = json.dumps({"key": "currency", "value": "EUR"})
    return server.ask("POST", f"{API}/variables", body=body, **JSON).status


def visit(server: Application) -> None:
    """Use the server as clients, browsers and scanners do."""
    assert server.ask("GET", f"{API}/version").status == 200
    for path in (f"{API}/dags", f"{API}/monitor/health", "/", "/no-such-page"):
        assert server.ask("GET", path).status == 200
    assert variable(server) == 201
    assert variable(server) == 409
    assert server.ask("POST", f"{API}/variables", body="{", **JSON).status == 422
    assert server.ask("GET", f"{API}/dags/none").status == 404
    assert server.ask("GET", f"{API}/none").status == 404
    assert server.ask("PUT", f"{API}/dags").status == 405


def provoke(server: Application) -> None:
    """Fail in each way that the server has, with a request id for each."""
    with without_table(server.folder / "airflow.db", "variable"):
        assert server.ask("GET", f"{API}/variables/currency", "handled").status == 500
    with server.asking("POST", f"{API}/variables", "left-upload", **HALF) as connection:
        connection.sendall(b'{"key":')


def test_each_failure_is_one_event(events: list[Event]) -> None:
    """Each failure is one event; nothing else is, nor are clients that left."""
    route = f"{API}/variables/{{variable_key}}"
    assert summary(events) == [("handled", "OperationalError", "500", route, "workflows")]


def test_line_of_the_handler_is_a_breadcrumb(events: list[Event]) -> None:
    """The line with the random id is on the event, whose innermost own frame is Airflow's."""
    (event,) = events
    crumbs = event.data["breadcrumbs"]["values"]
    logged = [each["message"] for each in crumbs if each["level"] == "error"]
    assert [message[:14] for message in logged] == ["Error with id "]
    frames = [each for each in event.exception["stacktrace"]["frames"] if each["in_app"]]
    assert {each["module"].partition(".")[0] for each in frames} == {"airflow"}

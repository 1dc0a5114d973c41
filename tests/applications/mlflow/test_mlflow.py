"""MLflow's tracking server: FastAPI around Flask, under uvicorn, which it starts, below ``run``."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from real import Answer, Application, summary, wiring, without_table

from harness.sink import Event

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
JSON = {"Content_Type": "application/json"}
HALF = {"Content_Type": "application/json", "Content_Length": "8"}
LONG = b"x" * 50_000_000


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """Start a server, use it, provoke failures, and end it; return what it has reported."""
    server = Application("tracking", tmp_path_factory.mktemp("mlflow"))
    # It would wait for its job runner at the end, longer than the tests do.
    server.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    with server.serving(
        *(*wiring("mlflow"), f"--port={server.port}"),
        *("--backend-store-uri=sqlite:///tracking.db", "--artifacts-destination=./artifacts"),
    ):
        visit(server)
        provoke(server)
    return server.events()


def post(server: Application, call: str, request_id: str = "ordinary", **data: Any) -> Answer:
    """Call the API."""
    return server.ask("POST", f"{API}/{call}", request_id, body=json.dumps(data), **JSON)


def visit(server: Application) -> None:
    """Use the server as clients, browsers and scanners do."""
    assert server.ask("GET", "/health").status == 200
    assert server.ask("GET", "/version").status == 200
    assert server.ask("GET", "/").status == 200
    assert server.ask("GET", "/no-such-page").status == 404
    assert server.ask("GET", "/", Host="scanner.example").status == 403
    assert post(server, "experiments/create", name="one").status == 200
    assert post(server, "experiments/create", name="one").status == 400
    assert post(server, "experiments/search", max_results=10).status == 200
    assert post(server, "experiments/search", max_results="many").status == 400
    assert post(server, "runs/create", experiment_id="1").status == 200
    assert server.ask("GET", f"{API}/experiments/get?experiment_id=99").status == 404
    assert server.ask("GET", f"{API}/runs/get?run_id=none").status == 404
    assert server.ask("POST", f"{API}/experiments/create", body="{", **JSON).status == 400
    assert server.ask("DELETE", f"{API}/experiments/create").status == 405
    assert server.ask("PUT", f"{ARTIFACTS}/a/long.bin", body=LONG).status == 200
    assert server.ask("PUT", f"{ARTIFACTS}/a/other.bin", body=LONG).status == 200
    assert server.ask("GET", f"{ARTIFACTS}/a/long.bin").body == LONG
    assert server.ask("GET", f"{ARTIFACTS}/a/none.bin").status == 404
    assert server.ask("GET", f"{ARTIFACTS}/a").status == 400
    assert server.ask("GET", f"{ARTIFACTS}/../secret").status == 400


def provoke(server: Application) -> None:
    """Fail in each way that the server has, with a request id for each."""
    # A folder has this name.
    assert server.ask("PUT", f"{ARTIFACTS}/a", "exception", body=b"x").status == 500
    with without_table(server.folder / "tracking.db", "experiments"):
        assert post(server, "experiments/search", "handled", max_results=10).status == 503
    with server.asking("GET", f"{ARTIFACTS}/a/long.bin", "stream") as connection:
        assert connection.recv(1000)
        # It is far longer than what the sockets hold.
        os.truncate(server.folder / "artifacts/a/long.bin", 1000)
        while connection.recv(1_000_000):
            """Read until the server closes the connection."""
    with server.asking("GET", f"{ARTIFACTS}/a/other.bin", "left-download") as connection:
        assert connection.recv(1000)
    with server.asking("PUT", f"{ARTIFACTS}/a/short.bin", "left-upload", **HALF) as connection:
        connection.sendall(b"half")
    with server.asking("POST", f"{API}/experiments/search", "left-call", **HALF) as connection:
        connection.sendall(b"half")


def test_each_failure_is_one_event(events: list[Event]) -> None:
    """Each failure is one event; nothing else is, nor are clients that left."""
    artifact, search = f"{ARTIFACTS}/{{artifact_path}}", f"{API}/experiments/search"
    assert summary(events) == [
        ("exception", "IsADirectoryError", "500", artifact, "tracking"),
        ("handled", "OperationalError", "503", search, "tracking"),
        # uvicorn's, with httptools, for a body that is shorter than it was said to be.
        ("stream", "RuntimeError", "200", artifact, "tracking"),
    ]

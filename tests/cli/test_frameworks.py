"""``flask sentryinit`` and ``manage.py sentryinit``: the command with the application's settings.

The backend only takes events: that the event is the application's is what is tested here.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "c0ffee11" * 8
FLASK = """
from flask import Flask
from sentryinit_flask import SentryInit

def tag(event, hint):
    event["tags"]["by"] = "the application"
    return event

def create_app():
    app = Flask("orders")
    SentryInit(app, environment="staging", before_send=tag, tags={"team": "shop"})
    return app
"""
DJANGO = """
import sys
from django.conf import settings
from django.core.management import execute_from_command_line

def tag(event, hint):
    event["tags"]["by"] = "the application"
    return event

settings.configure(
    ROOT_URLCONF="urls",
    INSTALLED_APPS=["sentryinit_django"],
    MIDDLEWARE=["sentryinit_django.middleware.SentryInitMiddleware"],
    SENTRYINIT={"service": "orders", "environment": "staging", "before_send": tag,
                "tags": {"team": "shop"}},
)
if __name__ == "__main__":
    execute_from_command_line(sys.argv)
"""


class Backend(ThreadingHTTPServer):
    """Takes events, and shows the project and the events to the token."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.events: list[dict[str, Any]] = []

    @property
    def dsn(self) -> str:
        return f"http://{KEY}@127.0.0.1:{self.server_port}/17"


class Handler(BaseHTTPRequestHandler):
    """Answers as a small GlitchTip."""

    server: Backend

    def answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in {"/api/0/", "/api/settings/"}:
            self.answer(200, {"version": "0", "user": None, "auth": None})
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.answer(401, {"detail": "Unauthorized"})
        elif path == "/api/0/projects/":
            organization = {"id": "1", "slug": "acme", "isAcceptingEvents": True}
            project = {"id": "17", "slug": "shop", "name": "shop", "organization": organization}
            self.answer(200, [project])
        elif "/events/" in path and self.server.events:
            self.answer(200, stored(self.server.events[-1]))
        else:
            self.answer(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.events.append(json.loads(body.split(b"\n")[2]))
        self.answer(200, {"id": self.server.events[-1]["event_id"]})

    def log_message(self, *words: object) -> None:
        """Write nothing."""


def stored(event: dict[str, Any]) -> dict[str, Any]:
    last = event["exception"]["values"][-1]
    named = {name: event.get(name, "") for name in ("environment", "release", "server_name")}
    return {
        "id": event["event_id"],
        "eventID": event["event_id"],
        "groupID": "41",
        "title": f"{last['type']}: {last['value']}",
        "culprit": event["transaction"],
        "tags": [{"key": k, "value": v} for k, v in {**event["tags"], **named}.items()],
    }


@pytest.fixture
def backend() -> Iterator[Backend]:
    """Run a backend."""
    server = Backend()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(params=["flask", "django"])
def sentryinit(request: pytest.FixtureRequest, tmp_path: Path, backend: Backend) -> Run:
    """Run the command by the program of a framework."""
    (tmp_path / "orders.py").write_text(FLASK)
    (tmp_path / "manage.py").write_text(DJANGO)
    (tmp_path / "urls.py").write_text("urlpatterns = []\n")
    programs = {"flask": ["-m", "flask", "--app", "orders"], "django": ["manage.py"]}

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if "SENTRY" not in name}
        done = subprocess.run(
            [sys.executable, *programs[request.param], "sentryinit", *arguments],
            env={**clean, "SENTRY_DSN": backend.dsn, "SENTRY_AUTH_TOKEN": TOKEN, **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for secret in (KEY, TOKEN):
            assert secret not in done.stdout + done.stderr
        return done

    return run


def test_verify_sends_as_the_application(sentryinit: Run, backend: Backend) -> None:
    """The event has the application's service, environment, tags, and the mark of its hook."""
    done = sentryinit("verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("orders: found in glitchtip after ")
    (event,) = backend.events
    assert (event["environment"], event["tags"]["service"]) == ("staging", "orders")
    assert (event["tags"]["team"], event["tags"]["by"]) == ("shop", "the application")


def test_verify_compares_with_what_is_expected(sentryinit: Run) -> None:
    """An option says what the application should have sent."""
    done = sentryinit("verify", "--environment", "production")
    assert done.returncode == 73
    assert "environment: expected 'production', found 'staging'" in done.stdout


def test_verify_without_a_dsn(sentryinit: Run, backend: Backend) -> None:
    """An application whose reporting is off is not wired, with the reason."""
    done = sentryinit("verify", SENTRY_DSN="")
    assert (done.returncode, backend.events) == (70, [])
    assert "orders: not wired: reporting is off: there is no DSN" in done.stdout


def test_options_of_the_command(sentryinit: Run) -> None:
    """The options are those of the command, and wrong ones end with its exit code."""
    assert "--fleet" in sentryinit("verify", "--help").stdout
    assert sentryinit("verify", "--token", TOKEN).returncode == 64
    assert sentryinit("verify", "--dsn", "https://a@b/1").returncode == 64


def test_without_the_wheel(sentryinit: Run, tmp_path: Path, request: Any) -> None:
    """``manage.py sentryinit`` says what to install; Flask has no such command then."""
    blocked = "import sys\nsys.modules['sentryinit_cli'] = None\n"
    (tmp_path / "sitecustomize.py").write_text(blocked)
    done = sentryinit("verify", PYTHONPATH=str(tmp_path))
    assert done.returncode != 0
    if "django" in request.node.name:
        assert done.stderr.strip() == "not installed: pip install sentryinit-cli"

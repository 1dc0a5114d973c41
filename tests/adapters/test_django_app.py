"""The Django app in a project: management commands and system checks."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

MANAGE = """
import os, sys
from django.core.management import execute_from_command_line
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
execute_from_command_line(sys.argv)
"""
SETTINGS = """
SECRET_KEY = "x" * 60
ROOT_URLCONF = "shop.urls"
ALLOWED_HOSTS = ["shop.example"]
INSTALLED_APPS = ["sentryinit_django", "shop"]
MIDDLEWARE = ["sentryinit_django.middleware.SentryInitMiddleware"]
"""
COMMAND = """
import threading
from django.core.management.base import BaseCommand, CommandError

class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("how")

    def handle(self, how, **options):
        if how == "raise":
            raise LookupError("nothing to bill")
        if how == "complain":
            raise CommandError("nothing to bill")
        if how == "thread":
            thread = threading.Thread(target=self.handle, args=["raise"])
            thread.start()
            thread.join()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of a project with a management command."""
    commands = tmp_path / "shop/management/commands"
    commands.mkdir(parents=True)
    for folder in (commands, commands.parent, tmp_path / "shop"):
        (folder / "__init__.py").write_text("")
    (tmp_path / "manage.py").write_text(MANAGE)
    (tmp_path / "shop/settings.py").write_text(SETTINGS)
    (tmp_path / "shop/urls.py").write_text("urlpatterns = []")
    (commands / "bill.py").write_text(COMMAND)
    return tmp_path


@pytest.fixture
def backend() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Return the DSN of a backend, and the events that it receives."""
    events: list[dict[str, Any]] = []

    class Backend(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            import gzip

            body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
            events.extend(json.loads(line) for line in body.splitlines() if b'"exception"' in line)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args: object) -> None:
            """Write nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Backend) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://key@127.0.0.1:{server.server_port}/1", events
        server.shutdown()
        thread.join()


Manage = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def manage(project: Path) -> Manage:
    """Return a function that runs ``manage.py`` without warnings as errors, as users do."""

    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command,
            cwd=project,
            env={**os.environ, "PYTHONDEVMODE": "", **environ},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    return run


@pytest.mark.parametrize("how,mechanism", [("raise", "excepthook"), ("thread", "threading")])
def test_failing_command_is_one_event(
    manage: Manage, backend: tuple[str, list[dict[str, Any]]], how: str, mechanism: str
) -> None:
    """A13: the app alone reports it, and the event is delivered before the process exits."""
    dsn, events = backend
    done = manage("bill", how, SENTRY_DSN=dsn)

    assert "LookupError: nothing to bill" in done.stderr
    (event,) = events
    value = event["exception"]["values"][-1]
    assert (value["type"], value["mechanism"]["type"]) == ("LookupError", mechanism)
    assert value["mechanism"]["handled"] is False
    assert event["tags"]["service"] == "shop"
    # The name of the command, and none of its arguments.
    names = {"excepthook": "manage.py bill", "threading": "Thread (handle)"}
    assert event["transaction"] == names[mechanism]


def test_other_programs_have_no_command(
    project: Path, backend: tuple[str, list[dict[str, Any]]]
) -> None:
    """An argument that is a command by chance is none in another program."""
    dsn, events = backend
    (project / "report.py").write_text(
        "import os, django\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'shop.settings'\n"
        "import django.core.management\n"
        "django.setup()\n"
        "raise LookupError\n"
    )
    subprocess.run(
        [sys.executable, "report.py", "bill"],
        cwd=project,
        env={**os.environ, "SENTRY_DSN": dsn},
        capture_output=True,
        timeout=50,
        check=False,
    )

    assert [event["transaction"] for event in events] == ["report.py"]


def test_command_error_is_no_event(
    manage: Manage, backend: tuple[str, list[dict[str, Any]]]
) -> None:
    """A CommandError is a message to the user: no traceback, no event, exit code 1."""
    dsn, events = backend
    done = manage("bill", "complain", SENTRY_DSN=dsn)

    assert (done.returncode, done.stderr) == (1, "CommandError: nothing to bill\n")
    assert events == []


def test_failing_command_without_a_dsn(manage: Manage) -> None:
    """E3: without a DSN the command fails as it does without sentryinit."""
    assert manage("bill", "fine").stderr == ""
    assert "LookupError: nothing to bill" in manage("bill", "raise").stderr


def ids(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the ids of our warnings, in order; check that all have a hint."""
    found = [line for line in done.stderr.splitlines() if "(sentryinit_django." in line]
    assert done.stderr.count("HINT: ") == len(found)
    assert done.returncode == 0, done.stderr
    return sorted(line.partition("(sentryinit_django.")[2].partition(")")[0] for line in found)


TAG = ("check", "--tag", "sentryinit")
GOOD = {"SENTRY_DSN": "https://key@backend.invalid/1"}
NAMED = {"SENTRYINIT_SERVICE": "shop", "SENTRY_RELEASE": "1"}


def test_checks_of_a_good_set_up_find_nothing(manage: Manage) -> None:
    """A good set-up has no warnings; without a DSN only the deployment check warns."""
    assert ids(manage("check", **GOOD)) == []
    assert ids(manage(*TAG, "--deploy", **GOOD, **NAMED)) == []
    assert ids(manage("check")) == []


@pytest.mark.parametrize(
    "middleware,found",
    [
        ([], ["W001"]),
        (["django.middleware.common.CommonMiddleware"], ["W001"]),
        (["django.middleware.common.CommonMiddleware", "OURS"], ["W002"]),
        (["OURS", "django.middleware.common.CommonMiddleware", "OURS"], []),
    ],
)
def test_check_of_the_middleware(
    manage: Manage, project: Path, middleware: list[str], found: list[str]
) -> None:
    """The middleware must be present and first; further entries are allowed."""
    ours = "sentryinit_django.middleware.SentryInitMiddleware"
    listed = [ours if name == "OURS" else name for name in middleware]
    (project / "shop/settings.py").write_text(f"{SETTINGS}\nMIDDLEWARE = {listed}\n")

    assert ids(manage("check", **GOOD)) == found


def test_check_of_the_dsn(manage: Manage) -> None:
    """A malformed DSN is a warning, and Django starts (E4)."""
    done = manage("check", SENTRY_DSN="https://key@backend.invalid/not-a-number")

    assert ids(done) == ["W012"]
    assert "key" not in done.stderr.replace("<key>", "")


def test_check_of_conflicting_integrations(manage: Manage, project: Path) -> None:
    """The SDK's own integration for Django is a warning."""
    line = "from sentry_sdk.integrations.django import DjangoIntegration"
    options = "SENTRYINIT = {'integrations': [DjangoIntegration()]}"
    (project / "shop/settings.py").write_text(f"{SETTINGS}\n{line}\n{options}\n")
    done = manage("check", **GOOD)

    assert ids(done) == ["W013"]
    assert "DjangoIntegration" in done.stderr


def test_deployment_checks(manage: Manage) -> None:
    """They warn of missing values; settings count like the environment."""
    assert ids(manage(*TAG, "--deploy")) == ["W011", "W014", "W015"]
    assert ids(manage(*TAG, "--deploy", **GOOD)) == ["W014", "W015"]


def test_checks_can_be_silenced(manage: Manage, project: Path) -> None:
    """SILENCED_SYSTEM_CHECKS works for our checks."""
    silenced = 'SILENCED_SYSTEM_CHECKS = ["sentryinit_django.W001"]\nMIDDLEWARE = []\n'
    (project / "shop/settings.py").write_text(SETTINGS + silenced)

    assert ids(manage("check", **GOOD)) == []

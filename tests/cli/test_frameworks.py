"""``flask sentryinit``, ``manage.py sentryinit``: the command with an application's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from standin import KEY, TOKENS, StandIn

TOKEN = TOKENS["glitchtip"]
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


@pytest.fixture
def backend() -> Iterator[StandIn]:
    """Run a GlitchTip."""
    with StandIn("glitchtip") as standin:
        yield standin


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(params=["flask", "django"])
def sentryinit(request: pytest.FixtureRequest, tmp_path: Path, backend: StandIn) -> Run:
    """Run the command by the program of a framework."""
    (tmp_path / "orders.py").write_text(FLASK)
    (tmp_path / "manage.py").write_text(DJANGO)
    (tmp_path / "urls.py").write_text("urlpatterns = []\n")
    programs = {"flask": ["-m", "flask", "--app", "orders"], "django": ["manage.py"]}

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if "SENTRY" not in name}
        done = subprocess.run(
            [sys.executable, *programs[request.param], "sentryinit", *arguments],
            env={**clean, "SENTRY_DSN": backend.dsn(), "SENTRY_AUTH_TOKEN": TOKEN, **variables},
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


def test_verify_sends_as_the_application(sentryinit: Run, backend: StandIn) -> None:
    """The event has the application's service, environment, tags, and the mark of its hook."""
    done = sentryinit("verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("orders: found in glitchtip after ")
    (event,) = (stored.event for stored in backend.events.values())
    assert (event["environment"], event["tags"]["service"]) == ("staging", "orders")
    assert (event["tags"]["team"], event["tags"]["by"]) == ("shop", "the application")


def test_verify_compares_with_what_is_expected(sentryinit: Run) -> None:
    """An option says what the application should have sent."""
    done = sentryinit("verify", "--environment", "production")
    assert done.returncode == 73
    assert "environment: expected 'production', found 'staging'" in done.stdout


def test_verify_without_a_dsn(sentryinit: Run, backend: StandIn) -> None:
    """An application whose reporting is off is not wired, with the reason."""
    done = sentryinit("verify", SENTRY_DSN="")
    assert (done.returncode, backend.events) == (70, {})
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


def test_doctor_sends_nothing(sentryinit: Run, backend: StandIn, tmp_path: Path) -> None:
    """What the application logs while ``manage.py`` loads it does not leave."""
    noisy = "import logging\nlogging.getLogger('shop').error('a line at the start')\n"
    (tmp_path / "urls.py").write_text(noisy + "urlpatterns = []\n")
    manage = tmp_path / "manage.py"
    ready = "import django\nif __name__ == '__main__':\n    django.setup()\n    import urls\n"
    manage.write_text(
        manage.read_text().replace(
            'if __name__ == "__main__":', ready + 'if __name__ == "__main__":', 1
        )
    )
    sentryinit("doctor")
    assert backend.events == {}

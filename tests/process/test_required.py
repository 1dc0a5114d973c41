"""Where reporting is required and would be off, no server starts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

FLASK = """
from flask import Flask
from sentryinit_flask import SentryInit

app = Flask("orders")
app.config["SENTRYINIT_REQUIRED"] = True
SentryInit(app)
"""
FASTAPI = """
from fastapi import FastAPI
from sentryinit_starlette import SentryInitMiddleware

app = FastAPI()
app.add_middleware(SentryInitMiddleware, required=True)
"""
DJANGO = """
import os

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

settings.configure(
    ROOT_URLCONF="orders",
    INSTALLED_APPS={apps},
    MIDDLEWARE=["sentryinit_django.middleware.SentryInitMiddleware"],
    SENTRYINIT={{"REQUIRED": True}},
)
app = get_{kind}_application()
urlpatterns = []
"""
ASGI = """
from sentryinit.asgi import SentryInitMiddleware


async def served(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


app = SentryInitMiddleware(served, required=True)
"""
APP = "['sentryinit_django']"
GUNICORN = "-m gunicorn orders:app -b 127.0.0.1:{port}"
UVICORN = "-m uvicorn orders:app --port {port}"


@pytest.mark.parametrize(
    "source, command",
    [
        pytest.param(FLASK, GUNICORN, id="flask-gunicorn"),
        pytest.param(FLASK, "-m flask --app orders run --port {port}", id="flask-run"),
        pytest.param(DJANGO.format(kind="wsgi", apps=APP), GUNICORN, id="django-gunicorn"),
        pytest.param(DJANGO.format(kind="wsgi", apps="[]"), GUNICORN, id="django-middleware-only"),
        pytest.param(DJANGO.format(kind="asgi", apps=APP), UVICORN, id="django-uvicorn"),
        pytest.param(FASTAPI, UVICORN, id="fastapi-uvicorn"),
        pytest.param(
            FASTAPI, f"{GUNICORN} -k uvicorn_worker.UvicornWorker", id="fastapi-gunicorn-uvicorn"
        ),
        pytest.param(ASGI, UVICORN, id="asgi-uvicorn"),
    ],
)
def test_server_does_not_start(source: str, command: str, tmp_path: Path) -> None:
    """E7: The server ends, with the reason in its output, and not with the exit code 0."""
    (tmp_path / "orders.py").write_text(source)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = subprocess.run(
        [sys.executable, *command.format(port=port).split()],
        cwd=tmp_path,
        env={name: text for name, text in os.environ.items() if not name.startswith("SENTRY")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "required=true (from " in said
    assert "there is no DSN; expected" in said

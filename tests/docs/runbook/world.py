"""What stands around a page of the runbook while its commands run: backends and services."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import standin

DEBUG_TOKEN = "d3bug-t0ken-0f-the-runb00k-0nly"
# The service of the pages, and the file of the fleet, where a page has none of its own.
ORDERS = """\
from flask import Flask
from sentryinit_flask import SentryInit, debug_panic

app = Flask("orders")
SentryInit(app)
app.add_url_rule("/debug/sentry-panic", view_func=debug_panic)
"""
FLEET = """\
[[service]]
name = "orders"
url = "https://orders.example/debug/sentry-panic"
dsn_variable = "SENTRY_DSN"
"""


class Keys(str):
    """The key of a project that has several: equal to each of them."""

    __slots__ = ("all",)
    all: set[str]

    def __new__(cls, *keys: str) -> Keys:
        made = super().__new__(cls, keys[0])
        made.all = set(keys)
        return made

    def __eq__(self, other: object) -> bool:
        return other in self.all

    def __ne__(self, other: object) -> bool:
        return other not in self.all

    __hash__ = str.__hash__


@dataclass
class World:
    """A GlitchTip, a Bugsink, and services, with the environment of the shell."""

    glitchtip: standin.StandIn
    bugsink: standin.StandIn
    folder: Path
    new_dsn: str = ""

    @property
    def environment(self) -> dict[str, str]:
        dsn = self.new_dsn or self.glitchtip.dsn()
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "SENTRY_DSN": dsn,
            "ORDERS_DSN": dsn,
            "BILLING_DSN": dsn,
            "SENTRYINIT_AUTH_TOKEN": self.glitchtip.token,
            "SENTRYINIT_DEBUG_TOKEN": DEBUG_TOKEN,
            "BACKEND": self.glitchtip.url,
            "ORG": "acme",
            "PROJECT": "shop",
        }

    @contextlib.contextmanager
    def service(self, name: str, app: str, release: str, port: int) -> Iterator[str]:
        """Serve *app*, which is in the folder; yield its address."""
        more = {"SENTRYINIT_SERVICE": name, "SENTRY_RELEASE": release}
        command = [sys.executable, "-m", "flask", "--app", app, "run", "--port", str(port)]
        log = (self.folder / f"{name}.log").open("wb")
        process = subprocess.Popen(
            command, cwd=self.folder, env=self.environment | more, stdout=log, stderr=log
        )
        try:
            _wait(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()
            log.close()

    def manage(self, request: standin.Request) -> standin.Reply | None:
        """Answer what changes a project, which the command never does."""
        path, project = request.path, self.glitchtip.projects[0]
        if path == "/api/settings/":
            return standin.Reply(200, {"version": "5.2", "enableUserRegistration": False})
        if path.endswith("/issues/"):
            return standin.Reply(200, [{"count": "9", "title": "LookupError: no order"}])
        if request.method == "GET":
            return None
        if request.token != f"Bearer {self.glitchtip.token}":
            return standin.Reply(401, {"detail": "Unauthorized"})
        if request.method == "POST" and path == "/api/0/projects/acme/shop/keys/":
            key = uuid.uuid4().hex
            project.key = Keys(key, str(project.key))
            dsn = {"public": self.glitchtip.dsn(key=key)}
            name = json.loads(request.body)["name"]
            return standin.Reply(201, {"public": str(uuid.UUID(key)), "dsn": dsn, "label": name})
        if request.method == "DELETE" and path.startswith("/api/0/projects/acme/shop/keys/"):
            gone = uuid.UUID(path.rstrip("/").rpartition("/")[2]).hex
            project.key = Keys(*({project.key, *getattr(project.key, "all", ())} - {gone}))
            return standin.Reply(204, "")
        if request.method == "PUT" and path == "/api/0/projects/acme/shop/":
            return standin.Reply(200, json.loads(request.body))
        if request.method == "PUT" and path.startswith("/api/0/projects/acme/shop/keys/"):
            return standin.Reply(200, {})
        return standin.Reply(404, {"detail": "Not Found"})


@contextlib.contextmanager
def made(folder: Path) -> Iterator[World]:
    """Start the backends."""
    with standin.StandIn("glitchtip") as glitchtip, standin.StandIn("bugsink") as bugsink:
        world = World(glitchtip, bugsink, folder)
        glitchtip.answer_get = world.manage
        yield world


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(urllib.error.HTTPError, OSError):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
            except urllib.error.HTTPError:
                return
        time.sleep(0.05)
    raise AssertionError("the service does not start")

"""Run the application of a README, and make a request fail: ``first_day.py flask README.md``.

It runs where a stranger has installed one package by its name: there is no pytest, no other package
of ours, and nothing of this checkout on ``sys.path``.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

BLOCK = re.compile(r"^(<!-- not run: [^\n]* -->\n)?```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def snippets(readme: str) -> list[str]:
    """Return the Python blocks, without those that say why they are not run."""
    return [block for reason, block in BLOCK.findall(readme) if not reason]


def run(readme: Path) -> dict[str, Any]:
    """Run the first block of *readme*; return its names."""
    names: dict[str, Any] = {"__name__": "app"}
    code = compile(snippets(readme.read_text())[0], str(readme), "exec")
    exec(code, names)  # noqa: S102 # a stranger pastes it into a file
    return names


def fail(*_: object, **__: object) -> Any:
    """Fail, as the views of the READMEs do."""
    raise LookupError("the order is lost")


def ask_wsgi(app: Any) -> None:
    """Send a request as a WSGI server does."""
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ["PATH_INFO"] = "/orders/7"
    with contextlib.suppress(LookupError):
        response = app(environ, lambda *_: None)
        list(response)
        getattr(response, "close", lambda: None)()


async def ask_asgi(app: Any) -> None:
    """Send a request as an ASGI server does."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/orders/7",
        "raw_path": b"/orders/7",
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Any) -> None:
        """Drop the response."""

    with contextlib.suppress(LookupError):
        await app(scope, receive, send)


def aiohttp(readme: Path) -> None:
    """Ask an aiohttp application."""
    from aiohttp.test_utils import TestClient, TestServer

    async def ask() -> None:
        async with TestClient(TestServer(run(readme)["app"])) as client:
            await client.get("/orders/7")

    asyncio.run(ask())


def django(readme: Path) -> None:
    """Ask a Django project with the settings of the README."""
    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.urls import path

    shown = {name: value for name, value in run(readme).items() if name.isupper()}
    urls = (path("orders/<int:order_id>", fail),)
    rest = {"ALLOWED_HOSTS": ["*"], "SECRET_KEY": "x" * 50, "ROOT_URLCONF": urls}
    settings.configure(**rest | shown)
    django.setup()
    ask_wsgi(get_wsgi_application())


def wsgi(readme: Path) -> None:
    """Ask a WSGI application: of Falcon, Flask, or none."""
    ask_wsgi(run(readme)["app"])


core = falcon = flask = wsgi


def starlette(readme: Path) -> None:
    """Ask a Starlette application."""
    asyncio.run(ask_asgi(run(readme)["app"]))


def cli(_: Path) -> None:
    """Run the command, and report an error as a service does."""
    command = str(Path(sys.executable).with_name("sentryinit"))
    done = subprocess.run([command, "doctor", "--offline"], capture_output=True, check=False)
    assert b"service" in done.stdout, done
    ask_wrapped()


def ask_wrapped() -> None:
    """Ask an application in the middleware of the core."""
    import sentryinit
    from sentryinit.wsgi import SentryInitMiddleware

    sentryinit.init("orders")
    ask_wsgi(SentryInitMiddleware(fail))


CONTRACT = """
from sentryinit.wsgi import SentryInitMiddleware
from sentryinit_testkit import AdapterContract, Driver, plain


class WsgiDriver(Driver):
    name = protocol = "wsgi"
    modules = ("sentryinit.wsgi",)
    unsupported = frozenset({"abort", "evidence", "route"})

    def app(self, spec):
        return SentryInitMiddleware(plain.wsgi_app(spec)) if spec.copies else plain.wsgi_app(spec)


class TestWsgi(AdapterContract):
    drivers = [WsgiDriver()]
"""


def testkit(_: Path) -> None:
    """Run clause A2 of the contract on the middleware of the core, and report an error."""
    Path("test_contract.py").write_text(CONTRACT)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "a2_"]
    done = subprocess.run(command, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout, done.stdout
    ask_wrapped()


if __name__ == "__main__":
    # The exit of the process sends what is queued.
    globals()[sys.argv[1]](Path(sys.argv[2]).resolve())

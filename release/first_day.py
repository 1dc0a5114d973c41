"""Run the snippet of a package's README, and make a request fail: ``first_day.py flask README.md``.

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

BLOCK = re.compile(
    r"^(<!-- not run: [^\n]* -->\n)?```python\n(.*?)^```$", re.DOTALL | re.MULTILINE
)


def snippets(readme: str) -> list[str]:
    """Return the Python blocks, without those that say why they are not run."""
    return [block for reason, block in BLOCK.findall(readme) if not reason]


def run(readme: Path) -> dict[str, Any]:
    """Run the first block of *readme*; return its names."""
    names: dict[str, Any] = {"__name__": "snippet"}
    exec(compile(snippets(readme.read_text())[0], str(readme), "exec"), names)
    return names


def fail(*_: object, **__: object) -> Any:
    """Fail: a view that has an error."""
    raise LookupError("the first error")


def only(names: dict[str, Any], *kinds: type) -> Any:
    """Return the application that the snippet made."""
    (found,) = [value for value in names.values() if isinstance(value, kinds)]
    return found


def ask_wsgi(app: Any) -> None:
    """Send a request as a WSGI server does."""
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ["PATH_INFO"] = "/fail"
    with contextlib.suppress(LookupError):
        response = app(environ, lambda *_: None)
        list(response)
        getattr(response, "close", lambda: None)()


async def ask_asgi(app: Any) -> None:
    """Send a request as an ASGI server does."""
    scope = {
        **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET"},
        **{"scheme": "http", "path": "/fail", "raw_path": b"/fail", "root_path": ""},
        **{"query_string": b"", "headers": []},
        **{"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)},
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Any) -> None:
        """Drop the response."""

    with contextlib.suppress(LookupError):
        await app(scope, receive, send)


def aiohttp(readme: Path) -> None:
    """Ask an aiohttp application."""
    from aiohttp import web
    from aiohttp.test_utils import TestClient, TestServer

    async def ask() -> None:
        app = only(run(readme), web.Application)
        app.router.add_get("/fail", fail)
        async with TestClient(TestServer(app)) as client:
            await client.get("/fail")

    asyncio.run(ask())


def django(readme: Path) -> None:
    """Ask a Django project with the settings of the snippet."""
    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.urls import path

    shown = {name: value for name, value in run(readme).items() if name.isupper()}
    rest = {"ALLOWED_HOSTS": ["*"], "SECRET_KEY": "x" * 50, "ROOT_URLCONF": (path("fail", fail),)}
    settings.configure(**rest | shown)
    django.setup()
    ask_wsgi(get_wsgi_application())


def falcon(readme: Path) -> None:
    """Ask a Falcon application."""
    import falcon

    app = only(run(readme), falcon.App)
    app.add_sink(fail, "/fail")
    ask_wsgi(app)


def flask(readme: Path) -> None:
    """Ask a Flask application."""
    from flask import Flask

    app = only(run(readme), Flask)
    app.add_url_rule("/fail", view_func=fail)
    ask_wsgi(app)


def starlette(readme: Path) -> None:
    """Ask a Starlette application."""
    from starlette.applications import Starlette

    app = only(run(readme), Starlette)
    app.add_route("/fail", fail)
    asyncio.run(ask_asgi(app))


def core(readme: Path) -> None:
    """Ask a WSGI application in the middleware that the README names."""
    run(readme)
    from sentryinit.wsgi import SentryInitMiddleware

    ask_wsgi(SentryInitMiddleware(fail))


def cli(_: Path) -> None:
    """Run the command that the README names, and report an error as a service does."""
    command = str(Path(sys.executable).with_name("sentryinit"))
    done = subprocess.run([command, "doctor", "--offline"], capture_output=True, check=False)
    assert b"service" in done.stdout, done
    import sentryinit

    sentryinit.init("api-core")
    from sentryinit.wsgi import SentryInitMiddleware

    ask_wsgi(SentryInitMiddleware(fail))


def testkit(readme: Path) -> None:
    """Run a clause of the contract on the driver of the README, and report an error."""
    Path("test_contract.py").write_text("\n".join(snippets(readme.read_text())))
    # A clean environment: the tests of the contract set the DSN themselves.
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "i1"]
    done = subprocess.run(command, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout, done.stdout
    import sentryinit

    sentryinit.init("api-core")
    from sentryinit.wsgi import SentryInitMiddleware

    ask_wsgi(SentryInitMiddleware(fail))


if __name__ == "__main__":
    # The exit of the process sends what is queued.
    globals()[sys.argv[1]](Path(sys.argv[2]).resolve())

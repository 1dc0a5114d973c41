"""``sentryinit_django.install()``: the set-up of a WSGI or ASGI file, without the settings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import sentryinit_django
from sentryinit_django import middleware

SETTINGS = """
SECRET_KEY = "x" * 60
ROOT_URLCONF = "shop.urls"
ALLOWED_HOSTS = ["*"]
STATIC_URL = "/static/"
MIDDLEWARE = ["shop.urls.Answers", *{ours}]
from shop.box import DSN, Box
SENTRYINIT = {{"dsn": DSN, "transport": Box, "ENVIRONMENT": "of-the-settings"}}
SENTRYINIT["tags"] = {{"of": "settings"}}
"""
BOX = """
from sentry_sdk.transport import Transport

DSN = "https://0123456789abcdef0123456789abcdef@backend.example/17"
events = []

class Box(Transport):
    def capture_envelope(self, envelope):
        events.append(envelope.get_event())
"""
URLS = """
from django.http import HttpResponse
from django.urls import path

made = []

class Answers:
    def __init__(self, get_response):
        self.get_response = get_response
        made.append(self)
    def __call__(self, request):
        if request.path == "/outer":
            raise LookupError("in a middleware")
        return self.get_response(request)
    def process_exception(self, request, error):
        return HttpResponse(status=500) if isinstance(error, KeyError) else None

def fail(request, order_id):
    raise LookupError(f"{len(made)} middleware")

def answered(request, order_id):
    raise KeyError(order_id)

async def afail(request, order_id):
    raise LookupError(f"{len(made)} middleware")

urlpatterns = [
    path("orders/<int:order_id>", fail),
    path("orders/<int:order_id>/answered", answered),
    path("orders/<int:order_id>/async", afail),
]
"""
# What a WSGI file has, between its two parts.
PROGRAM = """
import os, sys
{before}
import sentryinit_django
{install}
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
from wsgiref.util import setup_testing_defaults
for path in sys.argv[1:]:
    environ = {{"PATH_INFO": path}}
    setup_testing_defaults(environ)
    answer = application(environ, lambda status, headers: print(status))
    answer.close()
{after}
for event in getattr(sys.modules.get("shop.box"), "events", ()):
    error = event["exception"]["values"][-1]
    print(error["type"], error["mechanism"]["handled"], event.get("transaction"), end=" ")
    print(event["environment"], event["tags"]["of"])
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that runs a program with requests for paths, and returns its output."""

    def run(*paths: str, ours: str = "[]", is_on: bool = True, **parts: str) -> list[str]:
        (tmp_path / "shop").mkdir(exist_ok=True)
        (tmp_path / "shop/__init__.py").write_text("")
        (tmp_path / "shop/settings.py").write_text(SETTINGS.format(ours=ours))
        (tmp_path / "shop/urls.py").write_text(URLS)
        (tmp_path / "shop/box.py").write_text(BOX if is_on else "DSN, Box = '', None")
        parts = {
            "before": "",
            "install": "sentryinit_django.install()",
            "after": "",
            **parts,
        }
        command = [sys.executable, "-c", PROGRAM.format(**parts), *paths]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


LOADERS = """
from sentryinit._serving.site import sitecustomize
sitecustomize.watch()
"""
MIDDLEWARE = "['sentryinit_django.middleware.SentryInitMiddleware']"

FAILED = "500 Internal Server Error"
EVENT = "LookupError False /orders/{order_id} of-the-settings settings"


def test_failures_are_reported_as_with_the_middleware(run: Callable[..., list[str]]) -> None:
    """Also of another middleware, and what one answers; ``settings.SENTRYINIT`` counts."""
    done = run("/orders/7", "/outer", "/orders/7/answered", "/orders/7/async", "/none")
    assert done == [
        *[FAILED] * 4,
        "404 Not Found",
        EVENT,
        "LookupError False <unknown> of-the-settings settings",
        "KeyError True /orders/{order_id}/answered of-the-settings settings",
        "LookupError False /orders/{order_id}/async of-the-settings settings",
    ]


def test_doctor_sees_the_boundary(run: Callable[..., list[str]]) -> None:
    """The settings do not name it, and nothing is wrong."""
    after = "from sentryinit_django import _wiring; print([*_wiring.problems(application)])"
    assert run(after=after) == ["[]"]
    (problem,) = run(after=after, install="")
    assert "MIDDLEWARE" in problem


@pytest.mark.parametrize("ours", ["[]", MIDDLEWARE])
def test_a_call_that_comes_late_is_said(run: Callable[..., list[str]], ours: str) -> None:
    """The handler was made before, and reports nothing, unless the settings name us."""
    late = "import logging; logging.basicConfig(stream=sys.stdout); sentryinit_django.install()"
    done = run(install="", after=late, ours=ours)
    said = [line for line in done if "install() came after" in line]
    assert len(said) == (ours == "[]")


@pytest.mark.parametrize("before", ["", LOADERS])
def test_the_handler_of_static_files_is_served(run: Callable[..., list[str]], before: str) -> None:
    """It has no middlewares of its own: a server loads it, and its inner handler reports."""
    after = """
from django.contrib.staticfiles.handlers import StaticFilesHandler
from sentryinit._serving.wrapper import wrap
application = StaticFilesHandler(application)
assert wrap(application, "gunicorn") is application
environ = {"PATH_INFO": "/orders/7"}
setup_testing_defaults(environ)
application(environ, lambda status, headers: print(status)).close()
"""
    assert run(before=before, install="", after=after) == [FAILED, EVENT]


def test_options_precede_the_settings(run: Callable[..., list[str]]) -> None:
    """Each option that is not an argument is that of the settings."""
    done = run("/orders/7", install="sentryinit_django.install(environment='here')")
    assert done == [FAILED, EVENT.replace("of-the-settings", "here")]


ASYNC = """
import asyncio
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application

async def ask(path):
    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    call = ApplicationCommunicator(get_asgi_application(), scope)
    await call.send_input({"type": "http.request"})
    print((await call.receive_output())["status"])
    await call.receive_output()
    await call.wait()

for path in "/orders/7", "/orders/7/async":
    asyncio.run(ask(path))
"""


def test_an_asgi_file_is_the_same(run: Callable[..., list[str]]) -> None:
    """``get_asgi_application()`` makes a handler whose chain is asynchronous."""
    done = run(after=ASYNC)
    assert done == ["500", "500", EVENT, EVENT.replace("id}", "id}/async")]


@pytest.mark.parametrize(
    "parts",
    [
        {"before": LOADERS},
        {"ours": MIDDLEWARE},
        {"ours": MIDDLEWARE, "before": LOADERS},
        {"install": "sentryinit_django.install(); sentryinit_django.install()"},
    ],
)
def test_nothing_is_set_up_twice(run: Callable[..., list[str]], parts: dict[str, str]) -> None:
    """Below ``run``, with the middleware in ``MIDDLEWARE``, and with a second call."""
    after = "print(len(sys.modules['shop.urls'].made), str(application._middleware_chain)[:0])"
    assert run("/orders/7", after=after, **parts) == [FAILED, "1 ", EVENT]


def test_without_a_dsn_django_is_as_it_was(run: Callable[..., list[str]]) -> None:
    """The chain of middlewares is Django's own (E3)."""
    after = "print(application._middleware_chain.__wrapped__, 'sentry_sdk' in sys.modules)"
    failed, chain = run("/orders/7", is_on=False, after=after)
    assert (failed, chain[-5:]) == (FAILED, "False")
    assert "shop.urls.Answers" in chain


def test_required_is_an_error_of_the_start(run: Callable[..., list[str]]) -> None:
    """E7: the WSGI file cannot be loaded without a DSN."""
    install = "sentryinit_django.install(required=True)"
    with pytest.raises(AssertionError, match="required=true"):
        run("/orders/7", is_on=False, install=install)


@pytest.mark.parametrize(
    "options,error", [({"enviroment": "x"}, TypeError), ({"sample_rate": 7}, ValueError)]
)
def test_a_wrong_option_is_an_error_at_once(
    options: dict[str, object], error: type[Exception]
) -> None:
    """Also where reporting is off, and before the settings are there."""
    with pytest.raises(error):
        sentryinit_django.install(**options)  # type: ignore[arg-type] # wrong on purpose
    assert middleware.OPTIONS == {}

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from doctored import DSN, SAMPLES, TOKEN, Doctor

pytest.importorskip("flask", reason="the frameworks are installed with all adapters")
pytest.importorskip("django", reason="likewise")
pytest.importorskip("fastapi", reason="likewise")
pytest.importorskip("aiohttp", reason="likewise")
pytest.importorskip("falcon", reason="likewise")

frameworks = pytest.mark.parametrize("name", SAMPLES)


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    return Doctor(tmp_path, monkeypatch)


@frameworks
def test_healthy_set_up_has_no_warning(doctor: Doctor, name: str) -> None:
    """What the pages of the adapters say to write gives only ok and notes."""
    doctor.write(SAMPLES[name].text())
    found = doctor.examine()
    assert {each.id for each in doctor.report.findings if each.level != "ok"} == {"offline"}
    assert f"is a {SAMPLES[name].kind} application" in found["loaded"].text
    assert {"middleware", "debug-route", "on", "scope-lazy"} <= found.keys()
    assert doctor.report.is_fine


@frameworks
def test_missing_middleware_is_an_error(doctor: Doctor, name: str) -> None:
    """Without the boundary failed requests are not reported, whatever else is right."""
    doctor.write(SAMPLES[name].text(setup="", last="import sentryinit\nsentryinit.init()"))
    found = doctor.examine()
    assert found["middleware-missing"].number == 14
    assert "middleware" not in found
    assert not doctor.report.is_fine


@frameworks
def test_middleware_outside_is_named(doctor: Doctor, name: str) -> None:
    """What fails outside of the boundary is not seen by it."""
    # A wrapper has no routes: the set-up of Falcon adds them itself.
    route = "" if "add_sink" in SAMPLES[name].outside else SAMPLES[name].route
    doctor.write(SAMPLES[name].text(setup=SAMPLES[name].outside, route=route))
    found = doctor.examine()
    assert found["middleware-order"].number == 9
    word = {"django": "CommonMiddleware", "aiohttp": "outer"}.get(name.partition("-")[0], "Outer")
    assert word in found["middleware-order"].text
    assert "middleware" not in found


@frameworks
def test_unmounted_debug_route_is_named(doctor: Doctor, name: str) -> None:
    """There is a token, so the route is wanted."""
    doctor.write(SAMPLES[name].text(route=""))
    assert doctor.examine()["debug-route-missing"].level == "warning"


@frameworks
def test_debug_route_is_closed_where_no_token_is_set(doctor: Doctor, name: str) -> None:
    """A missing token is a choice, not a fault."""
    doctor.unset("SENTRYINIT_DEBUG_TOKEN")
    doctor.write(SAMPLES[name].text())
    found = doctor.examine()
    assert found["debug-token-unset"].level == "note"
    assert "debug-route-closed" in found


@frameworks
def test_application_that_was_built_before_init_is_an_error(doctor: Doctor, name: str) -> None:
    """The boundary has removed itself: there was no DSN at that time."""
    doctor.unset("SENTRY_DSN")
    # Starlette makes its middlewares at the first request.
    build = "app.middleware_stack = app.build_middleware_stack()"
    late = f"import sentryinit\nsentryinit.init(dsn={DSN!r})"
    last = f"{build}\n{late}" if name in {"starlette", "fastapi"} else late
    doctor.write(SAMPLES[name].text(last=last))
    found = doctor.examine()
    assert found["built-before-init"].number == 7
    assert not doctor.report.is_fine


@frameworks
def test_application_without_a_dsn_is_looked_at_all_the_same(doctor: Doctor, name: str) -> None:
    """On the machine of a developer there is no DSN: the wiring can be checked there."""
    doctor.unset("SENTRY_DSN")
    doctor.write(SAMPLES[name].text())
    found = doctor.examine()
    assert found["off"].number == 1
    assert {"wiring-assumed", "middleware", "debug-route"} <= found.keys()
    assert not doctor.report.is_fine


_GUARDS = {
    "wsgi": """
def guarded(inner):
    def app(environ, start_response):
        if environ["PATH_INFO"].startswith("/debug/sentry-panic"):
            start_response("401 Unauthorized", [])
            return [b""]
        return inner(environ, start_response)
    return app
""",
    "asgi": """
def guarded(inner):
    async def app(scope, receive, send):
        if scope.get("path", "").startswith("/debug/sentry-panic"):
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await inner(scope, receive, send)
    return app
""",
    "aiohttp": """
@web.middleware
async def guard(request, handler):
    if request.path.startswith("/debug/sentry-panic"):
        raise web.HTTPUnauthorized
    return await handler(request)
app.middlewares.append(guard)
guarded = lambda app: app
""",
}


@frameworks
def test_route_that_shows_itself_without_the_token_is_an_error(doctor: Doctor, name: str) -> None:
    """An answer that differs from that of an unknown path tells a stranger that it exists."""
    kind = SAMPLES[name].kind
    guard = next(text for key, text in _GUARDS.items() if key in kind)
    doctor.write(SAMPLES[name].text(last=f"{guard}\napp = guarded(app)"))
    found = doctor.examine()
    assert "401" in found["debug-route-shown"].text
    assert not doctor.report.is_fine


@pytest.mark.parametrize("name", ["starlette", "fastapi"])
def test_middleware_that_is_added_twice_is_named(doctor: Doctor, name: str) -> None:
    """The inner one does nothing."""
    doctor.write(SAMPLES[name].text(setup=f"{SAMPLES[name].setup}\n{SAMPLES[name].setup}"))
    assert doctor.examine()["middleware-twice"].number == 15


@pytest.mark.parametrize("name", ["flask", "starlette", "falcon", "falcon-asgi", "django"])
def test_generic_boundary_around_a_framework_is_a_note(doctor: Doctor, name: str) -> None:
    """C3: One failure stays one event; alone, the generic one knows no routes."""
    module = "asgi" if "asgi" in SAMPLES[name].kind else "wsgi"
    around = f"from sentryinit.{module} import SentryInitMiddleware as G\napp = G(app)"
    doctor.write(SAMPLES[name].text(last=around))
    assert doctor.examine()["middleware-both"].level == "note"
    doctor.write(SAMPLES[name].text(setup="", last=around))
    found = doctor.examine()
    assert found["middleware-generic"].level == "note"
    assert "middleware-missing" not in found


class _Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.seen.append(self.path)  # type: ignore[attr-defined] # set by the fixture
        self.send_response(200)
        self.end_headers()

    do_GET = do_POST  # noqa: N815 # the base class looks for the name

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def sink() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Sink) as server:
        server.seen = []  # type: ignore[attr-defined] # for the test
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


_NOISE = """
import logging, sentry_sdk, sentryinit
from sentry_sdk.transport import HttpTransport
foreign = sentry_sdk.Client(dsn={dsn!r})
foreign.capture_event({{"message": "foreign"}})
HttpTransport
logging.getLogger("shop").error("at the import")
sentry_sdk.capture_message("captured")
try:
    1 / 0
except ZeroDivisionError:
    logging.exception("again")
sentryinit.flush()
foreign.flush()
"""


@frameworks
def test_nothing_leaves_whatever_the_application_does(
    doctor: Doctor, sink: http.server.ThreadingHTTPServer, name: str
) -> None:
    """A service that logs, captures, and has a client of its own, sends nothing; nor the probe."""
    dsn = f"http://5e9b0ac1f4de47d08c63b2a7915fd30e@127.0.0.1:{sink.server_port}/1"
    doctor.environ({"SENTRY_DSN": dsn, "SENTRY_SPOTLIGHT": dsn})
    doctor.write(
        SAMPLES[name].text(
            first="import sentryinit\nsentryinit.init()" + _NOISE.format(dsn=dsn),
            last=_NOISE.format(dsn=dsn),
        )
    )
    found = doctor.examine()
    assert "debug-route" in found
    assert sink.seen == []  # type: ignore[attr-defined] # see above


@pytest.mark.parametrize(
    "source,target,verdict,part",
    [
        ("", "gone:app", "target-wrong", "gone"),
        ("", "shop:gone", "target-wrong", "gone"),
        ("", ":", "target-wrong", "module:attribute"),
        ("import not_installed_here", "shop:app", "import-failed", "ModuleNotFoundError"),
        ("x = 1\nraise OSError('s3cret-value')", "shop:app", "import-failed", "OSError in"),
        ("def app(:", "shop:app", "import-failed", "SyntaxError"),
        ("import sys\nsys.exit('s3cret-value')", "shop:app", "import-failed", "SystemExit"),
        ("import os\nos._exit(7)", "shop:app", "import-dies", "status 7"),
        ("app = 17", "shop:app", "not-callable", "int"),
        ("def app(a, b, c, d): ...", "shop:app", "not-callable", "function"),
        ("import sentryinit\nsentryinit.init(colour=1)", "shop:app", "settings-refused", "colour"),
    ],
)
def test_application_that_cannot_be_loaded_is_explained(
    doctor: Doctor, source: str, target: str, verdict: str, part: str
) -> None:
    """The class of the error and its place, not its text: that may have a secret."""
    doctor.write(source)
    found = doctor.examine(target)
    assert found[verdict].level == "error"
    assert part in found[verdict].text
    assert "s3cret" not in str(doctor.report)


@pytest.mark.parametrize(
    "last,variables,expected",
    [
        ("", {}, {"pid-1"}),
        ("", {"SENTRYINIT_FLUSH_ON_SIGTERM": "false"}, {"waitress-sigterm"}),
        ("import signal\nsignal.signal(signal.SIGTERM, lambda *_: None)", {}, set()),
    ],
    ids=["by us", "switched off", "by the application"],
)
def test_who_handles_sigterm_counts(
    doctor: Doctor,
    monkeypatch: pytest.MonkeyPatch,
    last: str,
    variables: dict[str, str],
    expected: set[str],
) -> None:
    """Events are lost under waitress only if nobody handles it."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    doctor.write(SAMPLES["flask"].text(last=last))
    found = doctor.examine(command=["waitress-serve", "shop:app"])
    assert found.keys() & {"pid-1", "waitress-sigterm"} == expected


def test_import_that_hangs_is_ended(doctor: Doctor) -> None:
    """A module that starts its server when it is imported never returns."""
    doctor.write("import time\ntime.sleep(600)")
    assert doctor.examine(seconds=4.0)["import-hangs"].level == "error"


def test_threads_and_output_of_the_application_do_no_harm(doctor: Doctor) -> None:
    """The application runs in a process of its own."""
    first = "import threading, time\nprint('noise')\n"
    first += "threading.Thread(target=time.sleep, args=(600,)).start()"
    doctor.write(SAMPLES["flask"].text(first=first))
    assert "debug-route" in doctor.examine()


@pytest.mark.parametrize("target", ["shop:create_app()", "shop:make('orders')", "shop"])
def test_targets_are_those_of_servers(doctor: Doctor, target: str) -> None:
    """A factory, one with arguments, and a module alone."""
    text = SAMPLES["flask"].text(last="create_app = lambda: app\nmake = lambda name: app")
    doctor.write(text)
    assert "debug-route" in doctor.examine(target)


_PROJECT = {
    "shop/__init__.py": "",
    "shop/settings.py": (
        "SECRET_KEY = 'x'\nROOT_URLCONF = 'shop.urls'\nALLOWED_HOSTS = ['.orders.example']\n"
        "INSTALLED_APPS = ['sentryinit_django']\nSECURE_SSL_REDIRECT = True\n"
        "MIDDLEWARE = ['sentryinit_django.middleware.SentryInitMiddleware',\n"
        "              'django.middleware.security.SecurityMiddleware']\n"
    ),
    "shop/urls.py": (
        "from django.urls import path\nfrom sentryinit_django import debug_panic\n"
        "urlpatterns = [path('debug/sentry-panic', debug_panic)]\n"
    ),
    "shop/wsgi.py": (
        "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
        "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
    ),
}


@pytest.mark.parametrize(
    "target,more",
    [
        ("shop.settings", ""),
        ("shop.settings", "WSGI_APPLICATION = 'shop.wsgi.application'"),
        ("shop.settings", "ASGI_APPLICATION = 'shop.asgi.application'"),
        ("shop.wsgi:application", ""),
        ("shop.asgi:application", ""),
        ("shop.wsgi", ""),
    ],
)
def test_djangos_targets(doctor: Doctor, target: str, more: str) -> None:
    """Its settings module, or what a server takes; hosts and https as its settings want them."""
    project = _PROJECT | {"shop/asgi.py": _PROJECT["shop/wsgi.py"].replace("wsgi", "asgi")}
    for name, text in project.items():
        doctor.write(text + (more if name.endswith("settings.py") else ""), name)
    assert {"middleware", "debug-route"} <= doctor.examine(target).keys()
    assert doctor.report.is_fine


def test_unknown_path_that_is_not_404_proves_nothing(doctor: Doctor) -> None:
    """An application that answers every path cannot be compared with."""
    doctor.write(SAMPLES["wsgi"].text(first="").replace("404 Not Found", "400 Bad Request"))
    assert "400" in doctor.examine()["debug-route-unclear"].text


def test_application_that_needs_its_start_up_proves_nothing(doctor: Doctor) -> None:
    """The doctor does not start an ASGI application: it could do anything."""
    doctor.write("async def app(scope, receive, send):\n    raise RuntimeError('s3cret-value')")
    found = doctor.examine()
    assert "RuntimeError" in found["debug-route-failed"].text
    assert "s3cret" not in str(doctor.report)


def test_guarded_route_is_named(doctor: Doctor) -> None:
    """With the token something else answers: an authentication that lets 404 through."""
    doctor.write(
        SAMPLES["wsgi"].text(
            last="inner = app\n"
            "def app(environ, start_response):\n"
            "    if 'HTTP_X_SENTRYINIT_DEBUG_TOKEN' in environ:\n"
            "        start_response('403 Forbidden', [])\n"
            "        return [b'']\n"
            "    return inner(environ, start_response)\n"
        )
    )
    assert "403" in doctor.examine()["debug-route-guarded"].text


def test_route_that_raises_without_an_event_is_an_error(doctor: Doctor) -> None:
    """The route is there, and nothing reports it."""
    doctor.environ({"SENTRYINIT_IGNORE_PATHS": "/debug/*"})
    doctor.write(SAMPLES["flask"].text())
    assert doctor.examine()["debug-route-unreported"].level == "error"


def test_adapter_that_is_not_installed_is_named(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flask without sentryinit-flask: the wheel to install is named."""
    doctor.write(
        "import importlib.metadata as m\nimport sentryinit.diagnostics as d\n"
        "d.frameworks = dict\nfrom flask import Flask\napp = Flask('orders')\n"
    )
    assert "sentryinit-flask" in doctor.examine()["adapter-missing"].text


def test_logger_that_dictconfig_disables_is_named(doctor: Doctor) -> None:
    """By default dictConfig() disables each logger that it does not name: those of servers."""
    doctor.write(
        SAMPLES["flask"].text(
            last="import logging.config\nlogging.config.dictConfig(dict(version=1))"
        )
    )
    found = doctor.examine()
    assert found["logger-disabled"].level == "warning"
    assert "gunicorn.error" in str(doctor.report)
    assert "logging" not in found


@pytest.mark.parametrize(
    "code,verdict",
    [
        ("import sentry_sdk\nsentry_sdk.init()", "foreign-init"),
        ("import sentryinit\nsentryinit.init(environment='other')", "settings-differ"),
    ],
)
def test_what_comes_after_init_is_named(doctor: Doctor, code: str, verdict: str) -> None:
    """What counts is the first call."""
    doctor.write(SAMPLES["flask"].text(last=code))
    assert doctor.examine()[verdict].level == "warning"


def test_client_before_ours_is_named(doctor: Doctor) -> None:
    """It was replaced; its call is superfluous."""
    doctor.write(SAMPLES["flask"].text(first=f"import sentry_sdk\nsentry_sdk.init({DSN!r})"))
    assert "before sentryinit.init()" in doctor.examine()["start-warning"].text


def test_integration_that_does_the_same_is_named(doctor: Doctor) -> None:
    """sentry-sdk's own Flask integration would report a failure again."""
    first = "from sentry_sdk.integrations.flask import FlaskIntegration as I"
    doctor.write(SAMPLES["flask"].text(first=first, setup="SentryInit(app, integrations=[I()])"))
    assert doctor.examine()["integration-conflict"].number == 3


def test_fallback_of_the_scopes_is_a_note(doctor: Doctor) -> None:
    """A release of sentry-sdk with other private names: nothing is lost."""
    first = "from sentryinit._sdk import scopes\nscopes.force_fallback = True"
    doctor.write(SAMPLES["flask"].text(first=first))
    found = doctor.examine()
    assert found["scope-fallback"].level == "note"
    assert "scope-lazy" not in found


def test_report_has_no_secret(doctor: Doctor) -> None:
    """Neither the key of the DSN nor the debug token."""
    doctor.write(SAMPLES["flask"].text())
    doctor.examine()
    text = json.dumps([doctor.report.findings, doctor.report.settings])
    assert TOKEN not in text
    assert "5e9b0ac1" not in text
    assert f"set ({len(TOKEN)} characters)" in text

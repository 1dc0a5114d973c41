"""``python -m sentryinit run``, and our targets for servers: applications that do not call us."""

from __future__ import annotations

import contextlib
import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.service import HERE, Bench, Service, free_port, inherited, new_id
from harness.sink import Event

RUN = [sys.executable, "-m", "sentryinit", "run", "--service", "shop-of-others", "--"]
GUNICORN = "-m gunicorn -b 127.0.0.1:{port} --no-control-socket "
UVICORN = "-m uvicorn --host 127.0.0.1 --port {port} "
HYPERCORN = "-m hypercorn -b 127.0.0.1:{port} "
GRANIAN = "-m granian --host 127.0.0.1 --port {port} --interface "
WAITRESS = "-m waitress --listen=127.0.0.1:{port} "
DAPHNE = "-m daphne -b 127.0.0.1 -p {port} "
UWSGI = (
    "-c 'import pyuwsgi; pyuwsgi.run()' --http-socket=127.0.0.1:{port} --virtualenv={prefix} "
    "--pythonpath=. --master --enable-threads --py-call-uwsgi-fork-hooks --die-on-term --need-app "
)
# Those that only `nox -s aborts` installs.
_WHOLE = GRANIAN, DAPHNE, UWSGI

ROUTE = "/orders/{order_id}/price"


def rows(*cases: tuple[Any, ...]) -> list[Any]:
    """Return *cases*, whose first value is the command of a server, as parameters of a test."""
    marked = []
    for command, *rest in cases:
        marks = [pytest.mark.whole] if command.startswith(_WHOLE) else []
        server = re.sub(r"\W+", "-", command.partition(" ")[2].partition(" ")[0])
        name = f"{server}-{command.rpartition('{port} ')[2] or command.split()[-1]}"
        marked.append(pytest.param(command, *rest, id=name, marks=marks))
    return marked


@contextlib.contextmanager
def served(
    bench: Bench, command: str, *, run: bool = True, ready: bool = True, **environ: str
) -> Iterator[Service]:
    """Start *command*, under ``run`` if so; *ready*: as of ``Bench.fresh()``."""
    port, box = free_port(), bench.sink.mailbox()
    words = [sys.executable, *shlex.split(command.format(port=port, prefix=sys.prefix))]
    env = {**bench._environ(box, {}), "SENTRYINIT_SERVICE": "shop", **environ}
    name = f"run {command}"
    service = Service(name, [*RUN, *words] if run else words, env, bench._log_file(name), box)
    service.port = port
    bench.used.append(service)
    try:
        if ready:
            service.await_ready()
        yield service
    finally:
        service.end()


def failed(service: Service, path: str = "/orders/7/price") -> None:
    """Make a request that fails, and return when its event has arrived."""
    request_id = new_id("run")
    assert service.call(path, request_id).status == 500
    service.mailbox.wait_for(request_id)


def installed(folder: Path) -> dict[str, str]:
    """Install the application ``label_shop`` in *folder*; return the variable that has it."""
    site = runpy.run_path(str(HERE.parent / "core" / "installed.py"))["install"](folder)
    return {"PYTHONPATH": os.pathsep.join([str(site), str(HERE)])}


def only(service: Service) -> Event:
    """Return the one event of *service*, which has ended."""
    events = service.mailbox.drain()
    assert len(events) == 1, list(map(str, events))
    return events[0]


@pytest.mark.parametrize(
    "command,mechanism,route",
    rows(
        (GUNICORN + "apps.bare_flask:app", "flask", ROUTE),
        (GUNICORN + "apps.bare_plain", "wsgi", "<unknown>"),
        (GUNICORN + "--preload apps.bare_django:wsgi()", "django", ROUTE),
        (GUNICORN + "-k uvicorn_worker.UvicornWorker apps.bare_starlette:app", "starlette", ROUTE),
        (GUNICORN + "-k asgi apps.bare_plain:asgi", "asgi", "<unknown>"),
        (GUNICORN + "-k aiohttp.GunicornWebWorker apps.bare_aiohttp:create_app", "aiohttp", ROUTE),
        (UVICORN + "--factory apps.bare_django:asgi", "django", ROUTE),
        (UVICORN + "--workers 2 apps.bare_starlette:fastapi_app", "starlette", ROUTE),
        (UVICORN + "--reload apps.bare_starlette:app", "starlette", ROUTE),
        (UVICORN + "--interface wsgi apps.bare_flask:app", "flask", ROUTE),
        (UVICORN + "--interface wsgi apps.bare_plain:wsgi_more", "wsgi", "<unknown>"),
        (GRANIAN + "asgi apps.bare_plain:asgi_any", "asgi", "<unknown>"),
        (HYPERCORN + "wsgi:apps.bare_plain:wsgi_more", "wsgi", "<unknown>"),
        (HYPERCORN + "apps.bare_falcon:asgi_app", "falcon", ROUTE),
        (HYPERCORN + "wsgi:apps.bare_falcon:app", "falcon", ROUTE),
        (WAITRESS + "apps.bare_flask:app", "flask", ROUTE),
        (WAITRESS + "--call apps.bare_plain:create_app", "wsgi", "<unknown>"),
        (GRANIAN + "wsgi --factory apps.bare_flask:create_app", "flask", ROUTE),
        (GRANIAN + "asgi apps.bare_starlette:app", "starlette", ROUTE),
        (DAPHNE + "apps.bare_starlette:app", "starlette", ROUTE),
        (UWSGI + "--module=apps.bare_flask:create_app()", "flask", ROUTE),
        (UWSGI + "--wsgi-file=apps/bare_flask.py", "flask", ROUTE),
        ("-m apps.bare_program {port}", "starlette", ROUTE),
        ("-m apps.bare_aiohttp {port}", "aiohttp", ROUTE),
    ),
)
def test_failing_request_is_one_event(
    bench: Bench, command: str, mechanism: str, route: str
) -> None:
    """``run`` wraps what the server loads: by the adapter of its framework, else generically."""
    with served(bench, command) as service:
        failed(service)
    event = only(service)
    assert (event.error, event.mechanism["type"]) == ("LookupError", mechanism)
    assert event.mechanism["handled"] is False
    assert (event.data["transaction"], event.tags["service"]) == (route, "shop-of-others")


@pytest.mark.parametrize(
    ("environ", "titles"),
    [
        ({}, []),
        ({"SENTRYINIT_LOG_EVENTS": ""}, []),
        ({"SENTRYINIT_LOG_EVENTS": "all"}, ["no rates"]),
    ],
)
@pytest.mark.parametrize("run", [True, False])
def test_what_a_good_request_logs_is_no_event(
    bench: Bench, environ: dict[str, str], titles: list[str], *, run: bool
) -> None:
    """Whoever runs the code of others cannot change its levels: ``log_events`` is ``failed``."""
    target = "apps.bare_plain" if run else "sentryinit.wsgi:application"
    environ = environ if run else {**environ, "SENTRYINIT_APP": "apps.bare_plain"}
    with served(bench, GUNICORN + target, run=run, **environ) as service:
        assert service.call("/orders/7/logs", new_id("run")).status == 200
        failed(service)
    found = [event.data.get("logentry", {}).get("message") for event in service.mailbox.drain()]
    assert sorted(filter(None, found)) == titles
    assert len(found) == len(titles) + 1


@pytest.mark.parametrize(
    ("command", "run"),
    rows(
        (GUNICORN + "label_shop.plain:application", True),
        (GUNICORN + "-k uvicorn_worker.UvicornWorker label_shop.framework:app", False),
        ("{prefix}/bin/gunicorn -b 127.0.0.1:{port} label_shop.wsgi", False),
        (UVICORN + "label_shop.framework:app", False),
        (UVICORN + "--factory label_shop.framework:create_app", True),
        (HYPERCORN + "label_shop.asgi:application", True),
        (WAITRESS + "label_shop.plain:application", True),
        (GRANIAN + "wsgi label_shop.plain:application", True),
        (DAPHNE + "label_shop.framework:app", True),
        (UWSGI + "--module=label_shop.pages:app", True),
    ),
)
def test_installed_application_is_known(
    bench: Bench, tmp_path: Path, command: str, *, run: bool
) -> None:
    """Its frames are the application's, whoever has loaded it: the server, or code of the server's.

    Those of what it depends on, and those of the server, are not.
    """
    with served(
        bench, command, run=run, SENTRYINIT_GROUPING="place", **installed(tmp_path)
    ) as service:
        failed(service, "/orders")
        failed(service, "/first")
    events = service.mailbox.drain()
    frames = [each for e in events for each in e.exception["stacktrace"]["frames"]]
    own = {frame["module"] for frame in frames if frame["in_app"]}
    assert {"label_core.views", "acme.prices"} <= own
    others = {name for name in own if not name.startswith("label_")}
    assert others == {"acme.prices"}
    assert len({event.data["fingerprint"][-1] for event in events}) == 2


@pytest.mark.parametrize(
    "kind,mechanism",
    [
        ("flask", "flask"),
        ("flask-subclass", "flask"),
        ("django", "django"),
        ("django-asgi", "django"),
        ("falcon", "falcon"),
        ("falcon-asgi", "falcon"),
        ("starlette", "starlette"),
        ("fastapi", "starlette"),
        ("mount", "starlette"),
        ("bridge-starlette", "flask"),
        ("bridge-a2wsgi", "flask"),
        ("aiohttp", "aiohttp"),
    ],
)
def test_application_that_no_known_server_loads_is_wrapped(
    bench: Bench, kind: str, mechanism: str
) -> None:
    """Each application of a framework is, when it serves: from the first request, with its route.

    One inside of another joins the request of the outer one.
    """
    with served(bench, f"-m apps.bare_embedded {kind} {{port}}") as service:
        failed(service)
        failed(service)
    events = service.mailbox.drain()
    assert [(event.error, event.data["transaction"]) for event in events] == [
        ("LookupError", ROUTE)
    ] * 2
    assert [event.mechanism for event in events] == [{"type": mechanism, "handled": False}] * 2


@pytest.mark.parametrize(
    "kind,mechanism,route", [("wsgiref", "wsgi", "<unknown>"), ("wsgiref-flask", "flask", ROUTE)]
)
def test_application_of_wsgiref_is_wrapped(
    bench: Bench, kind: str, mechanism: str, route: str
) -> None:
    """Also one without a framework, in a program that serves by wsgiref."""
    with served(bench, f"-m apps.bare_embedded {kind} {{port}}") as service:
        failed(service)
    event = only(service)
    assert event.data["transaction"] == route
    assert event.mechanism == {"type": mechanism, "handled": False}


@pytest.mark.parametrize("inside", ["a2wsgi", "starlette.middleware.wsgi", "mount"])
@pytest.mark.parametrize("run", [True, False])
def test_application_inside_of_another_has_its_route(bench: Bench, inside: str, run: bool) -> None:
    """The same under a known server, and behind our target."""
    target = "apps.bare_embedded:app" if run else "sentryinit.asgi:application"
    environ = {"SERVED": inside} | ({} if run else {"SENTRYINIT_APP": "apps.bare_embedded:app"})
    with served(bench, UVICORN + target, run=run, **environ) as service:
        failed(service)
    assert only(service).data["transaction"] == ROUTE


def test_set_up_of_the_application_counts_in_a_program(bench: Bench) -> None:
    """It stays as it is, also where its own set-up comes late; no warning names it."""
    with served(bench, "-m apps.bare_embedded flask-own {port}") as service:
        failed(service)
    assert only(service).data["environment"] == "of-the-application"
    assert "WARNING" not in service.output


def test_django_middlewares_are_made_once(bench: Bench) -> None:
    """An exception that a middleware answers is seen; no middleware is made a second time.

    ``settings.SENTRYINIT`` counts.
    """
    with served(bench, GUNICORN + "apps.bare_django:wsgi()") as service:
        failed(service, "/orders/7/reserve")
    event = only(service)
    assert event.exception["value"] == "order 7, 1 middleware"
    assert event.data["environment"] == "of-the-settings"


@pytest.mark.parametrize(
    "command",
    rows(
        (GUNICORN + "apps.bare_broken:app",),
        (GUNICORN + "--preload apps.bare_broken:app",),
        (UVICORN + "apps.bare_broken:app",),
        (HYPERCORN + "apps.bare_broken:app",),
        (WAITRESS + "apps.bare_broken:app",),
        (GRANIAN + "wsgi apps.bare_broken:app",),
        (DAPHNE + "apps.bare_broken:app",),
        (UWSGI + "--module=apps.bare_broken",),
        (UWSGI + "--wsgi-file=apps/bare_broken.py",),
    ),
)
def test_application_that_fails_at_import_is_one_event(bench: Bench, command: str) -> None:
    """``init`` comes before the import; the event is delivered before the process ends."""
    with served(bench, command, ready=False) as service:
        service.wait()
    event = only(service)
    assert (event.error, event.tags["service"]) == ("LookupError", "shop-of-others")


@pytest.mark.parametrize(
    "command",
    [
        GUNICORN + "label_shop.broken:app",
        "-m label_shop.broken",
        "-c 'import label_shop.broken'",
    ],
)
def test_frames_of_an_installed_application_that_does_not_start(
    bench: Bench, tmp_path: Path, command: str
) -> None:
    """They are the application's, as those of one that serves."""
    with served(bench, command, ready=False, **installed(tmp_path)) as service:
        service.wait()
    frames = only(service).exception["stacktrace"]["frames"]
    own = {frame["module"] for frame in frames if frame["in_app"]}
    assert own - {"__main__"} >= {"label_core.views"}
    assert not own - {"__main__", "label_core.views", "label_shop.broken"}


FAILS = "import {}, sys\nprint('starts', file=sys.stderr)\n{}\nraise LookupError('no such item')"
OWN_HOOK = "sys.excepthook = lambda *e, next=sys.excepthook: (print('theirs'), next(*e))"


@pytest.mark.parametrize("module", ["flask", "starlette.applications", "uvicorn.config"])
@pytest.mark.parametrize("more", ["", OWN_HOOK, "import sentryinit; sentryinit.init('own')"])
def test_program_that_does_not_start_is_one_event(bench: Bench, module: str, more: str) -> None:
    """Whether it has run ``init`` by then, or not; it ends as before."""
    command = shlex.join(["-c", FAILS.format(module, more)])
    with served(bench, command, ready=False) as service:
        assert service.wait() == 1
    event = only(service)
    assert event.error == "LookupError"
    assert event.mechanism == {"type": "excepthook", "handled": False}
    assert event.tags["service"] == ("own" if "init" in more else "shop-of-others")
    assert service.output.count("LookupError: no such item") == 1
    assert ("theirs" in service.output) is ("theirs" in more)


@pytest.mark.parametrize("arguments", ["None, None, None", "LookupError, 'no such item', None"])
def test_hook_takes_what_pythons_own_takes(bench: Bench, arguments: str) -> None:
    """Libraries call it to print what they have: it raises nothing, and reports no text."""
    command = shlex.join(
        ["-c", f"import flask, sys\nsys.excepthook({arguments})\nprint('goes on')"]
    )
    with served(bench, command, ready=False) as service:
        assert service.wait() == 0
    assert "goes on" in service.output
    assert service.mailbox.drain() == []


METRICS = """
import sys, threading, urllib.error, urllib.request
from wsgiref.simple_server import make_server
import sentryinit

def application(environ, start_response):
    raise LookupError("no such item")

metrics, shop = make_server("", 0, lambda *_: [b""]), make_server("", 0, application)
sentryinit.init("own", release="7")
threading.Thread(target=shop.handle_request).start()
try:
    urllib.request.urlopen(f"http://127.0.0.1:{shop.server_port}")
except urllib.error.HTTPError as error:
    print("status", error.code)
"""


@pytest.mark.parametrize("required", ["", "true"])
def test_init_after_a_server_of_metrics_is_the_first(
    bench: Bench, tmp_path: Path, required: str
) -> None:
    """An application serves its metrics by wsgiref, then makes its own set-up."""
    code = METRICS.replace('release="7"', f"release='7', dsn={bench.sink.mailbox().dsn!r}")
    without = {"SENTRYINIT_DSN": "", "SENTRY_DSN": "", "SENTRYINIT_REQUIRED": required}
    program = tmp_path / "program.py"
    program.write_text(code if required else METRICS)
    with served(bench, str(program), ready=False, **(without if required else {})) as service:
        assert service.wait() == 0
    assert "status 500" in service.output
    assert "init() was called again" not in service.output
    if not required:
        event = only(service)
        assert (event.error, event.data["release"]) == ("LookupError", "7")
        assert event.tags["service"] == "own"


MANAGE = """
import django, sys
from django.conf import settings
from django.core.management import BaseCommand, CommandError, ManagementUtility, get_commands
settings.configure()
django.setup()

class Command(BaseCommand):
    def handle(self, **options):
        raise {}("no such item")

get_commands()["bill"] = Command()
ManagementUtility(["manage.py", "bill"]).execute()
"""


@pytest.mark.parametrize("error,events", [("LookupError", ["LookupError"]), ("CommandError", [])])
def test_command_of_django_that_fails_is_one_event(
    bench: Bench, tmp_path: Path, error: str, events: list[str]
) -> None:
    """It has imported the framework. A ``CommandError`` is a message for its user."""
    program = tmp_path / "program.py"
    program.write_text(MANAGE.format(error))
    with served(bench, str(program), ready=False) as service:
        assert service.wait() == 1
    assert [event.error for event in service.mailbox.drain()] == events


@pytest.mark.parametrize("end", ["KeyboardInterrupt", "SystemExit(3)"])
def test_end_of_a_program_that_is_wanted_is_no_event(bench: Bench, end: str) -> None:
    """The same as where ``init`` has run (A13)."""
    command = shlex.join(["-c", f"import flask\nraise {end}"])
    with served(bench, command, ready=False) as service:
        service.wait()
    assert service.mailbox.drain() == []


@pytest.mark.parametrize(
    "command,name,route",
    rows(
        (GUNICORN + "sentryinit.wsgi:application", "apps.bare_flask:create_app()", ROUTE),
        (UVICORN + "--workers 2 sentryinit.asgi:application", "apps.bare_starlette", ROUTE),
        (HYPERCORN + "sentryinit.wsgi:application", "apps.bare_flask", ROUTE),
        (HYPERCORN + "sentryinit.asgi:application", "apps.bare_falcon:asgi_app", ROUTE),
        (WAITRESS + "sentryinit.wsgi:application", "apps.bare_plain", "<unknown>"),
        (GRANIAN + "wsgi sentryinit.wsgi:application", "apps.bare_flask", ROUTE),
        (DAPHNE + "sentryinit.asgi:application", "apps.bare_starlette:app", ROUTE),
        (UWSGI + "--module=sentryinit.wsgi:application", "apps.bare_flask", ROUTE),
    ),
)
def test_target_names_the_real_one(bench: Bench, command: str, name: str, route: str) -> None:
    """``SENTRYINIT_APP`` names the application that ``sentryinit.wsgi:application`` serves."""
    with served(bench, command, run=False, SENTRYINIT_APP=name) as service:
        failed(service)
    event = only(service)
    assert (event.error, event.data["transaction"]) == ("LookupError", route)


@pytest.mark.parametrize(
    "command,name,said",
    rows(
        (GUNICORN + "sentryinit.wsgi:application", "", "SENTRYINIT_APP is not set: expected"),
        (UVICORN + "sentryinit.asgi:application", "apps.nothing:app", "SENTRYINIT_APP='apps.n"),
        (HYPERCORN + "sentryinit.wsgi:application", "apps.bare_flask:a b", "SENTRYINIT_APP='apps."),
    ),
)
def test_wrong_target_is_an_error(bench: Bench, command: str, name: str, said: str) -> None:
    """The server ends, and its output has the setting and what is expected."""
    with served(bench, command, run=False, ready=False, SENTRYINIT_APP=name) as service:
        service.wait()
    assert said in service.output


def test_what_cannot_be_wrapped_is_said(bench: Bench) -> None:
    """An application of ASGI 2 is served as it is, and one line says so."""
    with served(bench, UVICORN + "apps.bare_plain:asgi2") as service:
        assert service.call("/orders/7", new_id("run")).status == 200
    assert service.output.count("cannot wrap what uvicorn serves: a function is no WSGI") == 1


LOOK = """
import sys, threading
import apps.bare_flask, apps.bare_plain
from gunicorn.app.base import BaseApplication
class Here(BaseApplication):
    def load_config(self): pass
    def load(self): return {app}
print(Here().wsgi() is {app}, "sentry_sdk" in sys.modules, threading.active_count())
"""


def ran(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run *command* to its end, under ``run``."""
    env = {**inherited(), **environ}
    return subprocess.run(
        [*RUN, *command], env=env, cwd=HERE, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("app", ["apps.bare_flask.app", "apps.bare_plain.application"])
def test_without_a_dsn_nothing_is_wrapped(app: str) -> None:
    """The server gets the application itself; sentry_sdk is not imported (E3)."""
    done = ran(sys.executable, "-c", LOOK.format(app=app))
    assert done.stdout == "True False 1\n", done.stderr


def test_program_that_is_no_server_pays_nothing(tmp_path: Path) -> None:
    """It does not import sentryinit; its own ``sitecustomize`` and path stay in force."""
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.theirs = 'theirs'")
    code = "import sys, sitecustomize as s; print(theirs, s.__file__, 'sentryinit' in sys.modules)"
    done = ran(sys.executable, "-c", code, PYTHONPATH=str(tmp_path))
    assert done.stdout == f"theirs {tmp_path / 'sitecustomize.py'} False\n", done.stderr
    assert "no server is named in this command" in done.stderr


@pytest.mark.parametrize(
    "command,status,said",
    [
        ([sys.executable, "-c", "raise SystemExit(7)"], 7, "no server is named"),
        (["gunicorn-that-is-not-here"], 127, "cannot run gunicorn-that-is-not-here: No such file"),
        ([os.devnull], 126, "cannot run /dev/null: Permission denied"),
        ([sys.executable, "-sE", "-c", "0"], 0, "runs no code of ours: nothing is wrapped"),
        ([], 2, "which command?"),
    ],
)
def test_exit_status_is_that_of_the_command(command: list[str], status: int, said: str) -> None:
    """What cannot be run, or will not be wrapped, is said."""
    done = ran(*command)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr

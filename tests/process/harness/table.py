"""The table: what is reported, for each framework, server and situation.

To add a framework: an application ``apps/<name>_app.py`` and a line in ``FRAMEWORKS``. To add a
server: a line in ``SERVERS``. Then a line in ``EXPECTED`` for each cell that no pattern covers.
Failures of the application are the same on every server; servers differ in what an application
sees of a disconnect, and of the shutdown.

``docs/reference/aborts.md`` is generated from it.
"""

from __future__ import annotations

import fnmatch
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

# -- outcomes --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Failure:
    """An event. *error*: the exception's class, None for a status without exception."""

    error: str | None
    status: str | None = "500"
    handled: bool = False
    level: str = "error"


@dataclass(frozen=True)
class Cell:
    """The expected outcome of a situation.

    *sees*: the exception that the handler gets while it works, which shows that the situation
    occurred. *hides*: why the handler gets none. *called*: if the handler is called at all.
    """

    events: tuple[Failure, ...] = ()
    sees: str | None = None
    hides: str | None = None
    called: bool = True


# No failure.
NO_EVENT = Cell()


def reported(*failures: Failure) -> Cell:
    return Cell(failures)


def abort(sees: str) -> Cell:
    """The handler sees the exception, which is an abort and not reported."""
    return Cell((), sees)


def hidden(why: str) -> Cell:
    """The server hides the abort from the application, so there is nothing to decide."""
    return Cell(hides=why)


NOT_NOTIFIED = hidden("the handler is not notified and completes")
TRUNCATED = hidden("the received part is taken for the whole body")
NOT_CALLED = Cell(hides="the server reads the whole request first and discards it", called=False)
BY_MESSAGE = hidden("a message reports it, not an exception")
WAITED_FOR = hidden("the server waits until the handler completes")
KILLED = hidden("the process is killed")
CAUGHT = hidden("the server catches it and logs it")

# -- frameworks and servers ------------------------------------------------------------------------


@dataclass(frozen=True)
class Framework:
    """*kind*: wsgi or asgi. *mechanism*: that of its events. *routes*: if events have routes."""

    kind: str
    mechanism: str
    routes: bool = True


@dataclass(frozen=True)
class Server:
    """*command*: after ``python``. *lines*: its own output during shutdown.

    *exit*: its status after SIGTERM. *failed*: its status after a failed start-up. *bounded*: if it
    is in the part of the table that runs with all other tests. *keeps*: if it keeps connections
    alive. *alone*: if it serves one request at a time. *breaks_off*: if it closes the connection
    when a body fails.
    """

    kind: str
    command: str
    lines: re.Pattern[str]
    exit: int = 0
    failed: int = 3
    bounded: bool = False
    keeps: bool = True
    alone: bool = False
    breaks_off: bool = True

    def line(
        self, app: str, port: int, *, timeout: str = "60", grace: str = "5", more: str = ""
    ) -> list[str]:
        """Return the command line: *timeout* of a worker, *grace* at the end, in seconds.

        *more*: what comes after it.
        """
        names = {"app": app, "port": port, "timeout": timeout, "grace": grace}
        command = f"{self.command.format(**names, prefix=sys.prefix)} {more}"
        return [sys.executable, *shlex.split(command)]


_GUNICORN = (
    "-m gunicorn -b 127.0.0.1:{port} -w 1 -k %s -t {timeout} --graceful-timeout {grace} "
    "--no-control-socket {app}"
)
# With uvloop, contexts do not leak as they do with asyncio's loop (test_scope.py).
_UVICORN = (
    "-m uvicorn --host 127.0.0.1 --port {port} --loop asyncio --http %s "
    "--timeout-graceful-shutdown {grace} --no-access-log {app}"
)
_HYPERCORN = "-m hypercorn -b 127.0.0.1:{port} --graceful-timeout {grace} {app}"
_GRANIAN = (
    "-m granian --host 127.0.0.1 --port {port} --interface %s --loop asyncio "
    "--workers-kill-timeout {grace}s {app}"
)
# The grace period of a handler after a disconnect is 10 s by default.
_DAPHNE = "-m daphne -b 127.0.0.1 -p {port} --application-close-timeout 1 {app}"
_WAITRESS = "-m waitress --listen=127.0.0.1:{port} --threads=4 {app}"
_UWSGI = (
    "-c 'import pyuwsgi; pyuwsgi.run()' --http-socket=127.0.0.1:{port} --module={app} --need-app "
    "--virtualenv={prefix} --pythonpath=. --master --processes=1 --threads=4 --enable-threads "
    "--py-call-uwsgi-fork-hooks --disable-logging --worker-reload-mercy={grace} "
    # By default SIGTERM reloads; with --die-on-term, exit hooks run in a signal handler.
    "--hook-master-start 'unix_signal:15 gracefully_kill_them_all'"
)

# web.run_app() is a function, so the module of the application is run.
_RUN_APP = "-m apps.aiohttp_app {port} {grace}"

_GUNICORN_LINES = re.compile(r"\[[-\d: +]+\] \[\d+\] \[(INFO|ERROR|WARNING|CRITICAL)\] ")
_UVICORN_LINES = re.compile(r"INFO: ")
_HYPERCORN_LINES = re.compile(r"\[[-\d: +]+\] \[\d+\] \[INFO\] ")
# WARNING: about one time in 100 a worker does not end, and granian kills it after the grace period.
_GRANIAN_LINES = re.compile(r"\[(INFO|WARNING)\] ")
_DAPHNE_LINES = re.compile(r"[-\d]+ [\d:,]+ INFO ")
_UWSGI_LINES = re.compile(
    r"running \"unix_signal|.* graceful shutdown triggered|Gracefully killing worker|"
    r"worker \d buried|goodbye to uWSGI"
)
_NO_LINES = re.compile(r"(?!)")

FRAMEWORKS = {
    "wsgi": Framework("wsgi", "wsgi", routes=False),
    "django": Framework("wsgi", "django"),
    "falcon": Framework("wsgi", "falcon"),
    "flask": Framework("wsgi", "flask"),
    "asgi": Framework("asgi", "asgi", routes=False),
    "django-asgi": Framework("asgi", "django"),
    "falcon-asgi": Framework("asgi", "falcon"),
    "starlette": Framework("asgi", "starlette"),
    "fastapi": Framework("asgi", "starlette"),
    "aiohttp": Framework("aiohttp", "aiohttp"),
}

SERVERS = {
    "gunicorn-sync": Server(
        "wsgi", _GUNICORN % "sync", _GUNICORN_LINES, bounded=True, keeps=False, alone=True
    ),
    "gunicorn-gthread": Server(
        "wsgi", _GUNICORN % "gthread --threads 4", _GUNICORN_LINES, bounded=True
    ),
    "gunicorn-gevent": Server("wsgi", _GUNICORN % "gevent", _GUNICORN_LINES),
    "waitress": Server("wsgi", _WAITRESS, _NO_LINES, exit=-15, failed=1),
    "uwsgi": Server("wsgi", _UWSGI, _UWSGI_LINES, keeps=False),
    "granian-wsgi": Server(
        "wsgi", _GRANIAN % "wsgi --blocking-threads 4", _GRANIAN_LINES, failed=1, breaks_off=False
    ),
    # uvicorn raises the received signal again at the end: status -15.
    "uvicorn-h11": Server("asgi", _UVICORN % "h11", _UVICORN_LINES, exit=-15),
    "uvicorn-httptools": Server(
        "asgi", _UVICORN % "httptools", _UVICORN_LINES, exit=-15, bounded=True
    ),
    "gunicorn-uvicorn": Server("asgi", _GUNICORN % "uvicorn_worker.UvicornWorker", _GUNICORN_LINES),
    "gunicorn-asgi": Server(
        "asgi", _GUNICORN % "asgi --asgi-disconnect-grace-period 1", _GUNICORN_LINES
    ),
    "hypercorn": Server("asgi", _HYPERCORN, _HYPERCORN_LINES, failed=0),
    "granian-asgi": Server("asgi", _GRANIAN % "asgi", _GRANIAN_LINES, failed=1),
    "daphne": Server("asgi", _DAPHNE, _DAPHNE_LINES, breaks_off=False),
    "run-app": Server("aiohttp", _RUN_APP, _NO_LINES, failed=1, bounded=True),
    "run-app-cancelling": Server("aiohttp", _RUN_APP + " cancelling", _NO_LINES, failed=1),
    "gunicorn-aiohttp": Server("aiohttp", _GUNICORN % "aiohttp.GunicornWebWorker", _GUNICORN_LINES),
}

# -- the table -------------------------------------------------------------------------------------

# For each situation (situations.py): "framework/server" patterns; the first that matches counts.
# None, or no pattern that matches: the situation does not exist there.
EXPECTED: dict[str, dict[str, Cell | None]] = {
    # -- failures of the application ---------------------------------------------------------------
    "healthy": {"*": NO_EVENT},
    "returned": {"*": reported(Failure(None, "503"))},
    "raised": {"*": reported(Failure("LookupError"))},
    "swallowed": {"*": reported(Failure("SoldOut", handled=True))},
    # The same class as an aborted upload, but a failure: an upstream raised it, not the client.
    "upstream_reset": {"*": reported(Failure("ConnectionResetError"))},
    "stream_raised": {"*": reported(Failure("LookupError", "200"))},
    # -- the client disconnects: RST or FIN --------------------------------------------------------
    "gone_while_working_rst": {
        "*/run-app-cancelling": abort("CancelledError"),
        # Django listens for the disconnect while its view works.
        "django-asgi/*": abort("CancelledError"),
        "*": NOT_NOTIFIED,
    },
    "gone_while_working_fin": {
        "*/run-app-cancelling": abort("CancelledError"),
        # Django listens for the disconnect while its view works.
        "django-asgi/*": abort("CancelledError"),
        "*": NOT_NOTIFIED,
    },
    "gone_mid_upload_rst": {
        "*/run-app-cancelling": abort("CancelledError"),
        "aiohttp/*": abort("ConnectionResetError"),
        "*/waitress": NOT_CALLED,
        "*/daphne": NOT_CALLED,
        "*/granian-wsgi": TRUNCATED,
        # Django reads the whole body before it calls the view.
        "django-asgi/*": NOT_CALLED,
        "django/uwsgi": abort("UnreadablePostError"),
        "wsgi/uwsgi": abort("OSError"),
        "falcon/uwsgi": abort("OSError"),
        "flask/uwsgi": abort("ClientDisconnected"),
        "wsgi/gunicorn*": abort("ConnectionResetError"),
        "django/gunicorn*": abort("UnreadablePostError"),
        "falcon/gunicorn*": abort("ConnectionResetError"),
        "flask/gunicorn*": abort("ConnectionResetError"),
        # A message reports the disconnect; the test application raises this for it.
        "asgi/*": abort("ConnectionResetError"),
        "falcon-asgi/*": TRUNCATED,
        "starlette/*": abort("ClientDisconnect"),
        "fastapi/*": abort("ClientDisconnect"),
    },
    "gone_mid_upload_fin": {
        "*/run-app-cancelling": abort("CancelledError"),
        "aiohttp/*": abort("ConnectionResetError"),
        "*/waitress": NOT_CALLED,
        "*/daphne": NOT_CALLED,
        "*/granian-wsgi": TRUNCATED,
        # Django reads the whole body before it calls the view.
        "django-asgi/*": NOT_CALLED,
        "django/uwsgi": abort("UnreadablePostError"),
        "wsgi/uwsgi": abort("OSError"),
        "falcon/uwsgi": abort("OSError"),
        "flask/uwsgi": abort("ClientDisconnected"),
        "wsgi/gunicorn*": TRUNCATED,
        "django/gunicorn*": TRUNCATED,
        "falcon/gunicorn*": TRUNCATED,
        "flask/gunicorn*": TRUNCATED,
        "asgi/*": abort("ConnectionResetError"),
        "falcon-asgi/*": TRUNCATED,
        "starlette/*": abort("ClientDisconnect"),
        "fastapi/*": abort("ClientDisconnect"),
    },
    # The handler raises its own error from it, and the application's error handler answers 500.
    "gone_mid_upload_wrapped": {
        "*/run-app-cancelling": abort("CancelledError"),
        "aiohttp/*": abort("ConnectionResetError"),
        "*/waitress": NOT_CALLED,
        "*/daphne": NOT_CALLED,
        "*/granian-wsgi": TRUNCATED,
        # Django reads the whole body before it calls the view.
        "django-asgi/*": NOT_CALLED,
        "django/uwsgi": abort("UnreadablePostError"),
        "wsgi/uwsgi": abort("OSError"),
        "falcon/uwsgi": abort("OSError"),
        "flask/uwsgi": abort("ClientDisconnected"),
        "wsgi/gunicorn*": abort("ConnectionResetError"),
        "django/gunicorn*": abort("UnreadablePostError"),
        "falcon/gunicorn*": abort("ConnectionResetError"),
        "flask/gunicorn*": abort("ConnectionResetError"),
        "asgi/*": abort("ConnectionResetError"),
        "falcon-asgi/*": TRUNCATED,
        "starlette/*": abort("ClientDisconnect"),
        "fastapi/*": abort("ClientDisconnect"),
    },
    "gone_mid_stream_rst": {
        "*/run-app-cancelling": abort("CancelledError"),
        "aiohttp/*": abort("ClientConnectionResetError"),
        "wsgi/*": abort("GeneratorExit"),
        "django/*": abort("GeneratorExit"),
        "django-asgi/*": abort("CancelledError"),
        "falcon/*": abort("GeneratorExit"),
        "flask/*": abort("GeneratorExit"),
        # uvicorn's send() raises nothing, and this application does not call receive() meanwhile.
        "asgi/*": NOT_NOTIFIED,
        "falcon-asgi/*": NOT_NOTIFIED,
        "starlette/gunicorn-asgi": NOT_NOTIFIED,
        "starlette/*": abort("CancelledError"),
        "fastapi/*": abort("CancelledError"),
    },
    "gone_mid_stream_fin": {
        "*/run-app-cancelling": abort("CancelledError"),
        "aiohttp/*": abort("ClientConnectionResetError"),
        "wsgi/*": abort("GeneratorExit"),
        "django/*": abort("GeneratorExit"),
        "django-asgi/*": abort("CancelledError"),
        "falcon/*": abort("GeneratorExit"),
        "flask/*": abort("GeneratorExit"),
        "asgi/*": NOT_NOTIFIED,
        "falcon-asgi/*": NOT_NOTIFIED,
        "starlette/gunicorn-asgi": NOT_NOTIFIED,
        "starlette/*": abort("CancelledError"),
        "fastapi/*": abort("CancelledError"),
    },
    # -- WebSocket ---------------------------------------------------------------------------------
    "websocket_raised": {
        "aiohttp/*": reported(Failure("LookupError", "101")),
        "asgi/*": reported(Failure("LookupError", "101")),
        "falcon-asgi/*": reported(Failure("LookupError", "101")),
        "starlette/*": reported(Failure("LookupError", "101")),
        "fastapi/*": reported(Failure("LookupError", "101")),
    },
    "websocket_closed": {
        "aiohttp/*": abort("WSMessageTypeError"),
        "asgi/*": BY_MESSAGE,
        "falcon-asgi/*": abort("WebSocketDisconnected"),
        "starlette/*": abort("WebSocketDisconnect"),
        "fastapi/*": abort("WebSocketDisconnect"),
    },
    "websocket_gone_rst": {
        "*/run-app-cancelling": abort("CancelledError"),
        "aiohttp/*": abort("WSMessageTypeError"),
        "asgi/*": BY_MESSAGE,
        "falcon-asgi/*": abort("WebSocketDisconnected"),
        "starlette/*": abort("WebSocketDisconnect"),
        "fastapi/*": abort("WebSocketDisconnect"),
    },
    "websocket_gone_fin": {
        "*/run-app-cancelling": abort("CancelledError"),
        "aiohttp/*": abort("WSMessageTypeError"),
        "asgi/*": BY_MESSAGE,
        "falcon-asgi/*": abort("WebSocketDisconnected"),
        "starlette/*": abort("WebSocketDisconnect"),
        "fastapi/*": abort("WebSocketDisconnect"),
    },
    # -- the server shuts down ---------------------------------------------------------------------
    "sigterm_with_queue": {"*": reported(*[Failure(None, "503")] * 3)},
    "sigterm_with_dead_backend": {"*": NO_EVENT},
    "sigterm_while_working": {
        # SIGKILL after the grace period.
        "*/gunicorn*": KILLED,
        "*/granian*": KILLED,
        "*/waitress": KILLED,
        # They wait without a limit.
        "*/uwsgi": WAITED_FOR,
        "*/hypercorn": WAITED_FOR,
        "*/uvicorn*": abort("CancelledError"),
        "*/daphne": abort("CancelledError"),
        "*/run-app*": abort("CancelledError"),
    },
    "sigquit_while_working": {
        "*/gunicorn-sync": abort("SystemExit"),
    },
    "worker_timeout": {
        "*/gunicorn-sync": reported(Failure("SystemExit", level="fatal")),
        # Its main thread still sends the heartbeat.
        "*/gunicorn-gthread": WAITED_FOR,
        "*/gunicorn-gevent": WAITED_FOR,
        # They handle or ignore the signal that gunicorn sends before it kills a worker.
        "*/gunicorn-uvicorn": KILLED,
        "*/gunicorn-asgi": KILLED,
        "*/gunicorn-aiohttp": KILLED,
    },
    "start_failed": {
        "aiohttp/*": reported(Failure("LookupError", None)),
        # daphne does not support the lifespan.
        "*/daphne": None,
        "asgi/*": reported(Failure("LookupError", None)),
        "falcon-asgi/*": reported(Failure("LookupError", None)),
        "starlette/*": reported(Failure("LookupError", None)),
        "fastapi/*": reported(Failure("LookupError", None)),
    },
    "import_failed": {
        # It logs the exception.
        "*/gunicorn*": reported(Failure("LookupError", None)),
        "*/uwsgi": CAUGHT,
        "*/granian*": CAUGHT,
        "*/hypercorn": CAUGHT,
        "*": reported(Failure("LookupError", None)),
    },
}

# What the handler sees of an abandoned upload does not depend on what it answers.
for end in ("rst", "fin"):
    EXPECTED[f"gone_mid_upload_swallowed_{end}"] = {
        **EXPECTED[f"gone_mid_upload_{end}"],
        # It shows no socket, and the handler gets the received part.
        "*/granian-wsgi": reported(Failure(None)),
    }

# The text of each situation, in the order and the groups of the published tables.
WORDS: dict[str, dict[str, str]] = {
    "application": {
        "healthy": "no failure",
        "returned": "the handler answers 503",
        "raised": "the handler raises",
        "swallowed": "the handler raises, the application's error handler answers 500",
        "upstream_reset": "an upstream server resets the connection",
        "stream_raised": "the body raises after its first part was sent",
    },
    "client": {
        "gone_while_working_rst": "RST while the handler works",
        "gone_while_working_fin": "FIN while the handler works",
        "gone_mid_upload_rst": "RST during the upload",
        "gone_mid_upload_fin": "FIN during the upload",
        "gone_mid_upload_wrapped": "RST during the upload; the handler raises its own error from "
        "it, and the error handler answers 500",
        "gone_mid_upload_swallowed_rst": "RST during the upload; the handler answers 500, without "
        "an exception, and logs nothing",
        "gone_mid_upload_swallowed_fin": "FIN during the upload; the handler answers 500, without "
        "an exception, and logs nothing",
        "gone_mid_stream_rst": "RST during the response body",
        "gone_mid_stream_fin": "FIN during the response body",
    },
    "websocket": {
        "websocket_raised": "the handler raises",
        "websocket_closed": "the client sends a closing frame",
        "websocket_gone_rst": "the client disconnects by RST",
        "websocket_gone_fin": "the client disconnects by FIN",
    },
    "server": {
        "sigterm_with_queue": "SIGTERM while three events are queued",
        "sigterm_with_dead_backend": "SIGTERM while the backend hangs",
        "sigterm_while_working": "SIGTERM while a handler works longer than the grace period",
        "sigquit_while_working": "SIGQUIT while a handler works",
        "worker_timeout": "the handler blocks its worker longer than gunicorn's timeout",
        "start_failed": "the lifespan raises at start-up",
        "import_failed": "the application's module raises",
    },
}

# FastAPI is Starlette underneath: one server is enough.
_ONLY = {"fastapi": "uvicorn-httptools"}

# The mark of the cells that only `nox -s aborts` runs.
_WHOLE = pytest.mark.whole


def services() -> Iterator[tuple[str, str]]:
    """Yield each framework with each server that can run it."""
    for name, framework in FRAMEWORKS.items():
        for server, facts in SERVERS.items():
            if facts.kind == framework.kind and fnmatch.fnmatch(server, _ONLY.get(name, "*")):
                yield name, server


def parameters(*rest: object, framework: str, server: str) -> Any:
    """Return framework, server and *rest* as parameters of a test, with their marks."""
    name = "-".join([f"{framework}/{server}", *(word for word in rest if isinstance(word, str))])
    marks = () if SERVERS[server].bounded else (_WHOLE,)
    return pytest.param(framework, server, *rest, id=name, marks=marks)


def rule(situation: str, framework: str, server: str) -> str | None:
    """Return the first pattern in ``EXPECTED`` that matches, None if there is none."""
    patterns = EXPECTED[situation]
    return next((p for p in patterns if fnmatch.fnmatch(f"{framework}/{server}", p)), None)


def cells() -> Iterator[tuple[str, str, str, Cell]]:
    """Yield framework, server, situation and the expected cell."""
    for framework, server in services():
        for situation, patterns in EXPECTED.items():
            pattern = rule(situation, framework, server)
            cell = patterns[pattern] if pattern else None
            if cell is not None:
                yield framework, server, situation, cell

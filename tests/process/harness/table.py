"""The one table: what is reported, for each framework, server and situation.

To add a framework: an application ``apps/<name>_app.py`` and a line in ``FRAMEWORKS``. To add a
server: a line in ``SERVERS``. Then a line in ``EXPECTED`` for each cell that differs from what is
there. An application's own failures are the same everywhere; servers differ in what they let an
application see of a client that goes away, and of their own end.
"""

from __future__ import annotations

import fnmatch
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

# -- what can be expected --------------------------------------------------------------------------


@dataclass(frozen=True)
class Failure:
    """An event. *error*: the exception's class, None for an answer that no exception explains."""

    error: str | None
    status: str | None = "500"
    handled: bool = False
    level: str = "error"


@dataclass(frozen=True)
class Cell:
    """What comes of a situation.

    *sees*: the exception that reaches the handler in the midst of its work; it shows that the
    situation was what it is meant to be, and that silence is the boundary's merit.
    """

    events: tuple[Failure, ...] = ()
    sees: str | None = None


# Nothing goes wrong.
FINE = Cell()
# The server hides it: nothing reaches the application, and so there is nothing to decide.
HIDDEN = None


def reported(*failures: Failure) -> Cell:
    return Cell(failures)


def abort(sees: str) -> Cell:
    """The handler sees it; it is nobody's failure, and not reported."""
    return Cell((), sees)


# -- frameworks and servers ------------------------------------------------------------------------


@dataclass(frozen=True)
class Framework:
    """*kind*: wsgi or asgi. *mechanism*: of its events. *routes*: whether they know their route."""

    kind: str
    mechanism: str
    routes: bool = True


@dataclass(frozen=True)
class Server:
    """*command*: after ``python -m``. *lines*: what it writes by itself while it goes down.

    *exit*: its status after SIGTERM. *failed*: its status after a start-up that failed.
    """

    kind: str
    command: str
    lines: re.Pattern[str]
    exit: int = 0
    failed: int = 3

    def line(self, app: str, port: int, *, timeout: str = "60", grace: str = "10") -> list[str]:
        """Return the command line: *timeout* of a worker, *grace* at the end, in seconds."""
        words = self.command.format(app=app, port=port, timeout=timeout, grace=grace).split()
        return [sys.executable, "-m", *words]


_GUNICORN = (
    "gunicorn -b 127.0.0.1:{port} -w 1 -k %s -t {timeout} --graceful-timeout {grace} "
    "--no-control-socket {app}"
)
# The loop is named: under uvloop, contexts do not leak as they do under asyncio's (test_scope.py).
_UVICORN = (
    "uvicorn --host 127.0.0.1 --port {port} --loop asyncio --http %s "
    "--timeout-graceful-shutdown {grace} --no-access-log {app}"
)
_GUNICORN_LINES = re.compile(r"\[[-\d: +]+\] \[\d+\] \[(INFO|ERROR|WARNING|CRITICAL)\] ")
_UVICORN_LINES = re.compile(r"INFO: ")

FRAMEWORKS = {
    "wsgi": Framework("wsgi", "wsgi", routes=False),
    "flask": Framework("wsgi", "flask"),
    "asgi": Framework("asgi", "asgi", routes=False),
    "starlette": Framework("asgi", "starlette"),
    "fastapi": Framework("asgi", "starlette"),
}

SERVERS = {
    "gunicorn-sync": Server("wsgi", _GUNICORN % "sync", _GUNICORN_LINES),
    "gunicorn-gthread": Server("wsgi", _GUNICORN % "gthread --threads 4", _GUNICORN_LINES),
    # uvicorn raises the signal that it got anew when it is done: status -15.
    "uvicorn-h11": Server("asgi", _UVICORN % "h11", _UVICORN_LINES, exit=-15),
    "uvicorn-httptools": Server("asgi", _UVICORN % "httptools", _UVICORN_LINES, exit=-15),
    "gunicorn-uvicorn": Server("asgi", _GUNICORN % "uvicorn_worker.UvicornWorker", _GUNICORN_LINES),
}

# -- the table -------------------------------------------------------------------------------------

# For each situation (situations.py): "framework/server" patterns, the first that fits counts.
# A combination that none fits is none: the situation does not exist there.
EXPECTED: dict[str, dict[str, Cell | None]] = {
    # -- the application's own ---------------------------------------------------------------------
    "healthy": {"*": FINE},
    "returned": {"*": reported(Failure(None, "503"))},
    "raised": {"*": reported(Failure("LookupError"))},
    "swallowed": {"*": reported(Failure("SoldOut", handled=True))},
    # The class of an aborted upload, and yet a failure: it is the application's own peer.
    "upstream_reset": {"*": reported(Failure("ConnectionResetError"))},
    "stream_raised": {"*": reported(Failure("LookupError", "200"))},
    # -- the client goes away: RST or FIN ----------------------------------------------------------
    "gone_while_working_rst": {"*": HIDDEN},
    "gone_while_working_fin": {"*": HIDDEN},
    "gone_mid_upload_rst": {
        "wsgi/gunicorn*": abort("ConnectionResetError"),
        "flask/gunicorn*": abort("ConnectionResetError"),
        # It is told by a message; raising is the application's own way to say so.
        "asgi/*": abort("ConnectionResetError"),
        "starlette/*": abort("ClientDisconnect"),
        "fastapi/*": abort("ClientDisconnect"),
    },
    "gone_mid_upload_fin": {
        # read() returns what there is, as at the end of a body.
        "wsgi/gunicorn*": HIDDEN,
        "flask/gunicorn*": HIDDEN,
        "asgi/*": abort("ConnectionResetError"),
        "starlette/*": abort("ClientDisconnect"),
        "fastapi/*": abort("ClientDisconnect"),
    },
    # The handler makes an error of its own of it, and the application's error handler a 500.
    "gone_mid_upload_wrapped": {
        "wsgi/gunicorn*": abort("ConnectionResetError"),
        "flask/gunicorn*": abort("ConnectionResetError"),
        "asgi/*": abort("ConnectionResetError"),
        "starlette/*": abort("ClientDisconnect"),
        "fastapi/*": abort("ClientDisconnect"),
    },
    "gone_mid_stream_rst": {
        "wsgi/*": abort("GeneratorExit"),
        "flask/*": abort("GeneratorExit"),
        # uvicorn's send() says nothing, and this application does not listen meanwhile.
        "asgi/*": HIDDEN,
        "starlette/*": abort("CancelledError"),
        "fastapi/*": abort("CancelledError"),
    },
    "gone_mid_stream_fin": {
        "wsgi/*": abort("GeneratorExit"),
        "flask/*": abort("GeneratorExit"),
        "asgi/*": HIDDEN,
        "starlette/*": abort("CancelledError"),
        "fastapi/*": abort("CancelledError"),
    },
    # -- WebSocket ---------------------------------------------------------------------------------
    "websocket_raised": {
        "asgi/*": reported(Failure("LookupError", "101")),
        "starlette/*": reported(Failure("LookupError", "101")),
        "fastapi/*": reported(Failure("LookupError", "101")),
    },
    "websocket_closed": {
        "asgi/*": HIDDEN,
        "starlette/*": abort("WebSocketDisconnect"),
        "fastapi/*": abort("WebSocketDisconnect"),
    },
    "websocket_gone_rst": {
        "asgi/*": HIDDEN,
        "starlette/*": abort("WebSocketDisconnect"),
        "fastapi/*": abort("WebSocketDisconnect"),
    },
    "websocket_gone_fin": {
        "asgi/*": HIDDEN,
        "starlette/*": abort("WebSocketDisconnect"),
        "fastapi/*": abort("WebSocketDisconnect"),
    },
    # -- the server ends ---------------------------------------------------------------------------
    "sigterm_with_queue": {"*": reported(*[Failure(None, "503")] * 3)},
    "sigterm_with_dead_backend": {"*": FINE},
    "sigterm_while_working": {
        # After the grace: SIGKILL.
        "*/gunicorn*": HIDDEN,
        "*/uvicorn*": abort("CancelledError"),
    },
    "sigquit_while_working": {
        "*/gunicorn-sync": abort("SystemExit"),
    },
    "worker_timeout": {
        "*/gunicorn-sync": reported(Failure("SystemExit", level="fatal")),
    },
    "start_failed": {
        "asgi/*": reported(Failure("LookupError", None)),
        "starlette/*": reported(Failure("LookupError", None)),
        "fastapi/*": reported(Failure("LookupError", None)),
    },
}

# FastAPI is Starlette underneath: one server is enough.
_ONLY = {"fastapi": "uvicorn-httptools"}


def services() -> Iterator[tuple[str, str]]:
    """Yield each framework with each server that can run it."""
    for name, framework in FRAMEWORKS.items():
        for server, facts in SERVERS.items():
            if facts.kind == framework.kind and fnmatch.fnmatch(server, _ONLY.get(name, "*")):
                yield name, server


def rule(situation: str, framework: str, server: str) -> str | None:
    """Return the pattern in ``EXPECTED`` that decides, None if there is none."""
    patterns = EXPECTED[situation]
    return next((p for p in patterns if fnmatch.fnmatch(f"{framework}/{server}", p)), None)


def cells() -> Iterator[tuple[str, str, str, Cell | None]]:
    """Yield framework, server, situation and what is expected."""
    for framework, server in services():
        for situation, patterns in EXPECTED.items():
            pattern = rule(situation, framework, server)
            if pattern is not None:
                yield framework, server, situation, patterns[pattern]

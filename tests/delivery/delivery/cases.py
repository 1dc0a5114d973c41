"""The table: servers and programs, how each is ended, and what is expected of it.

The short test, the long session and ``docs/reference/delivery.md`` use it, and
``docs/recipes/deployment.md`` has the lines of ``DEPLOYMENT``. To add a case: a line in ``CASES``,
and an application or a program in ``subjects`` if none fits.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

# What each check demands, in the words of the page.
WORDS = {
    "events": "all events arrive, each once",
    "took": "the delivery takes at most 2.3 s, with a `flush_timeout` of 2 s",
    "told": "each failure is an event, or counted by one",
    "equation": "failures = received + told as suppressed + dropped + lost",
    "cost": "at most 8 ms of CPU an event, 2 MB more memory, no line of urllib3",
    "gaps": "silence for 5 s, then for 10 s",
}
# What a page has in place of the parts of a line that are for the tests.
_WRITTEN = (
    (r"-c 'import pyuwsgi; pyuwsgi.run\(\)'", "uwsgi"),
    (r"-m waitress", "waitress-serve"),
    (r"-m subjects\.aiohttp_app 8000", "python -m shop"),
    (r"subjects\.\w+:(app|make)", "shop:app"),
    (r"127\.0\.0\.1", "0.0.0.0"),  # noqa: S104 # nothing binds to it: it is for the page
    (r"^-m | (?= )", ""),
)
NOTHING: Mapping[str, str] = {}
IN_A_REQUEST = "TERM in a request"


@dataclass(frozen=True)
class Case:
    """One way to run an application or a program.

    *command*: after ``python``. *package*: the distribution whose version the page shows. *ends*:
    "end" is by itself, the others are signals. *sent*: the events of a run. *lets*: for an end at
    which not all of them arrive, why. *remedy*: the server's own setting that helps. *backend*:
    attributes of the backend. *plan*: its modes, each with the seconds from the start of the
    failures. *check*: what is looked at besides the events (``checks.py``). *both*: if the test
    command runs all its ends, and the first of them on the oldest Python too; of the others it runs
    the first. *kind*: of the applications for which its command is recommended.
    """

    section: str
    name: str
    command: str
    package: str = ""
    ends: tuple[str, ...] = ("TERM", "INT")
    sent: int = 3
    lets: Mapping[str, str] = field(default_factory=dict)
    remedy: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)
    backend: Mapping[str, Any] = field(default_factory=dict)
    plan: tuple[tuple[float, str], ...] = ()
    check: str = "events"
    both: bool = False
    needs: str = ""
    kind: str = ""

    @property
    def key(self) -> str:
        """The name, for results and patterns."""
        return f"{self.section}: {self.name.replace('`', '')}"

    @property
    def written(self) -> str:
        """The line as a page shows it, for an application ``shop:app`` on port 8000."""
        line = self.command.format(port=8000, prefix="VENV")
        for pattern, words in _WRITTEN:
            line = re.sub(pattern, words, line)
        return line.strip()

    @property
    def expected(self) -> str:
        """What is checked, in words."""
        return WORDS[self.check]

    @property
    def is_server(self) -> bool:
        """True if it serves HTTP."""
        return "{port}" in self.command

    def line(self, port: int) -> list[str]:
        """Return the command line."""
        filled = self.command.format(port=port, prefix=sys.prefix)
        return [sys.executable, *shlex.split(filled)]

    def missing(self) -> str:
        """Return what this machine lacks for the case, if anything."""
        return f"needs {self.needs}" if self.needs and not shutil.which(self.needs) else ""


def server(name: str, command: str, package: str = "", subject: str = "", **more: Any) -> Case:
    """Return a case of a server; one signal comes in the midst of a request.

    *more*: ``alike=True`` leaves that one out, where another case of the server has it.
    """
    if more.pop("alike", False):
        more["ends"] = ("TERM", "INT")
    more.setdefault("ends", ("TERM", "INT", IN_A_REQUEST))
    more["environ"] = {**more.get("environ", {}), **({"SUBJECT": subject} if subject else {})}
    words = command.split()
    return Case("servers", name, command, package or words[1], **more)


def program(name: str, what: str, *ends: str, **more: Any) -> Case:
    """Return a case of ``subjects/program.py``."""
    return Case("programs", name, f"-m subjects.program {what}", ends=ends or ("end",), **more)


def child(name: str, method: str, what: str, **more: Any) -> Case:
    """Return a case of ``subjects/children.py``."""
    return Case("children", name, f"-m subjects.children {method} {what}", ends=("end",), **more)


def storm(name: str, what: str, **more: Any) -> Case:
    """Return a case of ``subjects/storm.py``."""
    return Case("outages", name, f"-m subjects.storm {what}", ends=("end",), **more)


_GUNICORN = "-m gunicorn -b 127.0.0.1:{port} --no-control-socket "
_WSGI, _ASGI = "subjects.wsgi_app:app", "subjects.asgi_app:app"
_UVICORN = "-m uvicorn --port {port} "
_HYPERCORN = "-m hypercorn -b 127.0.0.1:{port} "
# About one time in 100 a worker of granian does not end; without the timeout, granian waits.
_GRANIAN = "-m granian --port {port} --workers-kill-timeout 5s --interface "
_UWSGI = (
    "-c 'import pyuwsgi; pyuwsgi.run()' --http-socket=127.0.0.1:{port} --module=subjects.wsgi_app "
    "--need-app --virtualenv={prefix} --pythonpath=. --disable-logging "
)
_HOOK = "--hook-master-start 'unix_signal:15 gracefully_kill_them_all' "
_FORKS = "--enable-threads --py-call-uwsgi-fork-hooks "
_ALL = ("TERM", "INT", "QUIT", "HUP", IN_A_REQUEST)
_STOPS = ("TERM", "INT", "QUIT", IN_A_REQUEST)
_NO_WAIT = {IN_A_REQUEST: "the server does not wait for the request"}
_DEV = "a server for development"
# The server's main loop ends by the exception, and waits for its threads.
_EXIT = "`signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))` before it serves"
_HANDLER = {"HANDLES": "SIGTERM"}
_BUSY = "uWSGI ends at once, and a worker that is in a request runs no exit hooks"
_AT_ONCE = {"INT": _BUSY}

SERVERS = (
    server("gunicorn, sync, 2 workers", f"{_GUNICORN} -w 2 {_WSGI}", ends=_ALL, both=True),
    server("gunicorn, sync, `--preload`", f"{_GUNICORN} --preload {_WSGI}", alike=True),
    server("gunicorn, gthread", f"{_GUNICORN} -k gthread --threads 4 {_WSGI}", ends=_STOPS),
    server(
        "gunicorn, gthread, `--preload`, Falcon",
        f"{_GUNICORN} -k gthread --threads 4 --preload {_WSGI}",
        subject="falcon",
        alike=True,
    ),
    server("gunicorn, sync, Django", f"{_GUNICORN} {_WSGI}", subject="django", alike=True),
    server("gunicorn, gevent", f"{_GUNICORN} -k gevent {_WSGI}", ends=_STOPS, both=True),
    server("gunicorn, gevent, `--preload`", f"{_GUNICORN} -k gevent --preload {_WSGI}", alike=True),
    server("gunicorn, UvicornWorker", f"{_GUNICORN} -k uvicorn_worker.UvicornWorker {_ASGI}"),
    server(
        "gunicorn, UvicornWorker, `--preload`",
        f"{_GUNICORN} -k uvicorn_worker.UvicornWorker --preload {_ASGI}",
        alike=True,
    ),
    server("gunicorn, asgi", f"{_GUNICORN} -k asgi {_ASGI}"),
    server(
        "gunicorn, aiohttp.GunicornWebWorker",
        f"{_GUNICORN} -k aiohttp.GunicornWebWorker subjects.aiohttp_app:make",
    ),
    server("uvicorn", f"{_UVICORN} {_ASGI}", both=True),
    server("uvicorn, `uvicorn.run()`", "-m subjects.serve uvicorn {port}", "uvicorn", alike=True),
    server("uvicorn, `--workers 2`", f"{_UVICORN} --workers 2 {_ASGI}", ends=_ALL[:2] + _ALL[3:]),
    server("uvicorn, `--lifespan off`", f"{_UVICORN} --lifespan off {_ASGI}", both=True),
    server("uvicorn, Flask in a2wsgi", f"{_UVICORN} {_ASGI}", subject="flask_in_asgi"),
    server("uvicorn, `--interface wsgi`", f"{_UVICORN} --interface wsgi {_WSGI}"),
    server(
        "uvicorn, FastAPI with our middleware, mounted",
        f"{_UVICORN} {_ASGI}",
        subject="mounted",
        both=True,
        alike=True,
    ),
    server(
        "uvicorn, Django, no boundary", f"{_UVICORN} {_ASGI}", subject="django_bare", alike=True
    ),
    server("uvicorn, Django", f"{_UVICORN} {_ASGI}", subject="django", alike=True),
    server("uvicorn, Falcon", f"{_UVICORN} {_ASGI}", subject="falcon", alike=True),
    server("uvicorn, generic ASGI", f"{_UVICORN} {_ASGI}", subject="plain", alike=True),
    server("hypercorn", f"{_HYPERCORN} {_ASGI}"),
    server(
        "hypercorn, 2 workers",
        f"{_HYPERCORN} -w 2 {_ASGI}",
        lets={IN_A_REQUEST: "the workers end at once"},
        remedy="one worker: it waits for `--graceful-timeout`",
    ),
    server("hypercorn, Flask", f"{_HYPERCORN} wsgi:{_WSGI}", alike=True),
    server(
        "hypercorn, Django, no boundary", f"{_HYPERCORN} {_ASGI}", subject="django_bare", alike=True
    ),
    server("granian, asgi", f"{_GRANIAN} asgi {_ASGI}", both=True),
    server("granian, wsgi", f"{_GRANIAN} wsgi {_WSGI}", both=True),
    server("granian, wsgi, 2 workers", f"{_GRANIAN} wsgi --workers 2 {_WSGI}", both=True),
    server("granian, wsgi, mt", f"{_GRANIAN} wsgi --runtime-mode mt {_WSGI}", alike=True),
    server(
        "daphne",
        "-m daphne -b 127.0.0.1 -p {port} subjects.asgi_app:app",
        lets={IN_A_REQUEST: "the server cancels the handler"},
    ),
    server(
        "daphne, Django",
        "-m daphne -b 127.0.0.1 -p {port} subjects.asgi_app:app",
        subject="django",
        alike=True,
    ),
    server("aiohttp, `web.run_app()`", "-m subjects.aiohttp_app {port}", "aiohttp"),
    server(
        "waitress",
        "-m waitress --listen=127.0.0.1:{port} subjects.wsgi_app:app",
        lets=_NO_WAIT,
        remedy=_EXIT,
        both=True,
    ),
    server(
        "waitress, SIGTERM raises `SystemExit`",
        "-m subjects.serve waitress {port}",
        "waitress",
        environ=_HANDLER,
    ),
    server(
        "cheroot",
        "-m subjects.serve cheroot {port}",
        "cheroot",
        lets=_NO_WAIT,
        remedy=_EXIT,
        both=True,
    ),
    server(
        "cheroot, SIGTERM raises `SystemExit`",
        "-m subjects.serve cheroot {port}",
        "cheroot",
        environ=_HANDLER,
    ),
    server(
        "werkzeug, `run_simple()`",
        "-m subjects.serve werkzeug {port}",
        "werkzeug",
        lets=_NO_WAIT,
        remedy=_DEV,
    ),
    server(
        "`flask run`",
        "-m flask --app subjects.wsgi_app run -p {port}",
        lets=_NO_WAIT,
        remedy=_DEV,
    ),
    server("wsgiref", "-m subjects.serve wsgiref {port}", "Python", lets=_NO_WAIT, remedy=_DEV),
    server(
        "`runserver --noreload`",
        "-m subjects.manage runserver --noreload {port}",
        "django",
        lets=_NO_WAIT,
        remedy=_DEV,
    ),
    server(
        "`runserver`",
        "-m subjects.manage runserver {port}",
        "django",
        lets=_NO_WAIT,
        remedy=_DEV,
    ),
    server(
        "gevent, pywsgi",
        "-m subjects.serve pywsgi {port}",
        "gevent",
        lets=_NO_WAIT,
        remedy="`WSGIServer(..., spawn=100)`, `gevent.signal_handler(signal.SIGTERM, server.stop)`",
        both=True,
    ),
    server(
        "gevent, pywsgi, a pool, SIGTERM calls `server.stop()`",
        "-m subjects.serve pywsgi {port}",
        "gevent",
        environ=_HANDLER,
    ),
    server(
        "uWSGI, threads, 2 processes",
        f"{_UWSGI} {_FORKS} {_HOOK} --master -p 2 --threads 4",
        "pyuwsgi",
        ends=("TERM", "INT", "HUP", IN_A_REQUEST),
        lets=_AT_ONCE,
    ),
    server(
        "uWSGI, threads, `--lazy-apps`",
        f"{_UWSGI} {_FORKS} {_HOOK} --master --lazy-apps --threads 4",
        "pyuwsgi",
        lets=_AT_ONCE,
        alike=True,
    ),
    server(
        "uWSGI, `--die-on-term`",
        f"{_UWSGI} {_FORKS} --master --threads 4 --die-on-term",
        "pyuwsgi",
        lets=dict.fromkeys(("TERM", "INT", IN_A_REQUEST), _BUSY),
        remedy=f"`{_HOOK.strip()}` in its place",
    ),
    server(
        "uWSGI, no master",
        f"{_UWSGI} {_FORKS} --threads 4",
        "pyuwsgi",
        lets=dict.fromkeys(("TERM", "INT", IN_A_REQUEST), _BUSY),
        remedy=f"`--master {_HOOK.strip()}`",
    ),
    server(
        "uWSGI, gevent",
        f"{_UWSGI} {_FORKS} {_HOOK} --master --gevent 10",
        "pyuwsgi",
        lets=dict.fromkeys(
            ("TERM", "INT", IN_A_REQUEST), "uWSGI runs no exit hooks with more than one async core"
        ),
        remedy="`--threads` in place of `--gevent`",
    ),
)

# Seconds that requests get at the end, in the lines that docs/recipes/deployment.md recommends.
GRACE = "20"
_GRACEFUL = f"--graceful-timeout {GRACE}"
_DEPLOYED_GUNICORN = "-m gunicorn -b 127.0.0.1:{port} -w 2 "
# The cases run side by side, and would have one control socket.
_ALONE = {"GUNICORN_CMD_ARGS": "--no-control-socket"}
_RECYCLED = "--max-requests 1000 --max-requests-jitter 100"


def deployed(kind: str, name: str, command: str, **more: Any) -> Case:
    """Return a line that is recommended for *kind* of applications; a request is under way."""
    made = replace(server(name, command, **more), section="deployment", kind=kind)
    return replace(made, ends=made.ends if made.lets else (IN_A_REQUEST,))


DEPLOYMENT = (
    deployed(
        "WSGI",
        "gunicorn, threads",
        f"{_DEPLOYED_GUNICORN} -k gthread --threads 4 {_GRACEFUL} {_RECYCLED} {_WSGI}",
        environ=_ALONE,
        remedy="add `--preload` if the memory of the workers matters",
    ),
    deployed(
        "WSGI",
        "gunicorn, gevent",
        f"{_DEPLOYED_GUNICORN} -k gevent {_GRACEFUL} {_WSGI}",
        environ=_ALONE,
        remedy="for many slow requests; all libraries have to work with gevent",
    ),
    deployed(
        "WSGI",
        "uWSGI",
        "-c 'import pyuwsgi; pyuwsgi.run()' --http-socket=127.0.0.1:{port} "
        "--module=subjects.wsgi_app:app --need-app --virtualenv={prefix} --pythonpath=. --master "
        f"--processes=2 --threads=4 --worker-reload-mercy={GRACE} {_FORKS} {_HOOK}",
        package="pyuwsgi",
        remedy="the last three options are needed; no `--gevent`, no `--die-on-term`",
    ),
    deployed(
        "WSGI",
        "granian, wsgi",
        "-m granian --host 127.0.0.1 --port {port} --interface wsgi --workers 2 "
        f"--blocking-threads 4 --workers-kill-timeout {GRACE}s {_WSGI}",
    ),
    deployed(
        "WSGI",
        "waitress",
        f"-m waitress --listen=127.0.0.1:{{port}} --threads=4 {_WSGI}",
        ends=("TERM",),
        lets=_NO_WAIT,
        remedy="it does not wait for requests: [what helps](../reference/aborts.md"
        "#how-to-configure-each-server)",
    ),
    deployed(
        "ASGI",
        "uvicorn",
        f"-m uvicorn --host 127.0.0.1 --port {{port}} --workers 2 "
        f"--timeout-graceful-shutdown {GRACE} {_ASGI}",
        remedy="without the timeout it waits for open streams and WebSockets for ever",
    ),
    deployed(
        "ASGI",
        "gunicorn, uvicorn-worker",
        f"{_DEPLOYED_GUNICORN} -k uvicorn_worker.UvicornWorker {_GRACEFUL} {_ASGI}",
        environ=_ALONE,
    ),
    deployed(
        "ASGI",
        "hypercorn",
        f"-m hypercorn -b 127.0.0.1:{{port}} {_GRACEFUL} {_ASGI}",
        remedy="one worker, and several containers: with `-w 2` the workers do not wait for "
        "requests",
    ),
    deployed(
        "ASGI",
        "granian, asgi",
        "-m granian --host 127.0.0.1 --port {port} --interface asgi --workers 2 "
        f"--workers-kill-timeout {GRACE}s {_ASGI}",
    ),
    deployed(
        "ASGI",
        "daphne",
        f"-m daphne -b 127.0.0.1 -p {{port}} {_ASGI}",
        ends=("TERM",),
        lets={IN_A_REQUEST: "the server cancels the handler"},
        remedy="it cancels requests at SIGTERM: prefer another server",
    ),
    deployed(
        "aiohttp",
        "aiohttp",
        "-m subjects.aiohttp_app {port}",
        remedy=f"the module calls `web.run_app(app, port=8000, shutdown_timeout={GRACE})`; the "
        "default is 60 seconds",
    ),
    deployed(
        "aiohttp",
        "gunicorn, aiohttp.GunicornWebWorker",
        f"{_DEPLOYED_GUNICORN} -k aiohttp.GunicornWebWorker {_GRACEFUL} subjects.aiohttp_app:make",
        environ=_ALONE,
    ),
)

_DEFAULT = ("TERM", "INT")
PROGRAMS = (
    program("script", "script", *_DEFAULT, both=True),
    program("`with sentryinit.init():`", "block", *_DEFAULT, both=True),
    program("the end of the program", "ends"),
    program("an exception leaves the block", "raises"),
    program("`sys.exit(3)` in the block", "exits"),
    program("`asyncio.run()`", "loop", *_DEFAULT, both=True),
    Case(
        "programs",
        "management command",
        "-m subjects.manage count_stock --wait",
        "django",
        both=True,
    ),
    Case(
        "programs",
        "management command that raises",
        "-m subjects.manage count_stock",
        "django",
        ends=("end",),
    ),
    program("APScheduler", "scheduler", *_DEFAULT, package="apscheduler", both=True),
    Case("programs", "gevent", "-m subjects.greenlets", "gevent", _DEFAULT, both=True),
    program("its own SIGTERM handler", "handles_sigterm", "TERM"),
    program("`os._exit(3)`", "os_exit", both=True),
    program("`os.execv()`", "execv"),
    program("daemonised by a double fork", "daemonize"),
    program("`os.fork()`, `os._exit()`", "fork_exit", both=True),
    program("`os.fork()`, both end", "fork_return", sent=6),
    program("the first event in an exit hook", "exit_hook", both=True),
    program(
        "an event in an exit hook that is older than `init()`",
        "early_exit_hook",
        lets={"end": "the hook runs after the last flush"},
        remedy="register it after `init()`, or flush in it",
    ),
    program("the first event after the main thread's end", "late_thread", both=True),
    program("PID 1", "first_process", "TERM, then KILL", needs="unshare", package="Python"),
    program(
        "`sys.exit(3)` in a request, the backend hangs",
        "exit_in_request",
        environ={"SUBJECT": "plain"},
        backend={"mode": "hang"},
        check="took",
    ),
)

CHILDREN = (
    child("`multiprocessing.Process`, fork", "fork", "process", both=True),
    child("`multiprocessing.Process`, forkserver", "forkserver", "process", both=True),
    child("`multiprocessing.Process`, spawn", "spawn", "process"),
    child("`Pool`, fork", "fork", "pool", both=True),
    child("`Pool`, forkserver", "forkserver", "pool"),
    child("`with Pool`, terminated", "fork", "pool_terminated", both=True),
    child("`ProcessPoolExecutor`, fork", "fork", "executor", both=True),
    child("`ProcessPoolExecutor`, forkserver", "forkserver", "executor"),
    child("`ProcessPoolExecutor`, spawn", "spawn", "executor"),
    child("`Process.terminate()`, fork", "fork", "terminated", both=True),
    child("`Process.terminate()`, spawn", "spawn", "terminated"),
    Case(
        "children",
        "RQ, in a work horse, without the integration",
        "-m subjects.jobs rq",
        "rq",
        ("end",),
        both=True,
    ),
    Case(
        "children",
        "Celery, `--max-tasks-per-child`, without the integration",
        "-m subjects.jobs celery",
        "celery",
        ("TERM",),
        6,
        both=True,
    ),
    replace(
        server("", f"{_GUNICORN} -k gevent --preload {_WSGI}", subject="queued"),
        section="children",
        name="gunicorn, gevent, `--preload`, events queued at the import",
        ends=("TERM",),
        sent=6,
        both=True,
    ),
    replace(
        server("", f"{_GUNICORN} --preload {_WSGI}", subject="queued"),
        section="children",
        name="gunicorn, sync, `--preload`, events queued at the import",
        ends=("TERM",),
        sent=6,
    ),
)

_OFF = {"SENTRYINIT_STORM_GUARD": "false"}
# Failures for three seconds; the backend is away from 0.5 s to 1.5 s.
_STORM = "outage 3 30"
_AWAY = ("reset", "500", "403", "413", "429", "hang", "refuse")


def _outage(mode: str, *, guard: bool) -> Case:
    return storm(
        f"{mode}, the storm guard is {'on' if guard else 'off'}",
        _STORM,
        plan=((0.5, mode), (1.5, "ok")),
        environ=NOTHING if guard else _OFF,
        check="equation",
        backend={"delay": 0.01, "headers": {"Retry-After": "1"} if mode == "429" else {}},
    )


OUTAGES = (
    storm(
        "a burst of 100 events; the backend closes after each answer",
        "burst 100",
        sent=100,
        environ=_OFF | {"SENTRYINIT_FLUSH_TIMEOUT": "20"},
        backend={"closes_after": 0.002, "delay": 0},
        both=True,
    ),
    storm(
        "an untrusted certificate",
        "measured 60",
        sent=0,
        backend={"tls": True},
        check="cost",
        environ=_OFF,
    ),
    storm(
        "a bare 429, twice",
        "spaced 18 4",
        plan=((0, "429"), (12, "ok")),
        check="gaps",
        environ=_OFF,
    ),
    *[_outage(mode, guard=guard) for mode in _AWAY for guard in (True, False)],
    replace(
        server("", f"{_UVICORN} {_ASGI}", subject="silent"),
        section="outages",
        name="counts, the application returns on the lifespan",
        ends=("TERM",),
        sent=40,
        backend={"delay": 0.02},
        check="told",
    ),
)

CASES = SERVERS + DEPLOYMENT + PROGRAMS + CHILDREN + OUTAGES

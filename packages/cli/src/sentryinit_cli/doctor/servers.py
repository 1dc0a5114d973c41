"""Servers that lose events as they are started. The facts: ``docs/reference/aborts.md``."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from sentryinit_cli.doctor.catalog import Finding, found

# The programs and modules that start a server, and its name here.
PROGRAMS = {
    "gunicorn": "gunicorn",
    "uvicorn": "uvicorn",
    "hypercorn": "hypercorn",
    "granian": "granian",
    "daphne": "daphne",
    "waitress": "waitress",
    "waitress-serve": "waitress",
    "uwsgi": "uwsgi",
    "pyuwsgi": "uwsgi",
    "runserver": "runserver",
    "flask": "flask run",
}
_SHORT = {
    "gunicorn": {"k": "worker-class", "t": "timeout", "c": "config"},
    "uwsgi": {"T": "enable-threads", "M": "master"},
    "hypercorn": {"k": "worker-class"},
}
# They end by SIGTERM's default action, and have these verdicts unless somebody handles it.
_ENDED = {"waitress", "runserver", "flask run"}
_UNHANDLED = {"waitress-sigterm", "development-server"}
# Options of uWSGI that are known by several names.
_ALIASES = {"lazy": "lazy-apps", "thread": "threads", "processes": "workers"}
_OFF = {"false", "0", "no", "off"}


class Started(NamedTuple):
    """A server as it is started: its options, and how long a flush may take."""

    server: str
    options: Mapping[str, str]
    flush: float

    def has(self, name: str) -> bool:
        """Return True if the option *name* is given and not switched off."""
        return self.options.get(name, "false").lower() not in _OFF

    def seconds(self, name: str, default: float) -> float:
        """Return the number in the option *name*."""
        number = re.match(r"[\d.]+", self.options.get(name, ""))
        return float(number[0]) if number else default


def server_of(command: Sequence[str]) -> tuple[str, list[str]]:
    """Return the name of the server in *command*, and its arguments; else an empty name.

    Other programs may start it: ``python -m``, ``uv run``, ``sentryinit run --``, ``env``.
    """
    for at, word in enumerate(command):
        program = PurePath(word.replace("\\", "/")).name.removesuffix(".exe")
        if program == "flask" and "run" not in command[at + 1 :]:
            continue
        if program in PROGRAMS and (at == 0 or command[at - 1] not in {"--app", "-A", "--bind"}):
            return PROGRAMS[program], list(command[at + 1 :])
    code = next((each for each in command if "pyuwsgi" in each or "waitress.serve" in each), "")
    if code:
        at = command.index(code)
        return "uwsgi" if "pyuwsgi" in code else "waitress", list(command[at + 1 :])
    return "", []


def target_in(command: Sequence[str]) -> str:
    """Return the application that *command* names, or an empty text."""
    is_target = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*(\(.*\))?").fullmatch
    _, arguments = server_of(command)
    return next((each for each in reversed(arguments) if is_target(each)), "")


def read_options(server: str, arguments: Iterable[str]) -> dict[str, str]:
    """Return the options in *arguments*, by their long names; a flag has the value ``true``."""
    options: dict[str, str] = {}
    last = ""
    for word in arguments:
        if word.startswith("--"):
            last, equals, value = word[2:].partition("=")
            last = last.replace("_", "-")
            last = _ALIASES.get(last, last) if server == "uwsgi" else last
            options[last] = value if equals else "true"
            last = "" if equals else last
        elif word.startswith("-") and len(word) > 1:
            last = _SHORT.get(server, {}).get(word[1], word[1])
            options[last] = word[2:].removeprefix("=") or "true"
            last = "" if word[2:] else last
        elif last:
            # A flag may stand before the application: then this is its name, and does no harm.
            options[last], last = word, ""
        elif server == "uwsgi" and word.endswith(".ini"):
            options["ini"] = word
    return options


def check(
    command: Sequence[str],
    flush: float,
    environ: Mapping[str, str],
    *,
    sigterm: str = "",
) -> Iterator[Finding]:
    """Yield the verdicts of the server that *command* starts.

    *flush*: seconds that a flush may take. *sigterm*: the module that handles it when the
    application is set up, if any.
    """
    server, arguments = server_of(command)
    if not server:
        # Arguments may have secrets in them.
        yield found("server-unknown", command=PurePath(command[0]).name)
        return
    options, problems = _all_options(server, arguments, environ)
    started = Started(server, options, flush)
    verdicts = [*problems, *_RULES[server](started)]
    if sigterm:
        verdicts = [each for each in verdicts if each.id not in _UNHANDLED]
    if server in _ENDED and sigterm.startswith("sentryinit."):
        verdicts.append(found("pid-1", server=server))
    if not any(each.level in {"warning", "error"} for each in verdicts):
        yield found("server", server=server)
    yield from verdicts


def _all_options(
    server: str, arguments: list[str], environ: Mapping[str, str]
) -> tuple[dict[str, str], list[Finding]]:
    """Return the options of the command line, which count, the environment and files."""
    options = read_options(server, arguments)
    if server == "gunicorn":
        options = read_options(server, environ.get("GUNICORN_CMD_ARGS", "").split()) | options
        return _with_file(options, options.get("config", "./gunicorn.conf.py"), _read_python)
    if server == "uwsgi":
        names = {key: value for key, value in environ.items() if key.startswith("UWSGI_")}
        ours = {key[6:].lower().replace("_", "-"): value for key, value in names.items()}
        options = ours | options
        return _with_file(options, options.get("ini", ""), _read_ini)
    return options, []


def _with_file(
    options: dict[str, str], name: str, read: Callable[[Path], dict[str, str]]
) -> tuple[dict[str, str], list[Finding]]:
    path = Path(name.removeprefix("file:"))
    if not name or not path.is_file():
        is_asked = name not in {"", "./gunicorn.conf.py"}
        missing = [found("server-config", file=name, why="it is no file here")] if is_asked else []
        return options, missing
    try:
        return read(path) | options, []
    except (OSError, ValueError, SyntaxError, configparser.Error) as error:
        return options, [found("server-config", file=path, why=type(error).__name__)]


def _read_python(path: Path) -> dict[str, str]:
    """Return the names that a file of gunicorn sets to literals; the file is not run."""
    options = {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for name in node.targets:
                key = ast.unparse(name).replace("_app", "").replace("_", "-")
                options[key] = str(node.value.value)
    return options


def _read_ini(path: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    parser.read_string(path.read_text("utf-8"))
    section = parser["uwsgi"] if parser.has_section("uwsgi") else {}
    return {_ALIASES.get(key, key): value or "true" for key, value in section.items()}


def _gunicorn(started: Started) -> Iterator[Finding]:
    worker = started.options.get("worker-class", "sync")
    if "gevent" in worker and started.has("preload"):
        yield found("gevent-preload")
    if worker != "sync" and "gthread" not in worker and "gevent" not in worker:
        yield found("gunicorn-hung-worker", worker=worker)
    yield from _grace(started, "graceful-timeout", 30.0)


def _grace(started: Started, option: str, default: float) -> Iterator[Finding]:
    grace = started.seconds(option, default)
    if grace < started.flush:
        yield found("graceful-timeout", server=started.server, grace=grace, flush=started.flush)


def _uwsgi(started: Started) -> Iterator[Finding]:
    # sentry_sdk.utils.check_uwsgi_thread_support(): --threads implies --enable-threads.
    if not (started.has("enable-threads") or started.has("threads")):
        yield found("uwsgi-threads")
    if not (started.has("py-call-uwsgi-fork-hooks") or started.has("lazy-apps")):
        yield found("uwsgi-fork-hooks")
    in_order = "gracefully_kill_them_all" in started.options.get("hook-master-start", "")
    if started.has("die-on-term"):
        yield found("uwsgi-sigterm", why="with --die-on-term exit hooks run in a signal handler")
    elif not in_order:
        yield found("uwsgi-sigterm", why="by default SIGTERM is a reload")


def _granian(started: Started) -> Iterator[Finding]:
    if started.has("workers-kill-timeout"):
        yield from _grace(started, "workers-kill-timeout", 0.0)
    else:
        yield found("granian-kill")


_RULES: dict[str, Callable[[Started], Iterable[Finding]]] = {
    "gunicorn": _gunicorn,
    "uwsgi": _uwsgi,
    "granian": _granian,
    "waitress": lambda _started: [found("waitress-sigterm")],
    "daphne": lambda _started: [found("daphne-sigterm")],
    "uvicorn": lambda _started: [],
    "hypercorn": lambda _started: [],
    "runserver": lambda _started: [found("development-server", server="manage.py runserver")],
    "flask run": lambda _started: [found("development-server", server="flask run")],
}

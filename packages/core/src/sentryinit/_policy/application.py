"""Whose code a file is: a source tree is the application's, and the distribution of its entry."""

from __future__ import annotations

import os
import re
import sys
import weakref
from collections.abc import Iterable
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from traceback import walk_stack, walk_tb
from types import FrameType, SimpleNamespace, TracebackType
from typing import Any

# Where the standard library is.
STDLIB = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120 # a prefix of file names, which are texts
_EXE = f".exe{os.sep}__main__.py"
_PACKAGES = f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}"
_COMPILED = tuple(EXTENSION_SUFFIXES)
# Servers, frameworks and runners: what they import or call is the application, and not they.
_RUNNERS = frozenset(
    """
    IPython _pytest aiohttp anyio apscheduler arq asgiref awslambdaric billiard
    bjoern bottle celery channels cheroot cherrypy click coverage daphne ddtrace debugpy django
    dramatiq eventlet execnet falcon fastapi fastapi_cli fire flask functions_framework gevent
    granian gunicorn huey hypercorn ipykernel kombu litestar mangum meinheld mod_wsgi newrelic
    opentelemetry paste pluggy procrastinate pydevd pyramid pytest pyuwsgi quart rq sanic
    sentry_sdk starlette streamlit taskiq tornado trio twisted typer uvicorn uvicorn_worker uvloop
    uwsgi waitress watchdog watchfiles werkzeug xdist
    """.split()
)


_Names = Iterable[str] | None

# The options, and what is known of the application. *entry*: the file of its entry module, and the
# script that has called it. *served*: returns its object, or the name of its module. *owned*: the
# folder of its distribution, and the list of its files.
_APP = SimpleNamespace(entry=None, served=lambda: None, owned=None, include=(), exclude=(), root="")
# By file and module. `exec` makes code with unlimited file names: what fills it has a bound.
known: dict[tuple[str, str], bool] = {}


def configure(include: _Names, exclude: _Names, root: str | None) -> None:
    """Take the options ``in_app_include``, ``in_app_exclude`` and ``project_root``."""
    _APP.include, _APP.exclude = include or (), exclude or ()
    _APP.root = os.path.join(os.path.abspath(root), "") if root else ""  # noqa: PTH100, PTH118 # likewise
    _forget()


def note_entry(traceback: TracebackType | None = None) -> None:
    """Note the outermost module on the stack, or in *traceback*, that may be the application's.

    The first one counts, but one in a source tree more than a library: that of a company may call
    ``init()`` for the application, and before it.
    """
    if _APP.entry and not _is_library(_APP.entry[0]):
        return
    entry = None
    stack = [*walk_stack(sys._getframe(1))]  # noqa: SLF001 # inspect reads source files
    for frame, _ in walk_tb(traceback) if traceback else reversed(stack):
        file, name = frame.f_code.co_filename, _module(frame)
        if name == "__config__":  # gunicorn's, which may call what it wants
            return
        if _is_script(file, name):
            # It may be that of a server: what it calls tells.
            entry = file, ""
        elif _is_runner(file, name):
            entry = None
        elif not _is_foreign(file, name):
            entry = file, entry[0] if entry else ""
            break
    if _APP.entry is None or (entry and not _is_library(entry[0])):
        _APP.entry = entry
        _forget()


def note_application(app: Any) -> None:
    """Note *app*, which is served, or the name of its module; the first one counts."""
    if _APP.served() is None:
        try:
            # An application that is dropped is freed.
            _APP.served = weakref.ref(app)
        except TypeError:
            _APP.served = lambda: app
        _forget()


def is_application(file: str, module: str) -> bool:
    """Return True if *file* is surely the application's: by the options, else by where it is."""
    if _is_ours(module):
        return False
    for names, answer in ((_APP.include, True), (_APP.exclude, False)):
        if any(f"{module}.".startswith(f"{name}.") for name in names):
            return answer
    # Generated code has a name such as <string>, which many pieces of code share.
    if file.startswith("<"):
        return False
    # The frames of Cython and mypyc name the source, by a path of where that was built.
    found = getattr(sys.modules.get(module), "__dict__", {}).get("__file__")
    file = found if isinstance(found, str) and found.endswith(_COMPILED) else file
    root, is_stdlib = _APP.root, file.startswith(STDLIB)
    if root and file.startswith(root) and not _is_library(file[len(root) - 1 :]):
        return not is_stdlib or bool(root.startswith(STDLIB))
    return _is_owned(file) if _is_library(file) else not root and not is_stdlib


def _forget() -> None:
    _APP.owned = None
    known.clear()


def _module(frame: FrameType) -> str:
    """Return the name of the module of *frame*; no text for a program that is a file."""
    name = frame.f_globals.get("__name__")
    if name == "__main__":
        name = getattr(frame.f_globals.get("__spec__"), "name", "")
    return name if isinstance(name, str) else ""


def _is_script(file: str, module: str) -> bool:
    """Return True if the program *file* may be what a distribution has installed to be run."""
    # Of Windows: an archive in a program.
    if module or file.startswith("<"):
        return file.endswith(_EXE)
    python = Path(sys.executable or "python")
    return not Path(file).suffix or (python.is_absolute() and Path(file).parent == python.parent)


def _is_ours(module: str) -> bool:
    # They may be installed from a checkout.
    return f"{module}.".startswith(("sentryinit.", "sentryinit_"))


def _is_library(file: str) -> bool:
    return any(part in file for part in _PACKAGES)


def _split(file: str) -> tuple[str, str]:
    """Return the folder of packages that *file* is in, and the first name below it."""
    end = max(file.rfind(part) + len(part) for part in _PACKAGES) if _is_library(file) else 0
    return file[:end], re.split(r"\W", file[end:])[0]


def _is_runner(file: str, module: str) -> bool:
    # A source tree may have the name of a framework. We have a sitecustomize ourselves.
    folder, top = _split(file)
    return bool(folder and top in _RUNNERS) or module == "sitecustomize"


def _is_foreign(file: str, module: str) -> bool:
    is_stdlib = file.startswith(STDLIB) and not _is_library(file)
    return file.startswith("<") or is_stdlib or _is_ours(module) or _is_runner(file, module)


def _is_owned(file: str) -> bool:
    """Return True if the distribution of the entry module has installed *file*."""
    try:
        if _APP.owned is None:
            _APP.owned = _find_distribution(*_find_entry())
        folder, files = _APP.owned
        return bool(files) and _line(file, folder) in files
    except Exception:  # noqa: BLE001 # metadata may be broken, and modules may be any objects
        _APP.owned = "", ""
        return False


def _line(file: str, folder: str) -> str:
    """Return how a line about *file* starts in the RECORD of a distribution in *folder*."""
    return f"\n{os.path.relpath(file, folder).replace(os.sep, '/')},"


def _find_distribution(file: str, script: str) -> tuple[str, str]:
    """Return folder and RECORD of the distribution that has installed *file*; else no texts.

    *script* has called it: if that is none of this distribution, the application is a source tree.
    """
    folder, top = _split(file)
    # Most distributions have the name of their package.
    records = Path(folder).glob("*.dist-info/RECORD") if folder else ()
    for record in sorted(records, key=lambda path: not path.parent.name.startswith(top)):
        files = "\n" + record.read_text("utf-8", "replace")
        if _line(file, folder) in files:
            is_entry = not script or _is_script_of(script, record.parent, files)
            return (folder, files) if is_entry else ("", "")
    return "", ""


def _is_script_of(script: str, metadata: Path, files: str) -> bool:
    from importlib.metadata import Distribution

    is_entry_point = Path(script).name in Distribution.at(metadata).entry_points.names
    # An older kind of script, or a link to one. The program of Windows has an archive in it.
    script = os.path.realpath(script.removesuffix(_EXE[4:]))
    return is_entry_point or _line(script, os.path.realpath(metadata.parent)) in files


def _find_entry() -> tuple[str, str]:
    """Return the file of the entry module, and the script that has called it; or no texts.

    A program in a source tree is the entry, whatever it serves. A server or library that is not
    known as one is not, where the application that it serves is held by a module.
    """
    app, (file, script) = _APP.served(), _APP.entry or ("", "")
    if app is None or script or (file and not _is_library(file)):
        return file, script
    # What uWSGI has is a name.
    names = [name for name, module in [*sys.modules.items()] if name == app or _holds(module, app)]
    # Not the module of its class or function, which may be a library's. Flask's has a name.
    return _file_of(names) or file or _file_of([getattr(app, "import_name", None)]), ""


def _holds(module: Any, app: Any) -> bool:
    return any(value is app for value in [*getattr(module, "__dict__", {}).values()])


def _file_of(names: list[Any]) -> str:
    """Return the file of the first of the modules *names* that may be the application's."""
    files = [(getattr(sys.modules.get(name), "__file__", None), name) for name in names]
    return next((file for file, name in files if file and not _is_foreign(file, name)), "")

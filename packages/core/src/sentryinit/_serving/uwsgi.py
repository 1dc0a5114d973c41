"""What uWSGI loads: it has no loader in Python, and reads the names of a module itself."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from sentryinit._logger import log


def _options(*names: str) -> Iterator[str]:
    """Yield the values of the options *names*, wherever uWSGI has them from."""
    given: dict[str, Any] = getattr(sys.modules.get("uwsgi"), "opt", {})
    for name in names:
        value = given.get(name, ())
        for each in value if isinstance(value, list | tuple) else [value]:
            yield each.decode() if isinstance(each, bytes) else str(each)


# The first time: uWSGI changes the texts of "mount" when it has read them.
@functools.cache
def targets() -> dict[str, str]:
    """Return the modules that uWSGI imports for their application, each with its name in it."""
    found = {}
    for text in (*_options("module", "wsgi"), *(m.partition("=")[2] for m in _options("mount"))):
        module, _, name = text.partition(":")
        # uWSGI takes a file, too; "shop.wsgi" may be the name of both.
        if module and not Path(module).is_file():
            found[module] = name or _callable()
    return found


def _callable() -> str:
    return next(_options("callable", "call"), "application")


def reads_names(module: str) -> bool:
    """Return True if a server imports *module* now, and looks into its dictionary."""
    frame: FrameType | None = sys._getframe(3)  # noqa: SLF001 # inspect reads source files
    while frame is not None and frame.f_globals.get("__name__", "").startswith("importlib"):
        frame = frame.f_back
    importer = frame.f_globals.get("__name__") if frame is not None else ""
    return module in targets() or importer == "hypercorn.utils"


def wrap_names(names: dict[str, Any], wanted: str) -> None:
    """Wrap the application *wanted*, or the factory ``wanted()``, in the *names* of a module."""
    # wrapper imports sentryinit.wsgi, which imports this module.
    from sentryinit._policy.application import note_application
    from sentryinit._serving.wrapper import wrap

    name = wanted.removesuffix("()")
    if name in names:
        # The module will hold what is around the application.
        note_application(names.get("__name__"))
        names[name] = wrap(names[name], "uwsgi")


def watch_files() -> None:
    """Wrap what the files of ``wsgi-file`` define; uWSGI runs them in C.

    Python calls this private function of its own before it runs such a file, and nothing after it.
    """
    bootstrap: Any = getattr(importlib, "_bootstrap_external", None)
    original = getattr(bootstrap, "_fix_up_module", None)
    if original is None:
        log.warning("cannot wrap what uwsgi loads by wsgi-file: name it by module instead")
        return

    def fix_up_module(names: dict[str, Any], name: str, *paths: Any) -> None:
        original(names, name, *paths)
        if name.startswith("uwsgi_file_"):
            _watch_end(names)

    bootstrap._fix_up_module = fix_up_module  # noqa: SLF001 # Python's; see above


def _watch_end(names: dict[str, Any]) -> None:
    """Run ``init`` now; when the module with *names* ends, wrap its application."""
    from sentryinit import _init
    from sentryinit._serving.wrapper import report_end

    _init.init_early()
    previous, failure = sys.gettrace(), None

    def in_module(_frame: FrameType, event: str, value: Any) -> Any:
        nonlocal failure
        if event == "exception":
            failure = value[1]
        elif event == "line":
            # It was handled.
            failure = None
        elif event == "return":
            sys.settrace(previous)
            if failure is not None:
                report_end(failure)
            else:
                wrap_names(names, _callable())
        return in_module

    def in_call(frame: FrameType, *_: Any) -> Any:
        is_module = frame.f_globals is names and frame.f_code.co_name == "<module>"
        return in_module if is_module else None

    sys.settrace(in_call)

"""Whose a frame is: one decision for the frames of events, fingerprints and the storm guard."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import types
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import installed
import pytest
from backend import Backend

from sentryinit import testing
from sentryinit._policy import application, grouping

# Asks the application of a module, like a server, and has no file.
ASK = """
import importlib, sys, sentryinit
module, *paths = sys.argv[1:]
served = getattr(importlib.import_module(module), "application")
for path in paths:
    try:
        served({"PATH_INFO": path}, None)
    except LookupError:
        pass
sentryinit.flush()
"""
# The same, as the program of a source tree.
PROGRAM = f"def main():\n{ASK.replace(chr(10), chr(10) + '    ')}\nmain()\n"
STARLETTE = """
import sys
from starlette.testclient import TestClient
from label_shop.framework import app
client = TestClient(app, raise_server_exceptions=False)
for path in sys.argv[1:]:
    client.get(path)
import sentryinit; sentryinit.flush()
"""
# A server that is not known, with its threads.
THREAD = """
import sys, threading
from werkzeug.test import Client
from label_shop.pages import app
def serve():
    for path in sys.argv[1:]:
        Client(app).get(path)
thread = threading.Thread(target=serve)
thread.start()
thread.join()
"""


class Installed:
    """The distributions of :mod:`installed` in a folder, and programs that use them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.site = folder, installed.install(folder)

    def file(self, name: str, text: str) -> str:
        """Write *text* to the file *name* outside of the packages; return its path."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    def run(self, *words: str, **environ: str) -> list[dict[str, Any]]:
        """Run Python with *words*; return the events of exceptions that arrived."""
        with Backend() as backend:
            ours = {"SENTRY_DSN": backend.dsn, "PYTHONPATH": str(self.site), **environ}
            env = {**os.environ, "SENTRYINIT_GROUPING": "place", **ours}
            done = subprocess.run(
                [sys.executable, *words],
                env=env,
                cwd=self.folder,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return [event for event in backend.accepted if "exception" in event]


@pytest.fixture
def app(tmp_path: Path) -> Installed:
    return Installed(tmp_path)


def in_app(*events: dict[str, Any]) -> dict[str, bool]:
    """Return which modules of the frames of *events* are the application's, by the events."""
    stacks = [value["stacktrace"]["frames"] for e in events for value in e["exception"]["values"]]
    found = {(frame["module"], frame["in_app"]) for frames in stacks for frame in frames}
    assert len(dict(found)) == len(found)
    return dict(found)


def places(events: list[dict[str, Any]]) -> list[str]:
    return [event["fingerprint"][-1] for event in events]


def assert_is_known(events: list[dict[str, Any]]) -> None:
    """Assert that the frames of the application are its own, and those of others are not."""
    found = in_app(*events)
    own = {name for name, is_own in found.items() if is_own}
    assert {"label_core.views", "acme.prices"} <= own
    assert {name for name in own if name.partition(".")[0] not in installed.OWN} <= {"acme.prices"}
    assert found["acme.tools"] is False


ENTRIES = {
    "module": ("-c", ASK, "label_shop.wsgi"),
    "company": ("-c", ASK, "label_shop.by_company"),
    "package": ("-m", "label_shop"),
    "script": ("bin/label-shop",),
    "file of scripts": ("bin/label",),
    "link": ("bin/start",),
    "windows": ("bin/label-shop.exe",),
    "target": ("-c", ASK, "sentryinit.wsgi"),
    "starlette": ("-c", STARLETTE),
    "thread": ("-m", "sentryinit", "run", "--", sys.executable, "-c", THREAD),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_installed_application_is_known_by_its_entry(app: Installed, entry: str) -> None:
    """All files of its distribution are in-app, and no others; two places are two issues."""
    if entry == "starlette":
        pytest.importorskip("sentryinit_starlette", reason="not in the environment of the core")
        pytest.importorskip("httpx", reason="not in the environment of the core")
    if entry == "thread":
        pytest.importorskip("sentryinit_flask", reason="not in the environment of the core")
    for name in ("label-shop", "label"):
        app.file(f"bin/{name}", installed.SCRIPT)
    (app.folder / "bin" / "start").symlink_to(app.folder / "bin" / "label-shop")
    with zipfile.ZipFile(app.folder / "bin" / "label-shop.exe", "w") as program:
        program.writestr("__main__.py", installed.SCRIPT)
    target = {"SENTRYINIT_APP": "label_shop.plain"} if entry == "target" else {}
    events = app.run(*ENTRIES[entry], "/orders", "/invoices", "/first", "/second", **target)

    assert_is_known(events)
    assert len(events) == 4
    orders, invoices, first, second = places(events)
    assert len({orders, invoices, first}) == 3
    # One place, by whatever view: as in a source tree.
    assert first == second


def test_script_beside_python_may_be_of_a_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of scripts has any suffix; another program with one is in a source tree."""
    monkeypatch.setattr(sys, "executable", "/v/bin/python")
    assert application._is_script("/v/bin/label.py", "")
    assert not application._is_script("/srv/label.py", "")
    assert not application._is_script("/v/bin/label.py", "label")
    monkeypatch.setattr(sys, "executable", "")
    assert not application._is_script("label.py", "")


def test_storm_kinds_of_an_installed_application(app: Installed) -> None:
    """Two places are two kinds; one place is one, by whatever view: as in a source tree."""
    paths = "/orders", "/orders", "/invoices", "/invoices", "/first", "/second"
    limits = {"SENTRYINIT_STORM_BURST": "1", "SENTRYINIT_STORM_PER_MINUTE": "1"}
    events = app.run("-c", ASK, "label_shop.wsgi", *paths, **limits)

    assert len(events) == len(set(places(events))) == 3


@pytest.mark.parametrize("name", ["service.py", "bin/service", "bin/acme"])
def test_program_in_a_source_tree_keeps_libraries_out(app: Installed, name: str) -> None:
    """It is the entry, whatever sets up reporting for it; *acme* is the name of a script, too."""
    program = app.file(name, PROGRAM)
    events = app.run(program, "label_shop.by_company", "/orders", "/invoices")

    own = {module for module, is_own in in_app(*events).items() if is_own}
    # Where a request has no frame of the program, no frame is the application's.
    assert own == set()


LIBRARY = "import acme.company, threading\n"
LIBRARY += "thread = threading.Thread(target=acme.company.set_up, args=[print])\n"
LIBRARY += "thread.start()\nthread.join()\n"


@pytest.mark.parametrize("code", [LIBRARY + ASK, f"import shop\n{LIBRARY}{ASK}"])
def test_source_tree_counts_more_than_a_library(app: Installed, code: str) -> None:
    """A library that a server calls sets up reporting before the application does, or after it."""
    source = "import acme.company\nfrom label_core.views import respond\n"
    app.file("shop.py", f"{source}application = acme.company.set_up(respond)\n")
    events = app.run("-c", code, "shop", "/orders", PYTHONPATH=f"{app.site}{os.pathsep}.")

    assert in_app(*events).keys() >= {"acme.company", "label_core.views"}
    assert not any(in_app(*events).values())


def test_configuration_of_a_server_is_no_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What gunicorn's calls is none either: a library of a company may have such a call."""
    names = {"__name__": "__config__", "note_entry": application.note_entry}
    monkeypatch.setattr(application._APP, "entry", None)
    code = compile("note_entry()", "/etc/gunicorn.conf.py", "exec")
    # Without this function on the stack.
    thread = threading.Thread(target=exec, args=(code, names))
    thread.start()
    thread.join()
    noted = application._APP.entry
    application.note_entry()

    assert noted is None
    assert application._APP.entry == (__file__, "")


def test_inclusion_counts_for_events_and_grouping(app: Installed) -> None:
    """It counts more than an exclusion, as in sentry-sdk; names are dotted."""
    program = app.file("service.py", PROGRAM)
    options = {"SENTRYINIT_IN_APP_INCLUDE": "label_core", "SENTRYINIT_IN_APP_EXCLUDE": "label_core"}
    events = app.run(program, "label_shop.by_company", "/orders", "/invoices", **options)

    assert in_app(*events) == {
        "sentryinit.wsgi": False,
        "acme.company": False,
        "label_core.views": True,
        "acme.tools": False,
    }
    assert len(set(places(events))) == 2


def test_exclusion_counts_for_events_and_grouping(app: Installed) -> None:
    """The place is then in the module that has called the excluded one, or in none."""
    app.file("checks.py", "def fail():\n    raise LookupError\n")
    pages = "import checks\n\ndef a():\n    checks.fail()\n\ndef b():\n    checks.fail() \n"
    app.file("pages.py", pages)
    source = "from sentryinit.wsgi import SentryInitMiddleware\nimport pages\n"
    source += "@SentryInitMiddleware\ndef application(environ, _):\n"
    app.file("shop.py", f"{source}    getattr(pages, environ['PATH_INFO'][1:])()\n")
    program = app.file("service.py", PROGRAM)

    def run(excluded: str) -> list[dict[str, Any]]:
        return app.run(program, "shop", "/a", "/b", SENTRYINIT_IN_APP_EXCLUDE=excluded)

    events = run("checks")
    expected = {"sentryinit.wsgi": False, "shop": True, "pages": True, "checks": False}
    assert in_app(*events) == expected
    assert len(set(places(events))) == 2
    assert len(set(places(run("pages,check")))) == 1
    assert not any(in_app(*run("checks,pages,shop")).values())


def test_installed_application_may_be_excluded(app: Installed) -> None:
    """No frame is the application's then: the place is that of the library."""
    options = {"SENTRYINIT_IN_APP_EXCLUDE": "label_core"}
    events = app.run("-c", ASK, "label_shop.wsgi", "/orders", "/invoices", **options)

    assert not any(in_app(*events).values())
    assert len(set(places(events))) == 1


def is_in_app(file: str, module: str, **options: Any) -> bool:
    names = "in_app_include", "in_app_exclude", "project_root"
    application.configure(*(options.get(name) for name in names))
    try:
        return grouping.is_in_app(file, module)
    finally:
        application.configure(None, None, None)


@pytest.mark.parametrize(
    ("file", "module", "options", "expected"),
    [
        ("/srv/shop/a.py", "shop.a", {}, True),
        ("/srv/shop/a.py", "shop.a", {"in_app_exclude": ["shop"]}, False),
        ("/srv/shop/a.py", "shop.a", {"in_app_exclude": ["sho", "shop.a.b"]}, True),
        ("/v/site-packages/shop/a.py", "shop.a", {"in_app_include": ["shop"]}, True),
        ("<string>", "shop.a", {"in_app_include": ["shop.a"]}, True),
        ("/src/sentryinit/wsgi.py", "sentryinit.wsgi", {"in_app_include": ["sentryinit"]}, False),
        ("/src/sentryinit/__init__.py", "sentryinit", {}, False),
        ("/srv/shop/a.py", "shop.a", {"project_root": "/srv/shop"}, True),
        ("/srv/shop/a.py", "shop.a", {"project_root": "/srv/shop/"}, True),
        ("/srv/shop2/a.py", "shop2.a", {"project_root": "/srv/shop"}, False),
        ("/srv/v/site-packages/a.py", "a", {"project_root": "/srv"}, False),
        ("/srv/v/site-packages/a/b.py", "a.b", {"project_root": "/srv/v/site-packages/a"}, True),
        ("/srv/shop/a.py", "shop.a", {"project_root": "/"}, True),
        (os.__file__, "os", {"project_root": "/"}, False),
        (os.__file__, "os", {"in_app_include": ["os"]}, True),
    ],
)
def test_options_win(file: str, module: str, options: dict[str, Any], expected: bool) -> None:
    """What the application says about its code counts more than where the code is."""
    assert is_in_app(file, module, **options) is expected


@pytest.mark.parametrize("folder", ["/v/site-packages", "/srv/shop"])
def test_compiled_module_is_where_its_file_is(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    """Its frames name the source by a path of where that was built, as those of uvloop do."""
    module = types.ModuleType("loop.core")
    module.__file__ = f"{folder}/loop/core{EXTENSION_SUFFIXES[0]}"
    monkeypatch.setitem(sys.modules, "loop.core", module)

    is_own = folder == "/srv/shop"
    assert is_in_app("loop/core.pyx", "loop.core") is is_own
    assert is_in_app("/project/loop/core.pyx", "loop.core") is is_own
    assert is_in_app("loop/core.pyx", "loop.core", project_root="/srv") is is_own


def test_frames_and_grouping_decide_alike() -> None:
    """Also on frames of generated code, and of the standard library."""
    made: dict[str, Any] = {"__name__": "rules"}
    exec("def rule(): import json; json.loads('-')", made)  # noqa: S102 # a frame of such a file
    with testing.capture("shop") as box, pytest.raises(ValueError) as raised:  # noqa: PT011, PT012 # its text is json's
        try:
            made["rule"]()
        except ValueError as exc:
            import sentry_sdk

            sentry_sdk.capture_exception(exc)
            raise

    found = in_app(*box.events)
    entries = [entry.frame for entry in raised.traceback]
    assert (found["rules"], found["json.decoder"], found[__name__]) == (False, False, True)
    for frame in entries:
        name = frame.f_globals["__name__"]
        assert found.get(name, True) is grouping.is_in_app(str(frame.code.raw.co_filename), name)


def test_own_decision_about_a_frame_is_kept() -> None:
    """An event processor, or a hook, may say more than we know."""
    import sentry_sdk

    def process(event: Any, hint: Any) -> Any:
        event["exception"]["values"][0]["stacktrace"]["frames"][0]["in_app"] = False
        return event

    with testing.capture("shop") as box, sentry_sdk.new_scope() as scope:
        scope.add_event_processor(process)
        try:
            raise LookupError
        except LookupError as exc:
            sentry_sdk.capture_exception(exc)

    assert in_app(*box.events) == {__name__: False}

"""Cases that need a process of their own: run as a script, told what to do on its input.

What is looked at is the process before ``sentryinit`` and the testkit are in it, so this imports
the standard library only, until it is told to.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

KEY = "0123456789abcdef0123456789abcdef"
MALFORMED = f"https://{KEY}@backend.example/not-a-project"
SCENARIOS = ("off", "malformed", "integration")


def run(scenario: str, driver: Any) -> dict[str, Any]:
    """Run *scenario* with *driver* in another process, once; return what it found."""
    kind = type(driver)
    return _run(scenario, inspect.getfile(kind), kind.__qualname__, tuple(kind.modules))


@functools.cache
def _run(scenario: str, file: str, name: str, modules: tuple[str, ...]) -> dict[str, Any]:
    from sentryinit_testkit._watch import clean_environment

    task = {"scenario": scenario, "file": file, "name": name, "modules": modules}
    environ = clean_environment(os.environ)
    if scenario == "malformed":
        environ["SENTRY_DSN"] = MALFORMED
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps(task),
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return] # JSON


def _set_up() -> dict[str, str]:
    """Return what an import must not touch."""
    import logging

    return {
        "excepthook": repr(sys.excepthook),
        "threads' excepthook": repr(threading.excepthook),
        "unraisablehook": repr(sys.unraisablehook),
        "SIGTERM": repr(signal.getsignal(signal.SIGTERM)),
        "SIGINT": repr(signal.getsignal(signal.SIGINT)),
        "threads": repr(sorted(thread.name for thread in threading.enumerate())),
        "root logger": repr((logging.root.handlers, logging.root.level)),
        "logger": repr((logging.Logger.callHandlers, logging.getLoggerClass())),
        "environment": repr(sorted(os.environ.items())),
        "sentry_sdk": repr("sentry_sdk" in sys.modules),
    }


def load(file: str, name: str) -> Any:
    """Return what is called *name* in *file*, imported in the packages that it is in."""
    path = Path(file).resolve()
    parts = [path.stem]
    folder = path.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    # Last: a driver's folder may have files that are named as the frameworks are.
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    found: Any = importlib.import_module(".".join(parts))
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _is_ours(module: str) -> bool:
    root = module.partition(".")[0]
    return root.startswith("sentryinit") and root != "sentryinit_testkit"


def _off(driver: Any) -> dict[str, Any]:
    """Serve the same request without the adapter and with it, reporting being off."""
    import sentryinit
    from sentryinit_testkit._driver import DEBUG_PATH, Site
    from sentryinit_testkit._peer import Call
    from sentryinit_testkit._watch import calls, recorded

    with recorded("sentryinit") as records:
        sentryinit.init("shop")
        peer, answers = driver.peer(), {}
        requests = Call("POST", body=b"two"), Call(path="/nowhere"), Call(path=DEBUG_PATH)
        apps = {
            name: driver.app(Site(copies=copies, abort=driver.abort))
            for name, copies in (("bare", 0), ("ours", 1))
        }
        for name, app in apps.items():
            exchanges = peer.serve(app, *requests)
            answers[name] = [repr((each.answer, each.error)) for each in exchanges]
        with calls() as made:
            peer.serve(apps["ours"], Call())
    return {
        **answers,
        "calls": sorted({call for call in made if _is_ours(call[0])}),
        "sentry_sdk": "sentry_sdk" in sys.modules,
        "records": [(record.levelname, record.getMessage()) for record in records],
    }


def _integration(driver: Any) -> dict[str, Any]:
    """Serve a failure with the SDK's own integrations beside the adapter."""
    from sentryinit_testkit import _events, behaviours
    from sentryinit_testkit._lab import Lab
    from sentryinit_testkit._watch import recorded

    integrations = []
    for name in driver.sdk_integrations:
        module, _, attribute = name.partition(":")
        integrations.append(getattr(importlib.import_module(module), attribute)())
    with contextlib.ExitStack() as stack:
        records = stack.enter_context(recorded("sentryinit"))
        lab = Lab(driver, stack)
        lab.start(integrations=integrations)
        lab.serve(behaviours.fails)
        return {
            "titles": lab.titles,
            "mechanism": _events.mechanism(lab.event())[0],
            "records": [(record.levelname, record.getMessage()) for record in records],
        }


def main() -> None:
    """Do what the input says; print what was found as the last line."""
    # As a script, this has put its own folder first.
    del sys.path[0]
    task = json.load(sys.stdin)
    # The backport of groups replaces the hook for whoever imports it first: frameworks, on 3.10.
    with contextlib.suppress(ImportError):
        importlib.import_module("exceptiongroup")
    before = _set_up()
    for module in task["modules"]:
        importlib.import_module(module)
    after = _set_up()
    driver = load(task["file"], task["name"])()
    result = _integration(driver) if task["scenario"] == "integration" else _off(driver)
    result["changed"] = {
        name: [before[name], after[name]] for name in before if before[name] != after[name]
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()

"""Scenarios that need a process of their own. This file is run as a script; stdin has the task.

It inspects the process before ``sentryinit`` and the testkit are imported. Therefore it imports
only the standard library at first.
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
DSN = f"https://{KEY}@backend.example/17"
MALFORMED = f"https://{KEY}@backend.example/not-a-project"
SCENARIOS = ("off", "disabled", "malformed", "integration")


def run(scenario: str, driver: Any) -> dict[str, Any]:
    """Run *scenario* with *driver* in a new process, once; return its result."""
    kind = type(driver)
    return _run(scenario, inspect.getfile(kind), kind.__qualname__, tuple(kind.modules))


@functools.cache
def _run(scenario: str, file: str, name: str, modules: tuple[str, ...]) -> dict[str, Any]:
    from sentryinit_testkit._watch import clean_environment

    task = {"scenario": scenario, "file": file, "name": name, "modules": modules}
    environ = clean_environment(os.environ)
    if scenario == "malformed":
        environ["SENTRY_DSN"] = MALFORMED
    if scenario == "disabled":
        environ |= {"SENTRY_DSN": DSN, "SENTRYINIT_ENABLED": "false"}
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


def _process_state() -> dict[str, str]:
    """Return the state of the process that an import must not change."""
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
    """Return the object *name* of *file*, which is imported as part of its packages."""
    path = Path(file).resolve()
    parts = [path.stem]
    folder = path.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    # At the end: files in a driver's folder may be named like the frameworks.
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
    """Serve the same requests without the adapter and with it, while reporting is off."""
    import sentryinit
    from sentryinit_testkit._driver import DEBUG_PATH, AppSpec
    from sentryinit_testkit._server import Call
    from sentryinit_testkit._watch import calls, record_logs

    with record_logs("sentryinit") as records:
        sentryinit.init("shop")
        server, answers = driver.server(), {}
        requests = Call("POST", body=b"two"), Call(path="/nowhere"), Call(path=DEBUG_PATH)
        apps = {
            name: driver.app(AppSpec(copies=copies, abort=driver.abort))
            for name, copies in (("bare", 0), ("ours", 1))
        }
        for name, app in apps.items():
            exchanges = server.serve(app, *requests)
            answers[name] = [repr((each.wire_response, each.error)) for each in exchanges]
        with calls() as made:
            server.serve(apps["ours"], Call())
    return {
        **answers,
        "calls": sorted({call for call in made if _is_ours(call[0])}),
        "sentry_sdk": "sentry_sdk" in sys.modules,
        "records": [(record.levelname, record.getMessage()) for record in records],
    }


def _integration(driver: Any) -> dict[str, Any]:
    """Serve a failing request with both the adapter and the integrations of sentry-sdk."""
    from sentryinit_testkit import _events, behaviours
    from sentryinit_testkit._harness import Harness
    from sentryinit_testkit._watch import record_logs

    integrations = []
    for name in driver.sdk_integrations:
        module, _, attribute = name.partition(":")
        integrations.append(getattr(importlib.import_module(module), attribute)())
    with contextlib.ExitStack() as stack:
        records = stack.enter_context(record_logs("sentryinit"))
        harness = Harness(driver, stack)
        harness.start(integrations=integrations)
        harness.serve(behaviours.fails)
        return {
            "titles": harness.titles,
            "mechanism": _events.mechanism(harness.event())[0],
            "records": [(record.levelname, record.getMessage()) for record in records],
        }


def main() -> None:
    """Run the scenario that stdin names; print its result as the last line."""
    # The folder of this script, where modules could hide others of the same name.
    del sys.path[0]
    task = json.load(sys.stdin)
    # On Python 3.10 frameworks import exceptiongroup, which replaces sys.excepthook.
    with contextlib.suppress(ImportError):
        importlib.import_module("exceptiongroup")
    before = _process_state()
    for module in task["modules"]:
        importlib.import_module(module)
    after = _process_state()
    driver = load(task["file"], task["name"])()
    result = _integration(driver) if task["scenario"] == "integration" else _off(driver)
    result["changed"] = {
        name: [before[name], after[name]] for name in before if before[name] != after[name]
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()

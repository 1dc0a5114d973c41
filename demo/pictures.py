"""Make the pictures in `docs/pictures/`: what the application of the tutorial reports to Bugsink.

Needs Chromium on PATH, and the ports 8000 and 9000, which are in the pictures and in the tutorial.
"""

from __future__ import annotations

import http.client
import re
import shutil
import time
from functools import partial
from pathlib import Path

import backend
import install
from processes import Failed, Process, Processes, environment

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "tutorial" / "flask.md"
INTO = ROOT / "docs" / "pictures"
BACKEND_PORT, SHOP_PORT = 9000, 8000
STORM = 200
"""Requests that fail, in a storm: more than are sent at once."""

LARGEST = 150_000
"""Bytes of a picture: it is loaded with a page."""


def take(processes: Processes, home: Path) -> int:
    """Start Bugsink and the shop, make them do what the pictures show; return the exit code."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
    if chromium is None:
        raise Failed("The pictures need Chromium on PATH.")
    bugsink_python = install.bugsink(processes, home / "venv-bugsink")
    packages = [ROOT / "packages" / name for name in ("core", "flask")]
    services = install.services(processes, home / "venv-shop", ["flask", "gunicorn>=26"], packages)
    browser = install.browser(processes, home / "venv-pictures")
    store = backend.start(processes, bugsink_python, home / "bugsink", BACKEND_PORT, [])
    INTO.mkdir(exist_ok=True)
    program = [browser, str(Path(__file__).with_name("browser.py")), chromium, store.url]
    picture = partial(_picture, processes, [*program, backend.USER, store.password])

    picture("bugsink-dsn")
    project = store.only_project()
    shop = _start(processes, services, home / "bugsink", project.dsn)
    _request("/orders/17", 503)
    _request("/orders/17/price", 500)
    _wait_for(store, project, 2)
    picture("status", store.issue(project, "HTTP 503"), "details")
    picture("exception", store.issue(project, "LookupError"), "")
    for _ in range(STORM):
        _request("/orders/17/price", 500)
    # The count of what was held back is sent at the end, behind all events.
    _wait_until_quiet(store, project)
    processes.stop(shop)
    _wait_for(store, project, 3)
    picture("storm", store.issue(project, "held back"), "details")
    return 0


def _picture(processes: Processes, program: list[str], name: str, *what: str) -> None:
    file = INTO / f"{name}.png"
    processes.run("pictures", [*program, name, str(file), *what], environment())
    size = file.stat().st_size
    print(f"{file.relative_to(ROOT)}: {size} bytes", flush=True)
    if size > LARGEST:
        raise Failed(f"{file} has more than {LARGEST} bytes.")


def _start(processes: Processes, python: str, folder: Path, dsn: str) -> Process:
    """Start the application of the tutorial; return when it responds."""
    found = re.search(
        r"^```python\n(# shop\.py\n.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    if found is None:
        raise Failed(f"{PAGE} has no shop.py.")
    (folder / "shop.py").write_text(found[1], encoding="utf-8")
    server = f"-m gunicorn --chdir {folder} -b 127.0.0.1:{SHOP_PORT} --no-control-socket shop:app"
    process = processes.start(
        "shop", [python, *server.split()], environment() | {"SENTRY_DSN": dsn}
    )
    processes.wait_until(process, lambda: _status("/nothing") == 404, 30)
    return process


def _status(path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", SHOP_PORT, timeout=10)
    try:
        connection.request("GET", path, headers={"User-Agent": "curl/8.14.1"})
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def _request(path: str, expected: int) -> None:
    if (status := _status(path)) != expected:
        raise Failed(f"{path}: expected status {expected} got {status}")


def _wait_for(store: backend.Backend, project: backend.Project, count: int) -> None:
    """Wait until the project has this many issues."""
    end = time.monotonic() + 20
    while len({event.issue for event in store.events(project)}) < count:
        if time.monotonic() > end:
            raise Failed(f"Bugsink has fewer than {count} issues.")
        time.sleep(0.2)


def _wait_until_quiet(store: backend.Backend, project: backend.Project) -> None:
    """Wait until no event has arrived for some seconds."""
    count, quiet = 0, 0
    while quiet < 4:
        time.sleep(1)
        before, count = count, sum(1 for _ in store.events(project))
        quiet = quiet + 1 if count == before else 0

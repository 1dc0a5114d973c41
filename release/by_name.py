"""Install each package by its name from an index on loopback, as a stranger does on the first day.

    by_name.py DIST PYTHON... [--with-pip] [--fallback URL]

For each Python and each package: an empty environment, the package by its name, `pip check`, the
snippet of its README, and a request that fails, whose event has to arrive. The files in DIST reach
the index as they would reach another one: twine uploads them.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import workspace

UV = os.environ.get("UV", "uv")
# Where an index has its packages.
SIMPLE = "simple"
HERE = Path(__file__).resolve().parent
# Variables that would change what is installed, or what a service sends.
PIP = ("PIP_INDEX", "PIP_EXTRA_INDEX", "PIP_FIND_LINKS", "PIP_CONSTRAINT", "PIP_REQUIRE")
FOREIGN = ("SENTRY", "OTEL", "PYTHONPATH", "VIRTUAL_ENV", *PIP)


class Ingest(ThreadingHTTPServer):
    """Take events as a backend does; *events* are those that came, by the project of the DSN."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.events: dict[str, list[dict[str, Any]]] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def dsn(self, project: int) -> str:
        """Return the DSN of a project."""
        return f"http://public@127.0.0.1:{self.server_port}/{project}"


class _Answer(BaseHTTPRequestHandler):
    server: Ingest

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        lines = [json.loads(line) for line in body.splitlines() if line]
        pairs = itertools.pairwise(lines)
        found = [item for header, item in pairs if header.get("type") == "event"]
        self.server.events.setdefault(self.path.split("/")[2], []).extend(found)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextlib.contextmanager
def index(dist: Path, fallback: str | None) -> Iterator[str]:
    """Upload the files of *dist* to an index on loopback; yield the URL that clients get.

    What the index does not have, it redirects to *fallback*.
    """
    with socket.socket() as probe, tempfile.TemporaryDirectory() as folder:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        command = [sys.executable, "-m", "pypiserver", "run", "--host=127.0.0.1", f"--port={port}"]
        command += ["-P.", "-a.", *([f"--fallback-url={fallback}"] if fallback else []), folder]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _await(f"http://127.0.0.1:{port}/")
            _upload(dist, f"http://127.0.0.1:{port}/")
            yield f"http://127.0.0.1:{port}/{SIMPLE}/"
        finally:
            server.terminate()
            server.wait()


def _await(url: str) -> None:
    deadline = time.monotonic() + 30
    while not _responds(url):
        if time.monotonic() > deadline:
            raise RuntimeError(f"no index at {url} after 30 seconds")
        time.sleep(0.1)


def _responds(url: str) -> bool:
    with contextlib.suppress(OSError):
        urllib.request.urlopen(url).close()  # noqa: S310 # a server of ours, on loopback
        return True
    return False


def _upload(dist: Path, url: str) -> None:
    files = [str(file) for pattern in ("*.whl", "*.tar.gz") for file in dist.glob(pattern)]
    twine = [sys.executable, "-m", "twine", "upload", "--non-interactive", "--disable-progress-bar"]
    twine += [f"--repository-url={url}", "--username=nobody", "--password=nothing", *files]
    subprocess.run(twine, check=True, stdout=subprocess.DEVNULL)


def environment() -> dict[str, str]:
    """Return the environment without the variables that configure services or pip."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}


def call(*command: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a program; return its output, or stop with it."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=env or environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def install(name: str, url: str, python: str, venv: Path, *, with_pip: bool) -> str:
    """Install *name* into an empty environment, from the index at *url*; return its Python."""
    call(UV, "venv", "--quiet", f"--python={python}", *["--seed"] * with_pip, str(venv))
    inside = str(venv / "bin/python")
    if with_pip:
        pip = [inside, "-m", "pip", "--disable-pip-version-check"]
        call(*pip, "install", f"--index-url={url}", name)
        call(*pip, "check")
    else:
        # uv takes a name from the first index that has it.
        first = ["--index-strategy=first-index", f"--index={url}"]
        call(UV, "pip", "install", "--quiet", f"--python={inside}", *first, name)
        call(UV, "pip", "check", "--quiet", f"--python={inside}")
    return inside


def strangers(venv: Path, dist: Path) -> list[str]:
    """Name each installed package of ours that is not, byte for byte, the wheel in *dist*."""
    (site,) = venv.glob("lib/python*/site-packages")
    infos = sorted(site.glob("sentryinit*.dist-info"))
    return [info.name for info in infos if _content(info) != _wheel(dist, info)]


def _wheel(dist: Path, info: Path) -> set[str]:
    with zipfile.ZipFile(dist / f"{info.stem}-py3-none-any.whl") as wheel:
        return hashes(wheel.read(f"{info.name}/RECORD").decode(), info)


def _content(info: Path) -> set[str]:
    return hashes((info / "RECORD").read_text(), info)


def hashes(record: str, info: Path) -> set[str]:
    """Return the lines with the hashes of what the wheel brought, not of what installers add."""
    written = ("INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "RECORD")
    added = tuple(f"{info.name}/{name}," for name in written)
    lines = [line.replace('"', "") for line in record.splitlines()]
    kept = [line for line in lines if not line.startswith((*added, "..")) and ".pyc," not in line]
    return {line for line in kept if line}


@dataclass(frozen=True)
class Stranger:
    """Somebody with an index, who knows nothing of this checkout."""

    dist: Path
    url: str
    ingest: Ingest
    with_pip: bool

    def first_day(self, folder: Path, project: int, python: str) -> str:
        """Try one package on one Python; return what was seen."""
        name = workspace.project(folder)["name"]
        with tempfile.TemporaryDirectory() as empty:
            venv = Path(empty, "venv")
            inside = install(name, self.url, python, venv, with_pip=self.with_pip)
            if other := strangers(venv, self.dist):
                return f"FAILED {name}: not the wheel of this build: {', '.join(other)}"
            program = [str(HERE / "first_day.py"), folder.name, str(folder / "README.md")]
            env = environment() | {"SENTRY_DSN": self.ingest.dsn(project)}
            call(inside, *program, cwd=Path(empty), env=env)
        events = self.ingest.events.get(str(project), [])
        kinds = [event["exception"]["values"][-1]["type"] for event in events]
        if kinds != ["LookupError"]:
            return f"FAILED {name} on {python}: one event was expected, and these came: {kinds}"
        return f"{name}: installed by name, checked, one event arrived ({python})"

    def tried(self, folder: Path, project: int, python: str) -> bool:
        """Print what was seen; return False if it is not what was expected."""
        try:
            seen = self.first_day(folder, project, python)
        except RuntimeError as error:
            seen = f"FAILED {error}"
        print(seen, flush=True)
        return not seen.startswith("FAILED")


def main() -> int:
    """Run everything; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dist", type=Path)
    parser.add_argument("python", nargs="+")
    parser.add_argument("--with-pip", action="store_true")
    parser.add_argument("--fallback")
    given = parser.parse_args()
    cells = [(folder, python) for python in given.python for folder in workspace.folders()]
    with index(given.dist, given.fallback) as url, ThreadPoolExecutor(2) as pool:
        stranger = Stranger(given.dist.resolve(), url, Ingest(), given.with_pip)
        runs = [
            pool.submit(stranger.tried, folder, number, python)
            for number, (folder, python) in enumerate(cells, 1)
        ]
        passed = [run.result() for run in runs]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Install the two venvs of the demo into `.demo/`, with pip and its settings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from processes import Failed, Processes

BUGSINK = "bugsink==2.6.1"
BUGSINK_PYTHON = (3, 11)
"""The oldest Python tested with this Bugsink, which its package supports from 3.10 on."""

PICTURES = "playwright==1.65.2 pillow>=11"

TRIED_PYTHON = (3, 13)
"""The newest Python tested with this Bugsink. A newer one is used if there is no other."""


@dataclass(frozen=True)
class Venv:
    """A venv of the demo. The next run uses it again."""

    folder: Path

    @property
    def python(self) -> str:
        """The path of the interpreter in the venv."""
        return str(self.folder / "bin" / "python")

    @property
    def _stamp(self) -> Path:
        return self.folder / "complete.txt"

    def is_for(self, purpose: str) -> bool:
        """Return True if an earlier run has completed this venv for the same purpose."""
        complete = Path(self.python).exists() and self._stamp.exists()
        return complete and self._stamp.read_text(encoding="utf-8") == purpose

    def make(
        self, processes: Processes, base: str, requirements: Sequence[str], purpose: str
    ) -> None:
        """Create the venv again with the interpreter `base`, and install the requirements."""
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            processes.run("pip", [base, "-m", "venv", str(self.folder)], os.environ)
        except Failed:
            # Debian's Python has no ensurepip: use the pip outside of the venv.
            command = [base, "-m", "venv", "--clear", "--without-pip", str(self.folder)]
            processes.run("pip", command, os.environ)
        self.pip(processes, *requirements)
        self._stamp.write_text(purpose, encoding="utf-8")

    def pip(self, processes: Processes, *arguments: str) -> None:
        """Run `pip install` with `arguments` for this venv."""
        pip = [self.python, "-m", "pip"]
        if not any(self.folder.glob("lib/python*/site-packages/pip")):
            pip = [sys.executable, "-m", "pip", "--python", self.python]
        quiet = ["--disable-pip-version-check", "--no-input"]
        processes.run("pip", [*pip, "install", *quiet, *arguments], os.environ)


def bugsink(processes: Processes, folder: Path) -> str:
    """Return the Python of a venv with Bugsink."""
    venv = Venv(folder)
    if not venv.is_for(BUGSINK):
        venv.make(processes, _python_for_bugsink(), [BUGSINK], BUGSINK)
    return venv.python


def browser(processes: Processes, folder: Path) -> str:
    """Return the Python of a venv with what drives a browser, and makes its pictures small."""
    venv = Venv(folder)
    if not venv.is_for(PICTURES):
        venv.make(processes, sys.executable, PICTURES.split(), PICTURES)
    return venv.python


def services(
    processes: Processes, folder: Path, requirements: Iterable[str], packages: Iterable[Path]
) -> str:
    """Return the Python of a venv with `requirements` and a new build of `packages`.

    The build backend is installed in the venv, because pip's isolated builds would download it in
    each run. pip installs a local folder again even if the version is the same, so the venv always
    has the current state of the checkout.
    """
    venv = Venv(folder)
    wanted = ["hatchling>=1.27", *sorted(set(requirements))]
    purpose = " ".join([sys.executable, sys.version, *wanted])
    if not venv.is_for(purpose):
        venv.make(processes, sys.executable, wanted, purpose)
    venv.pip(processes, "--no-build-isolation", *map(str, packages))
    return venv.python


def _python_for_bugsink() -> str:
    found = {python: _version(python) for python in _pythons()}
    usable = [python for python, version in found.items() if version >= BUGSINK_PYTHON]
    if not usable:
        raise Failed(
            "The demo runs Bugsink, its backend, with Python 3.11, 3.12 or 3.13 (sentryinit itself "
            "supports 3.10). Install one as python3.11, or run the demo with it. Found: "
            + ", ".join(python for python, version in found.items() if version)
        )
    return min(usable, key=lambda python: found[python] > TRIED_PYTHON)


def _pythons() -> Iterator[str]:
    """Yield the interpreters to try: the running one, those on PATH, those of pyenv."""
    yield sys.executable
    for name in ("python3.13", "python3.12", "python3.11", "python3"):
        yield from filter(None, [shutil.which(name)])
    for root in _pyenv_roots():
        yield from sorted(map(str, root.glob("versions/3.*/bin/python3")), reverse=True)


def _pyenv_roots() -> Iterator[Path]:
    if "PYENV_ROOT" in os.environ:
        yield Path(os.environ["PYENV_ROOT"])
    yield Path(sys.base_prefix).parent.parent  # a pyenv Python is <root>/versions/3.10.13
    for entry in map(Path, os.get_exec_path()):
        if entry.name == "shims":
            yield entry.parent


def _version(python: str) -> tuple[int, ...]:
    """Return (major, minor), or () if it does not run, for example a pyenv shim."""
    code = "import sys, venv; print(*sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [python, "-c", code], capture_output=True, timeout=20, check=True, text=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(map(int, answer.stdout.split()))

"""The two commands of the README, for a checkout and nothing but Python and pip.

    python3 dev.py test [arguments of nox]   the tests; without arguments `nox -s ci`
    python3 dev.py demo [--keep]             a real backend, real services, one table

``noxfile.py`` takes from here what it has to know of the machine: which Pythons there are, and how
pip reaches its registry.
"""

from __future__ import annotations

import ast
import os
import ssl
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv-dev"
TOOLS = "nox[uv]>=2025.5.1"
OLDEST = (3, 10)


def interpreters(versions: tuple[str, ...]) -> dict[str, str]:
    """Return the path of the newest patch release of each of *versions* that is on this machine.

    Nothing is downloaded. Each is asked: a shim without anything behind it does not count.
    """
    found: dict[str, tuple[list[int], str]] = {}
    for version, candidate in _candidates(versions):
        patch, path = _ask(candidate)
        if patch > found.get(version, ([], ""))[0]:
            found[version] = patch, path
    return {version: found[version][1] for version in versions if version in found}


def _candidates(versions: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield each interpreter once, under the name that PATH has for it: shims go by their name."""
    seen = set()
    for folder in _folders():
        for version in versions:
            path = folder / f"python{version}"
            key = version, os.path.realpath(path)
            if key not in seen and os.access(path, os.X_OK):
                seen.add(key)
                yield version, str(path)


def _folders() -> Iterator[Path]:
    """Yield PATH, then where version managers keep what is not on it.

    pyenv's shims answer for the version that is switched on; the others lie beside them. HOME does
    not tell where that is if somebody runs us with an empty one.
    """
    path = [Path(folder) for folder in os.get_exec_path() if folder]
    yield from path
    managers = [folder.parent / "versions" for folder in path]
    if "PYENV_ROOT" in os.environ:
        managers.append(Path(os.environ["PYENV_ROOT"], "versions"))
    managers.append(Path.home() / ".pyenv/versions")
    managers.append(Path.home() / ".local/share/uv/python")
    managers.append(Path(sys.base_prefix).parent)
    for manager in managers:
        yield from sorted(manager.glob("*/bin"))


def _ask(path: str) -> tuple[list[int], str]:
    """Return the version and the path that the interpreter says it has; nothing if it is silent."""
    program = "import os, sys; print(*sys.version_info[:3], os.path.realpath(sys.executable))"
    try:
        said = subprocess.run(
            [path, "-I", "-c", program], capture_output=True, text=True, timeout=20, check=True
        )
        *version, real = said.stdout.strip().split(" ", 3)
        return [int(part) for part in version], real
    except (OSError, ValueError, subprocess.SubprocessError):
        return [], ""


def registry(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that make uv use what pip is configured to use on this machine.

    uv reads neither pip's files nor, unasked, the system's certificates. What is already said to uv
    itself, in *environ* or in a file, wins.
    """
    said = {"UV_PYTHON_DOWNLOADS": "never"}
    if ssl.create_default_context().cert_store_stats()["x509_ca"]:
        said["UV_SYSTEM_CERTS"] = "true"
    pip = pip_settings()
    if "cert" in pip:
        said["SSL_CERT_FILE"] = pip["cert"]
    if not _uv_is_configured(environ):
        said |= _indexes(pip)
    return {name: value for name, value in said.items() if name not in environ}


def _indexes(pip: Mapping[str, str]) -> dict[str, str]:
    said = {}
    if "index-url" in pip:
        said["UV_DEFAULT_INDEX"] = pip["index-url"]
    if "extra-index-url" in pip:
        said["UV_INDEX"] = " ".join(pip["extra-index-url"].split())
        # What pip does: the best version of all indexes, not of the first that knows the name.
        said["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if "find-links" in pip:
        said["UV_FIND_LINKS"] = ",".join(pip["find-links"].split())
    if "trusted-host" in pip:
        said["UV_INSECURE_HOST"] = " ".join(pip["trusted-host"].split())
    return said


def _uv_is_configured(environ: Mapping[str, str]) -> bool:
    names = ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_CONFIG_FILE")
    homes = [environ.get("XDG_CONFIG_HOME", Path.home() / ".config"), "/etc/xdg", "/etc"]
    return any(name in environ for name in names) or any(
        Path(home, "uv/uv.toml").is_file() for home in homes
    )


def pip_settings() -> dict[str, str]:
    """Return pip's settings by name, from its files and variables; none if there is no pip."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    settings = {}
    lines = [line.partition("=") for line in listed.stdout.splitlines()]
    # Lines are `section.name='value'`; a variable, `:env:`, counts more than any file.
    for name, _, value in sorted(lines, key=lambda line: line[0].startswith(":env:")):
        settings[name.rpartition(".")[2]] = str(ast.literal_eval(value))
    return settings


def _python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _has_nox() -> bool:
    try:
        done = subprocess.run(
            [_python(), "-m", "nox", "--version"], capture_output=True, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def _install() -> None:
    """Make the virtual environment that nox runs from."""
    print(f"[1/2] making {VENV.name}/ with Python {sys.version.split()[0]}", flush=True)
    venv = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    pip = [str(_python()), "-m", "pip"]
    if subprocess.run(venv, capture_output=True, check=False).returncode != 0:
        # Debian keeps ensurepip in a package of its own; the pip that is there can do without it.
        subprocess.run([*venv, "--without-pip"], check=True)
        pip = [sys.executable, "-m", "pip", "--python", str(_python())]
        # The environment's own pip is asked for its settings later.
        subprocess.run([*pip, "install", "--quiet", "pip"], check=True)
    print(f"[2/2] installing {TOOLS} into it, once (about 30 MB)", flush=True)
    subprocess.run([*pip, "install", "--disable-pip-version-check", TOOLS], check=True)


def run_tests(arguments: list[str]) -> int:
    """Run nox, from a virtual environment of its own; return its exit code."""
    if not _has_nox():
        _install()
    command = [str(_python()), "-m", "nox", *(arguments or ["-s", "ci"])]
    print("$ nox", *command[3:], flush=True)
    started = time.time()
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    for line in _failures(started):
        print(line)
    return code


def _failures(since: float) -> Iterator[str]:
    """Yield a line for each test that failed: they stand far apart in what all sessions print."""
    for report in sorted((ROOT / ".nox/.cache").glob("*.xml")):
        if report.stat().st_mtime < since:
            continue
        for case in ET.parse(report).iter("testcase"):  # noqa: S314 # pytest wrote it, just now
            for kind in ("failure", "error"):
                for found in case.findall(kind):
                    test = f"{case.get('classname')}::{case.get('name')}"
                    yield f"FAILED {report.stem} {test}: {found.get('message', '')[:300]}"


def run_demo(arguments: list[str]) -> int:
    """Become the demo, which sets itself up: a Ctrl-C is then its own, and it has to clean up."""
    program = str(ROOT / "demo/run.py")
    os.execv(sys.executable, [sys.executable, program, *arguments])  # noqa: S606 # no shell is wanted


def main(arguments: list[str]) -> int:
    """Run the command that *arguments* name."""
    if sys.version_info < OLDEST:
        print(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {sys.version}")
        return 2
    commands = {"test": run_tests, "demo": run_demo}
    if not arguments or arguments[0] not in commands:
        print(__doc__)
        if arguments[:1] in (["-h"], ["--help"]):
            return 0
        if arguments:
            print(f"There is no command {arguments[0]!r}: it is one of {', '.join(commands)}.")
        return 2
    try:
        return commands[arguments[0]](arguments[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

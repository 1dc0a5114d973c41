"""The two commands of the README, for a checkout and nothing but Python and pip.

    python3 dev.py test [arguments of nox]   run the tests; without arguments: `nox -s ci`
    python3 dev.py demo [--keep]             run a real backend and real services, print one table

``noxfile.py`` imports from here how pip reaches its registry.
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
TOOLS = ROOT / ".dev"
NOX = "nox[uv]>=2025.5.1"
OLDEST = (3, 10)
# pip's settings, and the variables that tell uv the same; uv does not read pip's configuration.
UV_NAMES = {
    "cert": "SSL_CERT_FILE",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "index-url": "UV_DEFAULT_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
}


def registry(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that make uv use what pip is configured to use on this machine.

    A value that uv already has, in *environ* or in a configuration file, is kept.
    """
    found = {"UV_PYTHON_DOWNLOADS": "never"}
    if ssl.create_default_context().cert_store_stats()["x509_ca"]:
        found["UV_SYSTEM_CERTS"] = "true"
    for name, value in pip_settings().items():
        if name == "cert" or (name in UV_NAMES and not _uv_has_index(environ)):
            separator = "," if name == "find-links" else " "
            found[UV_NAMES[name]] = separator.join(value.split())
    if "UV_INDEX" in found:
        # pip takes the best version of all indexes; uv's default is the first index with the name.
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {name: value for name, value in found.items() if name not in environ}


def _uv_has_index(environ: Mapping[str, str]) -> bool:
    homes = [environ.get("XDG_CONFIG_HOME", Path.home() / ".config"), "/etc/xdg", "/etc"]
    return any(Path(home, "uv/uv.toml").is_file() for home in homes) or any(
        name.startswith("UV_") and ("INDEX" in name or name == "UV_CONFIG_FILE") for name in environ
    )


def pip_settings() -> dict[str, str]:
    """Return pip's settings by name, from its files and variables; empty without pip."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    # Lines are `section.name='value'`; a variable, `:env:`, overrides the files.
    lines = sorted(listed.splitlines(), key=lambda line: line.startswith(":env:"))
    pairs = [line.partition("=") for line in lines]
    return {name.rpartition(".")[2]: str(ast.literal_eval(value)) for name, _, value in pairs}


def run_tests(arguments: list[str]) -> int:
    """Run nox, installed into ``.dev/`` if it is not there; return its exit code."""
    nox = [sys.executable, "-m", "nox"]
    env = os.environ | {"PYTHONPATH": str(TOOLS)}
    tried = subprocess.run([*nox, "--version"], env=env, capture_output=True, check=False)
    # A nox elsewhere on this machine does not count: it may be too old, or have no uv.
    if tried.returncode != 0 or not (TOOLS / "nox").is_dir():
        print(f"installing {NOX} into {TOOLS.name}/, once (about 30 MB)", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
        # The first two settings exclude a target folder; the third is about the system's folders.
        settings = {
            "PIP_REQUIRE_VIRTUALENV": "0",
            "PIP_USER": "0",
            "PIP_ROOT_USER_ACTION": "ignore",
        }
        command = [*pip, "--quiet", "--upgrade", "--target", str(TOOLS), NOX]
        subprocess.run(command, env=os.environ | settings, check=True)
    arguments = arguments or ["-s", "ci"]
    print("$ nox", *arguments, flush=True)
    started = time.time()
    code = subprocess.run([*nox, *arguments], cwd=ROOT, env=env, check=False).returncode
    print(*_failures(started), sep="\n")
    return code


def _failures(since: float) -> Iterator[str]:
    """Yield a line for each failed test of all sessions: their output is long."""
    for report in sorted((ROOT / ".nox/.cache").glob("*.xml")):
        cases = ET.parse(report).iter("testcase")  # noqa: S314 # pytest wrote it, just now
        for case in cases if report.stat().st_mtime >= since else ():
            for found in (*case.findall("failure"), *case.findall("error")):
                test = f"{case.get('classname')}::{case.get('name')}"
                yield f"FAILED {report.stem} {test}: {found.get('message', '')[:300]}"


def run_demo(arguments: list[str]) -> int:
    """Replace this process by the demo, which handles Ctrl-C itself to clean up."""
    program = str(ROOT / "demo/run.py")
    os.execv(sys.executable, [sys.executable, program, *arguments])  # noqa: S606 # no shell is wanted


def main(arguments: list[str]) -> int:
    """Run the command in *arguments*; return the exit code."""
    commands = {"test": run_tests, "demo": run_demo}
    if sys.version_info < OLDEST:
        print(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {sys.version}")
        return 2
    if not arguments or arguments[0] not in commands:
        print(__doc__)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    try:
        return commands[arguments[0]](arguments[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

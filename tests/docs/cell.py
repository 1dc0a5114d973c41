"""Write what was run, on what: a program of ``noxfile.py``, in the environment of the tests.

Its arguments: the file to write, the subject, the label, and "passed" or "failed".
"""

from __future__ import annotations

import datetime as dt
import json
import platform
import sys
from importlib import metadata
from pathlib import Path

# What the table names, where it is installed.
NAMED = """
    sentry-sdk django djangorestframework flask werkzeug falcon starlette fastapi aiohttp asgiref
    gunicorn uvicorn uvicorn-worker hypercorn granian waitress daphne pyuwsgi gevent uvloop
""".split()


def versions() -> dict[str, str]:
    """Return the version of each installed distribution of NAMED."""
    installed = {
        found.metadata["Name"].lower().replace("_", "-"): found.version
        for found in metadata.distributions()
    }
    return {name: installed[name] for name in NAMED if name in installed}


def system() -> str:
    """Return the operating system with its distribution, and the machine."""
    name = platform.system()
    if name == "Linux":
        name = f"Linux, {platform.freedesktop_os_release().get('PRETTY_NAME', 'unknown')}"
    return f"{name}, {platform.machine()}"


def main(path: str, subject: str, label: str, result: str) -> None:
    """Write the file."""
    cell = {
        "subject": subject,
        "label": label,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "result": result,
        "date": dt.datetime.now(dt.timezone.utc).date().isoformat(),
        "system": system(),
        "versions": versions(),
    }
    Path(path).write_text(json.dumps(cell))


if __name__ == "__main__":
    main(*sys.argv[1:])

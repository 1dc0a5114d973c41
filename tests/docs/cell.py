"""Keep what was run, on what: a program of ``noxfile.py``.

cell.py FILE SUBJECT LABEL RESULT    in the environment of a run: write the cell
cell.py FOLDER FILE                  put the cells of a folder in place of those in the file
"""

from __future__ import annotations

import datetime as dt
import json
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

# What the tables name, where it is installed.
NAMED = """
    sentryinit sentry-sdk django djangorestframework flask werkzeug falcon
    starlette fastapi aiohttp asgiref gunicorn uvicorn
    uvicorn-worker hypercorn granian waitress daphne pyuwsgi gevent
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
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return f"{name}, {platform.machine()}"


def write(path: str, subject: str, label: str, result: str) -> None:
    """Write the cell of this environment."""
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


def place(cell: dict[str, Any]) -> tuple[object, ...]:
    """Return which cell of the tables *cell* is, in their order."""
    subject, label, python = cell["subject"], cell["label"], cell["python"]
    release = [int(part) if part.isdigit() else 0 for part in label.split(".")]
    return subject, label == "latest", release, label, [*map(int, python.split(".")[:2])]


def merge(folder: str, file: str) -> None:
    """Put the cells in *folder* in place of those in *file*; a cell is a line."""
    kept = json.loads(Path(file).read_text()) if Path(file).is_file() else []
    new = [json.loads(path.read_text()) for path in sorted(Path(folder).glob("*.json"))]
    cells = {repr(place(cell)): cell for cell in [*kept, *new]}
    lines = [json.dumps(cell) for cell in sorted(cells.values(), key=place)]
    Path(file).write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    given = sys.argv[1:]
    merge(*given) if len(given) == 2 else write(*given)

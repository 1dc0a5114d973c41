"""Read the tables of the pages of a migration, and make them from what was measured."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
NONE = "no event"


def environment() -> dict[str, str]:
    """Return the environment without the variables that configure services."""
    from test_examples import clean_environment

    # A record must not be sent alone because the machine is slow.
    more = {"SENTRYINIT_LOG_RECORD_TIMEOUT": "60", "PYTHONPATH": str(HERE.parent)}
    return clean_environment() | more


def describe(event: dict[str, Any]) -> str:
    """Return an event in a few words: the exception or the title, and whether it was handled."""
    values = (event.get("exception") or {}).get("values")
    if not values:
        text = (event.get("logentry") or {}).get("message") or event.get("message") or ""
        return f"`{text}`"
    last = values[-1]
    # A logged exception is handled for sentry-sdk, whatever happens to it then.
    handled = (last.get("mechanism") or {}).get("handled", True)
    return f"`{last['type']}`, {'handled' if handled else 'unhandled'}"


def cell(events: Iterable[dict[str, Any]]) -> str:
    """Return what a cell says about *events*."""
    return " and ".join(map(describe, events)) or NONE


def python(script: str, folder: Path, *arguments: str, **variables: str) -> list[str]:
    """Run *script* of this folder in *folder*; return the lines that it prints."""
    command = [sys.executable, str(HERE / script), *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment() | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def drive(
    folder: Path, protocol: str, module: str, paths: Iterable[str], **variables: str
) -> list[str]:
    """Return the cells of the application in *module*, one for each path."""
    lines = python("drive.py", folder, protocol, module, *paths, **variables)
    return [cell(json.loads(line)) for line in lines]


def grid(rows: Iterable[Iterable[str]]) -> str:
    """Return the lines of a Markdown table, without its head."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def rows(text: str, head: str) -> list[list[str]]:
    """Return the rows of the tables of a page whose head begins with *head*."""
    found, inside = [], False
    for line in text.splitlines():
        cells = line.strip("| ").split(" | ")
        if line.startswith(f"| {head}"):
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and set(line) != set("| -"):
            found.append(cells)
    return found

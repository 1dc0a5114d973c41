"""Print what the workflows need, as an output of a step: ``sessions.py pythons|sessions|between``.

The sessions are those of ``nox``, in groups: a group is one machine. The Pythons are those that the
wheels name.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import workspace
from workspace import ROOT

# In groups by Python: a row takes less time than the start of a machine.
BY_PYTHON = {"adapter", "cli", "core"}
TOGETHER = {"minimums"}
# Jobs of their own in the workflows; and `cover` reads what sessions of the same machine left.
# `between` takes hours: it is a workflow of its own, with a machine for each session.
HOURS = "between"
ASIDE = {"actionlint", "cover", "release", HOURS}


def groups(listed: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the groups of the sessions that *listed*, the answer of ``nox --json -l``, has."""
    found: dict[str, list[str]] = {}
    for each in listed:
        if each["name"] in ASIDE or not each["python"]:
            continue
        name = each["name"] if each["name"] in TOGETHER else each["session"]
        if each["name"] in BY_PYTHON:
            name = " ".join([each["name"], *(t for t in each["tags"] if t.startswith("py"))])
        found.setdefault(name, []).append(f"'{each['session']}'")
    return [{"name": name, "sessions": " ".join(found[name])} for name in found]


def between(listed: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return a group for each session of the minor releases between: a package on a Python."""
    found = [each["session"] for each in listed if each["name"] == HOURS]
    return [{"name": name[len(HOURS) + 1 : -1], "sessions": f"'{name}'"} for name in found]


def pythons() -> list[str]:
    """Return the Pythons in the classifiers of the core."""
    texts = workspace.project(ROOT / "packages/core")["classifiers"]
    return [text.rpartition(" ")[2] for text in texts if ":: Python :: 3." in text]


def listed() -> list[dict[str, Any]]:
    """Return the sessions that ``nox`` runs by default."""
    command = [sys.executable, "dev.py", "test", "--json", "--list-sessions"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("[{")]
    found: list[dict[str, Any]] = json.loads(line)
    return found


if __name__ == "__main__":
    if sys.argv[1] == "pythons":
        print("pythons<<END", *pythons(), "END", sep="\n")
    else:
        choose = between if sys.argv[1] == HOURS else groups
        print(f"sessions={json.dumps(choose(listed()))}")

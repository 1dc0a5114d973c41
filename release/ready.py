"""Say what is in the way of a release, before anything is built: a program of ``nox -s release``.

    ready.py          refuse what cannot be built right; print the rest as warnings
    ready.py --tag    refuse what is in the way of a tag, too: no date, a cell that failed

A commit that has a tag is taken as with ``--tag``.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import artifacts
import changelog
import workspace
from workspace import ROOT

# The folder of matrix.py; last, so that it hides no installed module.
sys.path.append(str(ROOT))

import matrix  # found by means of the line above

RECORD = "docs/reference/compatibility.json"
Cell = tuple[str, str, str]


def wrong(root: Path) -> Iterator[str]:
    """Yield why what would be built is not what a release has."""
    if changed := artifacts.dirty(root):
        yield "not a clean checkout; commit or remove:\n  " + "\n  ".join(changed)
    needed = workspace.pin(workspace.version(root))
    for path in workspace.wrong_pins(root):
        yield f"{path.relative_to(root)} needs {needed}: run release/sbom.py"
    text = (root / changelog.FILE).read_text()
    yield from changelog.unfit(text, workspace.version(root))


def unready(root: Path, record: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what is in the way of a tag, besides."""
    yield from changelog.undated((root / changelog.FILE).read_text(), changelog.today())
    for run in record:
        if run["result"] != "passed":
            yield f"{RECORD}: {' '.join(cell(run))} {run['result']}"
    yield from unproven(root, [each["versions"] for each in record if each["result"] == "passed"])


def unproven(root: Path, passed: list[dict[str, str]]) -> Iterator[str]:
    """Yield each release of Django that a wheel names, and no run has passed with."""
    head = "Framework :: Django :: "
    tried = {".".join(each.get("django", "").split(".")[:2]) for each in passed}
    for folder in workspace.folders(root):
        for text in workspace.project(folder)["classifiers"]:
            if text.startswith(head) and text.removeprefix(head) not in tried:
                yield f"{RECORD}: nothing has passed with the Django of the classifier {text!r}"


def cell(run: dict[str, Any]) -> Cell:
    """Return the cell of the matrix that was run: subject, label, Python."""
    python = ".".join(run["python"].split(".")[:2])
    return run["subject"], run["label"], python


def cells() -> Iterator[Cell]:
    """Yield each cell of the matrix, on the Pythons that the wheels name."""
    for row in matrix.MATRIX:
        for python in row.pythons:
            if python in matrix.PYTHONS:
                yield row.subject, row.label, python
    for series in matrix.BETWEEN:
        for minor in series.all_minors:
            for python in series.pythons_of(minor):
                yield series.package, minor, python


def not_run(record: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield, for each subject, how many cells of the matrix are not in the record."""
    known = set(map(cell, record))
    missing = Counter(each[0] for each in cells() if each not in known)
    for subject, count in sorted(missing.items()):
        yield f"{RECORD}: {subject} has {count} cells that were not run"


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Print what was found; return the exit code."""
    record = json.loads((root / RECORD).read_text())
    refused = list(wrong(root))
    warned = list(unready(root, record))
    tags, version = changelog.Repository(root).tags(), workspace.version(root)
    if "--tag" in arguments or tags:
        refused, warned = refused + warned, []
    refused += [f"the tag {tag} is not v{version}" for tag in tags if tag != f"v{version}"]
    warned += not_run(record)
    for text in warned:
        print(f"warning: {text}")
    for text in refused:
        print(f"refused: {text}")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

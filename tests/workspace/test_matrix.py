"""Compare what the wheels and the record claim with the matrix."""

from __future__ import annotations

import json

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import newer
import workspace

ROOT = workspace.ROOT
PROJECTS = {folder.name: workspace.project(folder) for folder in workspace.folders()}
RUNS = json.loads((ROOT / "docs/reference/compatibility.json").read_text())
MATRIX, BETWEEN = newer.matrix.MATRIX, newer.matrix.BETWEEN
PYTHONS, WHERE_FOUND = newer.matrix.PYTHONS, newer.matrix.WHERE_FOUND
SERIES = {series.package: series for series in BETWEEN}
# The rows that a wheel is tested in, where they do not have its name.
SUBJECTS = {"testkit": "generic"}
# What trove has no classifier for: it knows no Falcon, and no Starlette.
FRAMEWORKS = {
    "aiohttp": {"aiohttp"},
    "django": {"Django"},
    "flask": {"Flask"},
    "starlette": {"FastAPI"},
}


def claimed(name: str, head: str) -> set[str]:
    """Return what the classifiers of the package *name* say after *head*."""
    found = [text for text in PROJECTS[name]["classifiers"] if text.startswith(f"{head} :: ")]
    return {text.removeprefix(f"{head} :: ") for text in found}


def minor(version: str) -> str:
    """Return the minor release that *version* belongs to."""
    return ".".join(map(str, Version(version).release[:2]))


def pythons_run(subject: str) -> set[str]:
    """Return the Pythons that *subject* passed on."""
    passed = [run for run in RUNS if (run["subject"], run["result"]) == (subject, "passed")]
    return {minor(run["python"]) for run in passed}


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_pythons_are_those_of_the_matrix(name: str) -> None:
    """A wheel names the Pythons that all of its rows are for, and others if they were run."""
    subject = SUBJECTS.get(name, name)
    found = {text for text in claimed(name, "Programming Language :: Python") if text[:2] == "3."}
    others = pythons_run(subject) & set(WHERE_FOUND)
    assert found == {*PYTHONS, *others}
    assert claimed(name, "Programming Language :: Python :: Implementation") == {"CPython"}
    assert claimed(name, "Operating System") == {"POSIX :: Linux"}


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_frameworks_are_those_of_the_wheel(name: str) -> None:
    """A wheel names its framework, and pytest if it has a plugin of it."""
    found = {text for text in claimed(name, "Framework") if "::" not in text}
    plugin = {"Pytest"} if "pytest11" in PROJECTS[name].get("entry-points", {}) else set()
    assert found == FRAMEWORKS.get(name, set()) | plugin


def test_releases_of_django_are_those_of_the_matrix() -> None:
    """Each release of Django in the matrix has its classifier, and no other has."""
    (need,) = [
        n for n in map(Requirement, PROJECTS["django"]["dependencies"]) if n.name == "Django"
    ]
    latest = [run for run in RUNS if (run["subject"], run["label"]) == ("django", "latest")]
    newest = max(Version(run["versions"]["django"]) for run in latest)
    ends = {minor(next(iter(need.specifier)).version), minor(str(newest))}
    found = {text.removeprefix("Django :: ") for text in claimed("django", "Framework")}
    assert found - {"Django"} == {*SERIES["django"].all_minors, *ends}


@pytest.mark.parametrize("name", sorted(set(PROJECTS) - {"testkit"}))
def test_each_wheel_is_in_the_matrix(name: str) -> None:
    """A wheel has a row `lowest` and a row `latest`, and an adapter has the releases between."""
    rows = {row.label for row in MATRIX if row.subject == name}
    assert rows == {"lowest", "latest"}
    if name not in {"cli", "core"}:
        assert name in {series.subject for series in BETWEEN}


def test_each_run_is_of_the_matrix() -> None:
    """The record has no run that the matrix does not have, and each has the release it is for."""
    rows = {(row.subject, row.label, python) for row in MATRIX for python in row.pythons}
    for series in BETWEEN:
        rows |= {(series.package, m, p) for m in series.all_minors for p in series.pythons_of(m)}
    pythons = (*PYTHONS, *WHERE_FOUND)
    rows |= {("servers", label, p) for label in ("process", "aborts") for p in pythons}
    for run in RUNS:
        subject, label = run["subject"], run["label"]
        assert (subject, label, minor(run["python"])) in rows
        if subject in SERIES and label not in {"lowest", "latest"}:
            assert minor(run["versions"][subject]) == label
        assert run["gil"]
        assert run["implementation"] == "CPython"


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        (["4.2.1", "5.0", "5.1.2", "5.2"], []),
        (["4.2.1", "5.0", "5.1", "5.2.3", "6.0"], ["5.2"]),
        (["4.2.1", "5.0", "5.1", "5.2.3", "6.0", "6.1"], ["5.2", "6.0"]),
        (["5.0", "5.1"], []),
    ],
)
def test_newer_releases_are_found(versions: list[str], found: list[str]) -> None:
    """A minor release is missing if it is after the listed ones, unless it is the newest."""
    assert newer.missing(["5.0", "5.1"], map(Version, versions)) == found

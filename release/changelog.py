"""Check that each change of behaviour has an entry in ``CHANGELOG.md``.

    changelog.py [BASE]     the commits after BASE; without BASE, after the tag of the last release
    changelog.py --release  refuses a first section that is not that of VERSION.py, has no date or
                            no entries, and a tag of another version; with --required, also a
                            commit without a tag

A change of behaviour is a change of the code in ``packages/*/src`` that is more than comments and
docstrings, of what a package declares, or of the contract. The options, the command line and the
exit codes are code. An entry is a new or changed item in the first section; it covers the wheels
that it names before its colon, or all if it names none. A commit that changes code but no behaviour
says so in a trailer, at the end of its message: ``Changelog: none, REASON``.
"""

from __future__ import annotations

import argparse
import ast
import datetime as dt
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import workspace
from workspace import ROOT

FILE = "CHANGELOG.md"
CONTRACT = "docs/reference/contract.md"
SECTION = re.compile(r"^## (\S+) \(([^)\n]+)\)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
ITEM = re.compile(r"^- (.*?)(?=^- |\Z)", re.DOTALL | re.MULTILINE)
NONE = re.compile(r"^none\b[\s,;:.(-]*(.*)$", re.IGNORECASE | re.MULTILINE)
# What git takes for a trailer: a line of the last paragraph.
TRAILERS = "--format=%(trailers:key=Changelog,valueonly,unfold)"
DECLARED = ("dependencies", "optional-dependencies", "requires-python", "scripts", "entry-points")


@dataclass(frozen=True)
class Section:
    """A section of the changelog: the version, its date or ``unreleased``, the items."""

    version: str
    date: str
    items: frozenset[str]


def sections(text: str) -> list[Section]:
    """Return the sections, the newest first; line breaks in items do not count."""
    return [
        Section(version, date, frozenset(" ".join(item.split()) for item in ITEM.findall(body)))
        for version, date, body in SECTION.findall(text)
    ]


def covers(item: str, wheel: str) -> bool:
    """Return True if *item* is about *wheel*: it names the wheel, or none at all."""
    head = item.partition(":")[0]
    named = re.findall(r"`(sentryinit(?:-[a-z]+)?)`", head)
    return not named or wheel in named


class Repository:
    """A git repository."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *arguments: str) -> str:
        """Return what git prints, or stop with what it says."""
        command = ["git", "-C", str(self.root), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"git {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def text(self, commit: str, path: str) -> str | None:
        """Return a file at *commit*, or None if it is not there."""
        command = ["git", "-C", str(self.root), "show", f"{commit}:{path}"]
        done = subprocess.run(command, capture_output=True, check=False)
        return done.stdout.decode(errors="replace") if done.returncode == 0 else None

    def changed(self, one: str, other: str) -> set[str]:
        """Return the files whose behaviour differs between two commits."""
        places = ["packages", CONTRACT]
        names = self.git("diff", "--no-renames", "--name-only", "-z", one, other, "--", *places)
        return {
            name
            for name in names.split("\0")
            if name
            and behaviour(name, self.text(one, name)) != behaviour(name, self.text(other, name))
        }

    def exempt(self, base: str, head: str) -> set[str]:
        """Return the files that only commits with a trailer and a reason have changed."""
        excused: set[str] = set()
        others: set[str] = set()
        for commit in self.git("rev-list", "--no-merges", f"{base}..{head}").split():
            reason = NONE.search(self.git("show", "-s", TRAILERS, commit))
            found = self.changed(f"{commit}^", commit)
            (excused if reason and reason[1].strip(" )") else others).update(found)
        return excused - others

    def is_shallow(self) -> bool:
        """Return True if this clone lacks a part of the history, and so may lack tags."""
        return self.git("rev-parse", "--is-shallow-repository").strip() == "true"

    def tags(self) -> list[str]:
        """Return the tags of releases that this commit has."""
        return self.git("tag", "--points-at", "HEAD", "v[0-9]*").split()

    def last_release(self) -> str | None:
        """Return the newest tag of a release before this commit, or None."""
        tags = self.git("tag", "--list", "v[0-9]*", "--merged", "HEAD", "--sort=-v:refname").split()
        return tags[0] if tags else None


def behaviour(path: str, text: str | None) -> object:
    """Return what is compared of a file: None for one that has no behaviour."""
    if text is None:
        return None
    if path == CONTRACT:
        return text.split()
    if path.endswith("/pyproject.toml"):
        project = workspace.parsed(text).get("project", {})
        return {name: project.get(name) for name in DECLARED}
    if "/src/" not in path:
        return None
    return code(text) if path.endswith(".py") else text


def code(text: str) -> str:
    """Return the syntax tree of *text*, without docstrings."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return text
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and is_text(body[0]):
            del body[0]
    return ast.dump(tree)


def is_text(node: ast.AST) -> bool:
    """Return True if *node* is a docstring."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def wheel_of(path: str) -> str | None:
    """Return the wheel that has the file, or None: the contract is that of all wheels."""
    if not path.startswith("packages/"):
        return None
    folder = path.split("/")[1]
    return "sentryinit" if folder == "core" else f"sentryinit-{folder}"


def missing(repository: Repository, base: str, head: str = "HEAD") -> Iterator[str]:
    """Yield what has changed between *base* and *head* and has no entry."""
    found = repository.changed(base, head) - repository.exempt(base, head)
    before = sections(repository.text(base, FILE) or "")
    now = sections(repository.text(head, FILE) or "")
    if not found:
        return
    if not now:
        yield f"{FILE} has no section of a version"
        return
    released = {section.version for section in before if section.date != "unreleased"}
    old = {item for section in before for item in section.items}
    new = set() if now[0].version in released else now[0].items - old
    for path in sorted(found):
        wheel = wheel_of(path)
        if not any(wheel is None or covers(item, wheel) for item in new):
            about = f"of {now[0].version} is about {wheel or 'it'}"
            yield f"{path} has changed, and no new entry {about}"


def unfit(text: str, version: str) -> Iterator[str]:
    """Yield why the first section is not that of *version*, or has nothing."""
    found = sections(text)
    if not found or found[0].version != version:
        yield f"the first section of {FILE} is not that of {version}"
    elif not found[0].items:
        yield f"the section {version} is empty"


def undated(text: str, today: dt.date) -> Iterator[str]:
    """Yield why the first section has no date of a release."""
    for section in sections(text)[:1]:
        about = f"the section {section.version}"
        try:
            date = dt.date.fromisoformat(section.date)
        except ValueError:
            yield f"{about} has no date of the form 2026-12-31, but ({section.date})"
        else:
            if date > today:
                yield f"{about} is dated in the future: {date}"


def released(root: Path, *, required: bool) -> list[str]:
    """Return why this commit is not fit for a release; with *required*, it has to have a tag."""
    tags = Repository(root).tags()
    version = workspace.version(root)
    found = [f"this commit has no tag v{version}"] if required and not tags else []
    found += [
        f"the tag {tag} is not that of the version {version}"
        for tag in tags
        if tag != f"v{version}"
    ]
    text = (root / FILE).read_text()
    return [*found, *unfit(text, version), *undated(text, today())]


def today() -> dt.date:
    """Return the day, in UTC."""
    return dt.datetime.now(dt.timezone.utc).date()


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Print what is missing; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", nargs="?")
    parser.add_argument("--release", action="store_true")
    parser.add_argument("--required", action="store_true")
    given = parser.parse_args(arguments)
    if given.release:
        found = released(root, required=given.required)
    else:
        repository = Repository(root)
        base = given.base or repository.last_release()
        if base is None and repository.is_shallow():
            print("not checked: this clone has no history; fetch it: git fetch --unshallow --tags")
            return 0
        if base is None:
            print("there is no release yet to compare with")
            return 0
        found = list(missing(repository, repository.git("merge-base", base, "HEAD").strip()))
    if found:
        print(*found, sep="\n")
        if not given.release:
            print("Add an entry, or say in the commit: Changelog: none, REASON")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

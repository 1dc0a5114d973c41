"""A change of behaviour without an entry in the changelog is found, in real repositories."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from pathlib import Path

import pytest

import changelog

CODE = "packages/flask/src/sentryinit_flask/__init__.py"
CORE = "packages/core/src/sentryinit/__init__.py"
CONTRACT = "docs/reference/contract.md"
PROJECT = "packages/flask/pyproject.toml"
FIRST = {
    CODE: '"""Old."""\n\n\ndef two():\n    """Old."""\n    return 1  # old\n',
    CORE: "LIMIT = 1\n",
    CONTRACT: "A1. One event\na failure.\n",
    PROJECT: '[project]\nname = "sentryinit-flask"\ndependencies = ["Flask>=2.3"]\n',
    "VERSION.py": '__version__ = "0.2.0"\n',
    "CHANGELOG.md": "# Changelog\n\n## 0.2.0 (unreleased)\n\n- `sentryinit`: old.\n",
}
MORE = FIRST["CHANGELOG.md"] + "- {}\n"


class Repo:
    """A repository."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        quiet = ["-c", "commit.gpgsign=false", "-c", "core.hooksPath=none"]
        subprocess.run(["git", *who, *quiet, *arguments], cwd=self.root, check=True)

    def commit(self, message: str, **files: str) -> None:
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def findings(self) -> list[str]:
        return list(changelog.missing(changelog.Repository(self.root), "v0.1.0"))


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository with one commit, which is tagged as a release."""
    repo = Repo(tmp_path_factory.mktemp("first"))
    repo.git("init", "-q", "-b", "main")
    repo.commit("first", **FIRST)
    repo.git("tag", "v0.1.0")
    return repo.root


@pytest.fixture
def repo(first: Path, tmp_path: Path) -> Repo:
    return Repo(shutil.copytree(first, tmp_path / "repo"))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (CODE, FIRST[CODE].replace("return 1", "return 2")),
        (CODE, FIRST[CODE].replace("def two()", "def two(more=None)")),
        (CORE, "LIMIT = 2\n"),
        (CORE.replace("__init__", "added"), "NEW = 1\n"),
        (CORE.replace("__init__.py", "table.json"), "[]\n"),
        (CONTRACT, "A1. Two events a failure.\n"),
        (PROJECT, FIRST[PROJECT].replace("2.3", "3.0")),
    ],
    ids=["body", "signature", "constant", "module", "data", "clause", "dependency"],
)
def test_a_change_without_an_entry_is_found(repo: Repo, path: str, text: str) -> None:
    """Code, a clause or a dependency that changes needs an entry, and one entry is enough."""
    repo.commit("change", **{path: text})
    (found,) = repo.findings()
    assert found.startswith(f"{path} has changed")
    repo.commit("entry", **{"CHANGELOG.md": MORE.format("New: it is so.")})
    assert repo.findings() == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (CODE, FIRST[CODE].replace("Old.", "New.").replace("# old", "# new\n    # more")),
        (CONTRACT, "A1. One event a\nfailure.\n"),
        (PROJECT, f"# A comment.\n{FIRST[PROJECT]}"),
        ("packages/flask/README.md", "New.\n"),
        ("tests/test_it.py", "assert True\n"),
    ],
    ids=["docstring and comments", "line breaks", "comment", "readme", "test"],
)
def test_what_is_no_behaviour_needs_no_entry(repo: Repo, path: str, text: str) -> None:
    """Docstrings, comments, line breaks, READMEs and tests may change."""
    repo.commit("change", **{path: text})
    assert repo.findings() == []


def test_a_module_that_is_removed_is_a_change(repo: Repo) -> None:
    """A file that goes away needs an entry, too."""
    (repo.root / CODE).unlink()
    repo.commit("remove")
    assert len(repo.findings()) == 1


def test_an_entry_is_about_the_wheel_that_it_names(repo: Repo) -> None:
    """An entry of another wheel does not count; one that names two counts for both."""
    repo.commit("change", **{CODE: "NEW = 1\n"})
    for entry, findings in (("`sentryinit`: it.", 1), ("`sentryinit-flask`, `sentryinit`: it.", 0)):
        repo.commit("entry", **{"CHANGELOG.md": MORE.format(entry)})
        assert len(repo.findings()) == findings


def test_an_old_entry_does_not_count(repo: Repo) -> None:
    """An entry that was there before, and is moved or broken differently, is not new."""
    old = FIRST["CHANGELOG.md"].replace("`sentryinit`: old", "`sentryinit`:\n  old")
    repo.commit("change", **{CORE: "LIMIT = 2\n", "CHANGELOG.md": old})
    assert len(repo.findings()) == 1


def test_an_entry_in_a_released_section_does_not_count(repo: Repo) -> None:
    """What is new belongs to the next version, not to one that is released."""
    released = FIRST["CHANGELOG.md"].replace("unreleased", "2026-01-01")
    repo.commit("release", **{"CHANGELOG.md": released})
    repo.git("tag", "--force", "v0.1.0")
    repo.commit("change", **{CORE: "LIMIT = 2\n", "CHANGELOG.md": f"{released}- New.\n"})
    assert len(repo.findings()) == 1
    repo.commit("next", **{"CHANGELOG.md": f"## 0.3.0 (unreleased)\n\n- New.\n\n{released}"})
    assert repo.findings() == []


@pytest.mark.parametrize(
    ("trailer", "findings"),
    [
        ("Changelog: none, a function is split", 0),
        ("changelog: none (a function is split)", 0),
        ("Changelog: none", 1),
        ("Changelog: none,", 1),
        ("Changelog: none, split\nCo-authored-by: A <a@example.org>", 0),
        ("Changelog: none, a function is split\n\nAnd another thing.", 1),
    ],
)
def test_a_commit_may_say_why_it_has_no_entry(repo: Repo, trailer: str, findings: int) -> None:
    """A trailer with a reason, at the end, exempts the files that only this commit changes."""
    repo.commit(f"split\n\n{trailer}", **{CODE: "NEW = 1\n"})
    assert len(repo.findings()) == findings
    repo.commit("change", **{CODE: "NEW = 2\n"})
    assert len(repo.findings()) == 1


def test_what_is_taken_back_needs_no_entry(repo: Repo) -> None:
    """The states are compared, not the commits between them."""
    repo.commit("change", **{CORE: "LIMIT = 2\n"})
    repo.commit("take it back", **{CORE: FIRST[CORE]})
    assert repo.findings() == []


def test_the_command_compares_with_the_last_release(
    repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a base the tag of the last release is the base; the exit code says the result."""
    assert changelog.main([], repo.root) == 0
    repo.commit("change", **{CORE: "LIMIT = 2\n"})
    assert changelog.main([], repo.root) == 1
    assert "Changelog: none, REASON" in capsys.readouterr().out
    assert changelog.main(["HEAD"], repo.root) == 0


@pytest.mark.parametrize(
    ("heading", "finding"),
    [
        ("0.2.0 (2026-06-01)", None),
        ("0.2.0 (unreleased)", "has no date"),
        ("0.2.0 (2026-13-01)", "has no date"),
        ("0.2.0 (2026-06-03)", "in the future"),
        ("0.1.0 (2026-06-01)", "is not that of 0.2.0"),
    ],
)
def test_a_release_needs_a_section_with_a_date(heading: str, finding: str | None) -> None:
    """The first section is that of the version, with a day that is not in the future."""
    text = f"# Changelog\n\n## {heading}\n\n- New.\n"
    today = dt.date(2026, 6, 2)
    found = [*changelog.unfit(text, "0.2.0"), *changelog.undated(text, today)]
    assert [bool(finding and finding in text) for text in found] == ([True] if finding else [])


def test_a_release_needs_entries() -> None:
    """An empty section is not released."""
    text = "## 0.2.0 (2026-06-01)\n\nNothing.\n\n## 0.1.0 (2026-01-01)\n\n- Old.\n"
    (found,) = changelog.unfit(text, "0.2.0")
    assert found == "the section 0.2.0 is empty"


DATED = MORE.format("New.").replace("unreleased", "2026-01-01")


def test_a_tag_is_that_of_the_version(repo: Repo) -> None:
    """A commit with a tag is released only if version and section are those of the tag."""
    assert changelog.main(["--release"], repo.root) == 1
    repo.commit("next", **{"CHANGELOG.md": DATED})
    assert changelog.main(["--release"], repo.root) == 0
    assert changelog.main(["--release", "--required"], repo.root) == 1
    repo.git("tag", "v0.2.0")
    assert changelog.main(["--release", "--required"], repo.root) == 0
    repo.git("tag", "v0.2.1")
    assert changelog.main(["--release"], repo.root) == 1


@pytest.mark.parametrize(
    "text",
    [
        DATED.replace("2026-01-01", "unreleased"),
        DATED.replace("0.2.0", "0.1.0"),
        "# Changelog\n",
    ],
    ids=["no date", "another version", "no section"],
)
def test_a_section_is_needed_before_there_is_a_tag(repo: Repo, text: str) -> None:
    """A commit without a tag is refused, too: the tag is public when it is too late."""
    repo.commit("next", **{"CHANGELOG.md": DATED})
    assert changelog.main(["--release"], repo.root) == 0
    repo.commit("change", **{"CHANGELOG.md": text})
    assert changelog.main(["--release"], repo.root) == 1


def test_a_clone_without_history_says_so(
    repo: Repo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shallow clone has no tags: that is told, and not taken for no release."""
    repo.commit("change", **{CORE: "LIMIT = 2\n"})
    repo.git("clone", "-q", "--depth=1", f"file://{repo.root}", str(tmp_path / "clone"))
    assert changelog.main([], tmp_path / "clone") == 0
    assert "this clone has no history" in capsys.readouterr().out

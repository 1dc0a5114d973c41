"""Check what would be published: the installed wheels, and the programs that build them."""

from __future__ import annotations

import http.server
import io
import json
import re
import subprocess
import sys
import threading
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement

import artifacts
import by_name
import published
import ready
import sbom
import sessions
import workspace

ROOT = workspace.ROOT
FOLDERS = {workspace.project(folder)["name"]: folder for folder in workspace.folders()}
URLS = workspace.parsed((ROOT / "pyproject.toml").read_text())["tool"]["sentryinit"]["urls"]


def sbom_of(name: str) -> Any:
    """Return the SBOM in the installed wheel."""
    (file,) = [f for f in metadata.files(name) or () if f.parent.name == "sboms"]
    text = file.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(text) is None
    return json.loads(text)


@pytest.mark.parametrize("name", FOLDERS)
def test_the_sbom_is_true(name: str) -> None:
    """The SBOM in a wheel is valid, and says what the metadata of that wheel says."""
    found, said = sbom_of(name), metadata.metadata(name)
    subject = found["metadata"]["component"]
    assert (subject["name"], subject["version"]) == (name, said["Version"])
    assert subject["purl"] == f"pkg:pypi/{name}@{said['Version']}"
    assert subject["licenses"] == [{"expression": said["License-Expression"]}]
    needs = {str(Requirement(text)) for text in metadata.requires(name) or ()}
    properties = [each["properties"] for each in found["components"]]
    assert {value["value"] for each in properties for value in each} == needs
    refs = [each["bom-ref"] for each in found["components"]]
    assert found["dependencies"][0] == {"ref": subject["bom-ref"], "dependsOn": refs}


@pytest.mark.parametrize("name", FOLDERS)
def test_the_sbom_is_reproducible(name: str) -> None:
    """The SBOM has no serial number and no time: two builds have the same."""
    found = sbom_of(name)
    assert "serialNumber" not in found
    assert "timestamp" not in found["metadata"]


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("a", "vers:pypi/*"),
        ("a>=2.20,<3", "vers:pypi/>=2.20|<3"),
        ("a~=0.1.0", "vers:pypi/>=0.1.0|<0.2"),
        ("a~=2.2", "vers:pypi/>=2.2|<3"),
        ("a==1.0", "vers:pypi/1.0"),
        ("a>1,!=1.5,<=2", "vers:pypi/>1|!=1.5|<=2"),
    ],
)
def test_ranges_are_those_of_package_urls(requirement: str, expected: str) -> None:
    """A range of a requirement is written as the standard ``vers`` says, in order."""
    assert sbom.version_range(Requirement(requirement)) == expected


def test_a_range_without_a_form_is_refused() -> None:
    """A wildcard is not written as something else."""
    with pytest.raises(ValueError, match="write its bounds"):
        sbom.version_range(Requirement("a==1.*"))


@pytest.mark.parametrize("name", sorted({*FOLDERS} - {"sentryinit"}))
def test_the_core_is_pinned_to_its_minor_release(name: str) -> None:
    """A package needs the core of its own first two numbers, and not of a later one."""
    (need,) = [n for n in map(Requirement, metadata.requires(name) or ()) if n.name == "sentryinit"]
    major, minor, *_ = workspace.version().split(".")
    assert str(need.specifier) == f"~={major}.{minor}.0"
    assert not need.specifier.contains(f"{major}.{int(minor) + 1}.0", prereleases=True)


def test_the_next_major_release_of_the_sdk_is_not_admitted() -> None:
    """sentry-sdk 3 has other private names: the core cannot start with it."""
    (need,) = map(Requirement, metadata.requires("sentryinit") or ())
    admitted = [
        need.specifier.contains(v, prereleases=True) for v in ("2.75.0", "3.0.0", "3.0.0b2")
    ]
    assert admitted == [True, False, False]


@pytest.mark.parametrize("name", FOLDERS)
def test_the_urls_are_those_of_the_site(name: str) -> None:
    """The metadata of a wheel links what the root ``pyproject.toml`` says, and nothing else."""
    said = metadata.metadata(name).get_all("Project-URL") or []
    assert dict(text.split(", ", 1) for text in said) == URLS


@pytest.mark.parametrize("name", FOLDERS)
def test_the_readme_links_the_site(name: str) -> None:
    """The page of a wheel links the site, and has no link that works in a checkout alone."""
    text = str(metadata.metadata(name).get_payload())
    assert f"({URLS['Documentation']}" in text or f": {URLS['Documentation']}" in text
    assert re.findall(r"\]\((?!https://)[^)]*\)", text) == []


@pytest.mark.parametrize("name", FOLDERS)
def test_a_plugin_of_pytest_says_so(name: str) -> None:
    """A wheel has the classifier of pytest exactly if it registers a plugin."""
    plugins = metadata.distribution(name).entry_points.select(group="pytest11")
    classifiers = metadata.metadata(name).get_all("Classifier") or []
    assert ("Framework :: Pytest" in classifiers) == bool(plugins)


@pytest.mark.parametrize("path", ["SECURITY.md", "CONTRIBUTING.md", "docs/project/releases.md"])
def test_addresses_are_those_of_the_project(path: str) -> None:
    """What a page or a form says of the site and the repository is what is set in one place."""
    known = [url.removesuffix("/") for url in URLS.values()]
    forms = [ROOT / path, *(ROOT / ".github").rglob("*.yml")]
    found = [url for form in forms for url in re.findall(r"https://[^\s)>`]+", form.read_text())]
    places = [url for url in found if "sentryinit" in url]
    assert [url for url in places if not url.startswith(tuple(known))] == []


def test_a_checkout_that_is_not_clean_is_named(tmp_path: Path) -> None:
    """Files that are changed, or not committed, are found; what git ignores is none of them."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(tmp_path)]
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True)
    assert artifacts.dirty(tmp_path) == []
    (tmp_path / ".gitignore").write_text("ignored\n")
    (tmp_path / "ignored").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/new").write_text("")
    assert artifacts.dirty(tmp_path) == ["?? .gitignore", "?? folder/new"]


PASSED = {"result": "passed", "subject": "django", "label": "4.2", "python": "3.10.1"}
READY = {
    "VERSION.py": '__version__ = "0.2.1"\n',
    "CHANGELOG.md": "# Changelog\n\n## 0.2.1 (2026-01-01)\n\n- New.\n",
    "packages/django/pyproject.toml": '[project]\ndependencies = ["sentryinit~=0.2.0"]\n'
    'classifiers = ["Framework :: Django :: 4.2"]\n',
    "docs/reference/compatibility.json": json.dumps([PASSED | {"versions": {"django": "4.2.7"}}]),
}
UNDATED = READY["CHANGELOG.md"].replace("2026-01-01", "unreleased")
FAILED = json.dumps(
    [
        json.loads(READY["docs/reference/compatibility.json"])[0],
        PASSED | {"result": "failed", "versions": {}},
    ]
)


@pytest.mark.parametrize(
    ("path", "text", "codes", "found"),
    [
        ("README.md", "", (0, 0), "warning: docs/reference/compatibility.json: django has"),
        ("VERSION.py", '__version__ = "0.3.0"\n', (1, 1), "needs sentryinit~=0.3.0"),
        ("VERSION.py", '__version__ = "0.2.2"\n', (1, 1), "is not that of 0.2.2"),
        ("CHANGELOG.md", "# Changelog\n", (1, 1), "is not that of 0.2.1"),
        ("CHANGELOG.md", UNDATED, (0, 1), "has no date"),
        ("docs/reference/compatibility.json", FAILED, (0, 1), "django 4.2 3.10 failed"),
        ("docs/reference/compatibility.json", "[]", (0, 1), "'Framework :: Django :: 4.2'"),
    ],
)
def test_what_is_in_the_way_of_a_release_is_said_first(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    path: str,
    text: str,
    codes: tuple[int, int],
    found: str,
) -> None:
    """What cannot be built right is refused; what is in the way of a tag, with a tag only."""
    for name, content in (READY | {path: text}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(tmp_path)]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True)
    assert ready.main([], tmp_path) == codes[0]
    assert found in capsys.readouterr().out
    assert ready.main(["--tag"], tmp_path) == codes[1]
    subprocess.run([*git, "tag", f"v{workspace.version(tmp_path)}"], check=True)
    assert ready.main([], tmp_path) == codes[1]
    (tmp_path / "new").write_text("")
    assert ready.main([], tmp_path) == 1
    assert "?? new" in capsys.readouterr().out


def test_a_new_version_is_written_where_it_is_needed(tmp_path: Path) -> None:
    """What names the minor release of the core is refused by the check, and then written."""
    for file in (
        "VERSION.py",
        *(f"{f.relative_to(ROOT)}/pyproject.toml" for f in FOLDERS.values()),
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text((ROOT / file).read_text())
    assert sbom.main([], tmp_path) == 0
    assert sbom.main(["--check"], tmp_path) == 0
    (tmp_path / "VERSION.py").write_text('__version__ = "7.8.9"\n')
    assert sbom.main(["--check"], tmp_path) == 1
    assert len(workspace.wrong_pins(tmp_path)) == len(FOLDERS) - 1
    assert sbom.main([], tmp_path) == 0
    assert sbom.main(["--check"], tmp_path) == 0
    assert '"sentryinit~=7.8.0"' in (tmp_path / "packages/flask/pyproject.toml").read_text()


def test_files_that_differ_are_named() -> None:
    """A file with other bytes, and one that only one build has, are found."""
    found = artifacts.differences({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"})
    assert found == ["b", "c", "d"]


def test_a_wheel_from_elsewhere_is_named(tmp_path: Path) -> None:
    """An installed package with the right name and other contents is found."""
    record = "a.py,sha256=one,1\na-1.dist-info/RECORD,,\n"
    info = tmp_path / "a-1.dist-info"
    assert by_name.hashes(record, info) == {"a.py,sha256=one,1"}
    same = f"../../../bin/a,sha256=z,1\n{record}a-1.dist-info/INSTALLER,sha256=x,3\n"
    assert by_name.hashes(same, info) == by_name.hashes(record, info)
    assert by_name.hashes(record.replace("one", "two"), info) != by_name.hashes(record, info)


def test_each_session_is_in_one_group() -> None:
    """The workflow runs each session that is listed once; the matrix has a machine a Python."""
    names = ["lint", "core(lowest-3.10)", "core(latest-3.10)", "core(lowest-3.11)", "cover"]
    listed = [
        {
            "session": n,
            "name": n.split("(")[0],
            "python": "x",
            "tags": ["py3." + n[-2]] * ("(" in n),
        }
        for n in names
    ]
    for each in listed[1:4]:
        each["tags"] = [f"py{str(each['session'])[-5:-1]}"]
    assert sessions.groups(
        [*listed, {"session": "ci", "name": "ci", "python": None, "tags": []}]
    ) == [
        {"name": "lint", "sessions": "'lint'"},
        {"name": "core py3.10", "sessions": "'core(lowest-3.10)' 'core(latest-3.10)'"},
        {"name": "core py3.11", "sessions": "'core(lowest-3.11)'"},
    ]


def test_what_takes_hours_has_a_machine_for_each_session() -> None:
    """The sessions of the releases between are in none of the groups, and each is alone."""
    listed = [
        {"session": name, "name": name.split("(")[0], "python": "x", "tags": ["py3.10"]}
        for name in ("lint", "between(django-3.10)", "between(sentry-sdk-3.10)")
    ]
    assert sessions.groups(listed) == [{"name": "lint", "sessions": "'lint'"}]
    assert sessions.between(listed) == [
        {"name": "django-3.10", "sessions": "'between(django-3.10)'"},
        {"name": "sentry-sdk-3.10", "sessions": "'between(sentry-sdk-3.10)'"},
    ]


def test_the_workflow_has_the_pythons_of_the_wheels() -> None:
    """The Pythons come from the classifiers of the core."""
    versions = sessions.pythons()
    assert versions[0] == workspace.project(FOLDERS["sentryinit"])["requires-python"][2:]


USES = re.compile(r"uses: ([\w./-]+)@(\S+)(.*)")


def test_actions_are_pinned_by_commit() -> None:
    """Each action has a full commit with its version beside it, and one commit in all workflows."""
    texts = [path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml")]
    used = [use for text in texts for use in USES.findall(text)]
    assert [use for use in used if not re.fullmatch(r"[0-9a-f]{40}", use[1])] == []
    assert [use for use in used if not re.fullmatch(r" # v\d+\.\d+\.\d+", use[2])] == []
    assert len({use[0] for use in used}) == len({use[:2] for use in used})


def jobs(name: str) -> dict[str, str]:
    """Return the text of each job of a workflow."""
    text = (ROOT / f".github/workflows/{name}.yml").read_text().partition("\njobs:\n")[2]
    _, *parts = re.split(r"^  ([a-z]+):\n", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_what_is_published_is_built_beside_no_other_program() -> None:
    """The files come from a job that installs what has a hash, and a check of them is needed."""
    release = jobs("release")
    assert release["build"].count("pip install") == 1
    assert "pip install --require-hashes" in release["build"]
    assert "dev.py" not in release["build"]
    assert [name for name in release if "upload-artifact" in release[name]] == ["build"]
    assert [name for name in release if "id-token" in release[name]] == ["publish"]
    assert "needs: [build, check]" in release["publish"]


def test_a_release_is_built_by_one_program_everywhere() -> None:
    """What the workflow builds with is what `nox -s release` builds with."""
    whole = workspace.parsed((ROOT / "pyproject.toml").read_text())
    (pin,) = [p for p in whole["dependency-groups"]["workspace"] if p.startswith("hatchling==")]
    written = (ROOT / "release/requirements.txt").read_text()
    wanted = [line for line in (ROOT / "release/build.in").read_text().splitlines() if "==" in line]
    assert pin in wanted
    assert [line for line in wanted if f"\n{line} \\\n" not in written] == []


def test_the_changelog_is_compared_with_the_last_release() -> None:
    """The jobs that read the history have it."""
    assert "fetch-depth: 0" in jobs("tests")["session"]
    assert "fetch-depth: 0" in jobs("tests")["changelog"]
    assert "fetch-depth: 0" in jobs("release")["build"]


def test_exact_requirements_are_kept_up_to_date() -> None:
    """Dependabot looks into each folder that has a file of requirements."""
    text = (ROOT / ".github/dependabot.yml").read_text()
    folders = {f"/{p.parent.relative_to(ROOT)}" for p in ROOT.glob("tests/**/requirements.txt")}
    listed = set(re.findall(r"^ +- (/\S+)$", text, re.MULTILINE))
    assert listed == folders | {"/release"}


LABELS = re.compile(r"^labels: \[(.*)\]", re.MULTILINE)


def test_labels_are_those_of_a_new_repository() -> None:
    """A form with a label that does not exist gets none, and nobody is told."""
    forms = [path.read_text() for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")]
    found = {label for text in forms for label in LABELS.findall(text)}
    assert found == {"bug", "enhancement"}


class _Index(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        files = [{"filename": "sentryinit_cli-1-py3-none-any.whl", "hashes": {"sha256": "aa"}}]
        known = self.path == "/simple/sentryinit-cli/" and self.headers["Accept"] == published.JSON
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"files": files}).encode())

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("aa  sentryinit_cli-1-py3-none-any.whl", 0, "all 1 files"),
        ("bb  sentryinit_cli-1-py3-none-any.whl", 1, "has other contents, aa"),
        ("aa  sentryinit_cli-1.tar.gz", 1, "is missing"),
        ("aa  sentryinit-1.tar.gz", 1, "is missing"),
        ("", 2, "no hashes"),
    ],
)
def test_what_the_index_has_is_compared(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
    code: int,
    said: str,
) -> None:
    """A file that is missing on the index, or has other contents there, is named."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Index) as server:
        threading.Thread(target=server.serve_forever).start()
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{line}\n"))
        found = published.main([f"http://127.0.0.1:{server.server_port}/"], 2, 0.0)
        server.shutdown()
    assert found == code
    assert said in capsys.readouterr().out

"""Check the rules of the workspace: one version, licences, budgets, reasons, no traces."""

from __future__ import annotations

import importlib
import os
import re
import runpy
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import rules
import workspace

ROOT = workspace.ROOT
PROJECTS = {folder.name: workspace.project(folder) for folder in workspace.folders()}
IMPORTS = {name: project["name"].replace("-", "_") for name, project in PROJECTS.items()}
ADAPTERS = sorted(set(PROJECTS) - {"cli", "core", "testkit"})
VERSION = Version(workspace.version())
TOOLS = workspace.parsed((ROOT / "pyproject.toml").read_text())["tool"]

# The budgets, in lines of code: see CONTRIBUTING.md.
CORE, ADAPTER, MODULE, DRIVER, FOREIGN_DRIVER = 9150, 165, 200, 46, 70
# Modules of Django's adapter: system checks, the management command, the hook for the REST
# framework; what is only FastAPI's in that of Starlette; and what `run` and `doctor` ask.
ASIDE = (
    *("/apps.py", "/checks.py", "/rest.py", "/commands/sentryinit.py"),
    *("/_fastapi.py", "/_wiring.py"),
)
MEDIAN, P90, LONGEST = 8, 20, 40
REPEATED = 6
BINDING = " binding of sentryinit"
# Of these, a later series may have other private names.
BOUNDED = {"sentryinit": {"~="}, "sentry-sdk": {">=", "<"}}


def tracked() -> list[Path]:
    """Return the files of the checkout that are, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def sources(pattern: str) -> dict[str, str]:
    """Return the text of the files at *pattern*, which has to find some."""
    found = {str(path.relative_to(ROOT)): path.read_text() for path in sorted(ROOT.glob(pattern))}
    assert found, f"there is nothing at {pattern}"
    return found


def none(found: list[str]) -> None:
    """Fail with all of *found*: pytest shows only the first entry of a list."""
    assert not found, "\n" + "\n".join(found)


def test_every_package_has_the_licence() -> None:
    """Each package has a copy of the licence: a build refuses a link to outside of its folder."""
    for name in PROJECTS:
        path = ROOT / "packages" / name / "LICENSE"
        assert not path.is_symlink()
        assert path.read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_every_package_reads_the_one_version() -> None:
    """No package states a version of its own."""
    for name in PROJECTS:
        whole = workspace.parsed((ROOT / "packages" / name / "pyproject.toml").read_text())
        assert whole["project"]["dynamic"] == ["version"]
        assert whole["tool"]["hatch"]["version"] == {"path": "../../VERSION.py"}


def test_the_core_needs_the_sdk_only() -> None:
    """The core's wheel brings sentry-sdk and nothing else."""
    assert [Requirement(text).name for text in PROJECTS["core"]["dependencies"]] == ["sentry-sdk"]


def test_nobody_caps_a_framework() -> None:
    """No package has an upper bound on a framework."""
    for project in PROJECTS.values():
        for need in map(Requirement, project["dependencies"]):
            operators = {part.operator for part in need.specifier}
            assert operators == BOUNDED.get(need.name, {">="})


def test_the_changelog_has_the_version() -> None:
    """The changelog has a section for the version."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(rf"^## \[?{re.escape(str(VERSION))}\b", changelog, re.MULTILINE)


def test_every_package_is_on_every_list() -> None:
    """Every package is measured, mapped to its sources, and named by the import rules."""
    names = sorted(IMPORTS.values())
    assert sorted(TOOLS["coverage"]["run"]["source_pkgs"]) == names
    assert sorted(TOOLS["coverage"]["paths"]) == sorted(PROJECTS)
    assert sorted(TOOLS["importlinter"]["root_packages"]) == names
    adapters = {IMPORTS[name] for name in ADAPTERS}
    for contract in TOOLS["importlinter"]["contracts"]:
        modules = contract.get("source_modules", contract.get("modules"))
        if contract["name"].startswith("Adapters"):
            assert set(modules) == adapters
        if modules == ["sentryinit"]:
            assert adapters <= set(contract["forbidden_modules"])
        if contract["name"].startswith("The command imports"):
            private = (ROOT / "packages/core/src/sentryinit").glob("_*")
            found = {path.stem for path in private} - {"__init__", "__pycache__"}
            assert {f"sentryinit.{name}" for name in found} == set(contract["forbidden_modules"])


def test_the_generated_lists_have_every_adapter() -> None:
    """The description of an adapter is the framework and a fixed text, which the lists read."""
    described = {name for name in PROJECTS if PROJECTS[name]["description"].endswith(BINDING)}
    assert sorted(described) == ADAPTERS


def test_every_package_is_typed() -> None:
    """Type checkers of users read the annotations."""
    for name, module in IMPORTS.items():
        assert (ROOT / "packages" / name / "src" / module / "py.typed").is_file()


def test_the_core_is_small() -> None:
    """The core as a whole fits its budget; tables of data do not count."""
    size = rules.total(sources("packages/core/src/**/*.py"), tables=False)
    assert size <= CORE, (
        f"the core has {size} lines of code; the budget is {CORE}. Whoever raises it writes the "
        "reason in docs/explanation/decisions.md."
    )


def test_modules_of_the_core_are_short() -> None:
    """Every module of the core fits its budget."""
    none(rules.too_long(sources("packages/core/src/**/*.py"), MODULE))


@pytest.mark.parametrize("name", ADAPTERS)
def test_adapters_are_thin(name: str) -> None:
    """An adapter as a whole fits its budget; shared code belongs in the core."""
    found = sources(f"packages/{name}/src/**/*.py")
    assert rules.total({n: s for n, s in found.items() if not n.endswith(ASIDE)}) <= ADAPTER


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_functions_are_short(name: str) -> None:
    """The median, the 90th percentile and the longest of the functions fit their budgets."""
    none(rules.long_functions(sources(f"packages/{name}/src/**/*.py"), MEDIAN, P90, LONGEST))


@pytest.mark.parametrize(("name", "budget"), [("core", 11), *((name, 4) for name in ADAPTERS)])
def test_public_names_are_few(name: str, budget: int) -> None:
    """A package has few public names besides its modules, and lists them."""
    assert 1 <= len(importlib.import_module(IMPORTS[name]).__all__) <= budget


def test_drivers_are_short() -> None:
    """A driver, which an author of an adapter writes to run the contract, fits its budget."""
    none(rules.too_long(sources("tests/conformance/drivers/*.py"), DRIVER))
    if list(ROOT.glob("tests/thirdparty/*/")):
        none(rules.too_long(sources("tests/thirdparty/*/*driver*.py"), FOREIGN_DRIVER))


def test_adapters_do_not_repeat_each_other() -> None:
    """No two adapters have a run of equal lines: shared code belongs in the core."""
    owned = {
        f"{name}:{path}": text
        for name in ADAPTERS
        for path, text in sources(f"packages/{name}/src/**/*.py").items()
    }
    none(rules.duplicates(owned, REPEATED))


def test_what_is_switched_off_says_why() -> None:
    """Each skip, expected failure, pragma and ignore has its reason on its line."""
    found = []
    for path in tracked():
        if path.suffix == ".py":
            text = path.read_text()
            lines = rules.unreasoned_comments(text) + rules.unreasoned_skips(text)
            found += [f"{path.relative_to(ROOT)}:{line}" for line in lines]
    none(found)


def test_settings_that_switch_off_say_why() -> None:
    """Each ignored rule of the linter and each ignored warning has its reason on its line."""
    none(rules.unreasoned_settings((ROOT / "pyproject.toml").read_text()))


def own_words() -> list[str]:
    """Return the folders of this machine and the registries that it is configured with."""
    pip = runpy.run_path(str(ROOT / "dev.py"))["pip_settings"]()
    said = [pip.get(name, "") for name in ("index-url", "extra-index-url", "find-links")]
    said += [value for name, value in os.environ.items() if "INDEX" in name or "FIND_LINKS" in name]
    places = [place for text in said for place in text.split() if "/" in place]
    hosts = [urlsplit(place).hostname or place for place in places]
    words = [str(ROOT), str(Path.home()), *hosts, *places]
    return [word for word in words if len(word) > len("/opt/x") and word != "pypi.org"]


def test_no_file_tells_of_the_machine() -> None:
    """No committed file names a folder of a person's machine, or a registry."""
    own = own_words()
    found = []
    for path in tracked():
        found += [f"{path.relative_to(ROOT)}:{line}" for line in rules.traces(text_of(path), own)]
    none(found)


def text_of(path: Path) -> str:
    """Return the text of *path*, or an empty text for a binary file."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""

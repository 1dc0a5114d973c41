"""Compare the README of each package, which is its page on an index, with the site and the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from runbook.blocks import read

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
READMES = {path.parent.name: path for path in ROOT.glob("packages/*/README.md")}
URLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["sentryinit"]["urls"]
DEFINED = re.compile(r"^\[([\w-]+)\]: (\S+)$", re.MULTILINE)
USED = re.compile(r"\[[^\]]+\]\[([\w-]+)\]")
# A command, and a sketch for authors of adapters.
WITHOUT_SNIPPET = {"cli", "testkit"}
NOBODY = "http://0123456789abcdef0123456789abcdef@127.0.0.1:9/1"


def snippets(package: str) -> list[tuple[str, str]]:
    """Return the language and the code of the blocks that have no reason not to be run."""
    return [(block.language, block.code) for block in read(READMES[package]) if not block.reason]


@pytest.mark.parametrize("package", sorted(READMES))
def test_links_lead_to_pages_of_the_site(package: str) -> None:
    """Each link is absolute, below the address in ``pyproject.toml``, and its page exists."""
    text, site = READMES[package].read_text(), URLS["Documentation"]
    defined = dict(DEFINED.findall(text))
    assert set(USED.findall(text)) == set(defined)
    assert site in defined.values()
    assert "](" not in text, "an inline link: its address would make the line too long"
    for address in defined.values():
        assert address.startswith(site)
        page = address.removeprefix(site).removesuffix(".html") or "index"
        assert (ROOT / "docs" / f"{page}.md").exists(), address


def test_the_readme_of_the_repository_names_the_site() -> None:
    """The address of the site there is the one in ``pyproject.toml``."""
    found = re.findall(r"https://[^\s>)]+", (ROOT / "README.md").read_text())
    assert found == [URLS["Documentation"]]


@pytest.mark.parametrize("package", sorted(READMES))
def test_the_package_is_installed_by_its_name(package: str) -> None:
    """The first command installs the package from an index."""
    project = tomllib.loads((READMES[package].parent / "pyproject.toml").read_text())["project"]
    commands = [code for language, code in snippets(package) if language == "console"]
    assert commands[0].splitlines()[0] == f"pip install {project['name']}"


@pytest.mark.parametrize("package", sorted(READMES.keys() - WITHOUT_SNIPPET))
def test_the_snippet_is_complete(package: str, tmp_path: Path) -> None:
    """There is one snippet; with a DSN it runs as it is, and reporting is on, or configured."""
    (code,) = (code for language, code in snippets(package) if language == "python")
    named = re.match(r"# (\w+)\.py\n", code)
    assert named is not None
    (tmp_path / f"{named[1]}.py").write_text(code)
    settings = named[1] == "settings"
    # Django reads its settings later than they are imported.
    check = "import django, os; os.environ['DJANGO_SETTINGS_MODULE'] = 'settings'; django.setup(); "
    check += "from django.core.handlers.wsgi import WSGIHandler; WSGIHandler(); "
    check = (check if settings else f"import {named[1]}; ") + "import sentryinit; "
    check += "assert sentryinit.is_on(), sentryinit.status()"
    foreign = ("SENTRY", "OTEL", "DJANGO")
    env = {k: v for k, v in os.environ.items() if not k.startswith(foreign) and k != "ENV"}
    env |= {"SENTRY_DSN": NOBODY, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", check]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")

"""Look at the files of the built site; ``nox -s docs`` builds it, with warnings as errors."""

from __future__ import annotations

import importlib
import json
import posixpath
import re
import runpy
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import tables
from sphinx.util.inventory import InventoryFile

ROOT = Path(__file__).resolve().parents[2]
PAGES: dict[str, Any] = runpy.run_path(str(ROOT / "docs/_ext/pages.py"))
# What a stylesheet loads from another host.
LOADED = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')]+)")
# The reason that a block is not run, right before the block.
REASON = re.compile(
    r'not-run docutils container">\s*<p>Not run by the tests: .+?</p>\s*</div>\s*'
    r'<div class="highlight',
    re.DOTALL,
)
SOURCE: str = PAGES["URLS"]["Source"]


def test_links_inside_resolve(site: Path, files: Any) -> None:
    """Every link to the site itself has its file, and its anchor; so has every picture."""
    broken = []
    there = {path.relative_to(site).as_posix() for path in site.rglob("*")}
    for name, page in files.items():
        for link in {*page.links, *page.assets}:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            path = posixpath.join(posixpath.dirname(name), unquote(parts.path))
            target = posixpath.normpath(path) if parts.path else name
            known = files[target].ids if target in files else set()
            if target not in there or (parts.fragment and unquote(parts.fragment) not in known):
                broken.append(f"{name}: {link}")
    assert broken == []


def test_links_to_the_repository_resolve(files: Any) -> None:
    """Every link to a file of the repository has that file here."""
    broken = []
    for name, page in files.items():
        for link in page.links:
            found = re.match(rf"{re.escape(SOURCE)}/(?:blob|tree|edit|raw)/main/([^#?]+)", link)
            if found and not (ROOT / unquote(found[1])).exists():
                broken.append(f"{name}: {link}")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(site: Path, files: Any) -> None:
    """No page and no stylesheet names a script, a font or a picture of another host."""
    loaded = [asset for page in files.values() for asset in page.assets if urlsplit(asset).netloc]
    loaded += [
        address for file in site.rglob("*.css") for address in LOADED.findall(file.read_text())
    ]
    assert loaded == []


def test_links_outside_resolve(tmp_path: Path, build: Any) -> None:
    """Every link to another host leads somewhere; skipped where there is no network."""
    try:
        urllib.request.urlopen("https://docs.python.org/3/", timeout=3).close()
    except OSError as error:
        pytest.skip(f"external links are not checked, there is no network: {error}")
    done = build(tmp_path / "links", "linkcheck")
    assert done.returncode == 0, done.stdout + done.stderr


def test_comments_for_tools_are_not_shown(files: Any) -> None:
    """No comment for a tool is in the HTML, except in code that shows such comments."""
    left = [
        f"{name}: {found}"
        for name, page in files.items()
        for found in re.findall(r"<!-- (?:\[\[\[|not run|output|include|exit)[^\n]*", page.text)
    ]
    assert left == []


def test_every_reason_is_shown(files: Any) -> None:
    """The reason of each block that the tests do not run is on its page, before the block."""
    missing = []
    for path in sorted({*ROOT.glob("docs/**/*.md")} - {*ROOT.glob("docs/_build/**/*.md")}):
        if path == PAGES["FRONT"]:  # decided in docs/_ext/pages.py
            continue
        reasons = re.findall(r"^<!-- not run: (.+) -->\n```", path.read_text(), re.MULTILINE)
        page = files[str(path.relative_to(ROOT / "docs").with_suffix(".html"))]
        shown = REASON.findall(page.text)
        if len(shown) != len(reasons):
            missing.append(f"{path.name}: {len(shown)} of {len(reasons)}")
    assert missing == []


def words(text: str) -> set[str]:
    """Return the words of *text*, a title or a name in the menu."""
    return set(re.findall(r"[\w'-]+", text.lower()))


def test_names_in_the_menu_are_those_of_the_pages() -> None:
    """A name in the menu has words of the title of its page only, and is there once a section."""
    wrong = []
    for index in sorted((ROOT / "docs").rglob("*.md")):
        if index.name not in PAGES["INDEXES"]:
            continue
        names = PAGES["listed"](index.read_text(), index)
        wrong += [f"{index}: twice: {name}" for name, n in Counter(names.values()).items() if n > 1]
        for link, name in names.items():
            title = (index.parent / link).read_text().partition("\n")[0]
            if not words(name) <= words(title):
                wrong.append(f"{index}: {name}: {title}")
    assert wrong == []


def test_private_modules_have_no_entry(site: Path) -> None:
    """Neither the index nor the search names a private module."""
    index = (site / "genindex.html").read_text() + (site / "py-modindex.html").read_text()
    searched = json.loads((site / "searchindex.js").read_text()[len("Search.setIndex(") : -1])
    named = re.findall(r"in (sentryinit\w*\._\w+)|\((sentryinit\w*\._[\w.]+)", index)
    named += [name for name in searched["objects"] if "._" in name]
    named += [name for name in searched["indexentries"] if "sentryinit._" in name]
    assert named == []


def test_signatures_can_be_read(files: Any) -> None:
    """No signature on the API pages has a memory address, a function's repr or a full module."""
    found = [
        f"{name}: {bad}"
        for name, page in files.items()
        if name.startswith("reference/api/")
        for bad in re.findall(
            r"&lt;(?:function|object|factory)[^\n]{,40}|~\w+\.|docs/[a-z]+/[a-z-]+\.md", page.text
        )
    ]
    assert found == []


@pytest.fixture(scope="module")
def documented(site: Path) -> dict[str, str]:
    """Return the page of each name of the API."""
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    return {
        name: item.uri.partition("#")[0]
        for kind, items in inventory.data.items()
        if kind.startswith("py:")
        for name, item in items.items()
    }


def test_public_names_are_on_the_api_pages(documented: dict[str, str]) -> None:
    """Every public name of every public module has its entry in the API, and its text."""
    names = [
        f"{module}.{name}"
        for module in tables.PUBLIC
        for name in getattr(importlib.import_module(module), "__all__", ())
    ]
    missing = [name for name in names if name not in documented]
    # They are those of the module for adapters, to which the page refers.
    assert missing == ["sentryinit.diagnostics.Problem", "sentryinit.diagnostics.problems"]


def test_options_are_on_the_api_page(documented: dict[str, str], files: Any) -> None:
    """Each key of ``Options`` has its entry, with the text of the table of options."""
    from sentryinit._config.options import TABLE

    page = files[documented["sentryinit.Options"]]
    assert [key for key in TABLE if f"sentryinit.Options.{key}" not in page.ids] == []

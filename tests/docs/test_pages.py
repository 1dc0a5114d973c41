"""Compare the pages with the code and with each other."""

from __future__ import annotations

import importlib
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import tables

from sentryinit_testkit import table

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent

SITE = runpy.run_path(str(ROOT / "docs/_ext/pages.py"))

LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
TABLE = re.compile(r"^<!-- \[\[\[cog print\(tables\.(.+\))\) \]\]\] -->$", re.MULTILINE)
CLAUSE = re.compile(r"^\| ([A-I]\d+) \|", re.MULTILINE)
# Folders of the machine on which the page was written.
MACHINE = re.compile(r"(?<![\w.}])/(work|root|home|Users|tmp|private|mnt)/")
# Clauses that no adapter can show, because they are not about requests: tests/core tests them.
NO_REQUEST = {"A13", "A14", "E8"}


def slugs(text: str) -> set[str]:
    """Return the anchors of the headings in *text*, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_links_resolve(page: Any) -> None:
    """Every link to a file of the checkout has its target, and its heading."""
    broken = []
    for target in LINK.findall(page.prose):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.path.parent / path).resolve() if path else page.path
        if not file.exists() or (anchor and anchor not in slugs(file.read_text())):
            broken.append(target)
    assert broken == []


def test_no_page_names_this_machine(page: Any) -> None:
    """No page contains a path of the machine that it was written on."""
    assert [match.group() for match in MACHINE.finditer(page.text)] == []


def test_every_page_is_linked(pages: dict[str, Any]) -> None:
    """Every page can be reached from the README."""
    seen, waiting = set(), ["README.md"]
    while waiting:
        name = waiting.pop()
        if name in pages and name not in seen:
            seen.add(name)
            for target in LINK.findall(pages[name].prose):
                file = (pages[name].path.parent / target.partition("#")[0]).resolve()
                if file.is_relative_to(ROOT):
                    waiting.append(str(file.relative_to(ROOT)))
    assert sorted(set(pages) - seen) == []


def test_every_page_is_in_its_index() -> None:
    """Each index lists each page of its folder, and the index of each folder, with a text.

    The site has its menu from these lists.
    """
    missing = []
    for index in [path for path in ROOT.glob("docs/**/*.md") if path.name in SITE["INDEXES"]]:
        text, folder = index.read_text(), index.parent
        if "_build" in index.parts:
            continue
        pages = {path.name for path in folder.glob("*.md")} - {index.name}
        nested = {*folder.glob("*/index.md"), *folder.glob("*/README.md")}
        pages |= {str(path.relative_to(folder)) for path in nested}
        listed = SITE["listed"](text, index)
        missing += [f"{index}: {page}" for page in sorted(pages ^ listed.keys())]
        for link in listed:
            # A list: `- [text](link): what for.`, or a table: `| what | [text](link) |`.
            line = next(line for line in text.splitlines() if f"({link})" in line)
            if not re.search(r"\): \S.*\.$|^\| \w.* \| \[.*\) \|$", line):
                missing.append(f"{index}: {link}: what it is for")
    assert missing == []


def test_pages_have_no_directives(page: Any) -> None:
    """A page is plain Markdown, which GitHub shows as well as the site."""
    assert re.findall(r"^(?:```|:::)\{.*$", page.text, re.MULTILINE) == []


def test_every_table_has_its_page() -> None:
    """Each generator of a table is named by a page that cog knows: no page has lost its table."""
    files = re.findall(r"^(\S+\.md) ", (HERE / "cog.txt").read_text(), re.MULTILINE)
    used = {name for file in files for name in TABLE.findall((ROOT / file).read_text())}
    made = re.findall(r"^def ([a-z]\w+)", (HERE / "tables.py").read_text(), re.MULTILINE)
    groups = {f'outcomes("{group}")' for group in importlib.import_module("harness.table").WORDS}
    assert {call.partition("(")[0] for call in used} == set(made)
    assert {call for call in used if call.startswith("outcomes(")} == groups


@pytest.mark.parametrize(
    ("module", "where"),
    [
        ("sentryinit.adapters", "docs/reference/adapters.md"),
        ("sentryinit.wsgi", "docs/reference/adapters.md"),
        ("sentryinit.asgi", "docs/reference/adapters.md"),
        ("sentryinit.testing", "docs/howto/testing.md"),
        ("sentryinit_aiohttp", "docs/howto/aiohttp.md"),
        ("sentryinit_django", "docs/howto/django.md"),
        ("sentryinit_falcon", "docs/howto/falcon.md"),
        ("sentryinit_flask", "docs/howto/flask.md"),
        ("sentryinit_starlette", "docs/howto/starlette.md"),
        ("sentryinit_testkit", "docs/howto/write-an-adapter.md"),
    ],
)
def test_public_names_are_documented(module: str, where: str, pages: dict[str, Any]) -> None:
    """Every public name is on the page of its module."""
    names = importlib.import_module(module).__all__
    text = pages[where].text
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []


def test_public_modules_are_all_listed() -> None:
    """The page of the public API has each package, and each module of the core for others."""
    packages = {path.parent.name for path in ROOT.glob("packages/*/src/*/__init__.py")}
    modules = {path.stem for path in ROOT.glob("packages/core/src/sentryinit/[!_]*.py")}
    # Of the command, its options are public, and nothing that can be imported.
    expected = (packages - {"sentryinit_cli"}) | {f"sentryinit.{name}" for name in modules}
    assert expected == set(tables.PUBLIC)


def test_clauses_are_those_of_the_testkit(pages: dict[str, Any]) -> None:
    """The clauses of the contract are numbered without gaps, and each has a case in the testkit."""
    found = CLAUSE.findall(pages["docs/reference/contract.md"].text)
    for letter in "ABCDEFGHI":
        numbers = [int(clause[1:]) for clause in found if clause[0] == letter]
        assert numbers == list(range(1, len(numbers) + 1)), letter
        assert numbers, letter
    # The clauses of H have tests elsewhere: the page names them.
    promised = {clause for clause in found if clause[0] != "H"}
    assert promised - set({clause for clause, _ in table.cases()}) == NO_REQUEST


def test_the_two_commands_are_there(pages: dict[str, Any]) -> None:
    """The README names the commands of ``dev.py``."""
    named = set(re.findall(r"^python3 dev\.py (\w+)", pages["README.md"].text, re.MULTILINE))
    listed = set(re.findall(r"python3 dev\.py (\w+)", (ROOT / "dev.py").read_text()))
    assert named == listed == {"demo", "test"}

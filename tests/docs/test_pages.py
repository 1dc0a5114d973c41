"""What the pages say of the code, and of each other, is so."""

from __future__ import annotations

import importlib
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from sentryinit_testkit import table

ROOT = Path(__file__).resolve().parents[2]
TABLES = runpy.run_path(str(Path(__file__).with_name("tables.py")))

LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
CLAUSE = re.compile(r"^\| ([A-I]\d+) \|", re.MULTILINE)
# Places that only the machine of whoever wrote the page has.
MACHINE = re.compile(r"(?<![\w.}])/(work|root|home|Users|tmp|private|mnt)/")
# What no adapter can show, as it is about no request: the core's own tests have it.
CORES_OWN = {"A13"}


def slugs(text: str) -> set[str]:
    """Return the anchors of the headings in *text*, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_links_resolve(page: Any) -> None:
    """Every link into the checkout has its file, and its heading."""
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


@pytest.mark.parametrize("name", sorted(TABLES["PAGES"]))
def test_tables_equal_the_code(name: str) -> None:
    """Generated tables are those of the code; if not: ``python tests/docs/tables.py``."""
    assert (ROOT / name).read_text() == TABLES["rendered"](name), "run python tests/docs/tables.py"


@pytest.mark.parametrize(
    ("module", "where"),
    [
        ("sentryinit", "README.md"),
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
    """Every public name stands on the page of its module."""
    names = importlib.import_module(module).__all__
    text = pages[where].text
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []


def test_clauses_are_those_of_the_testkit(pages: dict[str, Any]) -> None:
    """The contract has a row for each clause, each clause has a case, and the other way round."""
    found = CLAUSE.findall(pages["docs/reference/contract.md"].text)
    for letter in "ABCDEFGHI":
        numbers = [int(clause[1:]) for clause in found if clause[0] == letter]
        assert numbers == list(range(1, len(numbers) + 1)), letter
        assert numbers, letter
    # H has tests of its own elsewhere, as far as it is there: its page says it.
    promised = {clause for clause in found if clause[0] != "H"}
    assert promised - set({clause for clause, _ in table.cases()}) == CORES_OWN


def test_the_two_commands_are_there(pages: dict[str, Any]) -> None:
    """The README's commands are those of ``dev.py``."""
    named = set(re.findall(r"^python3 dev\.py (\w+)", pages["README.md"].text, re.MULTILINE))
    listed = set(re.findall(r"python3 dev\.py (\w+)", (ROOT / "dev.py").read_text()))
    assert named == listed == {"demo", "test"}

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = [path for path in sorted(ROOT.glob("docs/**/*.md")) if "_build" not in path.parts]
# The pages of the API are for Sphinx: they have its directives, and no text of their own.
API = ROOT / "docs/reference/api"
PAGES = [ROOT / "README.md", *(path for path in FILES if path.parent != API)]

# A fenced block, with the mark on the line before it.
BLOCK = re.compile(
    r"^(?:<!-- (not run: \w[^\n]*|output) -->\n)?```(\w*)[^\S\n]*\n(.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A fenced block: the mark before it, its language, the number of its first line, its code."""

    mark: str
    language: str
    line: int
    code: str

    @property
    def file(self) -> str:
        """The name in its first line, ``# name.py``, or a name made from the line number."""
        named = re.match(r"# (\w+\.py)\n", self.code)
        return named[1] if named else f"line_{self.line}.py"

    @property
    def source(self) -> str:
        """The code, preceded by blank lines: line numbers in tracebacks are those of the page."""
        return "\n" * self.line + self.code


@dataclass(frozen=True)
class Page:
    """A page of the documentation."""

    path: Path

    @property
    def name(self) -> str:
        """The path relative to the checkout."""
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        """The whole text."""
        return self.path.read_text()

    @property
    def prose(self) -> str:
        """The text without the fenced blocks."""
        return BLOCK.sub("", self.text)

    def blocks(self) -> list[Block]:
        """Return the fenced blocks in order."""
        text = self.text
        return [
            Block(found[1] or "", found[2], text.count("\n", 0, found.start(2)) + 1, found[3])
            for found in BLOCK.finditer(text)
        ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that takes a ``page`` once for each page.

    An ``example_page`` is one whose examples are files; ``test_runbook.py`` runs the others.
    """
    pages = [Page(path) for path in PAGES]
    examples = [page for page in pages if not page.name.startswith("docs/runbook/")]
    for name, given in ("page", pages), ("example_page", examples):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, given, ids=[page.name for page in given])


@pytest.fixture
def pages() -> dict[str, Page]:
    """Return all pages by name."""
    return {page.name: page for page in map(Page, PAGES)}

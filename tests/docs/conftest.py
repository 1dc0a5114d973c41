from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]

FENCE = re.compile(r"```(\w*)\s*")
MARK = re.compile(r"<!-- (not run: \w.*|output) -->")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the *line* that its code begins after, the mark before it."""

    language: str
    line: int
    mark: str
    code: str

    @property
    def file(self) -> str:
        """The name that its first line gives it, or one of its own."""
        named = re.match(r"# (\w+\.py)\n", self.code)
        return named[1] if named else f"line_{self.line}.py"

    @property
    def source(self) -> str:
        """The code, on the lines that it has in its page: failures then name these."""
        return "\n" * self.line + self.code


@dataclass(frozen=True)
class Page:
    """A page of the documentation."""

    path: Path

    @property
    def name(self) -> str:
        """Where it is in the checkout."""
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text()

    @property
    def prose(self) -> str:
        """All but the fenced blocks."""
        return re.sub(r"^```.*?^```", "", self.text, flags=re.DOTALL | re.MULTILINE)

    def blocks(self) -> Iterator[Block]:
        """Yield the fenced blocks."""
        lines = self.text.splitlines()
        starts = iter(enumerate(lines))
        for number, line in starts:
            if fence := FENCE.fullmatch(line):
                code = []
                for _, inner in starts:
                    if inner == "```":
                        break
                    code.append(inner)
                mark = MARK.fullmatch(lines[number - 1])
                said = mark[1] if mark else ""
                yield Block(fence[1], number + 1, said, "\n".join(code) + "\n")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what takes a ``page`` once for each."""
    if "page" in metafunc.fixturenames:
        pages = [Page(path) for path in PAGES]
        metafunc.parametrize("page", pages, ids=[page.name for page in pages])


@pytest.fixture
def pages() -> dict[str, Page]:
    """All pages, by name."""
    return {page.name: page for page in map(Page, PAGES)}

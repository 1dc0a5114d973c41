"""The blocks of a page of the runbook, and what happens to each of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# A fenced block at the margin, with the mark on the line before it.
BLOCK = re.compile(
    r"^(?:<!-- (not run: \w[^\n]*|output|exit \d+) -->\n)?```(\w+)\n(.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
# What is done with a block without a reason, by its language.
DONE = {
    "sh": "runs in a shell, page by page",
    "python": "is a file of the page, run by a command or by a server",
    "toml": "is a file of the page, read by a command",
    "yaml": "is parsed; its commands run",
    "nginx": "configures a real nginx",
    "promql": "is parsed",
}


@dataclass(frozen=True)
class Block:
    """A fenced block: mark, language, the number of its first line, and its code."""

    mark: str
    language: str
    line: int
    code: str

    @property
    def reason(self) -> str:
        """Why it is not run; empty if it is."""
        return self.mark.removeprefix("not run: ") if self.mark.startswith("not run: ") else ""

    @property
    def is_output(self) -> bool:
        """Return True if it is what the block before it prints."""
        return self.mark == "output"

    @property
    def exit_code(self) -> int:
        """The exit code that it ends with."""
        return int(self.mark.removeprefix("exit ")) if self.mark.startswith("exit ") else 0

    @property
    def file(self) -> str:
        """The name in its first line, ``# name.ext``; empty without one."""
        named = re.match(r"# ([\w./-]+\.\w+)", self.code)
        return named[1] if named else ""


def read(path: Path) -> list[Block]:
    """Return the blocks of the page *path*, in order."""
    text = path.read_text()
    return [
        Block(found[1] or "", found[2], text.count("\n", 0, found.start(2)) + 1, found[3])
        for found in BLOCK.finditer(text)
    ]


def matches(expected: str, printed: str) -> bool:
    """Return True if *printed* is *expected*; ``...`` in it stands for any text of one line."""
    pattern = re.escape(expected.strip()).replace(re.escape("..."), "[^\n]*")
    return re.fullmatch(pattern, printed.strip()) is not None

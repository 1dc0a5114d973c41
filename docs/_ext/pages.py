"""Turn the pages, plain Markdown with comments for tools, into what Sphinx builds.

- ``<!-- not run: REASON -->`` becomes a line for the reader; all other comments are removed.
- A link to a file that is not on the site becomes one to the repository.
- ``<!-- include: FILE -->`` makes a page of a file of the root.
- An index page gets its toctree from its links: their order and their texts are those of the menu.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomllib

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
URLS: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["sentryinit"][
    "urls"
]
# Files of the root that are pages of the site.
PAGES = {
    "CHANGELOG.md": "project/changes.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "LICENSE": "project/licence.md",
    "README.md": "index.md",
    "SECURITY.md": "project/security.md",
}
# Its blocks install, which nobody expects to be run here: without the lines for the reader.
FRONT = DOCS / "index.md"
INDEXES = {"index.md", "README.md"}

_FENCE = re.compile(r"^\s*(`{3,}|:{3,})")
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->\s*$")
_INCLUDE = re.compile(r"^<!-- include: (\S+) -->$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s#:]+)(#[^)\s]*)?\)")
_LISTED = re.compile(r"\[([^\]]+)\]\(([^)\s#:]+\.md)\)")
_TITLE = re.compile(r"\A# .+\n")


def read(app: Any, docname: str, source: list[str]) -> None:
    """Change *source*, the text of a page: Sphinx calls this when it has read a page."""
    page = Path(app.env.doc2path(docname))
    source[0] = rewritten(source[0], page)


def rewritten(text: str, page: Path) -> str:
    """Return the *text* of *page* as Sphinx is to see it."""
    included = _INCLUDE.search(text)
    if included is not None:
        file = (page.parent / included[1]).resolve()
        body = file.read_text()
        if file.suffix == ".md":
            return _changed(body, file, page)
        title = _TITLE.match(text)
        return f"{title[0] if title else ''}\n```text\n{body}```\n"
    changed = _changed(text, page, page)
    return changed + toctree(text, page) if page.name in INDEXES else changed


def _changed(text: str, file: Path, page: Path) -> str:
    """Return *text* with its comments and links as on the site; *file* is where it is written."""
    return "".join(_lines(text, file, page))


def _lines(text: str, file: Path, page: Path) -> Iterator[str]:
    fence, in_comment = "", False
    for line in text.splitlines(keepends=True):
        found = _FENCE.match(line)
        if fence or found:
            if found and not fence:
                fence = found[1]
            elif found and line.strip() == fence:
                fence = ""
            yield line
            continue
        in_comment = in_comment or line.startswith("<!--")
        if in_comment:
            in_comment = "-->" not in line
            reason = _NOT_RUN.match(line)
            if reason and page != FRONT:
                yield f":::{{container}} not-run\nNot run by the tests: {reason[1]}\n:::\n\n"
            continue
        yield _LINK.sub(lambda match: f"]({_target(match[1], match[2] or '', file, page)})", line)


def _target(link: str, anchor: str, file: Path, page: Path) -> str:
    """Return where *link* with *anchor*, a path in *file*, leads from *page*."""
    path = (file.parent / link).resolve()
    if not path.is_relative_to(ROOT) or not path.exists():
        return link + anchor  # Sphinx reports it
    inside = str(path.relative_to(ROOT))
    if inside in PAGES and not (anchor and inside == "README.md"):  # its headings are not here
        path = DOCS / PAGES[inside]
    if path.is_relative_to(DOCS):
        return os.path.relpath(path, page.parent) + anchor
    return f"{URLS['Source']}/{'tree' if path.is_dir() else 'blob'}/main/{inside}{anchor}"


def listed(text: str, page: Path) -> dict[str, str]:
    """Return the pages that the index *page* lists, with the texts of the links.

    They are those of its folder, and the indexes of the folders in it.
    """
    found: dict[str, str] = {}
    for name, link in _LISTED.findall(text):
        path = Path(os.path.normpath(link))
        is_child = len(path.parts) == 1 or (len(path.parts) == 2 and path.name in INDEXES)
        if is_child and path.parts[0] != ".." and path != Path(page.name):
            found.setdefault(str(path), name.replace("`", ""))
    return found


def toctree(text: str, page: Path) -> str:
    """Return the directive for the menu of the index *page*."""
    entries = [f"{name} <{link.removesuffix('.md')}>" for link, name in listed(text, page).items()]
    return "\n".join(["", "```{toctree}", ":hidden:", "", *entries, "```", ""])

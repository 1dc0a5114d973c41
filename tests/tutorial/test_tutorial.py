"""Follow each page of the tutorial, and compare what is in Bugsink with what the page shows."""

from __future__ import annotations

import re
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import write
from reader import PAGES, is_of_bugsink
from runbook.blocks import read

TITLE = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
PANIC = "DebugPanic: raised on purpose by the debug route of sentryinit"


def test_pages_are_as_their_generator_writes_them() -> None:
    """``write.py`` makes each page of the tutorial, and there is no other page."""
    assert write.differing() == []


@pytest.mark.parametrize("name", write.NAMES)
def test_each_command_of_a_page_runs(name: str, followed: dict[str, Future[Any]]) -> None:
    """Each block of a page runs, in their order; Bugsink then has what the page shows."""
    done = followed[name].result()
    text, blocks = (PAGES / f"{name}.md").read_text(), read(PAGES / f"{name}.md")
    assert text.count("```") == 2 * len(blocks)
    assert done.ran == [block for block in blocks if not is_of_bugsink(text, block)]
    titles = TITLE.findall(text)
    assert len(titles) == 2
    assert done.titles == sorted([*titles, PANIC])


def test_the_first_section_is_the_same_on_all_pages() -> None:
    """Bugsink is started in one way: one page is enough to try it."""
    texts = {name: (PAGES / f"{name}.md").read_text() for name in write.NAMES}
    parts = {re.split(r"^## [12]\. ", text, flags=re.MULTILINE)[1] for text in texts.values()}
    assert len(parts) == 1
    assert all(re.search("bugsink-create-conf", part) for part in parts)


def test_each_page_of_the_index_has_a_file() -> None:
    """Each framework has a page."""
    assert Path(PAGES / "index.md").exists()
    assert {"aiohttp", "asgi", "django", "falcon", "fastapi", "flask", "starlette", "wsgi"} <= set(
        write.NAMES
    )

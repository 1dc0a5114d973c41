"""Run what the pages of a migration show, before and after, and compare with what they say."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from migration import tables

HEAD = "| request | `sentry-sdk` | sentryinit |\n| --- | --- | --- |\n"


def write(page: Any, folder: Path) -> None:
    """Write the files of *page* into *folder*."""
    for block in page.blocks():
        if block.language == "python" and block.code.startswith("# "):
            (folder / block.file).write_text(block.source)


def compared(folder: Path, protocol: str, modules: list[str], paths: list[str]) -> list[list[str]]:
    """Return the rows of the table: each path, with the cells of the *modules*."""
    with ThreadPoolExecutor() as pool:
        cells = list(pool.map(lambda m: tables.drive(folder, protocol, m, paths), modules))
    return [[f"`{path}`", *each] for path, *each in zip(paths, *cells, strict=True)]


@pytest.mark.parametrize(
    ("name", "protocol", "modules"),
    [
        ("aiohttp", "aiohttp", ["before", "after"]),
        ("celery", "tasks", ["before", "after"]),
        ("django", "wsgi", ["before", "after"]),
        ("falcon", "wsgi", ["before", "after"]),
        ("flask", "wsgi", ["before", "after"]),
        ("starlette-and-fastapi", "asgi", ["before", "after"]),
        ("wsgi-and-asgi", "wsgi", ["before", "after"]),
        ("wsgi-and-asgi", "asgi", ["before_asgi", "after_asgi"]),
    ],
)
def test_what_each_reports_is_what_the_page_says(
    name: str, protocol: str, modules: list[str], pages: dict[str, Any], tmp_path: Path
) -> None:
    """The application of before and that of after report what the table says, for each request."""
    page = pages[f"docs/migrate/{name}.md"]
    write(page, tmp_path)
    head = "task" if protocol == "tasks" else "request"
    said = [row[:3] for row in tables.rows(page.text, head)]
    # Two tables, for two protocols, with one head.
    half = len(said) // 2
    said = said if name != "wsgi-and-asgi" else said[:half] if protocol == "wsgi" else said[half:]
    paths = [row[0].strip("`") for row in said]
    measured = compared(tmp_path, protocol, modules, paths)
    assert said == measured, f"\n{tables.grid(measured)}"

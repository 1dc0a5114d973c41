from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bugsink as real
import pytest
import write
from reader import Reader, Section
from runbook.blocks import Block
from runbook.proxy import free_port

AT_ONCE = 2
"""Pages that are followed at the same time: each waits for servers, most of its time."""


@dataclass(frozen=True)
class Followed:
    """A page that was followed to its end: the blocks that ran, and the titles in Bugsink."""

    ran: list[Block]
    titles: list[str]


def environment(wheels: Path, commands: Path) -> dict[str, str]:
    """Return the environment of a reader, to whom the wheels in *wheels* are an index.

    Nothing of the venv of the tests is in it, which may have what the page is to install.
    """
    # UV_PYTHON: nox names its venv, and uv would install there.
    foreign = ("SENTRY", "OTEL", "PYTEST", "DJANGO", "VIRTUAL_ENV", "PYTHON", "UV_PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    others = [folder for folder in os.get_exec_path() if Path(folder) != Path(sys.prefix, "bin")]
    python = commands / "python3"
    python.write_text(f'#!/bin/sh\nexec {sys._base_executable} "$@"\n')  # type: ignore[attr-defined]  # of venv
    python.chmod(0o755)
    found = {
        name: separator.join([str(wheels), *filter(None, [os.environ.get(name)])])
        for name, separator in (("PIP_FIND_LINKS", " "), ("UV_FIND_LINKS", ","))
    }
    path = os.pathsep.join([str(commands), *others])
    # A reader has a home of its own, but what was downloaded is there for all.
    caches = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    found |= {f"{tool.upper()}_CACHE_DIR": str(caches / tool) for tool in ("pip", "uv")}
    more = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}
    return kept | found | more | {"PATH": path}


@pytest.fixture(scope="session")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of the readers.

    The folder of the wheels is a new one each time: uv keeps what it has read of an index.
    """
    with tempfile.TemporaryDirectory() as folder:
        for wheel in Path(os.environ["TUTORIAL_WHEELS"]).glob("*.whl"):
            shutil.copy(wheel, folder)
        yield environment(Path(folder), tmp_path_factory.mktemp("commands"))


@pytest.fixture(scope="session")
def section(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Section]:
    """A Bugsink, made and started by the commands of the first section of a page."""
    with Section(write.NAMES[0], tmp_path_factory.mktemp("bugsink"), free_port()) as section:
        section.follow(environ)
        yield section


@pytest.fixture(scope="session")
def followed(
    section: Section, environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Followed]]]:
    """Each page, followed, some at a time."""
    token = section.token()
    store = real.backend.Backend(None, section.port, "", token, {})
    # One page with pip and venv, as it is written; the others with uv, which is faster.
    slow = write.NAMES if "TUTORIAL_UV" not in environ else write.NAMES[:1]
    readers = {
        name: Reader(name, tmp_path_factory.mktemp(name), section, quick=name not in slow)
        for name in write.NAMES
    }

    def follow(reader: Reader) -> Followed:
        ran = reader.follow(environ)
        project: Any = real.backend.Project(reader.project, reader.dsn)
        return Followed(ran, sorted(event.title for event in store.events(project)))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(follow, reader) for name, reader in readers.items()}

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


def environment(wheels: Path) -> dict[str, str]:
    """Return the environment of a reader, to whom the wheels in *wheels* are an index."""
    foreign = ("SENTRY", "OTEL", "PYTEST", "DJANGO", "VIRTUAL_ENV", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    found = {
        name: separator.join([str(wheels), *filter(None, [os.environ.get(name)])])
        for name, separator in (("PIP_FIND_LINKS", " "), ("UV_FIND_LINKS", ","))
    }
    return kept | found | {"PATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "NO_COLOR": "1"}


@pytest.fixture(scope="session")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of the readers.

    The folder of the wheels is a new one each time: uv keeps what it has read of an index.
    """
    with tempfile.TemporaryDirectory() as folder:
        for wheel in Path(os.environ["TUTORIAL_WHEELS"]).glob("*.whl"):
            shutil.copy(wheel, folder)
        yield environment(Path(folder))


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

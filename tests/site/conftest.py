from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _build(into: Path, builder: str = "html", **env: str) -> subprocess.CompletedProcess[str]:
    """Build the site into the folder *into*."""
    doctrees = into.with_name(f"{into.name}.doctrees")
    options = ["-q", "-W", "--keep-going", "-b", builder, "-d", str(doctrees)]
    command = [sys.executable, "-m", "sphinx", *options, "docs", str(into)]
    # Development mode, which the tests run in, doubles the time.
    given = {key: value for key, value in os.environ.items() if key != "PYTHONDEVMODE"} | env
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)


@pytest.fixture
def build() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return the function that builds the site."""
    return _build


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site: ``nox -s docs`` names the one that it has built."""
    if "SITE" in os.environ:
        return Path(os.environ["SITE"])
    folder = tmp_path_factory.mktemp("site") / "html"
    done = _build(folder)
    assert done.returncode == 0, done.stderr
    return folder


@dataclass
class Html(HTMLParser):
    """What the tests look at in one file of the site."""

    text: str
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    assets: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        rel = given.get("rel", "").split()
        if tag in {"script", "img", "iframe", "source"} or "stylesheet" in rel or "icon" in rel:
            self.assets += [given[name] for name in ("src", "href") if name in given]


class Files(Mapping[str, Html]):
    """The files of the site, by their path in its folder; each is parsed once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parsed: dict[str, Html] = {}

    @cached_property
    def names(self) -> list[str]:
        return sorted(
            each.relative_to(self.folder).as_posix() for each in self.folder.rglob("*.html")
        )

    def __getitem__(self, name: str) -> Html:
        if name not in self._parsed:
            self._parsed[name] = Html((self.folder / name).read_text())
        return self._parsed[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.endswith(".html") and (self.folder / name).is_file()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


@pytest.fixture(scope="session")
def files(site: Path) -> Files:
    """Return the HTML of the site."""
    return Files(site)

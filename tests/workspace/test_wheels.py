"""Check the installed wheels against the checkout.

The session ``wheels`` also runs check-wheel-contents, twine and validate-pyproject.
"""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import rules

ROOT = Path(__file__).resolve().parents[2]
IMPORTS = {
    path.parents[2].name: path.parent.name
    for path in sorted(ROOT.glob("packages/*/src/*/py.typed"))
}
WHEEL_BYTES = 245_000


@pytest.mark.parametrize("package", IMPORTS)
def test_the_wheel_has_the_sources(package: str) -> None:
    """The installed files are those of ``src``, byte for byte: no stale build was installed."""
    folder = ROOT / "packages" / package / "src"
    site = Path(str(importlib.import_module(IMPORTS[package]).__file__)).parents[1]
    paths = [path for path in folder.rglob("*.*") if "__pycache__" not in path.parts]
    names = [path.relative_to(folder) for path in paths if path.is_file()]
    assert [n for n in names if (site / n).read_bytes() != (folder / n).read_bytes()] == []


@pytest.mark.parametrize("package", IMPORTS)
def test_the_metadata_is_complete(package: str) -> None:
    """The metadata of a wheel has the licence, with its text, and the oldest Python."""
    name = IMPORTS[package].replace("_", "-")
    said = metadata.metadata(name)
    assert (said["License-Expression"], said["License-File"]) == ("MIT", "LICENSE")
    assert [file for file in metadata.files(name) or () if file.match("licenses/LICENSE")]
    assert said["Requires-Python"] == ">=3.10"


def test_the_wheel_of_the_core_is_small(tmp_path: Path) -> None:
    """The wheel of the core fits its budget; tables of data do not count."""
    copy = tmp_path / "packages/core"
    shutil.copytree(ROOT / "packages/core", copy)
    shutil.copy(ROOT / "VERSION.py", tmp_path)
    for path in copy.glob("src/**/*.py"):
        source = path.read_text()
        tables = rules.table_lines(source)
        lines = enumerate(source.splitlines(keepends=True), 1)
        path.write_text("".join(line for number, line in lines if number not in tables))
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "out")]
    subprocess.run(build, cwd=copy, check=True, capture_output=True)
    (wheel,) = (tmp_path / "out").iterdir()
    size = wheel.stat().st_size
    assert size <= WHEEL_BYTES, (
        f"the wheel of the core has {size} bytes; the budget is {WHEEL_BYTES}. Whoever raises it "
        "writes the reason in docs/explanation/decisions.md."
    )


def test_the_fixture_is_registered() -> None:
    """The core registers the fixture of ``sentryinit.testing`` as a plugin of pytest."""
    (found,) = metadata.entry_points(group="pytest11", name="sentryinit")
    assert found.value == "sentryinit._pytest"

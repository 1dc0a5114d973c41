"""The wheels, each built from the sdist that was built before it."""

from __future__ import annotations

import runpy
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMPORTS = {
    path.parents[2].name: path.parent.name
    for path in sorted(ROOT.glob("packages/*/src/*/py.typed"))
}
KILOBYTE = 1000


def build(project: Path, kind: str, target: Path) -> Path:
    """Build one distribution of *project* into *target*, without a registry."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)],
        cwd=project,
        check=True,
        capture_output=True,
    )
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function from a package to its wheel, from its sdist, unpacked far from the tree."""
    built: dict[str, Path] = {}

    def make(package: str) -> Path:
        if package not in built:
            folder = tmp_path_factory.mktemp(package)
            sdist = build(ROOT / "packages" / package, "sdist", folder / "sdist")
            with tarfile.open(sdist) as archive:
                archive.extraction_filter = tarfile.data_filter
                archive.extractall(folder)  # noqa: S202 # we have just made it
            unpacked = folder / sdist.name.removesuffix(".tar.gz")
            built[package] = build(unpacked, "wheel", folder / "wheel")
        return built[package]

    return make


def metadata(wheel: Path) -> Message:
    """Return the metadata of *wheel*."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_string(archive.read(name).decode())


@pytest.mark.parametrize("package", IMPORTS)
def test_the_wheel_holds_the_sources(wheel: Callable[[str], Path], package: str) -> None:
    """All that is in ``src``, ``py.typed`` too, byte for byte, and the licence."""
    folder = ROOT / "packages" / package / "src"
    expected = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel(package)) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    info = {name.split("/", 1)[1] for name in found if ".dist-info/" in name}
    assert {name: found[name] for name in found if ".dist-info/" not in name} == expected
    assert f"{IMPORTS[package]}/py.typed" in expected
    assert "licenses/LICENSE" in info


@pytest.mark.parametrize("package", IMPORTS)
def test_the_installed_wheel_is_this_one(wheel: Callable[[str], Path], package: str) -> None:
    """What this session tests has the code of this tree: no stale build was installed."""
    with zipfile.ZipFile(wheel(package)) as archive:
        module = __import__(IMPORTS[package])
        site = Path(str(module.__file__)).parents[1]
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        assert [n for n in names if (site / n).read_bytes() != archive.read(n)] == []


@pytest.mark.parametrize("package", IMPORTS)
def test_the_metadata_is_complete(wheel: Callable[[str], Path], package: str) -> None:
    """Version, licence, Pythons, and a page that says what it is."""
    said = metadata(wheel(package))
    assert said["Version"] == runpy.run_path(str(ROOT / "VERSION.py"))["__version__"]
    assert (said["License-Expression"], said["License-File"]) == ("MIT", "LICENSE")
    assert said["Requires-Python"] == ">=3.10"
    pythons = [
        text.rpartition(" ")[2] for text in said.get_all("Classifier", []) if ":: 3." in text
    ]
    assert pythons == ["3.10", "3.11", "3.12", "3.13", "3.14"]
    assert said["Description-Content-Type"] == "text/markdown"
    assert str(said.get_payload()).startswith(f"# {said['Name']}\n")


def test_the_core_is_small(wheel: Callable[[str], Path]) -> None:
    """The core's wheel stays within 100 kB."""
    assert wheel("core").stat().st_size <= 100 * KILOBYTE


def test_the_fixture_is_registered(wheel: Callable[[str], Path]) -> None:
    """The fixture of ``sentryinit.testing`` is found by pytest wherever the core is installed."""
    with zipfile.ZipFile(wheel("core")) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        assert archive.read(name).decode() == "[pytest11]\nsentryinit = sentryinit._pytest\n"

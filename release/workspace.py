"""Read what the packages of this checkout declare."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]


def folders(root: Path = ROOT) -> list[Path]:
    """Return the folder of each package."""
    return sorted(path.parent for path in root.glob("packages/*/pyproject.toml"))


def parsed(text: str) -> dict[str, Any]:
    """Return the tables of *text*, which is TOML."""
    return tomllib.loads(text)


def project(folder: Path) -> dict[str, Any]:
    """Return the table ``project`` of the package in *folder*."""
    table: dict[str, Any] = parsed((folder / "pyproject.toml").read_text())["project"]
    return table


def version(root: Path = ROOT) -> str:
    """Return the one version of all packages."""
    return str(runpy.run_path(str(root / "VERSION.py"))["__version__"])


def pin(version: str) -> str:
    """Return how a package of *version* needs the core: any release with the same two numbers."""
    major, minor = version.split(".")[:2]
    return f"sentryinit~={major}.{minor}.0"


def wrong_pins(root: Path = ROOT) -> dict[Path, str]:
    """Return the ``pyproject.toml`` of each package that needs another core, with its new text."""
    paths = [folder / "pyproject.toml" for folder in folders(root)]
    needed = f'"{pin(version(root))}"'
    new = {path: re.sub(r'"sentryinit~=[^"]*"', needed, path.read_text()) for path in paths}
    return {path: text for path, text in new.items() if path.read_text() != text}

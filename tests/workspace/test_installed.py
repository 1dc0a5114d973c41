"""Check, in every session, that the tests import the wheels that would be published."""

from __future__ import annotations

import importlib
import runpy
from importlib import metadata
from pathlib import Path

import pytest

# For the session that chooses tests by this mark: these run in every session.
pytestmark = pytest.mark.both

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = sorted(
    distribution.name
    for distribution in metadata.distributions()
    if distribution.name.startswith("sentryinit")
)


def test_the_core_is_installed() -> None:
    """The core is among the installed packages."""
    assert "sentryinit" in INSTALLED


@pytest.mark.parametrize("name", INSTALLED)
def test_the_code_comes_from_site_packages(name: str) -> None:
    """The tests import the installed wheel, not the sources in the checkout."""
    module = importlib.import_module(name.replace("-", "_"))
    assert "site-packages" in Path(str(module.__file__)).parts


@pytest.mark.parametrize("name", INSTALLED)
def test_the_version_is_that_of_the_tree(name: str) -> None:
    """The installed wheel has the version of the checkout."""
    assert metadata.version(name) == runpy.run_path(str(ROOT / "VERSION.py"))["__version__"]

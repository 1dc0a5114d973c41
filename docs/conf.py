"""Build the site: ``nox -s docs``, or ``sphinx-build -W docs site`` with the group ``site``."""

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

ROOT = Path(__file__).resolve().parent.parent
URLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["sentryinit"]["urls"]

project = "sentryinit"
author = "The sentryinit authors"
project_copyright = author
release = version = runpy.run_path(str(ROOT / "VERSION.py"))["__version__"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
]
# Shown by the pages that include them.
exclude_patterns = ["reference/*.json"]
nitpicky = True
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]

html_theme = "furo"
html_title = f"sentryinit {release}"
html_copy_source = False
copybutton_prompt_text = "$ "

intersphinx_mapping: dict[str, Any] = {}


def resolve_files(_app: object, _name: str, source: list[str]) -> None:
    """Remove what is for tools, and link files that are not on the site in the repository."""
    text = re.sub(r"^<!-- (?!sphinx).*?-->\n", "", source[0], flags=re.DOTALL | re.MULTILINE)
    source[0] = re.sub(r"\]\((?:\.\./)+((?:tests|packages)/[^)]+)\)", rf"]({URLS['Source']}/blob/main/\1)", text)


def setup(app: Any) -> None:
    """Register what this file adds to Sphinx."""
    app.connect("source-read", resolve_files)

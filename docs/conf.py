"""Build the site, without a network: ``nox -s docs``, or ``sphinx-build -W docs docs/_build/html``.

The pages are plain Markdown, which GitHub shows too; ``_ext/pages.py`` says what it changes.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path.insert(0, str(DOCS / "_ext"))

import api  # noqa: E402 # found by means of the line above
import finding  # noqa: E402 # likewise
import inventories  # noqa: E402 # likewise
import pages  # noqa: E402 # likewise

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
exclude_patterns = ["_build", "_ext", "reference/*.json"]
nitpicky = True
nitpick_ignore_regex = api.UNDOCUMENTED

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
add_module_names = False
autodoc_preserve_defaults = True
python_display_short_literal_types = True
python_maximum_signature_line_length = 140

# It makes a dash of the two before the name of an option.
smartquotes = False

html_theme = "furo"
pygments_dark_style = "a11y-high-contrast-dark"
html_title = f"sentryinit {release}"
html_baseurl = pages.URLS["Documentation"]
html_copy_source = False
html_show_sphinx = False
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_search_scorer = str(finding.SCRIPT)
html_theme_options = {
    "source_repository": pages.URLS["Source"],
    "source_branch": "main",
    "source_directory": "docs/",
}
# Filled by _ext/inventories.py.
intersphinx_mapping: dict[str, tuple[str, str]] = {}

copybutton_prompt_text = "$ "

# What `sphinx-build -b linkcheck` does not ask: what is not there before it is published.
linkcheck_ignore = [f"^{url}" for url in pages.URLS.values()]
linkcheck_anchors_ignore_for_url = [r"https://github\.com/.*"]  # scripts make them
linkcheck_timeout = 10
linkcheck_retries = 2


def setup(app: Any) -> None:
    """Register what the files in ``_ext`` add to Sphinx."""
    app.connect("config-inited", inventories.write)
    app.add_search_language(finding.English)
    app.connect("source-read", pages.read)
    app.add_transform(finding.Entries)
    app.connect("env-updated", finding.hide_private)
    app.connect("missing-reference", api.resolve)
    app.connect("autodoc-process-docstring", api.describe_options)
    app.connect("autodoc-process-docstring", api.link_pages)
    app.connect("autodoc-process-signature", api.shorten_defaults)

"""Write the pages of the tutorial: ``python tests/tutorial/write.py``; ``--check`` compares them.

``page.md.txt`` is the text of all pages, ``pages/*.toml`` what differs: a file for each page.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = ROOT / "docs" / "tutorial"
NAMES = sorted(path.stem for path in HERE.glob("pages/*.toml"))
ROUTES = (
    "\nThe route is the same for every order, so ten orders that fail in one place are one issue.\n"
)
NO_ROUTES = """
Without an adapter the route is not known: the title has `<unknown>` in its place.
"""

# Below the pictures, which are of the application of the Flask tutorial.
PICTURES = """
Both pictures are from the [Flask tutorial](flask.md). In your events {{differs}}.
"""


def bugsink() -> str:
    """Return the requirement of the release of Bugsink that the demo installs."""
    tree = ast.parse((ROOT / "demo" / "install.py").read_text())
    assigned = (node for node in tree.body if isinstance(node, ast.Assign))
    (found,) = (node.value for node in assigned if ast.unparse(node.targets[0]) == "BUGSINK")
    return str(ast.literal_eval(found))


def page(name: str) -> str:
    """Return the text of the page *name*."""
    values = tomllib.loads((HERE / "pages" / f"{name}.toml").read_text())
    knows_routes = values["role"] == "the adapter"
    route = "/orders/{order_id}" if knows_routes else "<unknown>"
    values["status_title"] = f"HTTP 503 GET {route}"
    values["routes"] = ROUTES if knows_routes else NO_ROUTES
    differs = "the stack has other frames" + (
        "" if knows_routes else ", and the route is `<unknown>`"
    )
    values["pictures"] = "" if name == "flask" else PICTURES.replace("{{differs}}", differs)
    values["bugsink"] = bugsink()
    values["application"] = values["application"].strip()
    template = (HERE / "page.md.txt").read_text()
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], template)


def differing() -> list[Path]:
    """Return the pages that this program would write in another way, or does not know."""
    pages = {FOLDER / f"{name}.md": page(name) for name in NAMES}
    others = set(FOLDER.glob("*.md")) - set(pages) - {FOLDER / "index.md"}
    changed = [
        path for path, text in pages.items() if not path.exists() or path.read_text() != text
    ]
    return [*changed, *sorted(others)]


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them; return the exit code."""
    if arguments == ["--check"]:
        found = differing()
        for path in found:
            print(f"{path.relative_to(ROOT)} is not as tests/tutorial/write.py writes it")
        return bool(found)
    for name in NAMES:
        (FOLDER / f"{name}.md").write_text(page(name))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

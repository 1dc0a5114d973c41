"""The parts of the pages that are made from the code: ``python tests/docs/tables.py`` writes them.

Needs what the tests of the docs need: the packages and their frameworks, installed.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from sentryinit import _settings
from sentryinit._options import TABLE, Option

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- begin {} -->", "<!-- end {} -->"


def grid(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    head = list(head)
    made = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in made)


def default_of(option: Option) -> str:
    """Return how the page writes the default of *option*."""
    if option.default in {"", ()} or option.default is None:
        return "sentry-sdk's own" if option.sdk else "none"
    return f"`{option.default}`"


def options() -> str:
    """Return the table of settings."""
    rows = [
        [
            f"`{name}`",
            option.doc.replace("|", "\\|"),
            option.kind.expected,
            default_of(option),
            ", ".join(f"`{variable}`" for variable in _settings.variables(name)),
        ]
        for name, option in TABLE.items()
    ]
    return grid(["option", "what it is", "value", "default", "environment"], rows)


def refused() -> str:
    """Return the table of sentry-sdk's options that are refused."""
    reasons = defaultdict(list)
    for name, why in _settings.OWNED.items():
        reasons[why].append(f"`{name}`")
    return grid(
        ["refused", "why, and what to do"], [[", ".join(n), why] for why, n in reasons.items()]
    )


def clauses() -> str:
    """Return the table of adapters and clauses, of our drivers."""
    from sentryinit_testkit import table

    if str(ROOT / "tests/conformance") not in sys.path:
        sys.path.insert(0, str(ROOT / "tests/conformance"))
    subjects = (
        "wsgi",
        "asgi",
        "aiohttp",
        "django",
        "django_variants",
        "django_asgi",
        "falcon",
        "falcon_asgi",
        "flask",
        "starlette",
        "starlette_variants",
        "fastapi",
    )
    drivers = [d for name in subjects for d in importlib.import_module(f"drivers.{name}").DRIVERS]
    return table.render(drivers).rstrip()


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "docs/reference/settings.md": {"options": options, "refused": refused},
    "docs/reference/adapters.md": {"clauses": clauses},
}


def rendered(page: str) -> str:
    """Return the text of *page* with its generated parts made anew."""
    text = (ROOT / page).read_text()
    for name, make in PAGES[page].items():
        begin, end = BEGIN.format(name), END.format(name)
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        # A page that has lost its place for a table is to fail, and not to be left alone.
        # A backslash in a table is one: the replacement is a template.
        made = f"{begin}\n{make()}\n{end}".replace("\\", r"\\")
        text, times = pattern.subn(made, text)
        if times != 1:
            raise ValueError(f"{page} has {times} places for {name}")
    return text


if __name__ == "__main__":
    for page in PAGES:
        (ROOT / page).write_text(rendered(page))

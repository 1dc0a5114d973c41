"""The parts of the pages that are made from the code: ``python tests/docs/tables.py`` writes them.

Needs what the tests of the docs need: the packages and their frameworks, installed.
"""

from __future__ import annotations

import functools
import importlib
import json
import re
import runpy
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sentryinit._config import settings as _settings
from sentryinit._config.options import REFUSED, TABLE, Option

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
        return "sentry-sdk's own" if option.passed_to_sdk else "none"
    return f"`{option.default}`"


def options() -> str:
    """Return the table of settings."""
    rows = [
        [
            f"`{name}`",
            option.doc.replace("|", "\\|"),
            option.type.expected,
            default_of(option),
            ", ".join(f"`{variable}`" for variable in _settings.variables(name)) or "in code only",
        ]
        for name, option in TABLE.items()
    ]
    return grid(["option", "what it is", "value", "default", "environment"], rows)


def refused() -> str:
    """Return the table of sentry-sdk's options that are refused."""
    reasons = defaultdict(list)
    for name, why in REFUSED.items():
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


def servers() -> str:
    """Return the table of the servers that the tests of processes start."""
    table = _processes()
    shown = {"app": "app:app", "port": "PORT", "timeout": "T", "grace": "G", "prefix": "VENV"}
    rows = []
    for name, server in table.SERVERS.items():
        line = server.command.format(**shown).replace("-c 'import pyuwsgi; pyuwsgi.run()'", "uwsgi")
        runs = [
            name for name, framework in table.FRAMEWORKS.items() if framework.kind == server.kind
        ]
        rows.append([name, ", ".join(runs), f"`{line.removeprefix('-m ')}`"])
    return grid(["server", "applications", "command"], rows)


def outcomes(group: str) -> str:
    """Return the table of one group of situations: what comes of each, and where."""
    rows = []
    for situation, words in _processes().WORDS[group].items():
        for cell, where in _places(situation).items():
            sees = f"`{cell.sees}`" if cell.sees else f"nothing: {cell.hides}" if cell.hides else ""
            rows.append([words, where, sees, _reported(cell)])
    return grid(["situation", "where", "the handler sees", "reported"], rows)


def _processes() -> Any:
    if str(ROOT / "tests/process") not in sys.path:
        sys.path.insert(0, str(ROOT / "tests/process"))
    return importlib.import_module("harness.table")


def _reported(cell: Any) -> str:
    if not cell.events:
        return "nothing"
    (said,) = {_said(failure) for failure in cell.events}
    count = len(cell.events)
    return f"{'fewer than ' if cell.lossy else ''}{count} of {said}" if count > 1 else said


def _said(failure: Any) -> str:
    level = "" if failure.level == "error" else f", {failure.level}"
    status = f", status {failure.status}" if failure.error and failure.status else ""
    return f"`{failure.error or f'HTTP {failure.status}'}`{status}{level}"


def _places(situation: str) -> dict[Any, str]:
    """Return, for each outcome of *situation*, in which applications on which servers it is."""
    table = _processes()
    runs: dict[str, list[str]] = defaultdict(list)
    for framework, server in table.services():
        runs[framework].append(server)
    where: dict[Any, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for framework, server, played, cell in table.cells():
        if played == situation:
            where[cell][framework].append(server)
    return {
        cell: "everywhere" if found == runs else _listed(found, runs)
        for cell, found in where.items()
    }


def _listed(found: dict[str, list[str]], runs: dict[str, list[str]]) -> str:
    together: dict[str, list[str]] = defaultdict(list)
    for framework, on in found.items():
        others = [server for server in runs[framework] if server not in on]
        few = len(others) < len(on)
        words = (
            f" but {', '.join(others)}" if others and few else "" if few else f" on {', '.join(on)}"
        )
        together[words].append(framework)
    return "; ".join(f"{', '.join(names)}{words}" for words, names in together.items())


def leaks() -> str:
    """Return what leaves of one request by configuration: see ``leaks.py``."""
    script = Path(__file__).with_name("leaks.py")
    carriers: list[str] = runpy.run_path(str(script))["CARRIERS"]
    heads = {
        "SDK": "sentry-sdk",
        "recursive": "... `recursive=True`",
        "strict": "... *strict*",
        "data_collection": "... `data_collection={}`",
        "ours": "sentryinit",
        "ours, all of it": "... *all*",
    }
    found = {}
    for name in heads:
        command = [sys.executable, str(script), name]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        found[name] = json.loads(done.stdout)
    rows = [
        [carrier, *("**leaks**" if carrier in found[name] else "no" for name in heads)]
        for carrier in carriers
    ]
    total = [f"{len(found[name])} of {len(carriers)}" for name in heads]
    return grid(["where", *heads.values()], [*rows, ["together", *total]])


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "docs/reference/aborts.md": {
        "servers": servers,
        "application": functools.partial(outcomes, "application"),
        "client": functools.partial(outcomes, "client"),
        "websocket": functools.partial(outcomes, "websocket"),
        "server": functools.partial(outcomes, "server"),
    },
    "docs/reference/settings.md": {"options": options, "refused": refused},
    "docs/reference/adapters.md": {"clauses": clauses},
    "docs/explanation/redaction.md": {"leaks": leaks},
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

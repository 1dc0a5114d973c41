"""Find the messages in the code that ``docs/recipes/troubleshooting.md`` has to explain."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[2] / "packages"
# What runs in a service: not the command, and not the testkit.
SERVED = ("core", "aiohttp", "django", "falcon", "flask", "starlette")
# Functions whose texts are warnings at the start, or reasons of ``sentryinit.status()``.
MAKERS = {
    "_quoted",
    "_unknown_variables",
    "_wrong_value",
    "problem_of",
    "why_off",
    "_why",
}
# Where a mistake in code raises at the start.
RAISE_AT_START = re.compile(r"/(_init|_job|asgi|wsgi|_config/\w+|_serving/\w+|_boundary/\w+)\.py$")
FIELD = re.compile(r"%(?:\(\w+\))?[-\d.]*[a-zA-Z]")


def messages() -> Iterator[tuple[str, str]]:
    """Yield the place of each message, and its text with ``…`` for what is filled in."""
    for package in SERVED:
        for path in sorted((PACKAGES / package / "src").rglob("*.py")):
            tree = ast.parse(path.read_text())
            for node in _texts(tree, path.as_posix()):
                text = _plain(node)
                # What is made of parts only is found where the parts are made.
                if re.search(r"[a-z]{3}", text):
                    yield f"{path.relative_to(PACKAGES)}:{node.lineno}", text


def _texts(tree: ast.AST, path: str) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _of_call(node)
        elif isinstance(node, ast.Raise) and RAISE_AT_START.search(path):
            if isinstance(node.exc, ast.Call):
                yield from node.exc.args[:1]
        elif isinstance(node, ast.FunctionDef) and (node.name in MAKERS or _makes_problem(node)):
            yield from _of_function(node)


def _of_call(node: ast.Call) -> Iterator[ast.expr]:
    name = ast.unparse(node.func)
    if name in {"log.warning", "log.error", "_warn"}:
        yield from node.args[:1]
    elif name == "functools.partial" and ast.unparse(node.args[0]) == "log.warning":
        yield node.args[1]
    elif name == "Problem":
        yield from node.args[1:2]


def _makes_problem(node: ast.FunctionDef) -> bool:
    return node.returns is not None and "Problem" in ast.unparse(node.returns)


def _of_function(function: ast.FunctionDef) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return | ast.Yield | ast.Assign) and node.value is not None:
            is_hint = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) != "text"
            if not is_hint or function.name in MAKERS:
                yield node.value


def _plain(node: ast.AST) -> str:
    """Return the text of *node*, empty if it is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return FIELD.sub("…", node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_plain(part) or "…" for part in node.values)
    return ""

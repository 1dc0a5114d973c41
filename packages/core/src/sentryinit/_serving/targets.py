"""The name of an application, as servers take it: ``module:attribute``."""

from __future__ import annotations

import ast
import functools
from importlib import import_module
from types import ModuleType
from typing import Any

EXPECTED = "expected module:attribute, module:factory() or module, such as shop.wsgi:application"


def load(target: str, where: str = "") -> Any:
    """Import the module of *target* and return its application.

    The attribute may have dots, and may be a call with literals. Without one it is ``application``,
    or else ``app``. Raises ``ValueError`` for a text that is no target, and ``ImportError`` where
    nothing has that name. What the code of the application raises is raised as it is. *where* is
    before the text of both.
    """
    shown = f"{where}{target!r}"
    name, colon, expression = target.strip().partition(":")
    if not all(name.split(".")) or (colon and not expression):
        raise ValueError(f"{shown} is no application: {EXPECTED}")
    path, call = _parse(expression, shown) if expression else ("", None)
    found = _find(_import(name, shown), path, shown)
    if call is None:
        return found
    arguments = [ast.literal_eval(each) for each in call.args]
    options = {each.arg or "": ast.literal_eval(each.value) for each in call.keywords}
    return found(*arguments, **options)


def _parse(expression: str, shown: str) -> tuple[str, ast.Call | None]:
    """Return the dotted name in *expression*, and the call of it, if it is one."""
    try:
        node = ast.parse(expression, mode="eval").body
        call = node if isinstance(node, ast.Call) else None
        for part in [*call.args, *(each.value for each in call.keywords)] if call else []:
            ast.literal_eval(part)
    except (SyntaxError, ValueError):
        raise ValueError(f"{shown} is no application: {EXPECTED}") from None
    path = ast.unparse(call.func if call else node)
    if not all(part.isidentifier() for part in path.split(".")):
        raise ValueError(f"{shown} is no application: {EXPECTED}")
    return path, call


def _import(name: str, shown: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        # Not a module that the application imports: that is its own failure.
        if f"{name}.".startswith(f"{error.name}."):
            raise ImportError(f"{shown} cannot be loaded: {error}", name=name) from error
        raise


def _find(module: ModuleType, path: str, shown: str) -> Any:
    if not path:
        path = next((each for each in ("application", "app") if hasattr(module, each)), "")
        if not path:
            text = f"{shown} cannot be loaded: {module.__name__} has no application and no app"
            raise ImportError(text, name=module.__name__)
    try:
        return functools.reduce(getattr, path.split("."), module)
    except AttributeError as error:
        raise ImportError(f"{shown} cannot be loaded: {error}", name=module.__name__) from error

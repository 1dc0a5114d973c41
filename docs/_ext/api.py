"""What autodoc cannot know: where a name is public, and the keys of ``Options``."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import types
import wsgiref.types
from pathlib import Path
from typing import Any, get_type_hints

import django.conf
from docutils import nodes
from sphinx.util.typing import stringify_annotation

import sentryinit

# Its modules read their settings when they are imported.
django.conf.settings.configure()
# The types of WSGI, which only type checkers have under this name.
sys.modules["_typeshed"] = types.ModuleType("_typeshed")
sys.modules["_typeshed.wsgi"] = wsgiref.types

_IMPORTS = ast.Import, ast.ImportFrom

# The modules with public names: docs/reference/public-api.md.
MODULES = (
    "sentryinit",
    "sentryinit.adapters",
    "sentryinit.asgi",
    "sentryinit.diagnostics",
    "sentryinit.testing",
    "sentryinit.wsgi",
    "sentryinit_aiohttp",
    "sentryinit_django",
    "sentryinit_django.middleware",
    "sentryinit_django.rest",
    "sentryinit_falcon",
    "sentryinit_flask",
    "sentryinit_starlette",
    "sentryinit_testkit",
)
# In signatures, without a page: type variables, private classes, and what has no inventory.
UNDOCUMENTED = [
    (r"py:(class|obj)", r"(sentryinit[\w.]*\.)?[PRT]"),
    (r"py:class", r"sentryinit\w*\._.+"),
    (r"py:class", r"starlette\..+"),
    (r"py:class", r"web\..+|Handler"),  # aiohttp's, as texts
]


def _import_for_types() -> None:
    """Run the imports below ``if TYPE_CHECKING:`` in each module of ours, for its annotations."""
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not (name.startswith("sentryinit") and file):
            continue
        for node in ast.parse(Path(file).read_text()).body:
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                imports = [each for each in node.body if isinstance(each, _IMPORTS)]
                code = compile(ast.Module(imports, type_ignores=[]), file, "exec")
                exec(code, vars(module))  # noqa: S102 # the module's own imports


def _public() -> dict[str, str]:
    """Return the public name of each object that a private module defines."""
    found: dict[str, str] = {}
    for module in map(importlib.import_module, MODULES):
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                private = f"{value.__module__}.{value.__qualname__}"
                found.setdefault(private, f"{module.__name__}.{name}")
    return found


_PUBLIC = _public()
_import_for_types()


def resolve(app: Any, env: Any, node: Any, contnode: nodes.Element) -> nodes.Node | None:
    """Return the link to a name by which its private module calls it."""
    target = node.get("reftarget", "")
    # A docstring of the core names its functions without their module.
    public = f"sentryinit.{target}" if target in sentryinit.__all__ else _PUBLIC.get(target)
    if node.get("refdomain") != "py" or public is None:
        return None
    domain = env.get_domain("py")
    made = domain.resolve_xref(env, node["refdoc"], app.builder, "obj", public, node, contnode)
    return made if isinstance(made, nodes.Node) else None


def link_pages(
    _app: Any, _what: str, _name: str, _value: Any, _options: Any, lines: list[str]
) -> None:
    """Make links of the pages that a docstring names by their paths in the repository."""
    lines[:] = [re.sub(r"``docs/(\S+)\.md``", r":doc:`/\1`", line) for line in lines]


def describe_options(
    _app: Any, _what: str, name: str, _value: Any, _options: Any, lines: list[str]
) -> None:
    """Add a paragraph for each key to the docstring of ``Options``."""
    if name != "sentryinit.Options":
        return
    from sentryinit._config.options import TABLE, Options

    hints = get_type_hints(Options)
    for key, option in TABLE.items():
        hint = stringify_annotation(hints[key], "smart")
        lines += ["", f".. py:attribute:: Options.{key}", f"   :type: {hint}", ""]
        lines += [f"   {option.doc}"]


def shorten_defaults(
    _app: Any, _what: str, _name: str, _value: Any, _options: Any, args: str | None, result: str
) -> tuple[str | None, str]:
    """Replace the defaults of fields that Sphinx cannot parse: factories and functions."""
    if args is not None:
        args = re.sub(r"<factory>|<function [\w.]*<lambda>>", "...", args)
        args = re.sub(r"<function (\w+)>", r"\1", args)
    return args, result

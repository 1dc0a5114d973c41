"""The rules of the workspace as functions from text to findings: none is good.

They are functions so that ``test_rules.py`` can show of each that it finds something.
"""

from __future__ import annotations

import ast
import io
import math
import re
import statistics
import tokenize
from collections.abc import Iterable, Iterator, Mapping

LAYOUT = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
    tokenize.ENCODING,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def tokens(source: str) -> Iterator[tokenize.TokenInfo]:
    """Yield the tokens of *source*."""
    return tokenize.generate_tokens(io.StringIO(source).readline)


def docstring_lines(tree: ast.Module) -> set[int]:
    """Return the lines that texts on their own cover: docstrings, of attributes too."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def code_lines(source: str) -> set[int]:
    """Return the numbers of the lines that hold code: no docstring, no comment, no blank."""
    lines = {
        line
        for token in tokens(source)
        if token.type not in LAYOUT
        for line in range(token.start[0], token.end[0] + 1)
    }
    return lines - docstring_lines(ast.parse(source))


def too_long(sources: Mapping[str, str], budget: int) -> list[str]:
    """Find the files with more than *budget* lines of code."""
    sizes = {name: len(code_lines(source)) for name, source in sources.items()}
    return [f"{name}: {size} lines of {budget}" for name, size in sizes.items() if size > budget]


def total(sources: Mapping[str, str]) -> int:
    """Return the lines of code of *sources* together."""
    return sum(len(code_lines(source)) for source in sources.values())


def function_lengths(source: str) -> dict[str, int]:
    """Return the lines of code of each function, its signature included."""
    lines = code_lines(source)
    return {
        f"{node.name}:{node.lineno}": len(
            lines & set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        )
        for node in ast.walk(ast.parse(source))
        if isinstance(node, Function)
    }


def long_functions(sources: Mapping[str, str], median: int, p90: int, longest: int) -> list[str]:
    """Find where the functions of *sources*, taken together, exceed the three budgets."""
    lengths = {
        f"{name}:{function}": length
        for name, source in sources.items()
        for function, length in function_lengths(source).items()
    }
    ranked = sorted(lengths.values())
    found = [f"{name}: {n} lines of {longest}" for name, n in lengths.items() if n > longest]
    middle, high = statistics.median(ranked), ranked[math.ceil(len(ranked) * 0.9) - 1]
    if middle > median:
        found.append(f"the median function has {middle} lines of {median}")
    if high > p90:
        found.append(f"the 90th percentile of functions has {high} lines of {p90}")
    return found


def public_names(source: str) -> list[str]:
    """Return ``__all__`` of a package; raises ``ValueError`` if there is none."""
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            names: list[str] = ast.literal_eval(node.value)  # type: ignore[attr-defined] # it is an Assign
            return names
    msg = "no __all__"
    raise ValueError(msg)


def duplicates(sources: Mapping[str, str], window: int) -> list[str]:
    """Find runs of *window* equal lines of code, imports aside, in files of two owners.

    The owner of a file is its name up to the first colon.
    """
    places: dict[tuple[str, ...], tuple[str, int]] = {}
    found = []
    for name, source in sources.items():
        texts = source.splitlines()
        imports = import_lines(ast.parse(source))
        numbers = sorted(code_lines(source) - imports)
        for index in range(len(numbers) - window + 1):
            lines = numbers[index : index + window]
            run = tuple(texts[line - 1].strip() for line in lines)
            other, line = places.setdefault(run, (name, lines[0]))
            if other.split(":")[0] != name.split(":")[0]:
                found.append(f"{name}:{lines[0]} repeats {other}:{line}")
    return found


def import_lines(tree: ast.Module) -> set[int]:
    """Return the lines that imports cover."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


# A directive, then a reason behind a `#` of its own.
DIRECTIVE = re.compile(r"# ?(noqa|type: ?ignore|pyright: ?ignore|pragma|fmt: ?(off|skip)|nosec)")
REASON = re.compile(r"#[^#]+# ?\w")
MARKS = ("mark.skip", "mark.skipif", "mark.xfail")
CALLS = ("pytest.skip", "pytest.xfail", "pytest.importorskip")


def unreasoned_comments(source: str) -> list[str]:
    """Find the comments that switch a check off without saying why on the same line."""
    return [
        f"{token.start[0]}: {token.string}"
        for token in tokens(source)
        if token.type == tokenize.COMMENT
        and DIRECTIVE.match(token.string)
        and not REASON.match(token.string)
    ]


def unreasoned_skips(source: str) -> list[str]:
    """Find tests that are skipped, or expected to fail, without a reason."""
    tree = ast.parse(source)
    reasoned = {
        id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call) and has_reason(node)
    }
    return [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and (ast.unparse(node).endswith(MARKS) or ast.unparse(node) in CALLS)
        and id(node) not in reasoned
    ]


def has_reason(call: ast.Call) -> bool:
    """Tell whether *call* gives a reason: by its name, or as the first argument of ``skip()``."""
    if any(keyword.arg == "reason" for keyword in call.keywords):
        return True
    return ast.unparse(call.func) in {"pytest.skip", "pytest.xfail"} and bool(call.args)


def unreasoned_settings(toml: str) -> list[str]:
    """Find, in lists that switch checks off, the lines of a TOML file that do not say why."""
    found, inside = [], False
    for number, line in enumerate(toml.splitlines(), 1):
        text = line.strip()
        if inside and text.startswith('"') and not re.search(r'",?\s+# \w', text):
            found.append(f"{number}: {text}")
        if inside and text == "]":
            inside = False
        if re.match(r'(ignore|"[^"]*[*.{][^"]*") = \[$', text):
            inside = True
        if re.match(r"""['"]ignore:""", text) and not re.search(r"""['"],?\s+# \w""", text):
            found.append(f"{number}: {text}")
    return found


HOMES = re.compile(r"(?<![\w.$}*~])/(?:root|work|home/\w+|Users/\w+)/")
REGISTRY = re.compile(r"https?://[^\s\"'<>)]+/simple\b|files\.python\w+\.org")


def traces(text: str, own: Iterable[str]) -> list[str]:
    """Find paths of somebody's machine and addresses of registries, those of *own* included."""
    return [
        f"{number}: {line.strip()[:100]}"
        for number, line in enumerate(text.splitlines(), 1)
        if HOMES.search(line) or REGISTRY.search(line) or any(word in line for word in own)
    ]

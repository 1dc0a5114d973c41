"""Rules that no linter has, as functions from source text to findings.

``test_rules.py`` shows of each rule that it finds something. ``rules.py FILE...`` prints how large
the files are.
"""

from __future__ import annotations

import ast
import io
import math
import re
import statistics
import sys
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

LAYOUT = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
    tokenize.ENCODING,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


def tokens(source: str) -> Iterator[tokenize.TokenInfo]:
    """Yield the tokens of *source*."""
    return tokenize.generate_tokens(io.StringIO(source).readline)


def lines_of(nodes: Iterable[ast.stmt]) -> set[int]:
    """Return the numbers of the lines that *nodes* cover."""
    return {
        line for node in nodes for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def code_lines(source: str) -> set[int]:
    """Return the numbers of the lines of code: docstrings, comments, blank lines do not count."""
    lines = {
        line
        for token in tokens(source)
        if token.type not in LAYOUT
        for line in range(token.start[0], token.end[0] + 1)
    }
    texts = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    return lines - lines_of(texts)


TABLE_LINES = 3
TABLE_CALLS = {"compile", "frozenset", "items", "split", "tuple"}
TABLE_NODES = (
    *(ast.Constant, ast.Name, ast.Attribute, ast.keyword, ast.expr_context),
    *(ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Starred, ast.Call),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension),
)


def table_lines(source: str) -> set[int]:
    """Return the numbers of the lines of code that are tables of data.

    A table of data is a class of annotations alone, such as ``Options``, or an assignment at module
    level of three lines or more whose value is made of constants, names, and displays or
    comprehensions of them. The only calls in it are ``frozenset()``, ``tuple()``, ``.split()``,
    ``.items()`` and ``re.compile()``: a pattern of that length is a list of alternatives.
    """
    tables = [
        node
        for node in ast.parse(source).body
        if (isinstance(node, ast.ClassDef) and all(map(is_annotation, node.body)))
        or (
            isinstance(node, ast.Assign | ast.AnnAssign)
            and len(lines_of([node])) >= TABLE_LINES
            and node.value is not None
            and all(map(is_data, ast.walk(node.value)))
        )
    ]
    return lines_of(tables) & code_lines(source)


def is_annotation(node: ast.stmt) -> bool:
    """Return True if *node* is the annotation of a name, without a value, or a docstring."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.AnnAssign) and node.value is None


def is_data(node: ast.AST) -> bool:
    """Return True if *node* may be part of a table of data."""
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).rpartition(".")[2] in TABLE_CALLS
    return isinstance(node, TABLE_NODES)


def too_long(sources: Mapping[str, str], budget: int) -> list[str]:
    """Find the files with more than *budget* lines of code; tables of data do not count."""
    sizes = {name: total({name: source}, tables=False) for name, source in sources.items()}
    return [f"{name}: {size} lines of {budget}" for name, size in sizes.items() if size > budget]


def total(sources: Mapping[str, str], *, tables: bool = True) -> int:
    """Return the lines of code of *sources* together, with or without tables of data."""
    return sum(
        len(code_lines(source) - (set() if tables else table_lines(source)))
        for source in sources.values()
    )


def function_lengths(source: str) -> dict[str, int]:
    """Return the lines of code of each function, including its signature."""
    lines = code_lines(source)
    return {
        f"{node.name}:{node.lineno}": len(lines & lines_of([node]))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
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


def duplicates(sources: Mapping[str, str], window: int) -> list[str]:
    """Find runs of *window* equal lines of code, without imports, in files of two owners.

    The owner of a file is its name up to the first colon.
    """
    places: dict[tuple[str, ...], tuple[str, int]] = {}
    found = []
    for name, source in sources.items():
        texts = source.splitlines()
        nodes = ast.walk(ast.parse(source))
        imports = lines_of(n for n in nodes if isinstance(n, ast.Import | ast.ImportFrom))
        numbers = sorted(code_lines(source) - imports)
        for index in range(len(numbers) - window + 1):
            lines = numbers[index : index + window]
            run = tuple(texts[line - 1].strip() for line in lines)
            other, line = places.setdefault(run, (name, lines[0]))
            if other.split(":")[0] != name.split(":")[0]:
                found.append(f"{name}:{lines[0]} repeats {other}:{line}")
    return found


# A directive, then a reason behind a `#` of its own.
DIRECTIVE = re.compile(r"# ?(noqa|type: ?ignore|pyright: ?ignore|pragma|fmt: ?(off|skip)|nosec)")
REASON = re.compile(r"#[^#]+# ?\w")
SKIP = re.compile(r"mark\.(skip|skipif|xfail)$|^pytest\.(skip|xfail|importorskip)$")


def unreasoned_comments(source: str) -> list[str]:
    """Find the comments that switch a check off without a reason on the same line."""
    return [
        f"{token.start[0]}: {token.string}"
        for token in tokens(source)
        if token.type == tokenize.COMMENT
        and DIRECTIVE.match(token.string)
        and not REASON.match(token.string)
    ]


def unreasoned_skips(source: str) -> list[str]:
    """Find tests that are skipped, or expected to fail, without a reason."""
    nodes = list(ast.walk(ast.parse(source)))
    reasoned = {node.func for node in nodes if isinstance(node, ast.Call) and has_reason(node)}
    return [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in nodes
        if isinstance(node, ast.Attribute)
        and SKIP.search(ast.unparse(node))
        and node not in reasoned
    ]


def has_reason(call: ast.Call) -> bool:
    """Return True if *call* has an argument ``reason``, or a first one: ``skip("why")``."""
    if any(keyword.arg == "reason" for keyword in call.keywords):
        return True
    return ast.unparse(call.func) in {"pytest.skip", "pytest.xfail"} and bool(call.args)


# In pyproject.toml: the entries of `ignore`, of a list per file pattern, and of filterwarnings.
LISTS = re.compile(r'^(?:ignore|"[^"\n]*[*.{][^"\n]*") = \[\n(.*?)^\]', re.DOTALL | re.MULTILINE)
ENTRY = re.compile(r"""^\s*["'](?!.*["'],?\s+# \w).*$""", re.MULTILINE)
WARNING = re.compile(r"""^\s*["']ignore:(?!.*["'],?\s+# \w).*$""", re.MULTILINE)


def unreasoned_settings(toml: str) -> list[str]:
    """Find the entries of a TOML file that switch a check off without a reason on the line."""
    found = [entry for listed in LISTS.findall(toml) for entry in ENTRY.findall(listed)]
    return [entry.strip() for entry in found + WARNING.findall(toml)]


HOMES = re.compile(r"(?<![\w.$}*~])/(?:root|work|home/\w+|Users/\w+)/")
REGISTRY = re.compile(r"https?://[^\s\"'<>)]+/simple\b|files\.python\w+\.org")


def traces(text: str, own: Iterable[str]) -> list[str]:
    """Find paths of a person's machine and addresses of registries, including those in *own*."""
    return [
        f"{number}: {line.strip()[:100]}"
        for number, line in enumerate(text.splitlines(), 1)
        if HOMES.search(line) or REGISTRY.search(line) or any(word in line for word in own)
    ]


if __name__ == "__main__":
    files = {name: Path(name).read_text() for name in sys.argv[1:]}
    size, tables = total(files, tables=False), total(files)
    sys.stdout.write(f"{size} lines of code, {tables} with tables of data\n")

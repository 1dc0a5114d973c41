"""Each rule of the workspace finds what it looks for."""

from __future__ import annotations

import pytest

import rules

SAMPLE = '''"""A module.

With a text.
"""

# A comment.
def one(a):
    """Say what it does."""
    # why
    b = (
        a
    )
    return b  # really


async def two(): return """
code
"""
'''


def function(name: str, length: int) -> str:
    """Return a function of *length* lines."""
    return f"def {name}():\n" + "    x = 1\n" * (length - 1)


def test_code_is_counted_without_texts() -> None:
    """Docstrings, comments and blank lines do not count; a text that is a value does."""
    assert sorted(rules.code_lines(SAMPLE)) == [7, 10, 11, 12, 13, 16, 17, 18]
    assert list(rules.function_lengths(SAMPLE).values()) == [5, 3]


def test_a_long_file_is_found() -> None:
    """A file over its budget is named with its size; one within its budget is not."""
    assert rules.too_long({"a.py": SAMPLE}, 8) == []
    assert rules.too_long({"a.py": SAMPLE}, 7) == ["a.py: 8 lines of 7"]
    assert rules.total({"a.py": SAMPLE, "b.py": "x = 1"}) == 9


@pytest.mark.parametrize(
    ("lengths", "finding"),
    [
        ([8, 8, 41], "one2:1: 41 lines of 40"),
        ([9, 9, 9], "the median function has 9 lines of 8"),
        ([5, 5, 5, 5, 5, 5, 5, 5, 21, 21], "the 90th percentile of functions has 21 lines of 20"),
    ],
)
def test_long_functions_are_found(lengths: list[int], finding: str) -> None:
    """Each of the three budgets is checked."""
    sources = {"a.py": ""}
    for index, length in enumerate(lengths):
        sources[f"{index}.py"] = function(f"one{index}", length)
    assert any(finding in found for found in rules.long_functions(sources, 8, 20, 40))
    assert rules.long_functions({"a.py": function("one", 8)}, 8, 20, 40) == []


@pytest.mark.parametrize(
    ("source", "tables"),
    [
        ("A = (\n    1,\n)", 3),
        ("A: tuple[str, ...] = tuple(\n    'a b'\n    'c'.split()\n)", 4),
        ("A = {\n    k: v\n    for k, v in {1: 'a b'.split()}.items()\n}", 4),
        ("class Options(dict):\n    'A text.'\n    a: int", 2),
        ("A = re.compile(\n    'a|'\n    'b'\n)", 4),
        ("A = 1", 0),
        ("A = re.compile('a')", 0),
        ("class Point:\n    x: int = 1", 0),
        ("A = [\n    lambda: 1,\n]", 0),
        ("A = {\n    k: v + 1 for k, v in B.items()\n}", 0),
        ("A: dict[\n    str, int\n]", 0),
        ("def f():\n    return {\n        1: 2,\n    }", 0),
        ("class Other:\n    a = (\n    1,\n)", 0),
    ],
)
def test_tables_of_data_are_recognised(source: str, tables: int) -> None:
    """A table is a literal of several lines at module level, or a class of annotations."""
    assert len(rules.table_lines(source)) == tables
    code = len(rules.code_lines(source))
    assert rules.total({"a.py": source}) == code
    assert rules.total({"a.py": source}, tables=False) == code - tables


def test_a_repetition_is_found() -> None:
    """Equal runs in files of two owners are found at any indentation; imports may repeat."""
    body = "a = 1\nb = 2\nc = 3\n"
    nested = "import os\nif os:\n    a = 1\n    b = 2\n    c = 3\n"
    sources = {"x:x.py": body, "y:y.py": nested}
    assert rules.duplicates(sources, 3) == ["y:y.py:3 repeats x:x.py:1"]
    assert rules.duplicates(sources, 4) == []
    assert rules.duplicates({"x:x.py": body, "x:y.py": nested}, 3) == []
    assert rules.duplicates(dict.fromkeys("xy", "import a\nimport b\nimport c\n"), 3) == []


NOQA, IGNORE, PRAGMA = "no" + "qa", "type: " + "ignore", "prag" + "ma: no cover"


@pytest.mark.parametrize("directive", [NOQA, f"{NOQA}: E501", f"{IGNORE}[misc]", PRAGMA])
def test_a_directive_without_reason_is_found(directive: str) -> None:
    """A comment that switches a check off has to say why, behind a ``#`` of its own."""
    bare, reasoned = f"x = 1  # {directive}\n", f"x = 1  # {directive} # the reason why\n"
    assert rules.unreasoned_comments(bare) == [f"1: # {directive}"]
    assert rules.unreasoned_comments(reasoned) == []
    assert rules.unreasoned_comments(repr(bare)) == []


@pytest.mark.parametrize(
    ("bare", "reasoned"),
    [
        ("@pytest.mark.skip\ndef f(): ...", "@pytest.mark.skip(reason='x')\ndef f(): ..."),
        ("pytest.mark.skipif(True)", "pytest.mark.skipif(True, reason='x')"),
        ("pytest.mark.xfail()", "pytest.mark.xfail(reason='x')"),
        ("pytest.skip()", "pytest.skip('x')"),
        ("pytest.importorskip('a')", "pytest.importorskip('a', reason='x')"),
    ],
)
def test_a_skip_without_reason_is_found(bare: str, reasoned: str) -> None:
    """A test that does not run has to say why."""
    assert len(rules.unreasoned_skips(bare)) == 1
    assert rules.unreasoned_skips(reasoned) == []


@pytest.mark.parametrize(
    ("bare", "reasoned"),
    [
        ('ignore = [\n    "E501",\n]', 'ignore = [\n    "E501",  # long\n]'),
        ('"tests/**" = [\n    "S101",\n]', '"tests/**" = [\n    "S101",  # tests\n]'),
        ("x = [\n    'ignore:a:UserWarning',\n]", "x = [\n    'ignore:a:UserWarning',  # b\n]"),
    ],
)
def test_a_setting_without_reason_is_found(bare: str, reasoned: str) -> None:
    """A line that switches a check off for many files has to say why."""
    assert len(rules.unreasoned_settings(bare)) == 1
    assert rules.unreasoned_settings(reasoned) == []
    assert rules.unreasoned_settings('dependencies = [\n    "x",\n]') == []


@pytest.mark.parametrize(
    "text",
    [
        "see /" + "home/someone/x.py",
        "see /" + "root/x.py",
        "index = https://mirror.example/" + "simple",
        "from internal.example",
    ],
)
def test_traces_of_a_machine_are_found(text: str) -> None:
    """A path of somebody's home, a registry, and what this machine is configured with."""
    assert rules.traces(f"a\n{text}\n", ["internal.example"]) == [f"2: {text}"]
    assert rules.traces("https://pypi.org/project/x/ ~/.pyenv/versions", ["internal.example"]) == []

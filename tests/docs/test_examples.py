"""Run the examples of each page as files in a folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

# Only our plugins: to load all that are installed takes two of three seconds.
PYTEST = ["-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
PYTEST += ["-p", "sentryinit", "-p", "sentryinit_testkit"]


def clean_environment() -> dict[str, str]:
    """Return the environment without the variables that configure services or pytest."""
    foreign = ("SENTRY", "OTEL", "PYTEST")
    return {k: v for k, v in os.environ.items() if not k.startswith(foreign) and k != "ENV"}


def run(folder: Path, *arguments: str) -> str:
    """Run Python in *folder*, with warnings as errors; return its standard output."""
    command = [sys.executable, "-X", "dev", "-W", "error", *arguments]
    # The files of a page import each other, whatever the working directory of the example.
    env = clean_environment() | {"PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_examples_run(example_page: Any, tmp_path: Path) -> None:
    """Every Python block runs, in the order of the page; a file ``test_*.py`` runs under pytest."""
    page = example_page
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    printed = ""
    for block in page.blocks():
        if block.mark == "output":
            assert block.code == printed, f"{page.name}:{block.line}"
        elif block.language == "python" and not block.mark:
            (tmp_path / block.file).write_text(block.source)
            is_test = block.file.startswith("test_")
            printed = run(tmp_path, *(PYTEST if is_test else []), block.file)


def test_every_block_runs_or_has_a_reason(example_page: Any) -> None:
    """A block that is neither run nor compared has a reason; no fence is overlooked."""
    page, blocks = example_page, example_page.blocks()
    unmarked = [block for block in blocks if not block.mark and block.language != "python"]
    assert [f"{page.name}:{block.line}" for block in unmarked] == []
    assert page.text.count("```") == 2 * len(blocks), "a fence is indented, or not closed"

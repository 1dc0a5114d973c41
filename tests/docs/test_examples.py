"""The examples of the pages run, as files of a folder for each page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PYTEST = ["-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-p", "no:randomly"]


def clean_environment() -> dict[str, str]:
    """Return what is set here, but for what this machine says to services."""
    foreign = ("SENTRY", "ELIDO", "OTEL", "PYTEST")
    return {k: v for k, v in os.environ.items() if not k.startswith(foreign) and k != "ENV"}


def run(folder: Path, *arguments: str) -> str:
    """Run Python in *folder*, warnings being errors; return what it printed."""
    command = [sys.executable, "-X", "dev", "-W", "error", *arguments]
    # On the path, as what a page makes in its folder would be installed.
    env = clean_environment() | {"PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_examples_run(page: Any, tmp_path: Path) -> None:
    """Every Python block runs in the order of its page; tests are run by pytest."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    printed = ""
    for block in page.blocks():
        if block.mark == "output":
            assert block.code == printed, f"{page.name}:{block.line}"
        elif block.language == "python" and not block.mark:
            (tmp_path / block.file).write_text(block.source)
            is_test = block.file.startswith("test_")
            printed = run(tmp_path, *(PYTEST if is_test else []), block.file)


def test_blocks_are_run_or_say_why_not(page: Any) -> None:
    """A block that is neither run nor compared has a reason before it."""
    assert [
        f"{page.name}:{block.line}"
        for block in page.blocks()
        if not block.mark and block.language != "python"
    ] == []

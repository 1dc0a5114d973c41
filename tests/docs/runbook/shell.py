"""A shell that runs the blocks of a page, one after the other, as a person does."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple


class Result(NamedTuple):
    """What a block printed, errors included, and the first exit code that was not 0."""

    code: int
    printed: str


class Shell:
    """One bash for a page: variables of a block are there in the next one."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder, self._number = folder, 0
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.run("set -o pipefail -o errtrace")

    def __enter__(self) -> Shell:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._bash.kill()
        self._bash.communicate()

    def run(self, code: str) -> Result:
        """Run *code*; a test that hangs is ended by its own limit."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._number += 1
        file, end = self._folder / f".block-{self._number}.sh", uuid.uuid4().hex
        # A pipe that ends, and not this shell's input, for a command that reads.
        file.write_text(code)
        self._bash.stdin.write(
            "failed=0; trap 'failed=$(( failed ? failed : $? ))' ERR\n"
            f"source {file} </dev/null; trap - ERR; printf '\\n%s %s\\n' {end} $failed\n"
        )
        self._bash.stdin.flush()
        lines: list[str] = []
        for line in self._bash.stdout:
            if line.startswith(end):
                return Result(int(line.split()[1]), "".join(lines).removesuffix("\n"))
            lines.append(line)
        raise AssertionError(f"the shell ended: {''.join(lines)}")

    def value(self, name: str) -> str:
        """Return the value of the variable *name*."""
        return self.run(f'printf %s "${name}"').printed

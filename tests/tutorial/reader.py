"""Follows a page of the tutorial as its reader does: with a shell, an empty folder, a browser."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from pages_of_bugsink import Browser
from runbook.blocks import Block, matches, read
from runbook.proxy import free_port
from runbook.shell import Shell

PAGES = Path(__file__).resolve().parents[2] / "docs" / "tutorial"
DSN = re.compile(r"http://[0-9a-f]{32}@127\.0\.0\.1:9000/1\b")
ACCOUNT = re.compile(r"Log in as `(\w+)` with the password `([\w-]+)`")
PROJECT = re.compile(r"Write the name `(\w+)`")
PATIENCE = 60.0
FOLDER = "first-event"
# uv in place of pip and venv: the same wheels by the same names, in a tenth of the time.
QUICK = """\
python3() {
    if [ "$1 $2" = "-m venv" ]; then "$TUTORIAL_UV" venv --quiet --python "$(type -P python3)" "$3"
    else command python3 "$@"; fi
}
pip() { "$TUTORIAL_UV" pip "$@" --quiet; }
"""


def is_of_bugsink(text: str, block: Block) -> bool:
    """Return True if *block* is in the first section, which is the same on all pages."""
    return block.line < text[: text.index("\n## 2. ")].count("\n")


class _Follower:
    """Runs blocks of the page *name* in a shell in *folder*, with other ports than it names."""

    def __init__(self, name: str, folder: Path, ports: Mapping[str, int]) -> None:
        self.name, self._folder, self._ports = name, folder, ports
        self.text = (PAGES / f"{name}.md").read_text()
        self.blocks = read(PAGES / f"{name}.md")
        self._printed = ""

    def run(self, shell: Shell, block: Block) -> None:
        """Do what *block* says, or compare it with what the last one has printed."""
        where, code = f"{self.name}.md:{block.line}", self.adapted(block.code)
        if block.is_output:
            assert matches(code, self._printed), f"{where}: {self._printed!r}"
            return
        assert not block.mark, f"{where}: {block.mark}"
        if block.language == "python":
            self._write(block, code)
            return
        assert block.language == "sh", where
        result = shell.run(code)
        self._printed = result.printed
        assert result.code == 0, f"{where}\n{code}\n{result.printed}{self._logs()}"
        if code.endswith("&\n"):
            self._wait(block)

    def adapted(self, code: str) -> str:
        """Return *code* with the ports of this test."""
        return re.sub(r"\b(8000|9000)\b", lambda found: str(self._ports[found[0]]), code)

    def _write(self, block: Block, code: str) -> None:
        assert block.file, f"{self.name}.md:{block.line} names no file"
        file = self._folder / FOLDER / block.file
        at_the_end = code.partition("\n")[0].endswith(", at the end")
        assert file.parent.is_dir(), f"{block.file} belongs into a folder that is not there"
        file.write_text((file.read_text() if at_the_end else "") + code)

    def _wait(self, block: Block) -> None:
        """Wait, as a reader does before the next command, until what was started answers."""
        port = self._ports["9000" if "9000" in block.code else "8000"]
        end = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            assert time.monotonic() < end, f"{block.code}{self._logs()}"
            time.sleep(0.05)

    def _logs(self) -> str:
        logs = sorted((self._folder / FOLDER).glob("*.log"))
        return "".join(f"\n--- {log.name}\n{log.read_text()}" for log in logs)

    @contextlib.contextmanager
    def shell(self, environ: Mapping[str, str]) -> Iterator[Shell]:
        """Open a shell; what it has started in the background ends with it."""
        home = self._folder / "home"
        home.mkdir()
        with Shell(self._folder, {**environ, "HOME": str(home)}) as shell:
            # Jobs in groups of their own, as in a terminal.
            shell.run("set -m")
            try:
                yield shell
            finally:
                for group in shell.run("jobs -p").printed.split():
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(int(group), signal.SIGKILL)


class Section(contextlib.ExitStack):
    """The first section of a page, followed: a Bugsink that runs until this ends."""

    def __init__(self, name: str, folder: Path, port: int) -> None:
        super().__init__()
        self.port, self._folder = port, folder
        self._page = _Follower(name, folder, {"9000": port})
        self._shell: Shell | None = None

    @property
    def folder(self) -> Path:
        """The folder of the reader, with Bugsink in it."""
        return self._folder / FOLDER

    @property
    def url(self) -> str:
        """The address of Bugsink's pages."""
        return f"http://127.0.0.1:{self.port}"

    def follow(self, environ: Mapping[str, str]) -> None:
        """Run the section."""
        self._shell = self.enter_context(self._page.shell(environ))
        for block in self._page.blocks:
            if is_of_bugsink(self._page.text, block):
                self._page.run(self._shell, block)

    def token(self) -> str:
        """Return a token of Bugsink's API."""
        assert self._shell is not None
        return self._shell.run("bugsink/bin/bugsink-manage create_auth_token").printed.strip()


class Reader(_Follower):
    """Follows a page from its second section on, with the Bugsink of *section*."""

    def __init__(self, name: str, folder: Path, section: Section, *, quick: bool) -> None:
        super().__init__(name, folder, {"8000": free_port(), "9000": section.port})
        self._section, self._quick = section, quick
        self.dsn = self._make_project()

    @property
    def project(self) -> int:
        """The number of the project that was made."""
        return int(self.dsn.rpartition("/")[2])

    def follow(self, environ: Mapping[str, str]) -> list[Block]:
        """Run the page to its last block; return the blocks."""
        blocks = [block for block in self.blocks if not is_of_bugsink(self.text, block)]
        with self.shell(environ) as shell:
            # The first job is Bugsink, which is not this shell's.
            shell.run(f"mkdir {FOLDER}; cd {FOLDER}; ln -s {self._section.folder}/* .; sleep 600 &")
            shell.run(QUICK if self._quick else "")
            for block in blocks:
                self.run(shell, block)
            # Until all that was stopped has ended.
            shell.run("wait")
        return blocks

    def adapted(self, code: str) -> str:
        """Return *code* with the ports and the DSN of this test."""
        return super().adapted(DSN.sub(self.dsn, code))

    def _make_project(self) -> str:
        """Do what the second section says, and return the DSN that it leads to."""
        account, project = ACCOUNT.search(self.text), PROJECT.search(self.text)
        assert account is not None
        assert project is not None
        browser = Browser(self._section.url)
        browser.log_in(account[1], account[2])
        # The pages share a Bugsink, whose names of projects are unique.
        return browser.make_project(f"{project[1]} {self.name}")

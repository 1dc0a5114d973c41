"""What a person, a pipe and a program read: lines, tables, progress, JSON; never a secret.

All commands print by an :class:`Output`. Results go to stdout, progress and notes to stderr. A
table is for a terminal; in a pipe each row is one line. ``NO_COLOR`` switches colours off.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

SECRET = "[secret]"  # noqa: S105 # what is shown in place of one
# A text that a server sent may have escape sequences, which would steer the terminal.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]+")
# A shorter text is in many others by chance.
_SHORTEST = 4
COLOURS = {"good": "green", "warning": "yellow", "bad": "red", "": ""}


class Output:
    """Prints for one command. *as_json*: stdout gets one JSON object, and nothing else."""

    def __init__(self, *, as_json: bool = False, secrets: Iterable[str] = ()) -> None:
        self.as_json = as_json
        self._secrets: set[str] = set()
        self.hide(*secrets)
        for stream in (sys.stdout, sys.stderr):
            # A terminal or a pipe of another encoding: no crash for a character that it lacks.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")

    @property
    def is_terminal(self) -> bool:
        """True if a person reads stdout as it is printed."""
        return not self.as_json and _is_terminal(sys.stdout)

    def hide(self, *secrets: str) -> None:
        """Never show *secrets*, whatever text has them."""
        self._secrets.update(each for each in secrets if len(each) >= _SHORTEST)

    def clean(self, text: str) -> str:
        """Return *text* in one line, without secrets and without what steers a terminal."""
        return _CONTROL.sub(" ", self._masked(text)).strip()

    def _masked(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, SECRET)
        return text

    def line(self, text: str, tone: str = "") -> None:
        """Print one line to stdout; nothing with ``--json``. *tone*: a key of ``COLOURS``."""
        if not self.as_json:
            self._print(sys.stdout, text, tone)

    def note(self, text: str, tone: str = "") -> None:
        """Print one line to stderr."""
        self._print(sys.stderr, text, tone)

    def _print(self, stream: TextIO, text: str, tone: str) -> None:
        plain = self.clean(text)
        if _is_terminal(stream):
            _console(stream).print(Text(plain, style=COLOURS[tone]), soft_wrap=True)
        else:
            print(plain, file=stream, flush=True)  # the command's result

    def json(self, value: Any) -> None:
        """Print *value* as the one JSON object, if ``--json`` was given."""
        if self.as_json:
            print(json.dumps(self.hidden(value), indent=2), flush=True)  # noqa: T201 # likewise

    def hidden(self, value: Any) -> Any:
        """Return *value*, made of dicts, lists, texts and numbers, without secrets."""
        if isinstance(value, str):
            return self._masked(value)
        if isinstance(value, dict):
            return {self._masked(str(key)): self.hidden(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.hidden(each) for each in value]
        return value

    def table(self, columns: Sequence[str], rows: Iterable[tuple[Sequence[str], str]]) -> None:
        """Print *rows*, each its cells and its tone: a table; in a pipe, a line for each row."""
        if self.as_json:
            return
        if not self.is_terminal:
            for cells, _tone in rows:
                self.line("  ".join(each for each in map(self.clean, cells) if each))
            return
        table = Table(*columns, header_style="bold")
        for cells, tone in rows:
            table.add_row(*(Text(self.clean(each)) for each in cells), style=COLOURS[tone])
        _console(sys.stdout).print(table)

    @contextlib.contextmanager
    def progress(self, text: str) -> Iterator[Any]:
        """Show on stderr that work goes on; yields a function that takes the next text.

        Shows nothing where stderr is no terminal.
        """
        if not _is_terminal(sys.stderr):
            yield lambda _text: None
            return
        with _console(sys.stderr).status(Text(self.clean(text))) as status:
            yield lambda text: status.update(Text(self.clean(text)))


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _console(stream: TextIO) -> Console:
    # rich looks at NO_COLOR itself. No markup: brackets in a text are the text's own.
    return Console(file=stream, markup=False, highlight=False, emoji=False)

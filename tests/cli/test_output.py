"""What is printed: to a terminal, to a pipe, as JSON and JUnit; never a secret."""

from __future__ import annotations

import contextlib
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from sentryinit_cli import report
from sentryinit_cli.output import Output
from sentryinit_cli.verdicts import Verdict
from sentryinit_cli.verify import Outcome

SECRET = "c0ffee00c0ffee00c0ffee00c0ffee00"
GOOD = Outcome(
    "orders",
    Verdict.FOUND,
    "found after 512 ms",
    backend="glitchtip",
    event_id="e" * 32,
    page="https://pages.example/1",
    environment="production",
    release="1.4.2",
    milliseconds=512,
    is_sent=True,
)
BAD = Outcome("billing", Verdict.NOT_WIRED, f"404 for {SECRET}", f"set {SECRET}")
CRASH = Outcome("stock", Verdict.CRASH, "unexpected KeyError (x.py:1)", "report it")


class Terminal(io.StringIO):
    """A terminal that holds what it was sent."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return what a test redirects stdout to: a terminal of 160 columns."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "160")
    return Terminal()


def test_a_table_on_a_terminal(terminal: Terminal) -> None:
    """A terminal gets a table in colours, with all columns and without secrets."""
    with contextlib.redirect_stdout(terminal):
        report.show_fleet(Output(secrets=[SECRET]), [GOOD, BAD], 1.5, 1)
    said = terminal.getvalue()
    for word in (*report.COLUMNS, "orders", "512 ms", "not wired", "1 of 2 services in order"):
        assert word in said
    assert "\x1b[" in said
    assert SECRET not in said


def test_no_color(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """``NO_COLOR`` leaves the table without colours."""
    monkeypatch.setenv("NO_COLOR", "1")
    with contextlib.redirect_stdout(terminal):
        report.show_fleet(Output(), [GOOD, BAD], 1.5, 1)
    assert "\x1b[3" not in terminal.getvalue()
    assert "not wired" in terminal.getvalue()


def test_one_line_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe each service is one line, without escape sequences and secrets."""
    output = Output(secrets=[SECRET])
    for each in (GOOD, BAD):
        report.show_in_pipe(output, each)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "orders: found in glitchtip after 512 ms: https://pages.example/1"
    assert second == "billing: not wired: 404 for [secret]; what to do: set [secret]"


def test_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    """With ``--json`` stdout has one object and nothing else."""
    output = Output(as_json=True, secrets=[SECRET])
    report.show_in_pipe(output, GOOD)
    report.show_fleet(output, [GOOD, BAD], 1.5, 1)
    said = capsys.readouterr().out
    document = json.loads(said)
    assert SECRET not in said
    assert (document["ok"], document["not_in_order"], document["exit_code"]) == (False, 1, 1)
    assert [each["verdict"] for each in document["services"]] == ["found", "not wired"]


def test_a_text_of_a_server_does_not_steer_the_terminal(terminal: Terminal) -> None:
    """Escape sequences, brackets and line ends in a text are text, in one line."""
    with contextlib.redirect_stdout(terminal):
        Output().line("a\x1b[31mred\x07\n[bold]b[/bold]\u202e")
    assert terminal.getvalue() == "a [31mred [bold]b[/bold]\n"


def test_junit(tmp_path: Path) -> None:
    """JUnit has a test case for each service, and the remedy in the text of a failure."""
    file = tmp_path / "verify.xml"
    odd = Outcome("odd", Verdict.REFUSED, "a\x00b\ufffe<&>\ud800", "do")
    report.write_junit(file, Output(secrets=[SECRET]), [GOOD, BAD, CRASH, odd], 2.0)
    root = ET.parse(file).getroot()  # noqa: S314 # a file that we wrote
    (suite,) = root
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors")}
    assert counts == {"tests": "4", "failures": "2", "errors": "1"}
    assert [case.get("name") for case in suite] == ["orders", "billing", "stock", "odd"]
    failure: Any = suite[1].find("failure")
    assert failure.get("type") == "not wired"
    assert "what to do: set [secret]" in failure.text
    assert SECRET not in file.read_text()

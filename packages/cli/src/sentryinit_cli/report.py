"""How outcomes are shown: a line, a table, JSON, JUnit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET  # only written

from sentryinit_cli.output import Output
from sentryinit_cli.verdicts import Verdict
from sentryinit_cli.verify import Outcome

COLUMNS = "service", "wired", "sent", "found after", "environment", "release", "problem"
# What XML 1.0 does not allow.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def tone(outcome: Outcome) -> str:
    """Return the tone of the line of *outcome*."""
    if outcome.is_good:
        return "good"
    return "warning" if outcome.verdict is Verdict.ALTERED else "bad"


def line(outcome: Outcome) -> str:
    """Return the verdict in one line."""
    text = f"{outcome.service}: {outcome.verdict.word}"
    if outcome.is_good:
        where = f" in {outcome.backend}" if outcome.backend else ""
        return f"{text}{where} after {outcome.milliseconds} ms: {outcome.page or outcome.event_id}"
    return f"{text}: {outcome.text}"


def show_one(output: Output, outcome: Outcome) -> None:
    """Print the verdict of one service, and what to do."""
    output.json(outcome.as_dict())
    output.line(line(outcome), tone(outcome))
    if outcome.remedy:
        output.line(f"  what to do: {outcome.remedy}")
    if outcome.is_sent and not outcome.is_good:
        output.line(f"  event: {outcome.event_id} {outcome.page}")


def show_in_pipe(output: Output, outcome: Outcome) -> None:
    """Print one line for one service of a fleet."""
    remedy = f"; what to do: {outcome.remedy}" if outcome.remedy else ""
    output.line(f"{line(outcome)}{remedy}")


def show_fleet(output: Output, outcomes: Sequence[Outcome], seconds: float, code: int) -> None:
    """Print the table of a fleet, what to do, and the sum."""
    good = sum(each.is_good for each in outcomes)
    output.json(
        {
            "ok": good == len(outcomes),
            "exit_code": code,
            "services": [each.as_dict() for each in outcomes],
            "in_order": good,
            "not_in_order": len(outcomes) - good,
            "seconds": round(seconds, 3),
        }
    )
    if output.is_terminal:
        output.table(COLUMNS, [(_cells(each), tone(each)) for each in outcomes])
        for each in outcomes:
            if each.remedy:
                output.line(f"{each.service}: what to do: {each.remedy}")
    dark = len(outcomes) - good
    total = f"{good} of {len(outcomes)} services in order, {dark} not, in {seconds:.1f} s"
    output.line(total, "bad" if dark else "good")


def _cells(outcome: Outcome) -> tuple[str, ...]:
    if outcome.is_sent:
        wired = "yes"
    else:
        wired = "no" if outcome.verdict is Verdict.NOT_WIRED else "not known"
    found = "" if outcome.milliseconds is None else f"{outcome.milliseconds} ms"
    problem = "" if outcome.is_good else f"{outcome.verdict.word}: {outcome.text}"
    sent = "yes" if outcome.is_sent else "no"
    return (
        outcome.service,
        wired,
        sent,
        found,
        outcome.environment,
        outcome.release,
        problem,
    )


def write_junit(path: Path, output: Output, outcomes: Sequence[Outcome], seconds: float) -> None:
    """Write *outcomes* as JUnit XML: a test case for each service."""
    suite = ET.Element(
        "testsuite",
        name="sentryinit verify",
        tests=str(len(outcomes)),
        failures=str(sum(not _has_passed(each) for each in outcomes)),
        errors=str(sum(each.verdict is Verdict.CRASH for each in outcomes)),
        skipped="0",
        time=f"{seconds:.3f}",
    )
    for outcome in outcomes:
        _add_case(suite, output, outcome)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _has_passed(outcome: Outcome) -> bool:
    return outcome.is_good or outcome.verdict is Verdict.CRASH


def _add_case(suite: Any, output: Output, outcome: Outcome) -> None:
    def text(value: str) -> str:
        return _NO_XML.sub("\ufffd", output.clean(value))

    case = ET.SubElement(
        suite,
        "testcase",
        classname="sentryinit.verify",
        name=text(outcome.service),
        time=f"{(outcome.milliseconds or 0) / 1000:.3f}",
    )
    if not outcome.is_good:
        kind = "error" if outcome.verdict is Verdict.CRASH else "failure"
        found = ET.SubElement(case, kind, type=outcome.verdict.word, message=text(outcome.text))
        found.text = f"{text(outcome.text)}\nwhat to do: {text(outcome.remedy)}\n"

"""Compare the recipes with the code, and with the lines that ``tests/delivery`` runs."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import messages
import tables
import yaml

from sentryinit._config.callables import ARGUMENTS
from sentryinit._config.options import TABLE
from sentryinit._state import STATE

SPAN = re.compile(r"`([^`\n]+)`")
ROW = re.compile(r"^\| `([^`\n]+)` \|", re.MULTILINE)
GRACE = re.compile(
    r"(?:graceful-timeout|graceful-shutdown|kill-timeout|mercy|_timeout)[^.\d|]+(\d+)"
)
PAGE = "docs/recipes/troubleshooting.md"


def parts(text: str) -> list[str]:
    """Return the fixed parts of a message: those that say something."""
    found = [part.split("`")[0].strip() for part in text.split("…")]
    return [part for part in found if re.search(r"[a-z]{3}", part)]


def is_in(text: str, shown: str) -> bool:
    """Return True if the fixed parts of *text* are in *shown*, in their order."""
    return bool(re.search(".*".join(map(re.escape, parts(text))), shown))


def test_every_message_is_explained(pages: dict[str, Any]) -> None:
    """Each warning in the log, reason of ``status()`` and error at the start is on the page."""
    shown = SPAN.findall(pages[PAGE].prose)
    missing = [
        f"{place}: {text}"
        for place, text in messages.messages()
        if not any(is_in(text, each) for each in shown)
    ]
    assert missing == []


def test_every_explained_message_exists(pages: dict[str, Any]) -> None:
    """The page explains no message that nothing logs any more."""
    said = pages[PAGE].prose.partition("## What the log says")[2]
    # "… failed: …" would be found in each of its kind.
    texts = [text for _, text in messages.messages() if parts(text) != ["failed:"]]
    texts += [f"{name} failed: …" for name in ("a fact of the adapter", *ARGUMENTS)]
    texts += [STATE.why_off]
    unknown = [each for each in ROW.findall(said) if not any(is_in(text, each) for text in texts)]
    assert unknown == []


def deployment(pages: dict[str, Any], language: str) -> str:
    """Return the first block of the page in *language*."""
    blocks = pages["docs/recipes/deployment.md"].blocks()
    return str(next(block.code for block in blocks if block.language == language))


def lines() -> list[list[str]]:
    """Return the words of each line that is recommended."""
    return [shlex.split(case.written) for case in tables._cases() if case.kind]


def test_docker_systemd_and_kubernetes_start_a_line_of_the_table(pages: dict[str, Any]) -> None:
    """What the other blocks of the page start is a line that ``tests/delivery`` runs."""
    docker = re.search(r"^CMD (.+)$", deployment(pages, "dockerfile"), re.MULTILINE)
    unit = re.search(r"^ExecStart=/srv/venv/bin/(.+)$", deployment(pages, "ini"), re.MULTILINE)
    assert docker is not None
    assert unit is not None
    assert json.loads(docker[1]) in lines()
    assert shlex.split(unit[1]) in lines()
    assert pod(pages)["containers"][0]["command"] in lines()


def test_what_stops_the_service_waits_long_enough(pages: dict[str, Any]) -> None:
    """The times around the server are longer than its graceful timeout and the last flush."""
    page = pages["docs/recipes/deployment.md"].text
    (grace,) = {int(each) for each in GRACE.findall(page)}
    end = grace + TABLE["flush_timeout"].default
    hook = int(pod(pages)["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert end + hook < pod(pages)["terminationGracePeriodSeconds"]
    for time in re.findall(r"(?:TimeoutStopSec=|docker run --stop-timeout )(\d+)", page):
        assert end < int(time)


def pod(pages: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(deployment(pages, "yaml"))["spec"]["template"]["spec"]
    return found

"""The golden events: one for each clause that has any, the same for all adapters.

``golden.json`` is written anew by running the suite with ``TESTKIT_GOLDEN=write`` in the
environment: what the first driver gives is then the standard for the others. Look at the
difference before you commit it: it is what every service will send. Refused where ``CI`` is set.
"""

from __future__ import annotations

import difflib
import functools
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentryinit_testkit import _events, behaviours
from sentryinit_testkit._driver import ROUTE, SOCKET_PATH, Behaviour, Driver
from sentryinit_testkit._lab import Lab
from sentryinit_testkit._peer import Call

FILE = Path(__file__).with_name("golden.json")
WRITE = "TESTKIT_GOLDEN"
_written: set[str] = set()


@dataclass(frozen=True)
class Scenario:
    """What leads to a golden event, and what it needs of a framework."""

    play: Callable[[Lab], _events.Event]
    needs: frozenset[str] = frozenset()
    route: str = ROUTE


def _request(behaviour: Behaviour, *needs: str, call: Call | None = None) -> Scenario:
    def play(lab: Lab) -> _events.Event:
        lab.serve(behaviour, call)
        return lab.event()

    return Scenario(play, frozenset(needs))


def _websocket(lab: Lab) -> _events.Event:
    lab.peer.websocket(lab.app(behaviours.fails), "hello")
    return lab.event()


def _startup(lab: Lab) -> _events.Event:
    lab.peer.start(lab.app(on_startup=behaviours.fails))
    return lab.event()


def _group(lab: Lab) -> _events.Event:
    lab.serve(behaviours.fails_in_group)
    return lab.event()


def _logs(_request: object) -> Any:
    try:
        behaviours.fails()
    except behaviours.ShopError:
        behaviours.log.exception("cannot order")
    return behaviours.answers(500)(None)  # type: ignore[arg-type] # it does not look at its request


SCENARIOS = {
    "A2": _request(behaviours.fails_in_chain),
    "A2-group": Scenario(_group, frozenset({"chain"})),
    "A4": _request(behaviours.answers(503), call=Call("POST", body=b"two of them")),
    "A5": _request(behaviours.aborts(503), "abort"),
    "A5-cause": _request(behaviours.aborts_from_error, "abort", "evidence"),
    "A6": _request(behaviours.handled(500), "evidence"),
    "A8": _request(behaviours.streams_and_fails(2), "chain", "stream-error"),
    "A9": _request(behaviours.fails_in_background, "background", "chain"),
    "A10": Scenario(_websocket, frozenset({"websocket"}), SOCKET_PATH),
    "A11": _request(behaviours.exits(1), "chain"),
    "A12": Scenario(_startup, frozenset({"startup"})),
    "B2": _request(behaviours.loses_its_upstream, "chain", call=Call("POST", body=b"two of them")),
    "C2": _request(_logs),
}


def _text(event: Any) -> str:
    return json.dumps(event, indent=2, sort_keys=True)


@functools.cache
def _golden() -> dict[str, _events.Event]:
    found: dict[str, _events.Event] = json.loads(FILE.read_text()) if FILE.exists() else {}
    return found


def check(name: str, event: _events.Event, driver: Driver) -> None:
    """Require that *event* is the golden one of *name*, and show the difference if it is not."""
    found = _events.normal(json.loads(json.dumps(event)), driver, SCENARIOS[name].route)
    if os.environ.get(WRITE) == "write" and not SCENARIOS[name].needs & driver.missing():
        _write(name, found)
    expected, actual = _text(_golden().get(name, {})), _text(found)
    difference = difflib.unified_diff(
        expected.splitlines(), actual.splitlines(), "golden", driver.label, lineterm="", n=2
    )
    assert expected == actual, "\n".join([f"{name} is not the golden event:", *difference])


def _write(name: str, event: _events.Event) -> None:
    assert not os.environ.get("CI"), f"{WRITE} in CI would make every event golden"
    if name not in _written:
        _written.add(name)
        _golden()[name] = event
        FILE.write_text(_text(_golden()) + "\n")

"""The golden events: the expected events of some scenarios, the same for all adapters.

To rewrite ``golden.json``, run the suite with ``TESTKIT_GOLDEN=write`` in the environment: the
events of the first driver are then expected of the others. Review the difference before you commit
it: it is what every service will send. Where ``CI`` is set, rewriting fails.
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
from sentryinit_testkit._harness import Harness
from sentryinit_testkit._server import Call

FILE = Path(__file__).with_name("golden.json")
WRITE = "TESTKIT_GOLDEN"
_written: set[str] = set()


@dataclass(frozen=True)
class Scenario:
    """How a golden event is produced, and what that requires of a framework."""

    play: Callable[[Harness], _events.Event]
    requires: frozenset[str] = frozenset()
    route: str = ROUTE


def _request(behaviour: Behaviour, *capabilities: str, call: Call | None = None) -> Scenario:
    def play(harness: Harness) -> _events.Event:
        harness.serve(behaviour, call)
        return harness.event()

    return Scenario(play, frozenset(capabilities))


def _websocket(harness: Harness) -> _events.Event:
    harness.server.websocket(harness.app(behaviours.fails), "hello")
    return harness.event()


def _startup(harness: Harness) -> _events.Event:
    harness.server.run_lifespan(harness.app(on_startup=behaviours.fails))
    return harness.event()


def _group(harness: Harness) -> _events.Event:
    harness.serve(behaviours.fails_in_group)
    return harness.event()


def _logs(_request: object) -> Any:
    try:
        behaviours.fails()
    except behaviours.ShopError:
        behaviours.log.exception("cannot order")
    return behaviours.answers(500)(None)  # type: ignore[arg-type] # it does not use its request


SCENARIOS = {
    "A2": _request(behaviours.fails_in_chain),
    "A2-group": Scenario(_group, frozenset({"chain"})),
    "A4": _request(behaviours.answers(503), call=Call("POST", body=b"two of them")),
    "A5": _request(behaviours.aborts(503), "abort"),
    "A5-cause": _request(behaviours.aborts_from_error, "abort", "evidence"),
    "A6": _request(behaviours.handled(500), "evidence"),
    "A8": _request(behaviours.streams_and_fails(2), "chain-afterwards", "stream-error"),
    "A9": _request(behaviours.fails_in_background, "background", "chain-afterwards"),
    "A10": Scenario(_websocket, frozenset({"websocket"}), SOCKET_PATH),
    "A11": _request(behaviours.exits(1), "chain", "groups"),
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
    """Require that *event* equals the golden event *name*; show the difference if it does not."""
    found = _events.normalize(json.loads(json.dumps(event)), driver, SCENARIOS[name].route)
    if os.environ.get(WRITE) == "write" and not SCENARIOS[name].requires & driver.all_unsupported():
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

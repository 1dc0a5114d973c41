from __future__ import annotations

import pytest

from harness.service import Bench
from harness.sink import Event
from harness.situations import SITUATIONS, Scene
from harness.table import (
    EXPECTED,
    FRAMEWORKS,
    Cell,
    Failure,
    Framework,
    cells,
    parameters,
    rule,
    services,
)

CELLS = [
    parameters(situation, cell, framework=framework, server=server)
    for framework, server, situation, cell in cells()
]


@pytest.mark.parametrize("framework,server,situation,cell", CELLS)
def test_situation(bench: Bench, framework: str, server: str, situation: str, cell: Cell) -> None:
    """What leaves the process is what the table says, and nothing else."""
    play = SITUATIONS[situation]
    with (
        play.service(bench, framework, server) as service,
        Scene(bench, service, situation, cell) as scene,
    ):
        events = play.run(scene)
    assert [str(e) for e in events if e.request_id not in {scene.id, ""}] == [], "of others"
    failures = tuple(as_failure(event) for event in events)
    if cell.lossy:
        assert failures == cell.events[: len(failures)] != cell.events
    else:
        assert failures == cell.events
    for event in events:
        is_complete(event, FRAMEWORKS[framework], situation)
    if not cell.events:
        assert bench.gate.said(scene.id, "saw") == ([cell.sees] if cell.sees else [])


def as_failure(event: Event) -> Failure:
    handled = event.mechanism.get("handled", False)
    return Failure(event.error, event.tags.get("status_code"), handled, event.data["level"])


def is_complete(event: Event, framework: Framework, situation: str) -> None:
    """Check what every event says, whatever it tells of."""
    assert event.tags["service"] == "shop"
    assert event.data["environment"] == "production"
    if event.error:
        # Nothing that is ours is called by then.
        outside = situation == "import_failed"
        assert event.mechanism["type"] == ("excepthook" if outside else framework.mechanism)
        assert event.exception["stacktrace"]["frames"]
    if event.request_id:
        page = event.data["request"]["url"].rpartition("/")[2]
        route = f"/orders/{{order_id}}/{page}" if framework.routes else "<unknown>"
        assert event.data["transaction"] == route
    else:
        assert situation in {"start_failed", "import_failed"}


def test_every_situation_is_in_the_table() -> None:
    """A situation that no row names would never be played; a row without one says nothing."""
    assert set(SITUATIONS) == set(EXPECTED)


def test_every_abort_is_in_the_table() -> None:
    """What each service sees of a client that goes is known, if it is nothing."""
    gone = [situation for situation in EXPECTED if situation.startswith("gone_")]
    assert [
        (situation, *service)
        for situation in gone
        for service in services()
        if rule(situation, *service) is None
    ] == []


def test_every_rule_of_the_table_decides_something() -> None:
    """A pattern that fits no service, or comes after a wider one, is an error in the table."""
    unused = {
        (situation, pattern)
        for situation, patterns in EXPECTED.items()
        for pattern in patterns
        if pattern not in {rule(situation, *service) for service in services()}
    }
    assert unused == set()

"""Every situation of the table, with every framework and server."""

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
    """A process sends the events of the table, and nothing else."""
    play = SITUATIONS[situation]
    with (
        play.service(bench, framework, server) as service,
        Scene(bench, service, situation, cell) as scene,
    ):
        events = play.run(scene)
    assert [str(e) for e in events if e.request_id not in {scene.id, ""}] == [], "of others"
    failures = tuple(as_failure(event) for event in events)
    assert failures == cell.events
    for event in events:
        is_complete(event, FRAMEWORKS[framework], situation)
    if not cell.events:
        assert bench.gate.reported(scene.id, "saw") == ([cell.sees] if cell.sees else [])


def as_failure(event: Event) -> Failure:
    handled = event.mechanism.get("handled", False)
    return Failure(event.error, event.tags.get("status_code"), handled, event.data["level"])


def is_complete(event: Event, framework: Framework, situation: str) -> None:
    """Check what every event must contain."""
    assert event.tags["service"] == "shop"
    assert event.data["environment"] == "production"
    if event.error:
        # The boundary does not exist yet, so the excepthook reports it, or a record of the server.
        outside = situation == "import_failed"
        expected = {"excepthook", "logging"} if outside else {framework.mechanism}
        assert event.mechanism["type"] in expected
        assert event.exception["stacktrace"]["frames"]
    if event.request_id:
        page = event.data["request"]["url"].rpartition("/")[2]
        route = f"/orders/{{order_id}}/{page}" if framework.routes else "<unknown>"
        assert event.data["transaction"] == route
    else:
        assert situation in {"start_failed", "import_failed"}


def test_every_situation_is_in_the_table() -> None:
    """Every situation has a row, and every row has a situation."""
    assert set(SITUATIONS) == set(EXPECTED)


def test_every_abort_is_in_the_table() -> None:
    """For each service and abort the table says what the handler sees, even if it is nothing."""
    gone = [situation for situation in EXPECTED if situation.startswith("gone_")]
    assert [
        (situation, *service)
        for situation in gone
        for service in services()
        if rule(situation, *service) is None
    ] == []


def test_every_rule_of_the_table_applies() -> None:
    """Every pattern matches a service that no earlier pattern matches."""
    unused = {
        (situation, pattern)
        for situation, patterns in EXPECTED.items()
        for pattern in patterns
        if pattern not in {rule(situation, *service) for service in services()}
    }
    assert unused == set()

"""Compare the events in the backend with the scenarios, and print one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from backend import Event
from scenarios import SCENARIOS, Scenario, Stored
from traffic import DEBUG_TOKEN, SECRET, Visit

UNKNOWN_ROUTE = "<unknown>"
ENVIRONMENT = "demo"
RELEASE = "demo-1"


@dataclass
class Cell:
    """The events of one service in one scenario."""

    events: list[Event] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def issues(self) -> int:
        """The number of issues into which the backend grouped the events."""
        return len({event.issue for event in self.events})

    def __str__(self) -> str:
        text = f"{len(self.events)} in {self.issues}" if self.events else "-"
        return f"{text} !" if self.differences else text


@dataclass(frozen=True)
class Column:
    """One service, with its requests and its stored events.

    *routes*: True if the adapter knows route templates.
    """

    service: str
    routes: bool
    visits: Mapping[str, Visit]
    events: Sequence[Event]

    def cell(self, scenario: Scenario) -> Cell:
        """Return the events of the scenario, with all differences from what is expected."""
        visit = self.visits[scenario.name]
        cell = Cell([event for event in self.events if request_id(event) in visit.requests])
        cell.differences += visit.oddities
        cell.differences += _counted(scenario, visit, cell, self)
        if scenario.stored:
            for event in cell.events:
                cell.differences += _described(event, scenario.stored, self)
        return cell

    def strays(self) -> Iterator[str]:
        """Yield a line for each stored event that belongs to no request."""
        sent = {request for visit in self.visits.values() for request in visit.requests}
        for event in self.events:
            if request_id(event) not in sent:
                yield f"expected no event without a request, got {event.title!r} {event.event_id}"


def request_id(event: Event) -> str:
    """Return the X-Request-Id of the request that the event is about."""
    headers = event.data.get("request", {}).get("headers", {})
    return str({name.lower(): value for name, value in headers.items()}.get("x-request-id"))


def _counted(scenario: Scenario, visit: Visit, cell: Cell, column: Column) -> Iterator[str]:
    """Yield the differences in the number of events, and in their ids and titles."""
    yield from _differs("requests sent", scenario.requests, len(visit.requests))
    per_request = Counter(map(request_id, cell.events))
    expected_each = 1 if scenario.stored else 0
    for request in visit.requests:
        yield from _differs(f"events of {request}", expected_each, per_request[request])
    stored_ids = {event.event_id for event in cell.events}
    for event_id in visit.event_ids:
        yield from _differs(
            f"{event_id or 'an id in the answer'} is stored", {event_id}, stored_ids
        )
    if scenario.stored and cell.events:
        title, route = scenario.stored.title, scenario.stored.route
        if route and not column.routes:
            title = title.replace(route, UNKNOWN_ROUTE)
        yield from _differs("issues", 1, cell.issues)
        yield from _differs("titles", {title}, {event.title for event in cell.events})


def _described(event: Event, stored: Stored, column: Column) -> Iterator[str]:
    """Yield the differences in the content of one event."""
    data = event.data
    route = (stored.route or data.get("transaction")) if column.routes else UNKNOWN_ROUTE
    exceptions = data.get("exception", {}).get("values", [])
    handled = exceptions[-1].get("mechanism", {}).get("handled") if exceptions else None
    facts = {
        "tag service": (column.service, data.get("tags", {}).get("service")),
        "tag status_code": (str(stored.status), data.get("tags", {}).get("status_code")),
        "transaction": (route, data.get("transaction")),
        "handled": (stored.handled, handled),
        "level": ("error", data.get("level")),
        "environment": (ENVIRONMENT, data.get("environment")),
        "release": (RELEASE, data.get("release")),
        "server_name": (column.service, data.get("server_name")),
        "query in the URL": ("", data.get("request", {}).get("url", "?").partition("?")[2]),
        "planted secret stored": (False, SECRET in event.record or DEBUG_TOKEN in event.record),
    }
    for name, (expected, got) in facts.items():
        yield from _differs(f"{request_id(event)}: {name}", expected, got)


def _differs(what: str, expected: object, got: object) -> Iterator[str]:
    if expected != got:
        yield f"{what}: expected {expected!r} got {got!r}"


def show(columns: Sequence[Column]) -> bool:
    """Print the table and every difference; return True if there is none."""
    rows = {scenario: [column.cell(scenario) for column in columns] for scenario in SCENARIOS}
    _print_table([column.service for column in columns], rows)
    print("\n2 in 1: two events in one issue, with the title below; -: no event; !: a difference")
    differences = [
        f"{column.service}, {scenario.title}: {difference}"
        for scenario, cells in rows.items()
        for column, cell in zip(columns, cells, strict=True)
        for difference in cell.differences
    ]
    differences += [f"{column.service}: {stray}" for column in columns for stray in column.strays()]
    for difference in differences:
        print(f"  ! {difference}")
    return not differences


def _print_table(services: Sequence[str], rows: Mapping[Scenario, Sequence[Cell]]) -> None:
    wide = max(len(scenario.title) for scenario in rows)
    print(" " * wide, *(f"{service:9}" for service in services), sep="  ")
    print("-" * wide, *("-" * max(9, len(service)) for service in services), sep="  ")
    for scenario, cells in rows.items():
        texts = [
            f"{cell!s:{max(9, len(service))}}"
            for cell, service in zip(cells, services, strict=True)
        ]
        print(scenario.title.ljust(wide), *texts, sep="  ")
        for title in sorted({event.title for cell in cells for event in cell.events}):
            print(f"    {title}")

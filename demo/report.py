"""Compare the events in the backend with the scenarios, and print one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from backend import Event
from scenarios import SCENARIOS, Scenario, Stored
from traffic import DEBUG_TOKEN, PLANTED, SECRET, Visit

UNKNOWN_ROUTE = "<unknown>"
ENVIRONMENT = "demo"
RELEASE = "demo-1"
STORED_VALUES = f"of {len(PLANTED)} harmless values, stored"


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

    def leaks(self) -> Iterator[str]:
        """Yield a line for each planted value that is in stored events, of a request or not."""
        for planted in PLANTED:
            found = [part for part in (planted.found_in(e.record) for e in self.events) if part]
            if found:
                what = f"{planted.place} {planted.name} {planted.value!r}"
                yield f"expected no {what}, got it in {len(found)} events: ...{found[0]}..."

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
        "tag route": (route, data.get("tags", {}).get("route")),
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
    leaks = [list(column.leaks()) for column in columns]
    _print_table([column.service for column in columns], rows, leaks)
    print("\n2 in 1: two events in one issue, with the title below; -: no event; !: a difference")
    differences = [
        f"{column.service}, {scenario.title}: {difference}"
        for scenario, cells in rows.items()
        for column, cell in zip(columns, cells, strict=True)
        for difference in cell.differences
    ]
    for column, found in zip(columns, leaks, strict=True):
        differences += [f"{column.service}: {line}" for line in (*column.strays(), *found)]
    for difference in differences:
        print(f"  ! {difference}")
    return not differences


def _print_table(
    services: Sequence[str],
    rows: Mapping[Scenario, Sequence[Cell]],
    leaks: Sequence[Sequence[str]],
) -> None:
    wide = max(map(len, [STORED_VALUES, *(scenario.title for scenario in rows)]))
    widths = [max(9, len(service)) for service in services]

    def line(first: str, texts: Iterable[object]) -> None:
        cells = (f"{text!s:{width}}" for text, width in zip(texts, widths, strict=True))
        print(first.ljust(wide), *cells, sep="  ")

    line("", services)
    line("-" * wide, ["-" * width for width in widths])
    for scenario, cells in rows.items():
        line(scenario.title, cells)
        for title in sorted({event.title for cell in cells for event in cell.events}):
            print(f"    {title}")
    line(STORED_VALUES, [f"{len(found)} !" if found else "0" for found in leaks])

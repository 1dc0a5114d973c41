"""Compare the page about events with the events of all kinds, in all frameworks."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from typing import Any

import event_kinds
import event_runs
import event_tables
import sentry_sdk
from event_fields import ALWAYS, FIELDS, NO_FALLBACK, TYPES, leaves

from sentryinit import testing
from sentryinit._redaction.limits import SIZE

ROWS = {field.path: field for field in FIELDS}


def test_the_tables_have_the_fields_of_all_events_and_no_others() -> None:
    """Each field of an event has its row, with its type; each row and example is of an event."""
    seen: dict[str, set[str]] = defaultdict(set)
    wrong: list[tuple[str, str, Any]] = []
    for where, event in event_runs.everything():
        found = dict(leaves(event))
        fallback = {"redaction_error", "before_send_error"} & event["tags"].keys()
        always = {ALWAYS} if fallback else {ALWAYS, NO_FALLBACK}
        needed = {field.path for field in FIELDS if field.when in always}
        wrong += [(where, path, "missing") for path in needed - found.keys()]
        both = [event, event_kinds.shown(event)] if where in event_kinds.KINDS else [event]
        for path, value in itertools.chain(*map(leaves, both)):
            row = ROWS.get(path)
            if row is None or type(value) not in TYPES[row.kind]:
                wrong.append((where, path, value))
            seen[path].add(json.dumps(value))
    assert wrong[:20] == []
    assert sorted(ROWS.keys() - seen) == []
    assert [f.path for f in FIELDS if json.dumps(f.example) not in seen[f.path]] == []


def test_an_envelope_has_one_event_and_nothing_else() -> None:
    """G2: the header has the id and the time; the only item is the event; the key is not in it."""
    for kind, each in event_kinds.received().items():
        ((item, event),) = each.items
        header = json.loads(each.envelope.split(b"\n")[0])
        assert (kind, header.keys()) == (kind, {"event_id", "sent_at"})
        assert (item["type"], header["event_id"]) == ("event", event["event_id"])
        assert event_kinds.KEY not in each.envelope.decode()
        assert event_kinds.KEY in each.headers["X-Sentry-Auth"]
        assert each.headers["Content-Encoding"] == "gzip"


def test_the_limits_of_the_page_are_those_of_an_event() -> None:
    """G5: each field that has a limit is cut there, the whole event too, and the event says so."""
    long = dict.fromkeys(event_tables.LENGTHS, "ab" * 400)
    made: dict[str, Any] = {"tags": {f"t{n}": "x" for n in range(300)}, "extra": {}}
    for path, text in long.items():
        _put(made, path.replace("tags.NAME", "tags.t1"), text)
    with testing.capture("orders") as mailbox:
        sentry_sdk.capture_event(made)
        sentry_sdk.capture_event(
            {"contexts": {"basket": {f"x{n}": "no stock " * 900 for n in range(200)}}}
        )
    first, second = mailbox.events
    found = dict(leaves(first)) | {"tags.NAME": first["tags"]["t1"]}
    assert {path: len(found[path]) for path in long} == event_tables.LENGTHS
    assert len(first["tags"]) == event_tables.TAGS
    assert SIZE // 2 < len(json.dumps(second)) <= SIZE + SIZE // 8
    assert second["contexts"]["sentryinit"]["cut"] is True


def _put(into: dict[str, Any], path: str, value: str) -> None:
    """Set the field at *path*."""
    *parents, name = path.replace("[]", "").split(".")
    for parent in parents:
        into = into.setdefault(parent, [{}] if parent == "values" else {})
        into = into[0] if isinstance(into, list) else into
    into[name] = value

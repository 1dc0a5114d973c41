"""Generate the parts of ``docs/reference/events.md``: cog calls these functions."""

from __future__ import annotations

import json

import event_kinds
from event_fields import SECTIONS, TEXT, TEXT_OR_NULL
from sentry_sdk.serializer import MAX_DATABAG_BREADTH, MAX_DATABAG_DEPTH

from sentryinit._events.build import MAX_KINDS
from sentryinit._events.source_context import MAX_LENGTH
from sentryinit._policy.exceptions import MAX_ON_EVENT
from sentryinit._redaction.limits import DEPTH, ITEMS, KEY, SIZE

# Characters of the fields that have a limit of their own.
LENGTHS = {
    "platform": 64,
    "logger": 64,
    "server_name": 200,
    "release": 200,
    "dist": 64,
    "environment": 64,
    "transaction": 200,
    "user.id": 128,
    "user.username": 128,
    "tags.NAME": 200,
    "exception.values[].type": 200,
    "exception.values[].module": 200,
}
TAGS = 200


def _rows(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def fields(section: str) -> str:
    """Return the table of the fields in *section*."""
    rows = []
    for field in SECTIONS[section]:
        example = field.example if field.kind in {TEXT, TEXT_OR_NULL} else json.dumps(field.example)
        code = f"`{str(example).strip()}`".replace("|", "\\|")
        rows.append(
            [
                f"`{field.path}`",
                f"{field.kind.replace('any', 'any JSON')}, {code}",
                field.when,
                field.says,
                field.source,
                field.shown,
            ]
        )
    return _rows(["field", "value, example", "when", "what it says", "from", "GlitchTip"], rows)


def example(kind: str) -> str:
    """Return the event of *kind* as a block."""
    reason = "it is an event, not code; a program has sent it"
    text = json.dumps(event_kinds.shown(event_kinds.event_of(kind)), indent=2)
    return f"{event_kinds.KINDS[kind].what}\n\n<!-- not run: {reason} -->\n```json\n{text}\n```"


def envelope() -> str:
    """Return the lines of an envelope, with its event cut short, as a block."""
    first, second, event = event_kinds.received()["status"].envelope.split(b"\n")[:3]
    header, item = json.loads(first), json.loads(second)
    header = {
        "event_id": event_kinds.shown(header["event_id"], "event_id"),
        "sent_at": "2026-11-30T12:00:00.100000Z",
    }
    lines = [json.dumps(header), json.dumps(item | {"length": 1010}), f"{event[:1].decode()}..."]
    text = "\n".join(lines)
    return f"<!-- not run: it is an envelope, and its third line is cut -->\n```text\n{text}\n```"


def limits() -> str:
    """Return the table of limits."""
    lengths: dict[int, list[str]] = {}
    for path, limit in LENGTHS.items():
        lengths.setdefault(limit, []).append(f"`{path}`")
    rows = [
        ["an event, as JSON", f"{SIZE:,} bytes; with what marks the cut, {SIZE // 8:,} more"],
        ["any text", "`max_value_length` characters, 8192 if it is not set"],
        *([", ".join(paths), f"{limit} characters"] for limit, paths in sorted(lengths.items())),
        ["the name of a value", f"{KEY} characters"],
        ["tags", f"{TAGS}"],
        ["items of a list or a mapping", f"{ITEMS}"],
        ["levels of nesting", f"{DEPTH}"],
        [
            "items of a list or a mapping, and levels, in `extra` and in local variables",
            f"{MAX_DATABAG_BREADTH} and {MAX_DATABAG_DEPTH}: sentry-sdk cuts them, and says so in "
            "`_meta`",
        ],
        ["exceptions", f"{MAX_ON_EVENT}: the newest and the oldest"],
        ["frames of a stack", "`max_stack_frames`, 100 if it is not set"],
        ["a source line", f"{MAX_LENGTH:,} characters"],
        ["kinds in the storm summary", f"{MAX_KINDS}, and one entry for the others"],
    ]
    return _rows(["what", "limit"], rows)

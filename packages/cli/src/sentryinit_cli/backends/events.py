"""Parts of events and lists, as backends write them."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from sentryinit_cli.verdicts import Failure, Verdict

_FRACTION = re.compile(r"\.(\d+)")


def event_uuid(text: str) -> uuid.UUID:
    """Return the UUID of *text*; raise ``Failure`` if it is none: a backend answers 422."""
    try:
        return uuid.UUID(text)
    except ValueError:
        pass
    raise Failure(Verdict.NOT_WIRED, "the id of the event is no UUID", "look at what gave this id")


def is_id(value: object, wanted: uuid.UUID) -> bool:
    """Return True if *value* is *wanted*, with dashes or without, in any case."""
    return str(value).replace("-", "").lower() == wanted.hex


def tags_of(value: object) -> dict[str, str]:
    """Return tags: of a list of objects or of pairs, or of a mapping."""
    if isinstance(value, Mapping):
        return {str(name): str(each) for name, each in value.items()}
    found = {}
    for row in value if isinstance(value, list) else ():
        if isinstance(row, Mapping):
            found[str(row.get("key"))] = str(row.get("value"))
        elif isinstance(row, (list, tuple)) and len(row) == 2:
            found[str(row[0])] = str(row[1])
    return found


def moment(value: object) -> datetime | None:
    """Return the time of an ISO text, or None."""
    # Python 3.10 knows no Z, and takes three or six digits of a second.
    text = _FRACTION.sub(lambda found: f".{found[1]:0<6.6}", str(value).replace("Z", "+00:00"))
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def whole_of(*parts: object) -> str:
    """Return all texts that a backend told, for a search."""
    return "\n".join(json.dumps(part, ensure_ascii=False) for part in parts if part is not None)


def text_of(row: object, *path: str) -> str:
    """Return the text at *path* in nested objects, or an empty one."""
    for name in path:
        row = row.get(name) if isinstance(row, Mapping) else None
    return "" if row is None or isinstance(row, (Mapping, list)) else str(row)


def title_of(event: Mapping[str, Any]) -> str:
    """Return the title of an event as it was sent."""
    values = (event.get("exception") or {}).get("values") or []
    if values and isinstance(values[-1], Mapping):
        kind, value = text_of(values[-1], "type"), text_of(values[-1], "value")
        return f"{kind}: {value}" if value else kind
    message = event.get("logentry") or {}
    return text_of(message, "formatted") or text_of(message, "message") or text_of(event, "message")

"""The event in place of one that code fails on: no text of the application."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_FIELDS = ("event_id", "timestamp", "level", "platform", "release", "environment", "server_name")
_FRAME_FIELDS = ("filename", "function", "module", "lineno", "in_app")
_WITHHELD = "details withheld"
# The last ones: where it happened.
_MOST = 50
# What a text has to consist of. Nothing else is known to be no secret.
_NAME = re.compile(r"[\w.<>-]{1,200}")
_SHAPES = {
    "event_id": re.compile(r"[0-9a-f-]{32,36}"),
    "timestamp": re.compile(r"[\d T:.Z+-]{10,40}"),
    "level": re.compile(r"fatal|error|warning|info|debug"),
    "release": re.compile(r"[\w.@:+~()-]{1,200}"),
    "filename": re.compile(r"(?:[A-Za-z]:)?[\w./\\<> -]{1,300}"),
    "route": re.compile(r"[\w./{}<>:*-]{1,200}"),
}


def fallback_event(event: object, reason: str) -> dict[str, Any]:
    """Return the event to send in place of *event*, tagged with *reason*; never raises."""
    try:
        return _fallback_event(event, reason)
    except BaseException:  # noqa: BLE001 # a mapping may be the application's
        return _fallback_event(None, reason)


def _fallback_event(event: object, reason: str) -> dict[str, Any]:
    source: Mapping[str, Any] = event if isinstance(event, Mapping) else {}
    made = _pick(source, _FIELDS)
    made["tags"] = {
        **_pick(source.get("tags"), ("service", "status_code", "route")),
        reason: "true",
    }
    exceptions = [_fallback_exception(value) for value in _items(source.get("exception"), "values")]
    if exceptions:
        made["exception"] = {"values": exceptions}
    else:
        made["logentry"] = {"message": _WITHHELD, "formatted": _WITHHELD}
    return made


def _fallback_exception(value: object) -> dict[str, Any]:
    source: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    made = _pick(source, ("type", "module"))
    made["value"] = _WITHHELD
    made["mechanism"] = _pick(source.get("mechanism"), ("type", "handled")) or {"type": "generic"}
    frames = _items(source.get("stacktrace"), "frames")
    if frames:
        made["stacktrace"] = {"frames": [_pick(frame, _FRAME_FIELDS) for frame in frames]}
    return made


def _pick(source: object, names: Iterable[str]) -> dict[str, Any]:
    if not isinstance(source, Mapping):
        return {}
    return {name: source[name] for name in names if _is_safe(name, source.get(name))}


def _is_safe(name: str, value: object) -> bool:
    if isinstance(value, str):
        return _SHAPES.get(name, _NAME).fullmatch(value) is not None
    return isinstance(value, (int, float))


def _items(source: object, name: str) -> list[Any]:
    found = source.get(name) if isinstance(source, Mapping) else source
    return list(found[-_MOST:]) if isinstance(found, (list, tuple)) else []

"""The event that is left when nothing else can be.

Pure. Where it happened and what sort it was, without one word that came from the application.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# What a minimal event keeps: nothing that an application's text can reach.
_MINIMAL = ("event_id", "timestamp", "level", "platform", "release", "environment", "server_name")
_MINIMAL_FRAME = ("filename", "function", "module", "lineno", "in_app")


def _kept(source: object, names: Iterable[str]) -> dict[str, Any]:
    if not isinstance(source, Mapping):
        return {}
    return {
        name: source[name]
        for name in names
        if isinstance(source.get(name), (str, int, float)) and source[name] != ""
    }


def _values(interface: object) -> list[Any]:
    values = interface.get("values") if isinstance(interface, Mapping) else interface
    return list(values) if isinstance(values, (list, tuple)) else []


def fallback_event(event: object, reason: str) -> dict[str, Any]:
    """Return the event to send when *event* cannot be processed: tagged with *reason*.

    Where it happened and what sort it was, without one word that came from the application.
    """
    source: Mapping[str, Any] = event if isinstance(event, Mapping) else {}
    small = _kept(source, _MINIMAL)
    small["tags"] = {**_kept(source.get("tags"), ("service", "status_code")), reason: "true"}
    small["exception"] = {
        "values": [_minimal_exception(value) for value in _values(source.get("exception"))]
    }
    if not small["exception"]["values"]:
        small.pop("exception")
        small["logentry"] = {"message": "details withheld", "formatted": "details withheld"}
    return small


def _minimal_exception(value: object) -> dict[str, Any]:
    source: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    small = _kept(source, ("type", "module"))
    small["value"] = "details withheld"
    small["mechanism"] = _kept(source.get("mechanism"), ("type", "handled")) or {"type": "generic"}
    stack = source.get("stacktrace")
    frames = stack.get("frames") if isinstance(stack, Mapping) else None
    if isinstance(frames, (list, tuple)):
        small["stacktrace"] = {"frames": [_kept(frame, _MINIMAL_FRAME) for frame in frames]}
    return small

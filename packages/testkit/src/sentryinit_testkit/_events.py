"""Reads events, and normalizes them so that those of different adapters can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentryinit_testkit._driver import Driver

Event = dict[str, Any]

BEHAVIOURS = "sentryinit_testkit.behaviours"
UNKNOWN = "<unknown>"

# Ids, times and versions, and what sentry-sdk says about itself.
_VARYING = ("event_id", "timestamp", "sdk", "platform", "modules", "_meta", "debug_meta", "dist")
_VARYING_CONTEXTS = ("runtime", "os", "device")


def exceptions(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the exceptions of *event*; the one that was raised last is at the end."""
    found = event.get("exception") or {}
    return list(found.get("values", ()) if isinstance(found, Mapping) else found)


def outermost(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the exception that *event* is about."""
    values = exceptions(event)
    assert values, f"not an exception event: {title(event)}"
    return values[-1]


def mechanism(event: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the type and ``handled`` of the mechanism."""
    found = outermost(event).get("mechanism") or {}
    return found.get("type"), found.get("handled")


def types(event: Mapping[str, Any]) -> list[str]:
    """Return the types of the exceptions."""
    return [str(value.get("type")) for value in exceptions(event)]


def message(event: Mapping[str, Any]) -> str | None:
    """Return the message of an event without exception."""
    entry = event.get("logentry") or {}
    if "formatted" in entry:
        return str(entry["formatted"])
    # Older releases of sentry-sdk leave the formatting to the backend.
    text, parameters = entry.get("message") or event.get("message"), entry.get("params")
    return text % tuple(parameters) if text and parameters else text


def title(event: Mapping[str, Any]) -> str:
    """Return the title of *event*, as a backend shows it."""
    values = exceptions(event)
    if values:
        return f"{values[-1].get('type')}: {values[-1].get('value')}"
    return str(message(event))


def tags(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags, which are a mapping or a list of pairs."""
    found = event.get("tags") or {}
    return dict(found)


def breadcrumbs(event: Mapping[str, Any]) -> list[str]:
    """Return the messages of the breadcrumbs."""
    found = event.get("breadcrumbs") or {}
    values = found.get("values", ()) if isinstance(found, Mapping) else found
    return [str(crumb.get("message")) for crumb in values]


def frames(value: Mapping[str, Any]) -> list[str]:
    """Return the functions of the module ``behaviours`` on the stack of one exception."""
    stack = value.get("stacktrace") or {}
    return [
        str(frame["function"])
        for frame in stack.get("frames") or ()
        if frame.get("module") == BEHAVIOURS
    ]


def normalize(event: Event, driver: Driver, route: str) -> Event:
    """Return the part of *event* that must be the same for all adapters.

    If the framework does not support ``route``, ``<unknown>`` is replaced by the template *route*;
    clause D3 checks which of the two is there.
    """
    routeless = "route" in driver.all_unsupported()
    kept = {key: value for key, value in event.items() if key not in _VARYING}
    if "route" not in tags(event):
        # Outside of requests it is the name of the program.
        kept["transaction"] = None
    if exceptions(event):
        # It is made of the innermost frame: without one of an application, of the framework's.
        kept["fingerprint"] = kept.get("fingerprint", [])[:2]
    shown = {name: kept.get(name) for name in ("transaction", "fingerprint", "logentry")}
    kept |= _replace(shown, UNKNOWN, route) if routeless else {}
    kept["tags"] = _replace(tags(event), UNKNOWN, route) if routeless else tags(event)
    kept["contexts"] = {
        name: sorted(value or ()) if name == "trace" else value
        for name, value in sorted((event.get("contexts") or {}).items())
        if name not in _VARYING_CONTEXTS
    }
    if exceptions(event):
        kept["exception"] = [_exception(value, driver) for value in exceptions(event)]
    kept["breadcrumbs"] = breadcrumbs(event)
    return {key: kept[key] for key in sorted(kept) if kept[key] not in ({}, [], None)}


def _replace(value: Any, old: str, new: str) -> Any:
    """Return *value* with *new* in place of *old* in all texts."""
    if isinstance(value, dict):
        return {key: _replace(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace(item, old, new) for item in value]
    return value.replace(old, new) if isinstance(value, str) else value


def _exception(value: Mapping[str, Any], driver: Driver) -> Event:
    found = value.get("mechanism") or {}
    kind = found.get("type")
    return {
        "type": value.get("type"),
        # Before Python 3.11, groups come from the package exceptiongroup.
        "module": None if value.get("module") == "exceptiongroup" else value.get("module"),
        "value": value.get("value"),
        "mechanism": "<adapter>" if kind == driver.name else kind,
        "handled": found.get("handled"),
        "frames": frames(value),
    }

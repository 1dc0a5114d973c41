"""What each part of an event has to be, so that no backend refuses it, cuts it or loses others.

Pure. Parts that an application can write to are masked; those that make an event work (ids, times,
what a stack says) stay if they are what they have to be, and then cannot hold a secret.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sentryinit._redaction.placeholders import MARK
from sentryinit._redaction.walker import Walk

Field = Callable[[Walk, Any], Any]

_EVENT_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?")
_LEVELS = {"critical": "fatal", "warn": "warning", "log": "info", "trace": "debug"}
_LEVELS.update({level: level for level in "fatal error warning info debug".split()})
# What is in no name of a release or an environment. Their length is counted in bytes somewhere.
_ODD = re.compile(r"[^\w.:@+~()-]", re.ASCII)
_DIST = re.compile(r"[^a-zA-Z0-9_.-]")
_TAG_KEY = re.compile(r"[^a-zA-Z0-9_.:-]")
_DEFAULT = re.compile(r"\{\{\s*default\s*\}\}")
_TRACE_ID, _SPAN_ID = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{16}")
# A width in a template can ask for gigabytes.
_WIDE = re.compile(r"%[^a-zA-Z%]*(?:\*|\d{4})")


def event_id(_walk: Walk, value: Any) -> str:
    """Return an id that backends take: an event with another one is lost."""
    text = value if isinstance(value, str) else ""
    return text if _EVENT_ID.fullmatch(text) else uuid.uuid5(uuid.NAMESPACE_OID, repr(value)).hex


def timestamp(_walk: Walk, value: Any) -> Any:
    """Return a time; None where there is none, for the backend to say when it came."""
    if isinstance(value, str):
        return value if _TIME.fullmatch(value) else None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if number and 0 <= value < 4e9 else None


def level(_walk: Walk, value: Any) -> str:
    """Return one of the five levels."""
    return _LEVELS.get(str(value).lower(), "error")


def name(limit: int) -> Field:
    """Return the field of a text of one line."""

    def field(walk: Walk, value: Any) -> str | None:
        return walk.name(value, limit) or None

    return field


def release(walk: Walk, value: Any) -> str | None:
    """Return a release that no backend refuses; 200 is what all of them have room for."""
    text = walk.word(value, _ODD, 200, versions=True)
    return None if text.lower() in {"", "latest", ".", ".."} else text


def dist(walk: Walk, value: Any) -> str | None:
    """Return the build of a release."""
    return walk.word(value, _DIST, 64, versions=True) or None


def environment(walk: Walk, value: Any) -> str | None:
    """Return the name of an environment."""
    text = walk.word(value, _ODD, 64)
    return None if text.lower() in {"", "none"} else text


def tags(walk: Walk, value: Any) -> Any:
    """Return tags as texts of one line; an empty one is none."""
    pairs = value.items() if isinstance(value, Mapping) else _pairs(value)
    made: dict[str, str] = {}
    for key, item in pairs:
        if item is not None and len(made) < 200:
            tag = _tag(walk, key)
            text = walk.name(walk.under(tag, walk.under(key, item, 1), 1))
            while tag in made:
                tag += "_"
            if text and tag:
                made[tag] = text
    return made if isinstance(value, Mapping) else [[key, text] for key, text in made.items()]


def _tag(walk: Walk, key: Any) -> str:
    """Return a name for a tag; one with a secret in it cannot be told in the letters of names."""
    name = walk.key(key)
    return "masked" if MARK.search(name) else _TAG_KEY.sub("_", name)


def _pairs(value: Any) -> list[Any]:
    found = value if isinstance(value, (list, tuple)) else []
    return [pair for pair in found if isinstance(pair, (list, tuple)) and len(pair) == 2]


def fingerprint(walk: Walk, value: Any) -> list[str]:
    """Return texts; a placeholder in the one spelling that every backend knows."""
    parts = walk.few(value) if isinstance(value, (list, tuple)) else [value]
    return [
        "{{ default }}" if isinstance(part, str) and _DEFAULT.fullmatch(part) else walk.text(part)
        for part in parts
    ]


def logentry(walk: Walk, value: Any) -> dict[str, Any]:
    """Return a message whose parameters are texts: one None among them loses the event."""
    entry = value if isinstance(value, Mapping) else {"message": value}
    params = entry.get("params")
    formatted = entry.get("formatted") or _formatted(entry.get("message"), params)
    made: dict[str, Any] = {}
    if entry.get("message"):
        made["message"] = walk.text(entry["message"])
    if formatted or made:
        same = not formatted or formatted is entry.get("message")
        made["formatted"] = made["message"] if same else walk.text(formatted)
        made.setdefault("message", made["formatted"])
    if formatted and isinstance(params, (list, tuple, Mapping)):
        made["params"] = _params(walk, params, made["formatted"])
    return made


def _formatted(template: Any, params: Any) -> str | None:
    if not isinstance(template, str) or not params or _WIDE.search(template):
        return None
    try:
        return template % (params if isinstance(params, Mapping) else tuple(params))
    except Exception:  # noqa: BLE001 # whatever objects among the parameters may raise
        return None


def _params(walk: Walk, params: Any, formatted: str) -> Any:
    """Return *params* but for those that the masked message does not show any more."""

    def shown(key: object, value: Any) -> str:
        text = walk.text(walk.under(key, value, 1))
        return text if text in formatted else str(walk.mark(value))

    if isinstance(params, Mapping):
        return {walk.key(key): shown(key, params[key]) for key in walk.few(params)}
    return [shown(None, value) for value in walk.few(params)]

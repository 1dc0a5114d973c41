"""The single values of an event; backends refuse an event over invalid ones."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sentryinit._redaction.limits import ELLIPSIS, KEY
from sentryinit._redaction.objects import CONTAINERS, text_of
from sentryinit._redaction.placeholders import PLACEHOLDER
from sentryinit._redaction.walker import Walker

# Makes a part of an event from a given value.
Field = Callable[[Walker, Any], Any]

_EVENT_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?")
_LEVELS = {"critical": "fatal", "warn": "warning", "log": "info", "trace": "debug"}
_LEVELS.update({level: level for level in "fatal error warning info debug".split()})
# ASCII only: some backends limit the bytes.
_ODD = re.compile(r"[^\w.:@+~()-]", re.ASCII)
_ODD_IN_TAG_KEY = re.compile(r"[^a-zA-Z0-9_.:-]")
_DEFAULT = re.compile(r"\{\{\s*default\s*\}\}")
# A width in a %-template can ask for gigabytes.
_WIDE = re.compile(r"%[^a-zA-Z%]*(?:\*|\d{4})")


def event_id(_walker: Walker | None, value: Any) -> str:
    """Return a valid event id."""
    text = value.hex if type(value) is uuid.UUID else text_of(value)
    return text if _EVENT_ID.fullmatch(text) else uuid.uuid5(uuid.NAMESPACE_OID, text).hex


def timestamp(_walker: Walker, value: Any) -> Any:
    """Return a valid time, or None: then the time of arrival counts."""
    if isinstance(value, str):
        return value if _TIME.fullmatch(value) else None
    return value if type(value) in {int, float} and 0 <= value < 4e9 else None


def level(_walker: Walker, value: Any) -> str:
    """Return one of the five levels."""
    return _LEVELS.get(text_of(value).lower(), "error")


def _line(limit: int) -> Field:
    return lambda walker, value: walker.line(value, limit) or None


def _setting(odd: re.Pattern[str], limit: int, *unset: str, is_version: bool = False) -> Field:
    """Return the field for a line without *odd* characters; None if it is *unset* or masked."""

    def field(walker: Walker, value: Any) -> str | None:
        line = walker.line(value, limit, is_version=is_version)
        made = "" if PLACEHOLDER.search(line) else odd.sub("-", line)
        # With other characters it may look like a secret only now.
        is_masked = walker.masker.text(made, is_version=is_version) != made
        return None if is_masked or made.lower() in {"", *unset} else made

    return field


line_32, line_64, line_200 = _line(32), _line(64), _line(200)
release = _setting(_ODD, 200, "latest", ".", "..", is_version=True)
dist = _setting(re.compile(r"[^a-zA-Z0-9_.-]"), 64, is_version=True)
environment = _setting(_ODD, 64, "none")


def tags(walker: Walker, value: Any) -> Any:
    """Return tags as single lines; empty ones are left out."""
    pairs = walker.pairs(value) if isinstance(value, Mapping) else _pairs(walker, value)
    made: dict[str, str] = {}
    for key, item in walker.each(pairs):
        if item is not None and len(made) < 200:
            given = walker.key(" ".join(walker.text_of(key).split()))
            # The brackets of a placeholder are not allowed in a key.
            is_masked = PLACEHOLDER.search(given.name)
            tag = "masked" if is_masked else _ODD_IN_TAG_KEY.sub("_", given.name)
            masked = walker.mask_item(given, item, 1)
            again = walker.key(tag)
            # With other characters it may look like a secret only now.
            tag = tag if again.name == tag else "masked"
            text = walker.line(walker.mask_item(again, masked, 1))
            while tag in made:
                tag += "_"
                walker.reserve(2)  # as much as a second pass takes for the key
            if text and 0 < len(tag) <= KEY:
                made[tag] = text
    return made if isinstance(value, Mapping) else [[key, text] for key, text in made.items()]


def _pairs(walker: Walker, value: Any) -> list[Any]:
    found = walker.items(value) if isinstance(value, (list, tuple)) else []
    pairs = (walker.items(pair) for pair in found if isinstance(pair, (list, tuple)))
    return [pair for pair in pairs if len(pair) == 2]


def fingerprint(walker: Walker, value: Any) -> list[str]:
    """Return texts, and ``{{ default }}`` as every backend knows it."""
    parts = walker.items(value) if isinstance(value, (list, tuple)) else [value]
    return [
        "{{ default }}" if isinstance(part, str) and _DEFAULT.fullmatch(part) else walker.text(part)
        for part in walker.each(parts)
    ]


def logentry(walker: Walker, value: Any) -> dict[str, Any]:
    """Return a message and the texts of its parameters: GlitchTip loses events with a None."""
    entry = dict(walker.pairs(value)) if isinstance(value, Mapping) else {"message": value}
    message, params = entry.get("message"), entry.get("params")
    formatted = entry.get("formatted") or _format(walker, message, params)
    if not (formatted or message):
        return {}
    made: dict[str, Any] = {"formatted": walker.text(formatted or message)}
    same = not (formatted and message) or formatted is message
    made["message"] = made["formatted"] if same else walker.text(message)
    if formatted and isinstance(params, (list, tuple, Mapping)):
        made["params"] = _params(walker, params, made["formatted"])
    return made


def _format(walker: Walker, template: Any, params: Any) -> str | None:
    is_usual = type(template) is str and len(template) <= walker.masker.limit
    if not is_usual or not params or _WIDE.search(template):
        return None
    try:
        if isinstance(params, Mapping):
            return str(template % {k: _part(walker, value) for k, value in walker.pairs(params)})
        return str(template % tuple(_part(walker, value) for value in walker.items(params)))
    except BaseException:  # noqa: BLE001 # the parameters are objects of the application
        return None


def _part(walker: Walker, value: Any) -> Any:
    """Return *value*; of a container a text that has a bound."""
    return walker.text_of(value) if isinstance(value, CONTAINERS) else value


def _params(walker: Walker, params: Any, formatted: str) -> Any:
    """Return *params*; those missing in *formatted*, which is masked, are secrets."""

    def shown(value: Any, masked: Any) -> str:
        text = walker.text(masked)
        is_shown = text in formatted or text == ELLIPSIS
        return text if is_shown else str(walker.placeholder(value))

    if not isinstance(params, Mapping):
        items = walker.each(walker.items(params))
        return [shown(value, walker.value(value, 1)) for value in items]
    keys = [(walker.key(key), value) for key, value in walker.each(walker.pairs(params))]
    return {key.name: shown(value, walker.mask_item(key, value, 1)) for key, value in keys}

"""The larger parts of an event: who asked for what, where it broke, and what came before.

Pure. As in :mod:`sentryinit._redaction.attributes`, which has the small ones.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from sentryinit._redaction import attributes as _fields
from sentryinit._redaction import stacktrace as _frames
from sentryinit._redaction.walker import Walk, bag

# The last goes into the head of the envelope, for a sampling that there is none of.
_TRACE = {
    "trace_id": re.compile(r"[0-9a-f]{32}"),
    "span_id": re.compile(r"[0-9a-f]{16}"),
    "parent_span_id": re.compile(r"[0-9a-f]{16}"),
    "dynamic_sampling_context": re.compile("(?!)"),
}
# Of an exception, what is looked at by itself.
_APART = frozenset({"stacktrace", "type", "module", "value"})
_METHOD = re.compile(r"[A-Za-z_-]{1,32}")


def versions(walk: Walk, value: Any) -> dict[str, str]:
    """Return what is installed: names and versions."""
    found = value if isinstance(value, Mapping) else {}
    return {walk.key(key): walk.name(found[key], versions=True) for key in walk.few(found)}


def sdk(walk: Walk, value: Any) -> dict[str, Any] | None:
    """Return what the SDK says of itself, None if it does not say the least."""
    # Not by ==: a subclass may have one of its own.
    if isinstance(value, dict) and dict.__eq__(value, walk.tools.sdk) is True:
        return {**walk.tools.sdk}
    made = bag(walk, value) if isinstance(value, Mapping) else {}
    if not (made.get("name") and made.get("version")):
        return None
    walk.tools.sdk = made
    return made


def remarks(walk: Walk, value: Any) -> Any:
    """Return the SDK's remarks on what it cut: names there have no secrets under them."""
    if not isinstance(value, Mapping):
        return walk.any(value)
    return {walk.key(key): remarks(walk, value[key]) for key in walk.few(value)}


def user(walk: Walk, value: Any) -> dict[str, Any]:
    """Return a user; an address that is masked is left out, for a backend to take it as one."""
    made = bag(walk, value if isinstance(value, Mapping) else {"id": value})
    for key in ("id", "username", "email", "name"):
        if made.get(key) is not None:
            made[key] = walk.name(made[key], 128)
    if "ip_address" in made and not _is_address(made["ip_address"]):
        del made["ip_address"]
    return made


def _is_address(value: Any) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return isinstance(value, str)


def request(walk: Walk, value: Any) -> dict[str, Any]:
    """Return a request: headers and cookies one by one, each by its name."""
    made: dict[str, Any] = {}
    for key, item in (value if isinstance(value, Mapping) else {"data": value}).items():
        if key in {"url", "method"}:
            made[key] = walk.text(item or "")
        elif key in {"headers", "cookies", "env"}:
            made[key] = walk.any(item, 2)
        else:
            made[walk.key(key)] = walk.under(key, item, 2)
    if not _METHOD.fullmatch(made.get("method") or ""):
        made.pop("method", None)
    return made


def contexts(walk: Walk, value: Any) -> dict[str, Any]:
    """Return contexts, each of which is a mapping; the ids of the trace are ids."""
    found = value if isinstance(value, Mapping) else {"value": value}
    made = {}
    for key in walk.few(found):
        if found[key] is not None:
            name, item = walk.key(key), found[key]
            if key == "trace":
                trace = _trace(walk, item) if isinstance(item, Mapping) else {}
                made.update({"trace": trace} if trace else {})
            else:
                hidden = walk.under(key, {}, 2)
                made[name] = bag(walk, item) if hidden == {} else {"value": hidden}
    return made


def _trace(walk: Walk, given: Mapping[str, Any]) -> dict[str, Any]:
    made = bag(walk, {key: given[key] for key in given if key not in _TRACE})
    for key, pattern in _TRACE.items():
        if isinstance(given.get(key), str) and pattern.fullmatch(given[key]):
            made[key] = str(given[key])
    return made if {"trace_id", "span_id"} <= made.keys() else {}


def exceptions(walk: Walk, value: Any) -> Any:
    """Return exceptions, with their stacks."""
    return _values(walk, value, _exception)


def threads(walk: Walk, value: Any) -> Any:
    """Return threads, with their stacks."""
    return _values(walk, value, _with_stack)


def breadcrumbs(walk: Walk, value: Any) -> Any:
    """Return breadcrumbs."""
    return _values(walk, value, _breadcrumb)


def _values(walk: Walk, value: Any, item: Callable[[Walk, Any], Any]) -> Any:
    found = value.get("values") if isinstance(value, Mapping) else value
    found = walk.few(found) if isinstance(found, (list, tuple)) else []
    made = [item(walk, one) for one in found if one is not None]
    return {"values": made} if isinstance(value, Mapping) else made


def _breadcrumb(walk: Walk, value: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    others: dict[Any, Any] = {}
    for key, item in (value if isinstance(value, Mapping) else {"message": value}).items():
        field = _CRUMB.get(key) if type(key) is str else None
        if field is None:
            others[key] = item
        elif item is not None:
            made[key] = field(walk, item)
    if others:
        made["data"] = {**bag(walk, others), **made.get("data", {})}
    return made


def _exception(walk: Walk, value: Any) -> dict[str, Any]:
    given = value if isinstance(value, Mapping) else {"value": value}
    made = _with_stack(walk, given)
    for key in ("type", "module"):
        if given.get(key) is not None:
            made[key] = walk.name(given[key])
    if given.get("value") is not None:
        made["value"] = walk.text(given["value"])
    if not made.get("type") and not made.get("value"):
        made["type"] = "Exception"
    return made


def _with_stack(walk: Walk, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {}
    made = bag(walk, {key: item for key, item in value.items() if key not in _APART})
    stack = _frames.stacktrace(walk, value["stacktrace"]) if value.get("stacktrace") else None
    return {**made, "stacktrace": stack} if stack else made


_CRUMB: dict[str, _fields.Field] = {
    "timestamp": _fields.timestamp,
    "level": _fields.level,
    "type": Walk.place,
    "category": Walk.place,
    "message": Walk.text,
    "data": bag,
}

"""The larger sections of an event."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from sentryinit._redaction import attributes, limits
from sentryinit._redaction.stacktrace import dict_of, stacktrace
from sentryinit._redaction.walker import Walker

_ID = re.compile("[0-9a-f]+")
# The lengths of ids. The last one is no id: it is for sampling, which we do not do.
_TRACE = {"trace_id": 32, "span_id": 16, "parent_span_id": 16, "dynamic_sampling_context": 0}
_METHOD = re.compile(r"[A-Za-z_-]{1,32}")
_EXCEPTION: dict[str, attributes.Field] = {
    "type": Walker.line,
    "module": Walker.line,
    "value": Walker.text,
}
_OWN_MASK = frozenset({"stacktrace", *_EXCEPTION})
_BREADCRUMB: dict[str, attributes.Field] = {
    "timestamp": attributes.timestamp,
    "level": attributes.level,
    "type": Walker.cached_text,
    "category": Walker.cached_text,
    "message": Walker.text,
    "data": Walker.to_mapping,
}


def versions(walker: Walker, value: Any) -> dict[str, str]:
    """Return the names and versions of the installed packages."""
    pairs = walker.pairs(value if isinstance(value, Mapping) else {})
    return {walker.key(k).name: walker.line(v, is_version=True) for k, v in walker.each(pairs)}


def sdk(walker: Walker, value: Any) -> dict[str, Any] | None:
    """Return what the SDK says about itself, or None without name and version."""
    made = walker.masker.sdk
    # Not ==, which a subclass may override.
    if not (isinstance(value, dict) and dict.__eq__(value, made) is True):
        made = walker.to_mapping(value) if isinstance(value, Mapping) else {}
        walker.masker.sdk = made
    return {**made} if made.get("name") and made.get("version") else None


def meta(walker: Walker, value: Any, depth: int = 0) -> Any:
    """Return the SDK's remarks on sizes; sensitive names have no secrets there."""
    if depth == limits.DEPTH or not isinstance(value, Mapping):
        return walker.value(value, depth)
    pairs = walker.each(walker.pairs(value))
    return {walker.key(key).name: meta(walker, item, depth + 1) for key, item in pairs}


def user(walker: Walker, value: Any) -> dict[str, Any]:
    """Return a user; backends require a valid IP address."""
    made = walker.to_mapping(value if isinstance(value, Mapping) else {"id": value})
    for key in ("id", "username", "email", "name"):
        if made.get(key) is not None:
            made[key] = walker.line(made[key], 128)
    try:
        ipaddress.ip_address(str(made.get("ip_address")))
    except ValueError:
        made.pop("ip_address", None)
    return made


def request(walker: Walker, value: Any) -> dict[str, Any]:
    """Return a request; each header and cookie is masked by its own name."""
    made: dict[str, Any] = {}
    pairs = walker.pairs(value if isinstance(value, Mapping) else {"data": value})
    for given, item in walker.each(pairs):
        key = walker.key(given)
        if key.name in {"url", "method"}:
            made[key.name] = "" if item is None else walker.text(item)
        elif key.name in {"headers", "cookies", "env"}:
            made[key.name] = walker.value(item, 2)
        else:
            made[key.name] = walker.mask_item(key, item, 2)
    if not _METHOD.fullmatch(made.get("method") or ""):
        made.pop("method", None)
    return made


def contexts(walker: Walker, value: Any) -> dict[str, Any]:
    """Return contexts, each as a mapping; a trace without valid ids is left out."""
    pairs = walker.pairs(value if isinstance(value, Mapping) else {"value": value})
    made = {}
    for given, item in walker.each(pairs):
        key = walker.key(given)
        if key.name == "trace":
            made[key.name] = _trace(walker, dict_of(walker, item))
        elif item is not None:
            made[key.name] = walker.to_mapping(item, key.rank)
    return {name: context for name, context in made.items() if context is not None}


def _trace(walker: Walker, given: dict[Any, Any]) -> dict[str, Any] | None:
    made = walker.to_mapping({key: item for key, item in given.items() if key not in _TRACE})
    for key, length in _TRACE.items():
        found = _ID.fullmatch(given[key]) if isinstance(given.get(key), str) else None
        if found and len(found[0]) == length:
            made[key] = found[0]
    return made if {"trace_id", "span_id"} <= made.keys() else None


def _breadcrumb(walker: Walker, value: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    others: dict[Any, Any] = {}
    pairs = walker.pairs(value if isinstance(value, Mapping) else {"message": value})
    for key, item in walker.each(pairs):
        field = _BREADCRUMB.get(key) if type(key) is str else None
        if field is None:
            others[key] = item  # to its data
        elif item is not None:
            made[key] = field(walker, item)
    if others:
        data = {**walker.to_mapping(others), **made.get("data", {})}
        made["data"] = dict(walker.pairs(data))
    return made


def _exception(walker: Walker, value: Any) -> dict[str, Any]:
    given = dict_of(walker, value) if isinstance(value, Mapping) else {"value": value}
    made = _thread(walker, given)
    mechanism = dict_of(walker, given.get("mechanism"))
    if "omitted" in dict_of(walker, mechanism.get("data")):
        walker.truncated = True  # the chain was cut when the event was made
    for key, field in _EXCEPTION.items():
        if given.get(key) is not None:
            made[key] = field(walker, given[key])
    if not made.get("type") and not made.get("value"):
        made["type"] = "Exception"
    return made


def _thread(walker: Walker, value: Any) -> dict[str, Any]:
    given = dict_of(walker, value)
    made = walker.to_mapping({key: item for key, item in given.items() if key not in _OWN_MASK})
    stack = stacktrace(walker, given["stacktrace"]) if given.get("stacktrace") else None
    return {**made, "stacktrace": stack} if stack else made


def _list_of(item: attributes.Field) -> attributes.Field:
    """Return the field for a list, with or without ``values`` around it."""

    def field(walker: Walker, value: Any) -> Any:
        found = dict_of(walker, value).get("values") if isinstance(value, Mapping) else value
        found = walker.items(found) if isinstance(found, (list, tuple)) else []
        made = [item(walker, one) for one in walker.each(found) if one is not None]
        return {"values": made} if isinstance(value, Mapping) else made

    return field


exceptions, threads, breadcrumbs = map(_list_of, (_exception, _thread, _breadcrumb))

"""The larger parts of an event: who asked for what, where it broke, and what came before.

Pure. As in :mod:`sentryinit._fields`, which has the small ones.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from sentryinit import _fields
from sentryinit._walk import Walk

_TRACE = {
    "trace_id": re.compile(r"[0-9a-f]{32}"),
    "span_id": re.compile(r"[0-9a-f]{16}"),
    "parent_span_id": re.compile(r"[0-9a-f]{16}"),
}
_SOURCE = ("pre_context", "context_line", "post_context")
_LEAST = ("filename", "function", "lineno", "in_app")
_PLACES = frozenset("filename abs_path function module package symbol platform".split())
# Of an exception, what is looked at by itself.
_APART = frozenset({"stacktrace", "type", "module", "value"})
_METHOD = re.compile(r"[A-Za-z_-]{1,32}")


def bag(walk: Walk, value: Any) -> dict[str, Any]:
    """Return a mapping, whatever is in it; what is none becomes one."""
    made = walk.mapping(value, 1) if isinstance(value, Mapping) else {"value": walk.any(value, 1)}
    return made if isinstance(made, dict) else {}


def versions(walk: Walk, value: Any) -> dict[str, str]:
    """Return what is installed: names and versions."""
    found = value if isinstance(value, Mapping) else {}
    return {walk.key(key): walk.version(found[key]) for key in walk.few(found)}


def sdk(walk: Walk, value: Any) -> dict[str, Any] | None:
    """Return what the SDK says of itself."""
    return bag(walk, value) if isinstance(value, Mapping) else None


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
            name = walk.key(key)
            hidden = walk.under(key, {}, 2)
            made[name] = bag(walk, found[key]) if hidden == {} else {"value": hidden}
    trace = found.get("trace")
    if isinstance(trace, Mapping):
        made["trace"] = _trace(trace, made["trace"])
    return made


def _trace(given: Mapping[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    for key, pattern in _TRACE.items():
        made.pop(key, None)
        if isinstance(given.get(key), str) and pattern.fullmatch(given[key]):
            made[key] = given[key]
    # It goes into the head of the envelope, for a sampling that there is none of.
    made.pop("dynamic_sampling_context", None)
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
    made = dict(bag(walk, value if isinstance(value, Mapping) else {"message": value}))
    if "timestamp" in made:
        made["timestamp"] = _fields.timestamp(walk, value["timestamp"])
    if "level" in made:
        made["level"] = _fields.level(walk, made["level"])
    for key in ("type", "category", "message"):
        if made.get(key) is not None:
            made[key] = walk.text(made[key])
    if made.get("data") is not None and not isinstance(made["data"], dict):
        made["data"] = {"value": made["data"]}
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
    if value.get("stacktrace") is not None:
        made["stacktrace"] = stacktrace(walk, value["stacktrace"])
    return made


def stacktrace(walk: Walk, value: Any) -> dict[str, Any]:
    """Return a stack; of a very long one the middle is missing."""
    found = value if isinstance(value, Mapping) else {"frames": value}
    made = bag(walk, {key: item for key, item in found.items() if key != "frames"})
    frames = found.get("frames")
    frames = walk.few(frames) if isinstance(frames, (list, tuple)) else []
    made["frames"] = [_frame(walk, frame) for frame in frames if isinstance(frame, Mapping)]
    return made


def _frame(walk: Walk, frame: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    size = 64
    for key, value in frame.items():
        if key in _PLACES and type(value) is str:
            made[key] = walk.tools.place(value)
            size += len(made[key])
        elif key in _SOURCE:
            made[key] = value
        elif value is None or isinstance(value, bool) or (key == "lineno" and type(value) is int):
            made[walk.key(key)] = value
        else:
            made[walk.key(key)] = walk.under(key, value, 5)
    size += _source(walk, made)
    if not walk.budget.take(size):
        # A stack says where it broke as long as there is any room.
        return {key: made[key] for key in _LEAST if key in made}
    return made


def _source(walk: Walk, frame: dict[str, Any]) -> int:
    """Mask the lines of *frame*, in place, as the one piece of code that they are."""
    parts = [_lines(frame.get(key)) for key in _SOURCE]
    masked, size = walk.tools.code(tuple(line for part in parts for line in part))
    for key, part in zip(_SOURCE, parts, strict=True):
        if frame.get(key) is not None:
            mine, masked = masked[: len(part)], masked[len(part) :]
            frame[key] = "".join(mine) if key == "context_line" else list(mine)
    return size


def _lines(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    found = value if isinstance(value, (list, tuple)) else ()
    return tuple(line if type(line) is str else str(line) for line in found[:20])

"""Objects of an application, which may fail: as data, and as texts."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

CONTAINERS = (dict, Mapping, list, tuple, set, frozenset, deque)
_CONSTANTS = (int, float, type(None))


def plain(value: object) -> Any:
    """Return *value*, or its text if it is no container and no number."""
    return value if isinstance(value, (*CONTAINERS, *_CONSTANTS)) else text_of(value)


def text_of(value: object) -> str:
    """Return the text of *value*, of any type but a container."""
    if type(value) is str:
        return value
    if isinstance(value, str):
        return str.__str__(value)  # a subclass may override __str__
    if isinstance(value, (bytes, bytearray)):
        return bytes(value[:100_000]).decode("utf-8", "replace")
    if isinstance(value, CONTAINERS):
        return type(value).__name__
    try:
        return str.__str__(str(value))
    except BaseException:  # noqa: BLE001 # the object's own __str__ may fail, or call sys.exit()
        return f"<{type(value).__name__} without a text>"

"""Parts of an event that need no serialising: the SDK's serialiser is half of what one costs.

It walks each text and number, with a stack of paths and a memo, to make JSON of whatever an
application put there. What we made is JSON already. The serialiser asks an object's class for
``__sentry_repr__`` before it walks; a release that would not ask walks, and nothing is lost.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sentry_sdk.serializer import serialize

# Ours, or options of the client: texts, whoever set them.
_TEXTS = frozenset(
    "dist environment event_id level platform release server_name timestamp transaction".split()
)


class Ready(dict[str, Any]):
    """A part of an event that is JSON already."""

    def __sentry_repr__(self) -> dict[str, Any]:
        return dict(self)


class ReadyList(list[Any]):
    """Likewise."""

    def __sentry_repr__(self) -> list[Any]:
        return list(self)


class ReadyEvent(dict[str, Any]):
    """An event of ours: only what the application added to it is serialised, with *options*."""

    __slots__ = ("_options",)

    def __init__(self, event: dict[str, Any], options: dict[str, Any]) -> None:
        super().__init__(event)
        self._options = options
        # As the SDK writes it.
        self["timestamp"] = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def __sentry_repr__(self) -> dict[str, Any]:
        done = {name: value for name, value in self.items() if _is_ready(name, value)}
        names = "max_request_body_size", "max_value_length", "custom_repr"
        options = {name: self._options.get(name) for name in names}
        rest = {name: value for name, value in self.items() if name not in done}
        return {**done, **serialize(rest, **options)} if rest else done


def _is_ready(name: str, value: Any) -> bool:
    if isinstance(value, str):
        return name in _TEXTS
    if isinstance(value, (Ready, ReadyList)) or value == {"values": []}:
        return True
    return isinstance(value, dict) and all(isinstance(part, Ready) for part in value.values())

"""The last pass over everything that leaves.

Pure: dictionaries in, dictionaries out. Knows nothing of ``sentry_sdk``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "[secret]"

# Anywhere in a name, whatever its case and punctuation.
_TELLING = (
    "password passwd passphrase secret token apikey accesskey privatekey authorization cookie "
    "session csrf xsrf credential signature"
).split()
# Too short to be looked for inside other words.
_EXACT = frozenset(
    "auth card cardnumber creditcard cvc cvv iban jwt pass pin pwd sid ssn bearer".split()
)
_PUNCTUATION = re.compile(r"[\W_]+")

# What a minimal event keeps: nothing that an application's text can reach.
_MINIMAL = ("event_id", "timestamp", "level", "platform", "release", "environment", "server_name")
_MINIMAL_FRAME = ("filename", "function", "module", "lineno", "in_app")


class Redactor:
    """Masks values under sensitive names, at any depth, and known secrets in any text.

    *keys* are names beside the default list. *secrets* are texts that must not leave wherever they
    stand, such as the debug token.
    """

    def __init__(self, keys: Iterable[str] = (), secrets: Iterable[str] = ()) -> None:
        self._keys = frozenset(map(_plain, keys))
        # The longest first: one secret may be a part of another.
        self._secrets = [_finder(text) for text in sorted(secrets, key=len, reverse=True) if text]
        self._known: dict[str, bool] = {}

    def event(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return a masked copy of *event*, of the same shape."""
        return {key: self._value(key, value) for key, value in event.items()}

    def text(self, text: str) -> str:
        """Return *text* without the known secrets."""
        for secret in self._secrets:
            text = secret.sub(MASK, text)
        return text

    def _value(self, key: object, value: Any) -> Any:
        if value is not None and isinstance(key, str) and self._is_sensitive(key):
            # Cookies that were asked for are masked one by one.
            return self._walk(value) if key == "cookies" and isinstance(value, Mapping) else MASK
        return self._walk(value)

    def _walk(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, Mapping):
            return {self._name(key): self._value(key, item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            # Headers, tags and query strings may be lists of pairs.
            if len(value) == 2 and isinstance(value[0], str):
                return [self.text(value[0]), self._value(value[0], value[1])]
            return [self._walk(item) for item in value]
        return self.text(str(value))

    def _name(self, key: object) -> str:
        return self.text(str(key))

    def _is_sensitive(self, name: str) -> bool:
        if name == MASK:
            return False  # masked before
        known = self._known.get(name)
        if known is None:
            plain = _plain(name)
            known = (
                plain in _EXACT or plain in self._keys or any(word in plain for word in _TELLING)
            )
            # Names come from applications: without an end to it this would be a leak.
            if len(self._known) < 4096:
                self._known[name] = known
        return known


def _finder(secret: str) -> re.Pattern[str]:
    """Return the pattern of *secret*; a short one counts as a word, not inside of others."""
    edge = r"(?<![\w\[-]){}(?![\w\]-])" if len(secret) < 8 else "{}"
    return re.compile(edge.format(re.escape(secret)))


def _plain(name: str) -> str:
    return _PUNCTUATION.sub("", name).lower()


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


def minimal(event: object, reason: str) -> dict[str, Any]:
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

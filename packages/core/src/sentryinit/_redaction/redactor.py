"""The entry point of redaction: :class:`Redactor` masks secrets and limits sizes.

Takes dictionaries and returns dictionaries; does not import ``sentry_sdk``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sentryinit._redaction import attributes, interfaces
from sentryinit._redaction.fallback import fallback_event
from sentryinit._redaction.key_names import normalize
from sentryinit._redaction.limits import SIZE
from sentryinit._redaction.path_params import parameter_masker
from sentryinit._redaction.stacktrace import stacktrace
from sentryinit._redaction.text import TextMasker
from sentryinit._redaction.walker import Walker

log = logging.getLogger("sentryinit")

# The sections of an event. The first ones get the room that there is.
_SECTIONS: dict[str, attributes.Field] = {
    "event_id": attributes.event_id,
    "timestamp": attributes.timestamp,
    "start_timestamp": attributes.timestamp,
    "received": attributes.timestamp,
    "level": attributes.level,
    "type": attributes.line(32),
    "platform": attributes.line(64),
    "logger": attributes.line(64),
    "server_name": attributes.line(200),
    "release": attributes.release,
    "dist": attributes.dist,
    "environment": attributes.environment,
    "transaction": attributes.line(200),
    "culprit": attributes.line(200),
    "logentry": attributes.logentry,
    "fingerprint": attributes.fingerprint,
    "tags": attributes.tags,
    "exception": interfaces.list_of(interfaces.exception),
    "request": interfaces.request,
    "user": interfaces.user,
    "contexts": interfaces.contexts,
    "transaction_info": Walker.to_mapping,
    "sdk": interfaces.sdk,
    "threads": interfaces.list_of(interfaces.thread),
    "stacktrace": stacktrace,
    "breadcrumbs": interfaces.list_of(interfaces.breadcrumb),
    "extra": Walker.to_mapping,
    "modules": interfaces.versions,
    "debug_meta": Walker.to_mapping,
    "errors": Walker.value,
    "_meta": interfaces.meta,
}
# Sensitive as path parameters, in addition to the list for all key names.
_PARAMETERS = frozenset("email mail phone username".split())


class Masked(dict[str, Any]):
    """The result of a :class:`Redactor`; the transport recognises it by its class."""


class Redactor:
    """Masks secrets in events, at any depth, and limits sizes.

    *keys*: sensitive key names, *parameters*: sensitive path parameters, both in addition to the
    default lists. *secrets*: values that must not leave, such as the debug token. *patterns*:
    the user's. *hash_key*: gives equal values equal placeholders. *networks*: keeps the network
    of an IP address. *limit*: the characters of a text.
    """

    def __init__(  # noqa: PLR0913 # one for each setting
        self,
        keys: Iterable[str] = (),
        secrets: Iterable[str] = (),
        patterns: Iterable[re.Pattern[str]] = (),
        *,
        parameters: Iterable[str] = (),
        hash_key: str = "",
        networks: bool = False,
        limit: int = 8192,
    ) -> None:
        self._masker = TextMasker(
            keys, secrets, patterns, hash_key=hash_key, networks=networks, limit=limit
        )
        self._parameters = _PARAMETERS.union(map(normalize, parameters))

    def event(self, event: Mapping[str, Any], route: str = "", path: str = "") -> Masked:
        """Return a masked copy of *event* that backends accept; if that fails, a fallback event.

        *route* and *path* are those of the request: sensitive path parameters are replaced.
        """
        try:
            return self._event(event, route, path)
        except Exception as error:  # noqa: BLE001 # the event is sent, and never unmasked
            log.warning("masking an event failed: %s", type(error).__name__)
            return Masked(fallback_event(event, "redaction_error"))

    def item(self, payload: Mapping[str, Any]) -> Masked:
        """Return a masked copy of *payload*, which is not an event; empty if that fails."""
        try:
            return Masked(Walker(self._masker).mapping(payload, 0))
        except Exception as error:  # noqa: BLE001 # the item is sent, and never unmasked
            log.warning("masking an item failed: %s", type(error).__name__)
            return Masked()

    def text(self, text: str) -> str:
        """Return *text* masked."""
        return self._masker.text(text)

    def _event(self, event: Mapping[str, Any], route: str, path: str) -> Masked:
        given = _move_unknown(event)
        # A truncated text is longer by its dots; a second pass must not truncate it again.
        size = 2 * SIZE if _own_context(given).get("cut") is True else SIZE
        hide = parameter_masker(route, path, self._is_sensitive_parameter)
        walker = Walker(self._masker, hide, size)
        made = Masked(
            (key, value)
            for key, section in _SECTIONS.items()
            if given.get(key) is not None and (value := section(walker, given[key])) is not None
        )
        if walker.truncated:
            contexts = made.setdefault("contexts", {})
            contexts["sentryinit"] = {**_own_context(made), "cut": True}
        return made

    def _is_sensitive_parameter(self, name: str) -> bool:
        return normalize(name) in self._parameters or self._masker.names.is_sensitive(name)


def _move_unknown(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return *event* with ``message`` in ``logentry``, and unknown sections in ``extra``."""
    given = dict(event)
    message = given.pop("message", None)
    if message is not None and not given.get("logentry"):
        given["logentry"] = message
    others = {key: given.pop(key) for key in given.keys() - _SECTIONS.keys()}
    if others:
        extra = given.get("extra")
        given["extra"] = {**others, **(extra if isinstance(extra, Mapping) else {"extra": extra})}
    return given


def _own_context(event: Mapping[str, Any]) -> Mapping[str, Any]:
    contexts = event.get("contexts")
    own = contexts.get("sentryinit") if isinstance(contexts, Mapping) else None
    return own if isinstance(own, Mapping) else {}

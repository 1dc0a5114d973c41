"""The entry point of redaction: dictionaries in, masked dictionaries out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sentryinit._redaction import attributes, interfaces
from sentryinit._redaction.fallback import fallback_event
from sentryinit._redaction.limits import SIZE
from sentryinit._redaction.path_params import parameter_masker
from sentryinit._redaction.stacktrace import stacktrace
from sentryinit._redaction.text import TextMasker
from sentryinit._redaction.walker import Walker

log = logging.getLogger("sentryinit")

# The first sections get the room that there is.
_SECTIONS: dict[str, attributes.Field] = {
    "event_id": attributes.event_id,
    "timestamp": attributes.timestamp,
    "start_timestamp": attributes.timestamp,
    "received": attributes.timestamp,
    "level": attributes.level,
    "type": attributes.line_32,
    "platform": attributes.line_64,
    "logger": attributes.line_64,
    "server_name": attributes.line_200,
    "release": attributes.release,
    "dist": attributes.dist,
    "environment": attributes.environment,
    "transaction": attributes.line_200,
    "culprit": attributes.line_200,
    "logentry": attributes.logentry,
    "fingerprint": attributes.fingerprint,
    "tags": attributes.tags,
    "exception": interfaces.exceptions,
    "request": interfaces.request,
    "user": interfaces.user,
    "contexts": interfaces.contexts,
    "transaction_info": Walker.to_mapping,
    "sdk": interfaces.sdk,
    "threads": interfaces.threads,
    "stacktrace": stacktrace,
    "breadcrumbs": interfaces.breadcrumbs,
    "extra": Walker.to_mapping,
    "modules": interfaces.versions,
    "debug_meta": Walker.to_mapping,
    "errors": Walker.value,
    "_meta": interfaces.meta,
}


class Masked(dict[str, Any]):
    """The result of a :class:`Redactor`, known to the transport.

    *carried*: what it tells of; None: of no failure that was counted.
    """

    # Any: the rate limit is in another layer.
    carried: Any = None


class Redactor(TextMasker):
    """Masks secrets in events and texts, and limits sizes."""

    def event(
        self, event: Mapping[str, Any], route: str = "", path: str = "", query: str = ""
    ) -> Masked:
        """Return *event* masked, as backends accept it; if that fails, a fallback event.

        *route*, *path* and *query* are those of its request.
        """
        try:
            return self._event(event, route, path, query)
        except BaseException as error:  # noqa: BLE001 # the event is sent, and never unmasked
            log.warning("masking an event failed: %s", type(error).__name__)
            return Masked(fallback_event(event, "redaction_error"))

    def item(self, payload: Mapping[str, Any]) -> Masked:
        """Return *payload*, not an event, masked; empty if that fails."""
        try:
            return Masked(Walker(self).mapping(payload, 0))
        except BaseException as error:  # noqa: BLE001 # the item is sent, and never unmasked
            log.warning("masking an item failed: %s", type(error).__name__)
            return Masked()

    def _event(self, event: Mapping[str, Any], route: str, path: str, query: str) -> Masked:
        # What replaces the rest of an event that was cut needs room in a second pass.
        size = SIZE + SIZE // 8 if _own_context(event).get("cut") is True else SIZE
        query = "" if self._query is None else query
        hide = parameter_masker(route, path, self.names.is_sensitive_parameter, query)
        walker = Walker(self, hide, size)
        given = _move_unknown(walker, event)
        made = Masked(
            (key, value)
            for key, section in _SECTIONS.items()
            if given.get(key) is not None and (value := section(walker, given[key])) is not None
        )
        if walker.truncated:
            contexts = made.setdefault("contexts", {})
            contexts["sentryinit"] = {**_own_context(made), "cut": True}
        return made


def _move_unknown(walker: Walker, event: Mapping[str, Any]) -> dict[str, Any]:
    """Return *event* with ``message`` in ``logentry``, and unknown sections in ``extra``."""
    given = dict(event)
    message = given.pop("message", None)
    if message is not None and not given.get("logentry"):
        given["logentry"] = message
    others = {key: given.pop(key) for key in given.keys() - _SECTIONS.keys()}
    if others:
        extra = given.get("extra")
        more = dict(walker.pairs(extra)) if isinstance(extra, Mapping) else {"extra": extra}
        given["extra"] = {**dict(walker.pairs(others)), **more}
    return given


def _own_context(event: Mapping[str, Any]) -> Mapping[str, Any]:
    contexts = event.get("contexts")
    own = contexts.get("sentryinit") if type(contexts) is dict else None
    return own if type(own) is dict else {}

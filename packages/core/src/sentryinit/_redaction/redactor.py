"""The last pass over everything that leaves: no secret, nothing that a backend chokes on.

Pure: dictionaries in, dictionaries out. Knows nothing of ``sentry_sdk``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sentryinit._redaction import attributes as _fields
from sentryinit._redaction import interfaces as _sections
from sentryinit._redaction import path_params as _paths
from sentryinit._redaction import stacktrace as _frames
from sentryinit._redaction.key_names import Names, plain
from sentryinit._redaction.placeholders import Marks
from sentryinit._redaction.text import Values
from sentryinit._redaction.walker import SIZE, Tools, Walk, bag

# In the order in which they may take from what an event has room for.
_FIELDS: dict[str, _fields.Field] = {
    "event_id": _fields.event_id,
    "timestamp": _fields.timestamp,
    "start_timestamp": _fields.timestamp,
    "received": _fields.timestamp,
    "level": _fields.level,
    "type": _fields.name(32),
    "platform": _fields.name(64),
    "logger": _fields.name(64),
    "server_name": _fields.name(200),
    "release": _fields.release,
    "dist": _fields.dist,
    "environment": _fields.environment,
    "transaction": _fields.name(200),
    "culprit": _fields.name(200),
    "logentry": _fields.logentry,
    "fingerprint": _fields.fingerprint,
    "tags": _fields.tags,
    "exception": _sections.exceptions,
    "request": _sections.request,
    "user": _sections.user,
    "contexts": _sections.contexts,
    "transaction_info": bag,
    "sdk": _sections.sdk,
    "threads": _sections.threads,
    "stacktrace": _frames.stacktrace,
    "breadcrumbs": _sections.breadcrumbs,
    "extra": bag,
    "modules": _sections.versions,
    "debug_meta": bag,
    "errors": Walk.any,
    "_meta": _sections.remarks,
}
# Names of parameters of routes that are not to be told, beside those of the list for all names.
_PARAMETERS = frozenset("email mail phone username".split())


class Masked(dict[str, Any]):
    """What a :class:`Redactor` has made, and nobody has had in hand since."""


class Redactor:
    """Masks secrets in events, at any depth, and bounds what there is.

    *keys* are names beside the default list, *parameters* those of routes, *patterns* the user's.
    *secrets* are texts that must not leave wherever they stand, such as the debug token. With a
    *hash_key* equal values have equal marks. *networks*: of IP addresses the network stays. No
    text is longer than *limit*.
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
        self._names, marks = Names(keys), Marks(hash_key)
        values = Values(self._names, marks, secrets, patterns, networks=networks)
        self._tools = Tools(self._names, marks, values, limit)
        self._parameters = _PARAMETERS.union(map(plain, parameters))

    def event(self, event: Mapping[str, Any], route: str = "", path: str = "") -> Masked:
        """Return a masked copy of *event*, as backends take it.

        *route* and *path* are those of its request: sensitive parameters become their names.
        """
        given = _known(event)
        # What has been cut to its size once is not to be cut again, for the dots in it.
        size = 2 * SIZE if _is_cut(given) else SIZE
        walk = Walk(self._tools, _paths.hider(route, path, self._is_parameter), size)
        made = Masked(
            (key, value)
            for key, field in _FIELDS.items()
            if given.get(key) is not None and (value := field(walk, given[key])) is not None
        )
        if walk.cut:
            made["contexts"] = {**made.get("contexts", {}), **_told(made)}
        return made

    def item(self, payload: Mapping[str, Any]) -> Masked:
        """Return a masked copy of *payload*, which is no event."""
        made = Walk(self._tools).mapping(payload, 0)
        return Masked(made)

    def text(self, text: str) -> str:
        """Return *text* masked."""
        return self._tools.text(text)

    def _is_parameter(self, name: str) -> bool:
        return plain(name) in self._parameters or self._names.is_sensitive(name)


def _known(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return *event* with a message where it belongs, and what no backend knows among the extra."""
    given = dict(event)
    message = given.pop("message", None)
    if message is not None and not given.get("logentry"):
        given["logentry"] = message
    others = {key: given.pop(key) for key in given.keys() - _FIELDS.keys()}
    if others:
        extra = given.get("extra")
        given["extra"] = {**others, **(extra if isinstance(extra, Mapping) else {"extra": extra})}
    return given


def _is_cut(event: Mapping[str, Any]) -> bool:
    contexts = event.get("contexts")
    ours = contexts.get("sentryinit") if isinstance(contexts, Mapping) else None
    return isinstance(ours, Mapping) and ours.get("cut") is True


def _told(made: Mapping[str, Any]) -> dict[str, Any]:
    ours = made.get("contexts", {}).get("sentryinit")
    return {"sentryinit": {**(ours if isinstance(ours, Mapping) else {}), "cut": True}}

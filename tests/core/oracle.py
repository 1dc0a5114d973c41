"""Relay, Sentry's own way in, as a second opinion: an event is valid, and nothing is left in it.

Needs ``sentry-relay``, which only some sessions install: see ``oracle`` in ``pyproject.toml``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sentryinit._redaction.placeholders import MARK

relay: Any = pytest.importorskip(
    "sentry_relay.processing", reason="sessions without the group `oracle` do not ask Relay"
)

# Relay's names for what we mask. Its cards are not checked, so that it finds more than cards.
RULES = ("@email", "@iban", "@pemkey", "@urlauth", "@creditcard", "@ip", "@password", "@bearer")
NORMALIZER = relay.StoreNormalizer(
    project_id=1,
    remove_other=True,
    max_secs_in_future=10**9,
    max_secs_in_past=10**10,
    client="sentry.python/2",
)


def remarks(meta: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield what ``_meta`` says, with the place that it says it of."""
    for key, value in meta.items() if isinstance(meta, Mapping) else ():
        if key == "":
            yield path, value
        else:
            yield from remarks(value, (*path, key))


def invalid(event: Mapping[str, Any]) -> list[str]:
    """Return the errors that Relay's normaliser finds in *event*."""
    given = {key: value for key, value in copy.deepcopy(dict(event)).items() if key != "_meta"}
    made = NORMALIZER.normalize_event(given)
    return [
        f"{'.'.join(path)}: {remark['err']}"
        for path, remark in remarks(made.get("_meta", {}))
        if "err" in remark
    ]


def leaks(event: Mapping[str, Any]) -> list[str]:
    """Return what Relay's rules find in *event*, but for our own marks."""
    found = []
    skipped = {"_meta", "event_id", "modules", "sdk"}
    given = {key: value for key, value in event.items() if key not in skipped}
    for rule in RULES:
        # Among the extra its rules look at everything; elsewhere, at some parts only.
        wrapped = {"extra": {"e": copy.deepcopy(given)}}
        made = relay.pii_strip_event({"applications": {"**": [rule]}}, wrapped)
        for path, remark in remarks(made.get("_meta", {})):
            value: Any = wrapped
            for step in path:
                value = value[int(step) if isinstance(value, list) else step]
            masked = (*path, value) if isinstance(value, str) else path
            if "rem" in remark and not any(map(MARK.search, masked)):
                found.append(f"{rule} {'.'.join(path)}: {value!r}")
    return found

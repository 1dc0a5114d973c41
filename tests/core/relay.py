"""Relay, the entry of Sentry's backend, checks masked events: valid, and without secrets.

Needs ``sentry-relay``, which only some nox sessions install: the group ``oracle`` in
``pyproject.toml``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sentryinit._redaction.placeholders import PLACEHOLDER

relay: Any = pytest.importorskip(
    "sentry_relay.processing", reason="only sessions with the group `oracle` have sentry-relay"
)

# Relay's names for the secrets that we mask. It does not verify card numbers and finds others.
RULES = ("@email", "@iban", "@pemkey", "@urlauth", "@creditcard", "@ip", "@password", "@bearer")
NORMALIZER = relay.StoreNormalizer(
    project_id=1,
    remove_other=True,
    max_secs_in_future=10**9,
    max_secs_in_past=10**10,
    client="sentry.python/2",
)


def remarks(meta: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the remarks in ``_meta``, each with the path that it is about."""
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
    """Return what Relay's rules find in *event*, except our own placeholders."""
    found = []
    skipped = {"_meta", "event_id", "modules", "sdk"}
    given = {key: value for key, value in event.items() if key not in skipped}
    for rule in RULES:
        # Its rules look at everything in `extra`, and at some parts of other sections only.
        wrapped = {"extra": {"e": copy.deepcopy(given)}}
        made = relay.pii_strip_event({"applications": {"**": [rule]}}, wrapped)
        for path, remark in remarks(made.get("_meta", {})):
            value: Any = wrapped
            for step in path:
                value = value[int(step) if isinstance(value, list) else step]
            masked = (*path, value) if isinstance(value, str) else path
            if "rem" in remark and not any(map(PLACEHOLDER.search, masked)):
                found.append(f"{rule} {'.'.join(path)}: {value!r}")
    return found

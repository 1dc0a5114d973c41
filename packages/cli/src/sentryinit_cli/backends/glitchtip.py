"""GlitchTip: slugs by the list of projects, then the event by its id."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sentryinit_cli.backends import api, refusals
from sentryinit_cli.backends.base import Place, Stored
from sentryinit_cli.backends.events import event_uuid, is_id, tags_of, text_of, whole_of
from sentryinit_cli.http import Answer
from sentryinit_cli.verdicts import Failure, Verdict

_LIST = "/api/0/projects/"
_SCOPES = "project:read", "event:read"
_BLOCKED = (
    "the key is wrong, or somebody else sent a wrong key for this project: GlitchTip then refuses "
    "all keys of the project for 30 s. Look for a service with an old DSN, and try again after 40 s"
)
_INVALID = "the key of the DSN is malformed (Invalid DSN): copy the DSN from the project's settings"
_QUOTA = (
    "project or organisation is throttled, or accepts no events: see its settings. SDKs send "
    "nothing for the time that was said; a throttle that was lifted goes on for 30 s"
)


class GlitchTip:
    """One project of a GlitchTip."""

    # The worker writes every 2 s: 50 events took 0.7 to 2.4 s.
    name: str = "glitchtip"
    first_look: float = 1.0
    interval: float = 0.5
    timeout: float = 30.0

    def __init__(self, place: Place, base: str) -> None:
        self._place, self._api = place, api.Api(place, base)
        self._row: Mapping[str, Any] = {}
        self._org = self._slug = ""

    def resolve(self) -> None:
        """Find slugs, key and scopes; nothing is sent."""
        self._row = self._find_project()
        self._org, self._slug = (
            text_of(self._row, "organization", "slug"),
            text_of(self._row, "slug"),
        )
        self._compare_names()
        if self._has_key() is False:
            raise refusals.unknown_key(self._title)
        # A random id: the scope is checked before the event is looked for.
        answer = self._api.get_patiently(self._path(f"events/{uuid.uuid4().hex}/"))
        self._check_look_up(answer)

    def find(self, event_id: str, sent_at: datetime) -> Stored | None:  # noqa: ARG002 # Bugsink needs it
        """Return the event, or None while it is not there."""
        wanted = event_uuid(event_id)
        answer = self._api.get(self._path(f"events/{wanted.hex}/"))
        self._check_look_up(answer)
        event = answer.json()
        if answer.status != 200 or not is_id(text_of(event, "eventID"), wanted):
            return None
        return self._stored(wanted.hex, event)

    def refused(self, answer: Answer) -> Failure:
        """Return what a refusal means."""
        hint = _INVALID if api.detail_of(answer) == "Invalid DSN" else _BLOCKED
        return refusals.refusal(answer, hint, _QUOTA)

    def why_missing(self) -> str:
        """Return what GlitchTip tells about the project, or what is left."""
        reasons = []
        try:
            row = self._find_project()
        except Failure:
            row = self._row
        rates = text_of(row, "eventThrottleRate"), text_of(row, "organization", "eventThrottleRate")
        rate = next((rate for rate in rates if rate not in {"", "0"}), "")
        if rate:
            reasons.append(f"events are throttled by {api.shown(rate)} %")
        if text_of(row, "organization", "isAcceptingEvents") == "False":
            reasons.append("the organisation accepts no events")
        if "firstEvent" in row and row["firstEvent"] is None:
            reasons.append("the project has never stored an event: does the worker run?")
        reasons.append("the worker is down or behind, or it dropped the event: look at its log")
        return "; ".join(reasons)

    @property
    def _title(self) -> str:
        return api.shown(f"{self._org}/{self._slug}")

    def _path(self, rest: str) -> str:
        return f"{_LIST}{quote(self._org, safe='')}/{quote(self._slug, safe='')}/{rest}"

    def _find_project(self) -> Mapping[str, Any]:
        """Return the row of the DSN's project; the number is a text there."""
        rows: list[dict[str, Any]] = []
        for answer in self._api.listed(_LIST, {"limit": "100"}):
            if answer.status == 403:
                raise self._no_scope("project:read")
            if answer.status != 200:
                raise api.unexpected(answer, "the list of projects")
            rows += api.rows_of(answer)
            found = next((r for r in rows if text_of(r, "id") == self._place.dsn.project), None)
            if found:
                return found
        raise self._no_project(rows)

    def _no_project(self, rows: list[dict[str, Any]]) -> Failure:
        listed = [
            f"{text_of(row, 'organization', 'slug')}/{text_of(row, 'slug')} ({text_of(row, 'id')})"
            for row in rows
        ]
        text = f"the token shows no project with the DSN's number {self._place.dsn.project}"
        remedy = f"{api.names(listed)}; use the DSN of one of them, or a token of a member"
        return Failure(Verdict.PROJECT, text, remedy)

    def _compare_names(self) -> None:
        org, slug = self._place.organization, self._place.project
        same_org = org in {"", self._org, text_of(self._row, "organization", "id")}
        same_slug = slug in {"", self._slug, self._place.dsn.project}
        if not (same_org and same_slug):
            text = f"the DSN's project is {self._title}, and --org or --project names another one"
            raise Failure(
                Verdict.PROJECT, text, "correct the DSN, or leave --org and --project out"
            )

    def _has_key(self) -> bool | None:
        """Return True if the project has the DSN's key; None if GlitchTip does not tell."""
        wanted = self._place.dsn.key.replace("-", "").lower()
        found = False
        for answer in self._api.listed(self._path("keys/"), {"limit": "100"}):
            if answer.status != 200:
                return None
            keys = [text_of(row, "public").replace("-", "").lower() for row in api.rows_of(answer)]
            found = found or wanted in keys
        return found

    def _check_look_up(self, answer: Answer) -> None:
        if answer.status == 403:
            raise self._no_scope("event:read")
        # 404 as a page is a wrong path; as JSON, and the slugs are known, "not there".
        is_missing = answer.status == 404 and not answer.is_html
        if answer.status != 200 and not is_missing:
            raise api.unexpected(answer, "the look-up of an event")

    def _no_scope(self, seen: str) -> Failure:
        missing = self._missing_scopes() or [seen]
        text = f"the token lacks a scope (403): {' and '.join(missing)}"
        remedy = "make a token with event:read and project:read (Profile, Auth Tokens)"
        return Failure(Verdict.SCOPE, text, remedy)

    def _missing_scopes(self) -> list[str]:
        """Return the scopes that the token lacks; the answer has the token, which is not read."""
        try:
            auth = (self._api.get("/api/0/").json() or {}).get("auth") or {}
            scopes = set(auth["scopes"])
        except (Failure, AttributeError, KeyError, TypeError):
            return []
        kinds = {name: name.partition(":")[0] for name in _SCOPES}
        return [
            name
            for name, kind in kinds.items()
            if not scopes & {f"{kind}:{right}" for right in ("read", "write", "admin")}
        ]

    def _stored(self, event_id: str, event: Mapping[str, Any]) -> Stored:
        tags, group = tags_of(event.get("tags")), text_of(event, "groupID")
        more = self._more(event_id, group)
        org = quote(self._org, safe="")
        return Stored(
            event_id=event_id,
            page=f"{api.place_of(self._api.base)}/{org}/issues/{quote(group)}/events/{event_id}",
            title=text_of(event, "title"),
            tags=tags,
            level=text_of(more, "level") or None,
            environment=tags.get("environment") or text_of(more, "environment"),
            release=tags.get("release", ""),
            server_name=tags.get("server_name", ""),
            transaction=text_of(event, "transaction") or text_of(event, "culprit"),
            whole=whole_of(event, more),
        )

    def _more(self, event_id: str, group: str) -> Mapping[str, Any] | None:
        """Return what only ``.../json/`` has, the level; it is optional, and may answer 500."""
        org = quote(self._org, safe="")
        path = f"/api/0/organizations/{org}/issues/{quote(group, safe='')}/events/{event_id}/json/"
        try:
            answer = self._api.get(path)
        except Failure:
            return None
        found = answer.json() if answer.status == 200 else None
        return found if isinstance(found, dict) else None

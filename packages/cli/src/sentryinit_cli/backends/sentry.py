"""Sentry: the event by its id; organisation and project by their ids or by their slugs."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from sentryinit_cli.backends import api, refusals
from sentryinit_cli.backends.base import Place, Stored
from sentryinit_cli.backends.events import event_uuid, is_id, tags_of, text_of, whole_of
from sentryinit_cli.http import Answer
from sentryinit_cli.verdicts import Failure, Verdict

_LIST = "/api/0/projects/"
_SAAS = re.compile(r"(?:o(?P<org>\d+)\.)?(?:ingest\.)?(?:(?P<region>[a-z0-9-]+)\.)?sentry\.io")
_NOT_THERE = "Event not found"
_KEY = (
    "the key of the DSN is wrong or disabled, or the project's number is: copy the DSN from Client "
    "Keys"
)
_QUOTA = (
    "a quota or a limit of the key, the project or the organisation: see Stats, and Client Keys"
)
_MISSING = (
    "a filter of the project dropped it (Stats shows filtered and dropped events), a quota is used "
    "up, the key was refused later, or the queue is long"
)
_GIVE_ORG = "give the slug of the organisation with --org; tokens of one organisation need it"


def saas_base(host: str) -> str | None:
    """Return the address of Sentry's own service for the host of a DSN; None for another host."""
    found = _SAAS.fullmatch(host.lower())
    if not found:
        return None
    region = found["region"]
    return f"https://{region}.sentry.io" if region in {"us", "de"} else "https://sentry.io"


class Sentry:
    """One project of a Sentry."""

    # The API allows 5 looks a second to an address, a user and an organisation.
    name: str = "sentry"
    first_look: float = 1.0
    interval: float = 1.0
    timeout: float = 60.0

    def __init__(self, place: Place, base: str) -> None:
        self._place, self._api = place, api.Api(place, base)
        found = _SAAS.fullmatch(place.dsn.host.lower())
        self._org = place.organization or (found["org"] if found else None) or ""
        self._project = place.project or place.dsn.project

    def resolve(self) -> None:
        """Find the project; a look-up of a random id tells whether token and names are right."""
        if not self._org:
            self._find_names()
        path = self._path(f"events/{uuid.uuid4().hex}/")
        self._is_missing(self._api.get_patiently(path))

    def find(self, event_id: str, sent_at: datetime) -> Stored | None:  # noqa: ARG002 # Bugsink needs it
        """Return the event, or None while it is not there."""
        wanted = event_uuid(event_id)
        answer = self._api.get(self._path(f"events/{wanted.hex}/"))
        event = answer.json()
        if self._is_missing(answer) or not is_id(text_of(event, "eventID"), wanted):
            return None
        return self._stored(wanted.hex, event)

    def refused(self, answer: Answer) -> Failure:
        """Return what a refusal means."""
        return refusals.refusal(answer, _KEY, _QUOTA)

    def why_missing(self) -> str:
        """Return whether the key still exists: Relay answers 200 to a wrong one at first."""
        try:
            answer = self._api.get(self._path("keys/"))
        except Failure:
            return _MISSING
        rows, wanted = api.rows_of(answer), self._place.dsn.key.lower()
        if answer.status == 200 and rows and wanted not in [text_of(r, "public") for r in rows]:
            return f"the key of the DSN is none of the project's keys: {_KEY}"
        return _MISSING

    def _path(self, rest: str) -> str:
        return f"{_LIST}{quote(self._org, safe='')}/{quote(self._project, safe='')}/{rest}"

    def _find_names(self) -> None:
        """Find the organisation in the list of projects: a DSN of an own installation has none."""
        rows: list[dict[str, Any]] = []
        for answer in self._api.listed(_LIST, {}):
            if answer.status in {403, 404} and not answer.is_html:
                text = f"the token may not list the projects ({answer.status})"
                raise Failure(Verdict.SCOPE, text, f"it needs project:read; or {_GIVE_ORG}")
            if answer.status != 200:
                raise api.unexpected(answer, "the list of projects")
            rows += api.rows_of(answer)
            number = self._place.dsn.project
            found = next((row for row in rows if text_of(row, "id") == number), None)
            if found:
                self._org = text_of(found, "organization", "slug")
                return
        names = [f"{text_of(row, 'slug')} ({text_of(row, 'id')})" for row in rows]
        text = f"the token shows no project with the DSN's number {self._place.dsn.project}"
        raise Failure(Verdict.PROJECT, text, f"{api.names(names)}; {_GIVE_ORG}")

    def _is_missing(self, answer: Answer) -> bool:
        """Return True for 404 "Event not found"; raise ``Failure`` for all but that and 200."""
        if answer.status == 200:
            return False
        if answer.status == 404 and answer.json() is not None:
            if api.detail_of(answer) == _NOT_THERE:
                return True
            raise self._no_project()
        if answer.status == 403:
            text = "the token lacks a scope (403): project:read"
            remedy = "make a token with project:read, of a member of the project's team"
            raise Failure(Verdict.SCOPE, text, remedy)
        if answer.status in {301, 302, 307, 308}:
            raise self._renamed(answer)
        raise api.unexpected(answer, "the look-up of an event")

    def _no_project(self) -> Failure:
        name = api.shown(f"{self._org}/{self._project}")
        text = f"there is no project {name}, or the token does not show it (404)"
        remedy = "correct the DSN, --org and --project; the project's settings show both names"
        return Failure(Verdict.PROJECT, text, remedy)

    def _renamed(self, answer: Answer) -> Failure:
        """Return the failure for a redirect: a project with a new slug, or another address."""
        path = urlsplit(answer.headers.get("location", "")).path
        found = re.search(r"/api/0/projects/([^/]+)/([^/]+)/", path)
        if not found or (found[1], found[2]) == (self._org, self._project):
            return api.unexpected(answer, "the look-up of an event")
        name = api.shown(f"{found[1]}/{found[2]}")
        text = f"the project was renamed ({answer.status}): it is {name}"
        remedy = f"give --org {api.shown(found[1])} --project {api.shown(found[2])}"
        return Failure(Verdict.PROJECT, text, remedy)

    def _stored(self, event_id: str, event: Mapping[str, Any]) -> Stored:
        tags, group = tags_of(event.get("tags")), text_of(event, "groupID")
        base, org = api.place_of(self._api.base), quote(self._org, safe="")
        return Stored(
            event_id=event_id,
            page=f"{base}/organizations/{org}/issues/{quote(group)}/events/{event_id}/",
            title=text_of(event, "title"),
            tags=tags,
            level=tags.get("level"),
            environment=tags.get("environment", ""),
            release=tags.get("release") or text_of(event, "release", "version"),
            server_name=tags.get("server_name", ""),
            transaction=tags.get("transaction") or text_of(event, "culprit"),
            whole=whole_of(event),
        )

"""Bugsink: no look-up by the SDK's id, so the newest issues and their events are listed."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from sentryinit_cli.backends import api, refusals
from sentryinit_cli.backends.base import Place, Stored
from sentryinit_cli.backends.events import (
    event_uuid,
    is_id,
    moment,
    tags_of,
    text_of,
    title_of,
    whole_of,
)
from sentryinit_cli.http import Answer
from sentryinit_cli.verdicts import Failure, Verdict

_ROOT = "/api/canonical/0"
_CAPABILITY = re.compile(r"required capability: ([a-z]+:[a-z]+)")
_OTHER_PROJECT = "not allowed to access this project"
# On top of the difference between the clocks, which the header Date tells to a second.
_TOLERANCE = timedelta(seconds=30)
_MOST_PAGES = 20
_KEY = (
    "the key of the DSN is wrong, or no key of this project (Bugsink blocks nobody for that): copy "
    "the DSN from the project's settings"
)
_QUOTA = (
    "the quota of the project or of the installation is used up (MAX_EVENTS_PER_PROJECT_... and "
    "MAX_EVENTS_PER_...): raise it, or look for a service that sends too much"
)
_MISSING = (
    "the worker (snappea) is down or behind, the quota was used up in the meantime, or the event "
    "did not validate (VALIDATE_ON_DIGEST=strict): look at Bugsink's log"
)


class Bugsink:
    """One project of a Bugsink."""

    # 50 events took 0.5 to 1.6 s.
    name: str = "bugsink"
    first_look: float = 1.0
    interval: float = 0.5
    timeout: float = 30.0

    def __init__(self, place: Place, base: str) -> None:
        self._place, self._api = place, api.Api(place, base)
        self._number = place.dsn.project

    def resolve(self) -> None:
        """Check that the project exists and that the token has both capabilities."""
        answer = self._api.get_patiently(f"{_ROOT}/issues/", self._newest("project", self._number))
        if answer.status == 404 and not answer.is_html:
            raise self._no_project()
        self._checked(answer, "the list of issues")
        # The capability is checked before the issue is looked for.
        query = self._newest("issue", str(uuid.uuid4()))
        answer = self._api.get_patiently(f"{_ROOT}/events/", query)
        if answer.status != 404 or answer.is_html:
            self._checked(answer, "the list of events")

    def find(self, event_id: str, sent_at: datetime) -> Stored | None:
        """Return the event, or None while it is not there."""
        wanted = event_uuid(event_id)
        sent = sent_at if sent_at.tzinfo else sent_at.astimezone()
        oldest = sent.astimezone(timezone.utc) + self._api.skew - _TOLERANCE
        for issue in self._rows("issues", "project", self._number, "last_seen", oldest):
            found = text_of(issue, "id")
            for event in self._rows("events", "issue", found, "digested_at", oldest):
                if is_id(text_of(event, "event_id"), wanted):
                    return self._stored(wanted, event, issue)
        return None

    def refused(self, answer: Answer) -> Failure:
        """Return what a refusal means."""
        return refusals.refusal(answer, _KEY, _QUOTA)

    def why_missing(self) -> str:
        """Return what is left: Bugsink tells nothing about it."""
        return _MISSING

    @staticmethod
    def _newest(name: str, value: str) -> dict[str, str]:
        sort = {"sort": "last_seen"} if name == "project" else {}
        return {name: value, **sort, "order": "desc"}

    def _rows(
        self, kind: str, name: str, value: str, clock: str, oldest: datetime
    ) -> Iterator[dict[str, Any]]:
        """Yield rows, newest first, of all pages, until one is older than *oldest*."""
        query = self._newest(name, value)
        for _ in range(_MOST_PAGES):
            answer = self._api.get(f"{_ROOT}/{kind}/", query)
            if answer.status == 404 and not answer.is_html:
                return  # an issue that was deleted
            self._checked(answer, f"the list of {kind}")
            for row in api.rows_of(answer):
                seen = moment(row.get(clock))
                if seen and seen < oldest:
                    return
                yield row
            following = text_of(answer.json(), "next")
            if not following:
                return
            query = api.query_of(following)

    def _checked(self, answer: Answer, what: str) -> None:
        """Raise ``Failure`` unless *answer* is what was asked for."""
        if answer.status == 200:
            return
        if answer.status != 403:
            raise api.unexpected(answer, what)
        detail = api.detail_of(answer)
        found = _CAPABILITY.search(detail)
        if found:
            text = f"the token lacks a capability (403): {found[1]}"
        elif _OTHER_PROJECT in detail:
            text = f"the token is bound to another project than number {self._number} (403)"
        else:
            text = f"the token may not see {what} (403)"
        remedy = "make a token with issues:read and events:read for this project (Tokens)"
        raise Failure(Verdict.SCOPE, text, remedy)

    def _no_project(self) -> Failure:
        """Return the failure for an unknown number, with the projects that the token shows."""
        text = f"there is no project with the DSN's number {self._number}"
        try:
            answer = self._api.get(f"{_ROOT}/projects/")
        except Failure:
            return Failure(Verdict.PROJECT, text, "correct the DSN")
        if answer.status != 200:
            hint = "correct the DSN; a token with projects:read shows which projects there are"
            return Failure(Verdict.PROJECT, text, hint)
        listed = [f"{text_of(row, 'name')} ({text_of(row, 'id')})" for row in api.rows_of(answer)]
        return Failure(Verdict.PROJECT, text, f"{api.names(listed)}; use the DSN of one of them")

    def _stored(
        self, wanted: uuid.UUID, row: Mapping[str, Any], issue: Mapping[str, Any]
    ) -> Stored | None:
        answer = self._api.get(f"{_ROOT}/events/{quote(text_of(row, 'id'), safe='')}/")
        if answer.status == 404 and not answer.is_html:
            return None
        self._checked(answer, "an event")
        detail = answer.json()
        event = detail.get("data") if isinstance(detail, dict) else None
        event = event if isinstance(event, dict) else {}
        kind, value = text_of(issue, "calculated_type"), text_of(issue, "calculated_value")
        return Stored(
            event_id=wanted.hex,
            page=f"{api.place_of(self._api.base)}/issues/event/{wanted}/",
            title=title_of(event) or ": ".join(filter(None, (kind, value))),
            tags=tags_of(event.get("tags")),
            level=text_of(event, "level") or None,
            environment=text_of(event, "environment"),
            release=text_of(event, "release"),
            server_name=text_of(event, "server_name"),
            transaction=text_of(event, "transaction"),
            whole=whole_of(detail, row, issue),
        )

"""What all backends do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sentryinit_cli.dsn import Dsn
from sentryinit_cli.http import Answer, Http
from sentryinit_cli.verdicts import Failure


@dataclass(frozen=True)
class Place:
    """Where to look. *api*: the address of pages and API, where it is not that of the DSN."""

    dsn: Dsn
    token: str = field(repr=False)
    http: Http
    api: str = ""
    organization: str = ""
    project: str = ""


@dataclass(frozen=True)
class Stored:
    """An event as the backend has it. None: it does not tell. *whole*: all that it told."""

    event_id: str
    page: str
    title: str
    tags: Mapping[str, str]
    level: str | None
    environment: str | None
    release: str | None
    server_name: str | None
    transaction: str | None
    whole: str


class Backend(Protocol):
    """A backend, for one project. Times are in seconds."""

    name: str
    first_look: float
    interval: float
    timeout: float

    def resolve(self) -> None:
        """Find the project before anything is sent; raise ``Failure``.

        TOKEN, SCOPE, PROJECT, BACKEND; REFUSED for a key that the project does not have.
        """

    def find(self, event_id: str, sent_at: datetime) -> Stored | None:
        """Return the event, or None if it is not there (yet); raise ``Failure``."""

    def refused(self, answer: Answer) -> Failure:
        """Return what a refusal at ingestion means: a wrong key, a block, a quota, a size."""

    def why_missing(self) -> str:
        """Return what may be the reason for an event that was accepted and is not stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from standin import KEY, Project, StandIn
from test_backends import backend_of, event, failure, http, now, post

from sentryinit_cli.backends import Backend
from sentryinit_cli.http import Http
from sentryinit_cli.verdicts import Verdict

__all__ = ["backend_of", "http"]


def test_pages_of_issues_and_of_events(backend_of: Callable[..., Backend]) -> None:
    """The event is found on a later page of issues, and of an issue's events."""
    with StandIn("bugsink", page_size=2) as stand:
        backend, sent = backend_of(stand), event()
        backend.resolve()
        stand.store(sent)
        for n in range(5):
            stand.store(event())
            stand.store(event(exception={"values": [{"type": f"E{n}", "value": "x"}]}))
        stored = backend.find(sent["event_id"], now())
        assert stored
        assert any("cursor" in request.query for request in stand.requests)


@pytest.mark.parametrize("shift", [-10, 0, 10])
def test_old_issues_end_the_search(shift: int, backend_of: Callable[..., Backend]) -> None:
    """Issues that were last seen before the sending are not looked into; clocks may differ."""
    with StandIn("bugsink") as stand:
        backend, sent = backend_of(stand), event()
        backend.resolve()
        for n in range(3):
            stand.store(event(exception={"values": [{"type": f"E{n}", "value": "x"}]}))
        for old in stand.events.values():
            then = datetime.fromisoformat(old.received.replace("Z", "+00:00"))
            old.received = (then - timedelta(hours=1)).isoformat()
        before = len(stand.requests)
        assert backend.find(sent["event_id"], now()) is None
        assert len(stand.requests) == before + 1
        stand.store(sent)
        assert backend.find(sent["event_id"], now() + timedelta(seconds=shift))


def test_the_page_has_dashes_in_the_id(backend_of: Callable[..., Backend]) -> None:
    """Bugsink knows the page by the id with dashes only."""
    with StandIn("bugsink") as stand:
        backend = backend_of(stand)
        sent = event(event_id="0123456789abcdef0123456789abcdef")
        stand.store(sent)
        stored = backend.find(sent["event_id"], now())
        assert stored
        assert stored.page == f"{stand.url}/issues/event/01234567-89ab-cdef-0123-456789abcdef/"


def test_a_token_of_another_project(backend_of: Callable[..., Backend]) -> None:
    """A token that is bound to another project is said as such."""
    with StandIn("bugsink", bound_to=2) as stand:
        seen = failure(backend_of(stand).resolve)
    assert seen.verdict is Verdict.SCOPE
    assert "another project" in seen.text


def test_projects_read_is_not_needed(backend_of: Callable[..., Backend]) -> None:
    """Only the list of projects, of an unknown number, needs that capability."""
    with StandIn("bugsink", scopes={"issues:read", "events:read"}) as stand:
        backend_of(stand).resolve()
        seen = failure(backend_of(stand, number=9).resolve)
    assert seen.verdict is Verdict.PROJECT
    assert "projects:read" in seen.remedy


def test_a_wrong_key_does_not_show_the_dsn(http: Http, backend_of: Callable[..., Backend]) -> None:
    """The refusal has the whole DSN in its body, which is not said; and nobody is blocked."""
    with StandIn("bugsink") as stand:
        wrong = "deadbeef" * 4
        answer = post(stand, http, 1, wrong)
        assert wrong.encode() in answer.body
        seen = backend_of(stand).refused(answer)
        assert wrong not in f"{seen.text}{seen.remedy}{answer!r}"
        assert post(stand, http, 1, KEY).status == 200


def test_a_quota_says_its_wait(http: Http, backend_of: Callable[..., Backend]) -> None:
    """429 has no ``Retry-After``: the wait is in ``X-Sentry-Rate-Limits``."""
    with StandIn("bugsink", projects=[Project(quota=False)]) as stand:
        answer = post(stand, http)
        assert "retry-after" not in answer.headers
        assert "60 s" in backend_of(stand).refused(answer).text


def test_what_is_left_for_a_missing_event(backend_of: Callable[..., Backend]) -> None:
    """The settings that drop an event after it was accepted are named."""
    with StandIn("bugsink") as stand:
        assert "VALIDATE_ON_DIGEST" in backend_of(stand).why_missing()

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from standin import HTML, PAGE, Project, Reply, Request, StandIn
from test_backends import MANY, backend_of, event, failure, http, now, post

from sentryinit_cli.backends import Backend
from sentryinit_cli.http import Http
from sentryinit_cli.verdicts import Verdict

__all__ = ["backend_of", "http"]


@pytest.mark.parametrize("page_size", [3, 50])
def test_pages_of_a_link_header_that_is_a_printed_set(
    page_size: int, backend_of: Callable[..., Backend]
) -> None:
    """The project on the last page is found, by the repr of a set in ``Link``."""
    with StandIn(page_size=page_size, projects=[*MANY, Project()]) as stand:
        backend_of(stand).resolve()
        cursors = [request.query.get("cursor") for request in stand.requests]
        assert len({*cursors}) > 1


def test_a_link_to_another_host_gets_no_token(backend_of: Callable[..., Backend]) -> None:
    """Of the next page's address only the query is used: the token stays with the host."""
    with StandIn() as other, StandIn(projects=[*MANY, Project()]) as stand:
        link = f'{{\'<{other.url}/api/0/projects/?cursor=100>; rel="next"; results="true"\'}}'

        def answer(request: Request) -> Reply | None:
            is_first = request.path == "/api/0/projects/" and "cursor" not in request.query
            return Reply(200, [], headers={"Link": link}) if is_first else None

        backend = backend_of(stand, "glitchtip")
        stand.answer_get = answer
        backend.resolve()
        assert not other.requests


def test_all_paths_end_with_a_slash(backend_of: Callable[..., Backend]) -> None:
    """Without a slash at the end, GlitchTip answers 200 with a page."""
    with StandIn() as stand:
        backend, sent = backend_of(stand), event()
        backend.resolve()
        stand.store(sent)
        assert backend.find(sent["event_id"], now())
        assert all(request.path.endswith("/") for request in stand.requests)


def test_a_deleted_key_is_found_without_sending(backend_of: Callable[..., Backend]) -> None:
    """A key that the project does not have is refused here: sending blocks the project for 30 s."""
    with StandIn() as stand:
        wrong = "deadbeef" * 4
        seen = failure(backend_of(stand, key=wrong).resolve, wrong)
        assert seen.verdict is Verdict.REFUSED
        assert not stand.posts


def test_wrong_slugs_are_no_missing_event(backend_of: Callable[..., Backend]) -> None:
    """Slugs of another project than the DSN's are said before anything is sent."""
    with StandIn() as stand:
        for names in {"organization": "nobody"}, {"project": "nothing"}:
            assert failure(backend_of(stand, **names).resolve).verdict is Verdict.PROJECT
        backend_of(stand, organization="acme", project="shop").resolve()


@pytest.mark.parametrize("reply", [Reply(200, PAGE, HTML), Reply(404, PAGE, HTML), Reply(422, {})])
def test_a_look_up_that_is_no_answer(reply: Reply, backend_of: Callable[..., Backend]) -> None:
    """A page, with 200 or 404, is a wrong path; it does not mean "not there"."""
    with StandIn() as stand:
        backend = backend_of(stand)
        backend.resolve()
        stand.answer_get = lambda request: reply
        assert failure(lambda: backend.find(uuid.uuid4().hex, now())).verdict is Verdict.BACKEND


def test_an_event_with_another_id_is_no_hit(backend_of: Callable[..., Backend]) -> None:
    """A hit is 200, JSON, and the id in the body."""
    with StandIn() as stand:
        backend = backend_of(stand)
        backend.resolve()
        stand.answer_get = lambda request: Reply(200, {"eventID": uuid.uuid4().hex})
        assert backend.find(uuid.uuid4().hex, now()) is None


def test_an_event_of_another_project_is_not_there(backend_of: Callable[..., Backend]) -> None:
    """The look-up is of one project."""
    with StandIn(projects=[Project(), Project(2, "other")]) as stand:
        backend, sent = backend_of(stand), event()
        backend.resolve()
        stand.store(sent, 2)
        assert backend.find(sent["event_id"], now()) is None


def test_500_of_the_json_leaves_the_level_open(backend_of: Callable[..., Backend]) -> None:
    """The level is only in ``.../json/``, which may answer 500."""
    with StandIn(has_level=False) as stand:
        backend, sent = backend_of(stand), event()
        backend.resolve()
        stand.store(sent)
        stored = backend.find(sent["event_id"], now())
        assert stored
        assert stored.level is None
        assert stored.environment == "staging"
        assert stored.page == f"{stand.url}/acme/issues/41/events/{sent['event_id']}"


@pytest.mark.parametrize(
    "project, word",
    [
        (Project(throttle=50), "throttled by 50 %"),
        (Project(accepting=False), "accepts no events"),
        (Project(first_event=None), "never stored"),
        (Project(first_event="2026-01-01T00:00:00Z"), "worker"),
    ],
)
def test_why_an_event_is_missing(
    project: Project, word: str, backend_of: Callable[..., Backend]
) -> None:
    """What the project tells about itself is said."""
    with StandIn(projects=[project]) as stand:
        backend = backend_of(stand)
        backend.resolve()
        assert word in backend.why_missing()


def test_the_block_after_a_wrong_key(http: Http) -> None:
    """One wrong key makes all keys of the project 403, and those of no other."""
    projects = [Project(), Project(2, key="ab" * 16)]
    with StandIn(projects=projects, block_seconds=3600) as stand:
        assert post(stand, http).status == 200
        assert post(stand, http, 1, "no-uuid").json() == {"detail": "Invalid DSN"}
        assert post(stand, http).status == 200
        assert post(stand, http, 1, "deadbeef" * 4).json() == {"detail": "Denied"}
        assert post(stand, http).status == 403
        assert post(stand, http, 2).status == 200
        projects[0].blocked_until = 0
        assert post(stand, http).status == 200

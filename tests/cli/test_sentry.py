from __future__ import annotations

from collections.abc import Callable

import pytest
from standin import KEY, StandIn
from test_backends import backend_of, event, failure, http, now

from sentryinit_cli.backends import Backend, Place, connect
from sentryinit_cli.dsn import parse_dsn
from sentryinit_cli.http import Http
from sentryinit_cli.verdicts import Verdict

__all__ = ["backend_of", "http"]


def test_a_dsn_of_sentrys_service_is_enough(http: Http) -> None:
    """Ids stand in place of slugs: the organisation's is in the host."""
    with StandIn("sentry") as stand:
        dsn = parse_dsn(f"https://{KEY}@o3.ingest.us.sentry.io/1", "a test")
        backend, sent = connect(Place(dsn, stand.token, http, api=stand.url)), event()
        backend.resolve()
        stand.store(sent)
        assert backend.find(sent["event_id"], now())
        assert all(request.path.startswith("/api/0/projects/3/1/") for request in stand.requests)
        assert (backend.interval, backend.timeout) == (1.0, 60.0)


@pytest.mark.parametrize("names", [{"organization": "nobody"}, {"project": "nothing"}])
def test_an_unknown_name_is_told_from_a_missing_event(
    names: dict[str, str], backend_of: Callable[..., Backend]
) -> None:
    """404 has two details; only one of them means "not there yet"."""
    with StandIn("sentry") as stand:
        seen = failure(backend_of(stand, **{"organization": "acme", **names}).resolve)
    assert seen.verdict is Verdict.PROJECT


def test_a_renamed_project(backend_of: Callable[..., Backend]) -> None:
    """302 names the new slug; it is not followed."""
    with StandIn("sentry", renamed={"store": "shop"}) as stand:
        seen = failure(backend_of(stand, organization="acme", project="store").resolve)
    assert seen.verdict is Verdict.PROJECT
    assert "--org acme --project shop" in seen.remedy


def test_a_token_of_one_organisation(backend_of: Callable[..., Backend]) -> None:
    """It is refused on paths that name none; with --org it works."""
    with StandIn("sentry", org_token=True) as stand:
        seen = failure(backend_of(stand).resolve)
        assert seen.verdict is Verdict.SCOPE
        assert "--org" in seen.remedy
        backend_of(stand, organization="acme").resolve()


def test_a_wrong_key_is_looked_up_when_the_event_is_missing(
    backend_of: Callable[..., Backend],
) -> None:
    """Relay answers 200 to a wrong key at first: the list of keys tells it."""
    with StandIn("sentry") as stand:
        wrong = backend_of(stand, key="deadbeef" * 4, organization="acme")
        assert "none of the project's keys" in wrong.why_missing()
        assert "filter" in backend_of(stand, organization="acme").why_missing()

from __future__ import annotations

import json
import socket
import traceback
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

import pytest
import standin
from standin import Project, Reply, StandIn

from sentryinit_cli.backends import Backend, Place, connect
from sentryinit_cli.backends.api import Api
from sentryinit_cli.backends.sentry import saas_base
from sentryinit_cli.dsn import parse_dsn
from sentryinit_cli.http import Answer, Http
from sentryinit_cli.verdicts import Failure, Verdict

KINDS = ["glitchtip", "bugsink", "sentry"]
MANY = [Project(n, f"shop-{n}", "acme", f"{n:032x}") for n in range(2, 130)]
HTML_429 = Reply(429, "Too Many Requests", "text/html", {"Retry-After": "600"})


@pytest.fixture
def http() -> Iterator[Http]:
    client = Http(timeout=5)
    yield client
    client.close()


@pytest.fixture
def backend_of(http: Http) -> Callable[..., Backend]:
    def make(
        stand: StandIn, name: str | None = None, *, number: int = 1, key: str = "", **place: Any
    ) -> Backend:
        dsn = parse_dsn(stand.dsn(number, key or None), "a test")
        return connect(Place(dsn, place.pop("token", stand.token), http, **place), name)

    return make


def event(**more: Any) -> dict[str, Any]:
    return {
        "event_id": uuid.uuid4().hex,
        "level": "error",
        "environment": "staging",
        "release": "1.4.2",
        "server_name": "web-1",
        "transaction": "/orders/{id}",
        "tags": {"service": "shop", "status_code": "500"},
        "exception": {"values": [{"type": "KeyError", "value": "'price'"}]},
        **more,
    }


def post(stand: StandIn, http: Http, number: int = 1, key: str | None = None) -> Answer:
    dsn, sent = parse_dsn(stand.dsn(number, key), "a test"), event()
    lines = {"event_id": sent["event_id"]}, {"type": "event"}, sent
    body = "\n".join(map(json.dumps, lines)).encode()
    return http.post(dsn.envelope_url, body, {"X-Sentry-Auth": dsn.auth})


def now() -> datetime:
    return datetime.now(timezone.utc)


def failure(action: Callable[[], object], *secrets: str) -> Failure:
    """Return the failure of *action*; none of *secrets* is in it."""
    with pytest.raises(Failure) as caught:
        action()
    said = "".join(traceback.format_exception(caught.value)) + caught.value.remedy
    assert not any(secret in said for secret in (*secrets, *standin.TOKENS.values(), standin.KEY))
    return caught.value


# -- which backend ----------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/errors/here"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_backend_is_recognised_without_a_token(
    kind: str, prefix: str, backend_of: Callable[..., Backend]
) -> None:
    """Its answers without a token show which one it is, at a sub-path too."""
    with StandIn(kind, prefix=prefix) as stand:
        assert backend_of(stand).name == kind
        assert not any(request.token for request in stand.requests)


def test_html_with_200_is_a_wrong_base_url(backend_of: Callable[..., Backend]) -> None:
    """A server that answers every path with a page is none of the backends, and says why."""
    with StandIn(html=True) as stand:
        seen = failure(lambda: backend_of(stand))
    assert seen.verdict is Verdict.BACKEND
    assert "wrong base URL" in seen.text
    assert "--api-url" in seen.remedy


@pytest.mark.parametrize("name", KINDS)
def test_html_with_200_of_a_named_backend(name: str, backend_of: Callable[..., Backend]) -> None:
    """A named backend is not believed either where pages come."""
    with StandIn(name, html=True) as stand:
        seen = failure(backend_of(stand, name).resolve)
    assert seen.verdict is Verdict.BACKEND
    assert "HTML" in seen.text


def test_private_pages_are_found_at_another_address(backend_of: Callable[..., Backend]) -> None:
    """Where only ingestion is public, the address of the API is used for all look-ups."""
    with StandIn(private=True) as public, StandIn() as private:
        seen = failure(lambda: backend_of(public))
        assert seen.verdict is Verdict.BACKEND
        assert "--api-url" in seen.remedy
        for address in private.url, f"{private.url}/", f"{private.url}/api/0/":
            backend_of(public, api=address).resolve()


def test_nothing_listens(http: Http) -> None:
    """A host that refuses connections is a backend that does not answer."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        dsn = parse_dsn(f"http://{standin.KEY}@127.0.0.1:{taken.getsockname()[1]}/1", "a test")
        token = "5afe-" * 8
        seen = failure(lambda: connect(Place(dsn, token, http)), token)
    assert seen.verdict is Verdict.BACKEND
    assert "refused" in seen.text


@pytest.mark.parametrize(
    "host, base",
    [
        ("o42.ingest.us.sentry.io", "https://us.sentry.io"),
        ("o42.ingest.de.sentry.io", "https://de.sentry.io"),
        ("o42.ingest.sentry.io", "https://sentry.io"),
        ("sentry.io", "https://sentry.io"),
        ("sentry.io.example.com", None),
        ("notsentry.io", None),
        ("sentry.example.com", None),
    ],
)
def test_sentrys_own_service_is_known_by_the_host(host: str, base: str | None) -> None:
    """The host of a DSN shows Sentry's service and its region; a similar host is another one."""
    assert saas_base(host) == base


# -- all backends -----------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/errors"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stored_event_is_found(
    kind: str, prefix: str, backend_of: Callable[..., Backend]
) -> None:
    """All that the backend tells of an event is there, as it was sent."""
    with StandIn(kind, prefix=prefix) as stand:
        backend, sent = backend_of(stand), event()
        backend.resolve()
        assert backend.find(sent["event_id"], now()) is None
        stand.store(sent)
        stored = backend.find(sent["event_id"], now())
        assert stored is not None
        assert stored.event_id == sent["event_id"]
        assert stored.page.startswith(f"{stand.url}/")
        assert stored.title == "KeyError: 'price'"
        assert (stored.level, stored.environment, stored.release) == ("error", "staging", "1.4.2")
        assert (stored.server_name, stored.transaction) == ("web-1", "/orders/{id}")
        assert stored.tags["service"] == "shop"
        assert "KeyError" in stored.whole
        assert not stand.posts


@pytest.mark.parametrize("kind", KINDS)
def test_ids_in_other_forms(kind: str, backend_of: Callable[..., Backend]) -> None:
    """An id with dashes, or in upper case, is the same one; no id at all is a failure."""
    with StandIn(kind) as stand:
        backend, sent = backend_of(stand), event()
        backend.resolve()
        stand.store(sent)
        for text in str(uuid.UUID(sent["event_id"])), sent["event_id"].upper():
            assert backend.find(text, now())
        failure(lambda: backend.find("no-id", now()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_token(kind: str, backend_of: Callable[..., Backend]) -> None:
    """401 is a token that the backend does not know."""
    with StandIn(kind) as stand:
        wrong = "beef" * (10 if kind == "bugsink" else 16)
        seen = failure(backend_of(stand, token=wrong).resolve, wrong)
        assert seen.verdict is Verdict.TOKEN


@pytest.mark.parametrize(
    "kind, scopes, missing",
    [
        ("glitchtip", {"project:read"}, ["event:read"]),
        ("glitchtip", {"event:read"}, ["project:read"]),
        ("glitchtip", {"org:read"}, ["event:read", "project:read"]),
        ("sentry", {"event:read"}, ["project:read"]),
        ("bugsink", {"issues:read"}, ["events:read"]),
        ("bugsink", {"events:read"}, ["issues:read"]),
    ],
)
def test_a_missing_scope_is_named(
    kind: str, scopes: set[str], missing: list[str], backend_of: Callable[..., Backend]
) -> None:
    """403 names what is missing, and only that, before anything is sent."""
    with StandIn(kind, scopes=scopes) as stand:
        org = "acme" if kind == "sentry" else ""
        seen = failure(backend_of(stand, organization=org).resolve)
    assert seen.verdict is Verdict.SCOPE
    assert all(name in seen.text for name in missing)
    assert not any(name in seen.text for name in scopes)


@pytest.mark.parametrize("kind, right", [("glitchtip", "admin"), ("sentry", "write")])
def test_a_stronger_scope_is_enough(
    kind: str, right: str, backend_of: Callable[..., Backend]
) -> None:
    """``:write`` and ``:admin`` may read as well."""
    with StandIn(kind, scopes={f"event:{right}", f"project:{right}"}) as stand:
        backend_of(stand).resolve()


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_project_lists_those_that_exist(
    kind: str, backend_of: Callable[..., Backend]
) -> None:
    """At most 20 projects are named where none has the number of the DSN."""
    with StandIn(kind, projects=[*MANY]) as stand:
        seen = failure(backend_of(stand, number=999).resolve)
    assert seen.verdict is Verdict.PROJECT
    assert seen.remedy.count("shop-") == 20
    assert "108 more" in seen.remedy


@pytest.mark.parametrize("status", [500, 502, 503])
@pytest.mark.parametrize("kind", KINDS)
def test_an_api_that_fails(kind: str, status: int, backend_of: Callable[..., Backend]) -> None:
    """A status of 5xx is a backend that does not answer, and says nothing of the event."""
    with StandIn(kind) as stand:
        backend = backend_of(stand)
        backend.resolve()
        stand.answer_get = lambda request: Reply(status, "<h1>oops</h1>", standin.HTML)
        seen = failure(lambda: backend.find(uuid.uuid4().hex, now()))
    assert seen.verdict is Verdict.BACKEND
    assert str(status) in seen.text


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_of_the_api_is_waited_for(kind: str, backend_of: Callable[..., Backend]) -> None:
    """After 429 nothing is asked for the time that it says; resolving goes on by itself then."""
    with StandIn(kind) as stand:
        backend, rest = backend_of(stand), [Reply(429, {}, headers={"Retry-After": "1"})]
        stand.answer_get = lambda request: rest.pop() if rest else None
        backend.resolve()
        rest.append(Reply(429, {}, headers={"Retry-After": "60"}))
        for _ in range(3):
            seen = failure(lambda: backend.find(uuid.uuid4().hex, now()))
            assert "60" in seen.text
            count = len(stand.requests)
        failure(lambda: backend.find(uuid.uuid4().hex, now()))
        assert len(stand.requests) == count


@pytest.mark.parametrize(
    "kind, reply, words",
    [
        ("glitchtip", HTML_429, ["429", "600"]),
        ("glitchtip", Reply(429, "", "text/html", {"Retry-After": "162"}), ["162"]),
        ("glitchtip", Reply(403, {"detail": "Invalid DSN"}), ["Invalid DSN"]),
        ("glitchtip", Reply(403, {"detail": "Denied"}), ["30 s", "key"]),
        ("glitchtip", Reply(301, "", "text/html", {"Location": "/"}), ["redirect", "301"]),
        ("bugsink", Reply(413, {"message": "Max length"}), ["too large"]),
        ("bugsink", Reply(429, headers={"X-Sentry-Rate-Limits": "60::key"}), ["60 s", "quota"]),
        ("sentry", Reply(429, headers={"Retry-After": "61"}), ["61"]),
        ("sentry", Reply(403, {"detail": "event submission rejected"}), ["key"]),
        ("sentry", Reply(429), ["does not say how long"]),
        *((kind, Reply(status), [str(status)]) for kind in KINDS for status in (400, 404, 500)),
    ],
)
def test_a_refusal_is_explained(
    kind: str,
    reply: Reply,
    words: list[str],
    http: Http,
    backend_of: Callable[..., Backend],
) -> None:
    """Each status of ingestion has its meaning, and the wait that it says."""
    with StandIn(kind, answer_post=reply) as stand:
        seen = backend_of(stand).refused(post(stand, http))
    assert seen.verdict is Verdict.REFUSED
    assert all(word in f"{seen.text} {seen.remedy}" for word in words)


@pytest.mark.parametrize("kind", KINDS)
def test_fifty_look_ups_at_once(kind: str, backend_of: Callable[..., Backend]) -> None:
    """One client serves 50 threads, each with an event of its own."""
    with StandIn(kind) as stand:
        sent = [event(exception={"values": [{"type": f"E{n}", "value": "x"}]}) for n in range(50)]

        def look(each: dict[str, Any]) -> str:
            backend = backend_of(stand, kind)
            backend.resolve()
            stand.store(each)
            stored = backend.find(each["event_id"], now())
            return stored.title if stored else ""

        with ThreadPoolExecutor(50) as pool:
            assert [*pool.map(look, sent)] == [f"E{n}: x" for n in range(50)]


@pytest.mark.parametrize(
    "date", ["Fri, 31 Dec 9999 23:59:59 -2300", "yesterday", "", "Mon, 30 Nov 2026 25:00:00 GMT"]
)
def test_a_clock_that_cannot_be_read(http: Http, date: str) -> None:
    """A date without a meaning is no difference of clocks, and no crash."""
    place = Place(parse_dsn(f"https://{'a' * 32}@errors.example/1", "a test"), "token", http)
    api = Api(place, place.dsn.base)
    api._read_clock(Answer(200, {"date": date}, b""))
    assert not api.skew


@pytest.mark.parametrize("status", [418, 204, 304, 500])
def test_a_refusal_with_any_status(backend_of: Callable[..., Backend], status: int) -> None:
    """Whatever the status of ingestion is, the refusal names it."""
    with StandIn("glitchtip") as stand:
        failure = backend_of(stand, "glitchtip").refused(Answer(status, {}, b""))
    assert failure.verdict is Verdict.REFUSED
    assert str(status) in failure.text

"""Isolation of the scopes of requests (D6), with real connections, event loops and threads.

Each handler sets its request id as tag, user, context and breadcrumb; the id must not be in the
event of another request.
"""

from __future__ import annotations

import json

import pytest

from harness.service import Bench, Service, new_id
from harness.sink import Event
from harness.table import SERVERS, parameters, services
from harness.wire import request

# Above the size at which uvicorn pauses reading; it resumes in the context of that request.
LARGE = bytes(1 << 20)

SERVICES = [parameters(framework=framework, server=server) for framework, server in services()]
KEEP_ALIVE = [service for service in SERVICES if SERVERS[service.values[1]].keeps]
# The services that handle requests concurrently.
CONCURRENT = [service for service in SERVICES if not SERVERS[service.values[1]].alone]
UVICORN = [server for server in SERVERS if server.startswith("uvicorn")]


def after_a_large_body(service: Service) -> tuple[str, Event]:
    """Return the id of a request with a large body, and the event of the next one on its wire."""
    first, second = new_id("first"), new_id("second")
    with service.wire() as wire:
        wire.send(request("POST", "/orders/1/customer", first, body=LARGE, keep=True))
        assert wire.answer().status == 200
        wire.send(request("GET", "/orders/2/price", second))
        assert wire.answer().status == 500
    return first, only(service, second)


def pipelined(service: Service) -> tuple[str, Event]:
    """Return the id of a request, and the event of one that was sent together with it."""
    first, second = new_id("first"), new_id("second")
    with service.wire() as wire:
        wire.send(
            request("POST", "/orders/1/customer", first, body=b"small", keep=True)
            + request("GET", "/orders/2/price", second)
        )
        assert wire.answer().status == 200
        assert wire.answer().status == 500
    return first, only(service, second)


def only(service: Service, request_id: str) -> Event:
    (event,) = service.settle()
    assert event.request_id == request_id
    return event


def mentions(event: Event, request_id: str) -> bool:
    return json.dumps(request_id) in json.dumps(event.data)


def has_its_own(event: Event) -> bool:
    own = event.request_id
    breadcrumbs = [crumb["message"] for crumb in event.data["breadcrumbs"]["values"]]
    return (
        event.tags.get("customer") == own
        and event.data["user"]["id"] == own
        and event.data["contexts"]["cart"]["of"] == own
        and breadcrumbs == [f"met {own}"]
    )


@pytest.mark.parametrize("framework,server", KEEP_ALIVE)
def test_request_after_a_large_body_has_a_clean_scope(
    bench: Bench, framework: str, server: str
) -> None:
    """A keep-alive connection does not pass on a scope, although a request resumed its reading."""
    first, event = after_a_large_body(bench.service(framework, server))
    assert not mentions(event, first)


@pytest.mark.parametrize("framework,server", KEEP_ALIVE)
def test_pipelined_request_has_a_clean_scope(bench: Bench, framework: str, server: str) -> None:
    """A server can begin a request in the context in which the one before ended."""
    first, event = pipelined(bench.service(framework, server))
    assert not mentions(event, first)


@pytest.mark.parametrize("server", UVICORN)
@pytest.mark.parametrize("play", [after_a_large_body, pipelined])
def test_control_leaks(bench: Bench, server: str, play: object) -> None:
    """A middleware that forks the current scope leaks, so the tests above can fail.

    If this test fails, uvicorn or CPython (issue 140947) has fixed the leak, and this test can be
    removed.
    """
    assert callable(play)
    first, event = play(bench.service("naive", server))
    assert event.tags["customer"] == first


@pytest.mark.parametrize("framework,server", SERVICES)
def test_next_connection_has_a_clean_scope(bench: Bench, framework: str, server: str) -> None:
    """A worker, or one of its threads, serves each connection with a clean scope."""
    service = bench.service(framework, server)
    firsts = [new_id("first") for _ in range(4)]
    for first in firsts:
        assert service.call("/orders/1/customer", first, method="POST", body=b"x").status == 200
    second = new_id("second")
    assert service.call("/orders/2/price", second).status == 500
    event = only(service, second)
    assert not any(mentions(event, first) for first in firsts)


@pytest.mark.parametrize("framework,server", CONCURRENT)
def test_concurrent_requests_have_their_own_scopes(
    bench: Bench, framework: str, server: str
) -> None:
    """Each event has all data of its own handler, and none of the other's."""
    service = bench.service(framework, server)
    ids = [new_id("basket") for _ in range(2)]
    with service.wire() as one, service.wire() as other:
        for wire, request_id in zip((one, other), ids, strict=True):
            wire.send(request("GET", "/orders/17/basket", request_id))
            bench.gate.wait_for(request_id, "working")
        # The first request ends last.
        for wire, request_id in ((other, ids[1]), (one, ids[0])):
            bench.gate.release(request_id)
            assert wire.answer().status == 500
    events = service.settle()
    assert [event.request_id for event in events] == ids[::-1]
    assert all(has_its_own(event) for event in events)
    assert not mentions(events[0], ids[0])
    assert not mentions(events[1], ids[1])

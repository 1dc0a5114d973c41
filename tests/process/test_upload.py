"""A 5xx without an exception is silent for a client that has given up its upload, and only then."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.service import Bench, Service, new_id
from harness.table import parameters
from harness.wire import Wire, request

PAGE = "/orders/17/attachment"
BODY = bytes(5_000)
SERVICES = [
    parameters(framework=framework, server=server)
    for framework in ("wsgi", "django", "falcon", "flask")
    for server in ("gunicorn-sync", "gunicorn-gthread", "gunicorn-gevent", "uwsgi", "waitress")
]
KEEPING = [
    parameters(framework="wsgi", server=server)
    for server in ("gunicorn-gthread", "gunicorn-gevent")
]


def fails(
    bench: Bench, service: Service, end: Callable[[Wire], object], *, keep: bool = False
) -> None:
    """Send a whole upload, *end* the client's side, and check that the 500 is reported."""
    name = new_id("upload")
    with service.wire() as wire:
        wire.send(request("POST", "/orders/17/refused", name, body=BODY, keep=keep))
        bench.gate.wait_for(name, "working")
        end(wire)
        bench.gate.release(name, 0)
        bench.gate.wait_for(name, "over")
    events = [event for event in service.settle() if event.request_id == name]
    assert [(event.error, event.tags["status_code"]) for event in events] == [(None, "500")]


@pytest.mark.parametrize("framework,server", SERVICES)
@pytest.mark.parametrize("end", [Wire.finish, Wire.leave, Wire.reset, lambda _wire: None])
def test_failure_for_a_whole_upload_is_an_event(
    bench: Bench, framework: str, server: str, end: Callable[[Wire], object]
) -> None:
    """The whole body came: the 500 is a failure, whatever the client does while it waits."""
    fails(bench, bench.service(framework, server), end)


@pytest.mark.parametrize("framework,server", SERVICES)
def test_client_that_closes_its_side_gets_its_answer(
    bench: Bench, framework: str, server: str
) -> None:
    """A client that has sent all and closes its side gets the 500, which is reported."""
    service, name = bench.service(framework, server), new_id("upload")
    with service.wire() as wire:
        wire.send(request("POST", "/orders/17/refused", name, body=BODY))
        bench.gate.wait_for(name, "working")
        wire.finish()
        bench.gate.release(name, 0)
        assert wire.answer().status == 500
    assert [event.error for event in service.settle() if event.request_id == name] == [None]


@pytest.mark.parametrize("framework,server", KEEPING)
def test_next_request_of_the_connection_is_served(
    bench: Bench, framework: str, server: str
) -> None:
    """A request that is sent before the 500 of the one before it is answered: nothing is read."""
    service, names = bench.service(framework, server), (new_id("upload"), new_id("upload"))
    with service.wire() as wire:
        for name in names:
            wire.send(request("POST", "/orders/17/refused", name, body=BODY, keep=True))
        for name in names:
            bench.gate.wait_for(name, "working")
            bench.gate.release(name, 0)
            assert wire.answer().status == 500
    events = [event.request_id for event in service.settle()]
    assert [each for each in events if each in names] == [*names]


@pytest.mark.parametrize("framework,server", KEEPING)
@pytest.mark.parametrize("leave", [Wire.reset, Wire.leave])
def test_upload_given_up_on_a_kept_connection_is_no_event(
    bench: Bench, framework: str, server: str, leave: Callable[[Wire], object]
) -> None:
    """The connection has served a request before."""
    service, names = bench.service(framework, server), (new_id("upload"), new_id("upload"))
    with service.wire() as wire:
        wire.send(request("GET", "/orders/17", names[0], keep=True))
        assert wire.answer().status == 200
        wire.send(request("POST", PAGE, names[1], body=BODY, length=4 * len(BODY), keep=True))
        bench.gate.wait_for(names[1], "reading")
        leave(wire)
        bench.gate.wait_for(names[1], "over")
    assert [event.request_id for event in service.settle()] == []

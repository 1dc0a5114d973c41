"""C2: What a server logs of a failure is an event, unless a boundary has told of that failure.

And no line of an access log is in any event (D5).
"""

from __future__ import annotations

import json

import pytest

from harness.service import Bench, Service, new_id
from harness.sink import Event
from harness.table import SERVERS, parameters

# The access log of each server, if it has one.
ACCESS = {
    "gunicorn": "--access-logfile -",
    "hypercorn": "--access-logfile -",
    "granian": "--access-log",
    "uvicorn": "--access-log",
}
# uWSGI logs in C.
SERVICES = [
    parameters(framework=f"outside-{server.kind}", server=name)
    for name, server in SERVERS.items()
    if server.kind in {"wsgi", "asgi"} and name != "uwsgi"
]
ASGI_COMPLAINTS = ["uvicorn-h11", "uvicorn-httptools", "gunicorn-uvicorn"]
QUERY = "customer=Alice+Smith&diagnosis=flu"


def access_log(server: str) -> str:
    return ACCESS.get(server.partition("-")[0], "")


def warnings_of(service: Service) -> list[str]:
    return [line for line in service.output.splitlines() if "no boundary has seen" in line]


def titles(events: list[Event]) -> list[str]:
    return [event.error or event.data["logentry"]["formatted"] for event in events]


@pytest.mark.parametrize("framework,server", SERVICES)
@pytest.mark.parametrize("own", [{}, {"PROCESS_LOGGING": "1"}], ids=["default", "own"])
def test_failure_outside_of_the_boundary(
    bench: Bench, framework: str, server: str, own: dict[str, str]
) -> None:
    """Two failures outside are two events; one inside is one event, which is the boundary's."""
    with bench.fresh(framework, server, more=access_log(server), **own) as service:
        for page in ("outside", "outside", "price"):
            service.call(f"/orders/17/{page}?{QUERY}", new_id(page))
        # daphne looks at its applications once in a second.
        service.mailbox.wait_for_some(3)
        request_id = new_id("last")
        assert service.call(f"/orders/17/unavailable?{QUERY}", request_id).status == 503
        service.mailbox.wait_for(request_id)
        events = service.mailbox.take()
        assert len(warnings_of(service)) == 1
    outside = [event for event in events if not event.request_id]
    assert len(outside) == 2
    if server == "granian-wsgi":
        # Its record has a text only.
        assert all("Refused: no access" in title for title in titles(outside))
    else:
        assert titles(outside) == ["Refused"] * 2
    assert [event.data["level"] for event in outside] == ["error"] * 2
    assert not any("request" in event.data for event in outside)
    inside = [event for event in events if event.request_id]
    assert [event.tags["status_code"] for event in inside] == ["500", "503"]
    assert inside[0].error == "LookupError"
    assert "Alice" not in json.dumps([event.data for event in events])


@pytest.mark.parametrize(
    "framework,server",
    [parameters(framework="outside-asgi", server=server) for server in ASGI_COMPLAINTS],
)
def test_application_that_does_not_answer(bench: Bench, framework: str, server: str) -> None:
    """It has no exception; the server says so. Inside the boundary it is a status event."""
    with bench.fresh(framework, server) as service:
        for page in ("silent", "silence", "silent"):
            service.call(f"/orders/17/{page}", new_id(page))
        service.mailbox.wait_for_some(3)
        request_id = new_id("last")
        service.call("/orders/17/unavailable", request_id)
        service.mailbox.wait_for(request_id)
        events = service.mailbox.take()
    text = "ASGI callable returned without starting response."
    found = sorted(title.split(" GET ")[0] for title in titles(events))
    assert found == [text, text, "HTTP 500", "HTTP 503"]

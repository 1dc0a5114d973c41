"""Flask only, under gunicorn."""

from __future__ import annotations

import pytest

from harness.service import Bench, Service, new_id
from harness.sink import Event

GUNICORN = ["gunicorn-sync", "gunicorn-gthread"]


def fails(service: Service, path: str) -> Event:
    """Return the one event of a failing request to *path*; check its tags."""
    request_id = new_id("flask")
    assert service.call(path, request_id).status == 500
    (event,) = service.settle()
    assert event.request_id == event.tags["customer"] == event.data["user"]["id"] == request_id
    assert (event.error, event.mechanism) == ("LookupError", {"type": "flask", "handled": False})
    return event


@pytest.mark.parametrize("server", GUNICORN)
def test_async_view_is_one_event_with_its_tags(bench: Bench, server: str) -> None:
    """An ``async def`` view has its own event loop: one event, with its tags and route."""
    event = fails(bench.service("flask", server), "/orders/17/price-later")
    assert event.data["transaction"] == "/orders/{order_id}/price-later"


@pytest.mark.parametrize("server", GUNICORN)
def test_each_of_two_applications_reports_its_own_failure(bench: Bench, server: str) -> None:
    """One extension, two applications: one event for each failure, of the right one."""
    service = bench.service("twins", server)
    for path, name in (("/orders/1/price", "left"), ("/right/orders/2/price", "right")):
        event = fails(service, path)
        assert bench.gate.reported(event.request_id, "asked") == [name]
        assert event.data["request"]["url"].endswith(path)
        assert event.data["transaction"].endswith("/orders/{order_id}/price")

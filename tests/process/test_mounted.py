"""A WSGI application that is mounted in an ASGI one, and a start-up that is refused."""

from __future__ import annotations

import pytest

from harness.service import Bench, new_id

UVICORN = "uvicorn-httptools"


@pytest.mark.parametrize("bridge", ["a2wsgi", "asgiref", "starlette"])
@pytest.mark.parametrize("page,status", [("price", "500"), ("unavailable", "503")])
def test_failure_behind_a_bridge_is_one_event(
    bench: Bench, bridge: str, page: str, status: str
) -> None:
    """C3, D6: One event, by the adapter of the framework inside, with what the handler has set."""
    service, request_id = bench.service("mounted", UVICORN), new_id(bridge)
    assert str(service.call(f"/{bridge}/orders/17/{page}", request_id).status) == status
    # The application returns to the bridge a moment after the response is complete.
    service.mailbox.wait_for(request_id)
    (event,) = service.settle()
    assert event.request_id == event.tags["customer"] == event.data["user"]["id"] == request_id
    assert event.tags["status_code"] == status
    assert event.data["transaction"] == f"/orders/{{order_id}}/{page}"
    assert event.data["request"]["url"].endswith(f"/{bridge}/orders/17/{page}")
    if page == "price":
        assert event.mechanism == {"type": "flask", "handled": False}


def test_start_up_that_is_refused_ends_a_server_with_a_lifespan(bench: Bench) -> None:
    """A12: One event, and the exit status that uvicorn has without sentryinit."""
    environ = {"UVICORN_LIFESPAN": "on", "PROCESS_REFUSE_START": "1"}
    with bench.fresh("mounted", UVICORN, ready=False, **environ) as service:
        assert service.wait() == service.server.failed
        (event,) = service.mailbox.drain()
    assert (event.error, event.mechanism["handled"]) == ("LookupError", False)


def test_start_up_that_is_refused_is_an_event_where_the_server_goes_on(bench: Bench) -> None:
    """A12: With ``--lifespan auto`` uvicorn serves; the event is delivered before."""
    with bench.fresh("mounted", UVICORN, PROCESS_REFUSE_START="1") as service:
        (event,) = service.mailbox.wait_for_some(1)
        assert service.call("/orders/17/unavailable", new_id("refused")).status == 503
    assert (event.error, event.mechanism["handled"]) == ("LookupError", False)

"""The table of requests and expected events, the same for all services."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

import traffic

RESET_BY_PEER = f"[Errno {errno.ECONNRESET}] {os.strerror(errno.ECONNRESET)}"


@dataclass(frozen=True)
class Stored:
    """The expected events of a scenario: one for each request, all in one issue."""

    title: str
    status: int
    route: str | None
    """None: not a route in every framework; it is a sink in Falcon."""
    handled: bool | None
    """None: no exception is known, so the event is about the status."""


@dataclass(frozen=True)
class Scenario:
    """A row of the table. If `stored` is None, no event is expected."""

    name: str
    title: str
    requests: int
    send: traffic.Traffic
    stored: Stored | None = None


SCENARIOS = (
    Scenario("healthy", "50 good requests", 50, traffic.get("/orders/{}", range(50), 200)),
    Scenario("unknown", "an unknown path: 404", 1, traffic.get("/nowhere/{}", range(1), 404)),
    Scenario(
        "returned",
        "a returned 503, two orders",
        2,
        traffic.get("/orders/{}/unavailable", range(17, 19), 503),
        Stored(
            # Bugsink shows an issue under the title of its latest event.
            title="HTTP 503 GET /orders/{order_id}/unavailable",
            status=503,
            route="/orders/{order_id}/unavailable",
            handled=None,
        ),
    ),
    Scenario(
        "raised",
        "an unhandled exception",
        1,
        traffic.get("/orders/{}/price", range(21, 22), 500),
        Stored("ValueError: order 21 has no price", 500, "/orders/{order_id}/price", False),
    ),
    Scenario(
        "swallowed",
        "a handled exception: 500",
        1,
        traffic.get("/orders/{}/reserve", range(22, 23), 500),
        Stored("SoldOut: order 22 is sold out", 500, "/orders/{order_id}/reserve", True),
    ),
    Scenario(
        "upstream",
        "a reset by an upstream",
        1,
        # gunicorn takes this error for its client's and disconnects, if the exception reaches it.
        traffic.get("/orders/{}/stock", range(23, 24), None),
        Stored(
            title=f"ConnectionResetError: {RESET_BY_PEER}",
            status=500,
            route="/orders/{order_id}/stock",
            handled=False,
        ),
    ),
    Scenario("upload", "client resets in its upload", 1, traffic.leave_upload),
    Scenario("work", "client resets before the response", 1, traffic.leave_work),
    Scenario("stream", "client resets in the response", 1, traffic.leave_stream),
    Scenario("no-token", "debug route, no token: 404", 1, traffic.debug_route(None, 404)),
    # The last one: when this event is stored, all events before it in the queue are stored too.
    Scenario(
        "token",
        "debug route, with the token",
        1,
        traffic.debug_route(traffic.DEBUG_TOKEN, 500),
        Stored(
            title="DebugPanic: raised on purpose by the debug route of sentryinit",
            status=500,
            route=None,
            handled=False,
        ),
    ),
)

"""What the demo sends and what the backend must then have: one table, the same for all services."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

import traffic

RESET_BY_PEER = f"[Errno {errno.ECONNRESET}] {os.strerror(errno.ECONNRESET)}"


@dataclass(frozen=True)
class Stored:
    """The events of a scenario: one for each of its requests, all grouped in one issue."""

    title: str
    status: int
    route: str | None
    """None: it is no route everywhere; Falcon has it as a sink."""
    handled: bool | None
    """None: no exception is known, the event is about the status."""


@dataclass(frozen=True)
class Scenario:
    """One row of the table. `stored` None: not a single event."""

    name: str
    title: str
    requests: int
    send: traffic.Traffic
    stored: Stored | None = None


SCENARIOS = (
    Scenario("healthy", "50 healthy requests", 50, traffic.get("/orders/{}", range(50), 200)),
    Scenario("unknown", "an unknown path: 404", 1, traffic.get("/nowhere/{}", range(1), 404)),
    Scenario(
        "returned",
        "a returned 503, for two orders",
        2,
        traffic.get("/orders/{}/unavailable", range(17, 19), 503),
        Stored(
            # Bugsink shows an issue under the title of its latest event.
            title="HTTP 503 GET /orders/18/unavailable",
            status=503,
            route="/orders/{order_id}/unavailable",
            handled=None,
        ),
    ),
    Scenario(
        "raised",
        "an error raised",
        1,
        traffic.get("/orders/{}/price", range(21, 22), 500),
        Stored("ValueError: order 21 has no price", 500, "/orders/{order_id}/price", False),
    ),
    Scenario(
        "swallowed",
        "an error that the app answers: 500",
        1,
        traffic.get("/orders/{}/reserve", range(22, 23), 500),
        Stored("SoldOut: order 22 is sold out", 500, "/orders/{order_id}/reserve", True),
    ),
    Scenario(
        "upstream",
        "an upstream that resets",
        1,
        # gunicorn takes this error for its client's and hangs up, if the framework lets it through.
        traffic.get("/orders/{}/stock", range(23, 24), None),
        Stored(
            title=f"ConnectionResetError: {RESET_BY_PEER}",
            status=500,
            route="/orders/{order_id}/stock",
            handled=False,
        ),
    ),
    Scenario("upload", "the client resets its upload", 1, traffic.leave_upload),
    Scenario("work", "the client leaves before the answer", 1, traffic.leave_work),
    Scenario("stream", "the client resets mid-stream", 1, traffic.leave_stream),
    Scenario("no-token", "the debug route, no token: 404", 1, traffic.debug_route(None, 404)),
    # Last: when this event is stored, all that were queued before it are.
    Scenario(
        "token",
        "the debug route, with the token",
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

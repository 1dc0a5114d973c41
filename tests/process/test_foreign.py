"""An application that calls ``sentry_sdk.init`` after ours, in a real process (G2)."""

from __future__ import annotations

import pytest

from harness.service import Bench, new_id
from test_run import GUNICORN, UVICORN, failed, served


@pytest.mark.parametrize(
    "command",
    [
        UVICORN + "apps.bare_foreign:app",
        GUNICORN + "-k uvicorn_worker.UvicornWorker apps.bare_foreign:app",
    ],
    ids=["uvicorn", "gunicorn"],
)
def test_a_later_init_in_the_lifespan_is_ignored(bench: Bench, command: str) -> None:
    """One event for each failure; no transaction and no session, in our backend or in its own.

    One warning names the place.
    """
    theirs = bench.sink.mailbox()
    with served(bench, command, FOREIGN_DSN=theirs.dsn, SENTRYINIT_LOG_EVENTS="all") as service:
        for path in "price", "sync", "captured":
            failed(service, f"/orders/7/{path}")
        assert service.call("/orders/7", new_id("good")).status == 200
        assert service.call("/orders/9", new_id("logged")).status == 200
    events = service.mailbox.drain()
    assert [event.error or event.data["logentry"]["formatted"] for event in events] == [
        *["LookupError"] * 3,
        "order 9 is shown",
    ]
    assert [event.data["transaction"] for event in events] == [
        *(f"/orders/{{order_id}}/{path}" for path in ("price", "sync", "captured")),
        "/orders/{order_id}",
    ]
    assert (theirs.drain(), theirs.others, service.mailbox.others) == ([], [], [])
    assert (
        service.output.count("sentry_sdk.init() was called after sentryinit.init(), in apps.") == 1
    )

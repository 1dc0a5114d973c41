"""gevent, which patches a worker after it was forked from a process with the application."""

from __future__ import annotations

import contextlib

import pytest

from harness.service import Bench, new_id
from harness.wire import request

pytest.importorskip("gevent", reason="`nox -s aborts` installs it")


@pytest.mark.parametrize("path,status", [("unavailable", 503), ("price", 500)])
def test_first_failures_at_once_do_not_block_a_preloaded_worker(
    bench: Bench, path: str, status: int
) -> None:
    """H2: Locks that were made before gevent's patches would block all greenlets for ever.

    Django's shop: gevent looks at every object, and fails at those of a Django without settings.
    """
    ids = [new_id(f"greenlet-{path}") for _ in range(8)]
    with (
        bench.fresh("django", "gunicorn-gevent", GUNICORN_CMD_ARGS="--preload") as service,
        contextlib.ExitStack() as stack,
    ):
        wires = [stack.enter_context(service.wire()) for _ in ids]
        for wire, request_id in zip(wires, ids, strict=True):
            wire.send(request("GET", f"/orders/17/{path}", request_id))
        assert [wire.answer().status for wire in wires] == [status] * len(ids)
        events = service.mailbox.wait_for_some(len(ids))
        assert sorted(event.request_id for event in events) == sorted(ids)

"""Shutdown: a control for the table."""

from __future__ import annotations

from harness.service import Bench, new_id


def test_control_loses_events_at_sigterm(bench: Bench) -> None:
    """Without a flush, uvicorn's shutdown loses queued events: the table's case can fail."""
    with bench.fresh("naive", "uvicorn-h11") as service:
        service.mailbox.delay = 0.2
        for _ in range(3):
            assert service.call("/orders/17/unavailable", new_id("lost")).status == 503
        service.popen.terminate()
        service.wait()
    assert len(service.mailbox.drain()) < 3

"""What the table cannot say of the end of a process."""

from __future__ import annotations

from harness.service import Bench, new_id


def test_the_control_loses_events_at_sigterm(bench: Bench) -> None:
    """Where nobody flushes, uvicorn's end loses what waits: the table's case can fail."""
    with bench.fresh("naive", "uvicorn-h11") as service:
        service.mailbox.delay = 0.2
        for _ in range(3):
            assert service.call("/orders/17/unavailable", new_id("lost")).status == 503
        service.popen.terminate()
        service.wait()
    assert len(service.mailbox.drain()) < 3

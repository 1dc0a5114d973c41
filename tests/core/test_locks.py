"""The lock that is renewed after a fork, and after gevent has patched ``threading``."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import HttpTransport

from sentryinit import testing
from sentryinit._locks import RenewedLock


def is_free(lock: RenewedLock) -> bool:
    """Return True if another thread gets *lock* at once."""
    got = threading.Event()

    def take() -> None:
        with lock:
            got.set()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    return got.wait(0.2)


def test_lock_is_exclusive_and_re_entrant() -> None:
    """One thread may take it twice; another one waits."""
    lock, inside, most = RenewedLock(), [0], [0]

    def work(_number: int) -> None:
        for _ in range(200):
            with lock, lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert most == [1]
    with lock:
        assert not is_free(lock)


@pytest.mark.parametrize("change", ["fork", "patch"])
def test_lock_is_renewed(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """A lock that was held before a fork, or before a patch, is free; who held it releases it."""
    lock = RenewedLock()
    with lock:
        if change == "fork":
            monkeypatch.setattr(os, "getpid", lambda: 0)
        else:
            monkeypatch.setattr(threading, "Lock", lambda: None)
        with lock:
            pass
    assert lock._taken == []
    assert len(lock._locks) == 2


def test_transport_is_reset_after_a_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first event after gevent's patch gives the transport new locks, the second does not."""
    with testing.capture("shop", transport=HttpTransport):
        transport = sentry_sdk.get_client().transport
        assert isinstance(transport, HttpTransport)
        workers = [transport._worker]
        with monkeypatch.context() as patch:
            patch.setattr(threading, "Lock", threading.RLock)
            for _ in range(2):
                transport.capture_envelope(Envelope())
                workers.append(transport._worker)
        assert workers[0] is not workers[1]
        assert workers[1] is workers[2]

from __future__ import annotations

from sentryinit_testkit import AdapterContract

from drivers.wsgi import DRIVERS


class TestWsgi(AdapterContract):
    """The contract for this adapter."""

    drivers = DRIVERS

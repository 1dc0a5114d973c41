from __future__ import annotations

from quart_driver import DRIVERS

from sentryinit_testkit import AdapterContract


class TestQuart(AdapterContract):
    """The contract for this adapter."""

    drivers = DRIVERS

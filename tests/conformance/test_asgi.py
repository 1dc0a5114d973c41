from __future__ import annotations

from sentryinit_testkit import AdapterContract

from drivers.asgi import DRIVERS


class TestAsgi(AdapterContract):
    """The contract for this adapter."""

    drivers = DRIVERS

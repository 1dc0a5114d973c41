from __future__ import annotations

from drivers.asgi import DRIVERS
from sentryinit_testkit import AdapterContract


class TestAsgi(AdapterContract):
    """The contract for this adapter."""

    drivers = DRIVERS

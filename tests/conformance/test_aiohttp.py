from __future__ import annotations

from drivers.aiohttp import DRIVERS
from sentryinit_testkit import AdapterContract


class TestAiohttp(AdapterContract):
    """The contract for this adapter."""

    drivers = DRIVERS

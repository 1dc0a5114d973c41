from __future__ import annotations

from drivers.fastapi import DRIVERS
from sentryinit_testkit import AdapterContract


class TestFastApi(AdapterContract):
    """The contract for this adapter."""

    drivers = DRIVERS

from __future__ import annotations

from drivers.falcon import DRIVERS
from sentryinit_testkit import AdapterContract


class TestFalcon(AdapterContract):
    """The contract for this adapter."""

    drivers = DRIVERS

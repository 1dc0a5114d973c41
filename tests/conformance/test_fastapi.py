from __future__ import annotations

from sentryinit_testkit import AdapterContract

from drivers.fastapi import DRIVERS


class TestFastApi(AdapterContract):
    """The contract for this adapter."""

    drivers = DRIVERS

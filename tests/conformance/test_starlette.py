from __future__ import annotations

from sentryinit_testkit import AdapterContract

from drivers.starlette import DRIVERS


class TestStarlette(AdapterContract):
    """The contract for this adapter."""

    drivers = DRIVERS

from __future__ import annotations

from drivers.starlette import DRIVERS
from sentryinit_testkit import AdapterContract


class TestStarlette(AdapterContract):
    """The contract for this adapter."""

    drivers = DRIVERS

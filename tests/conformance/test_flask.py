from __future__ import annotations

from sentryinit_testkit import AdapterContract

from drivers.flask import DRIVERS


class TestFlask(AdapterContract):
    """The contract for this adapter."""

    drivers = DRIVERS

from __future__ import annotations

from drivers.flask import DRIVERS
from sentryinit_testkit import AdapterContract


class TestFlask(AdapterContract):
    """The contract for this adapter."""

    drivers = DRIVERS

from __future__ import annotations

from drivers.wsgi import DRIVERS
from sentryinit_testkit import AdapterContract


class TestWsgi(AdapterContract):
    """The contract for this adapter."""

    drivers = DRIVERS

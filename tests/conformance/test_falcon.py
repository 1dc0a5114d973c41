from __future__ import annotations

from drivers import falcon, falcon_asgi
from sentryinit_testkit import AdapterContract


class TestFalcon(AdapterContract):
    """The contract for this adapter."""

    drivers = falcon.DRIVERS + falcon_asgi.DRIVERS

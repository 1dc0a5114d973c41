from __future__ import annotations

from drivers import starlette, starlette_variants
from sentryinit_testkit import AdapterContract


class TestStarlette(AdapterContract):
    """The contract for this adapter."""

    drivers = starlette.DRIVERS + starlette_variants.DRIVERS

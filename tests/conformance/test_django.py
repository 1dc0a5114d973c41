from __future__ import annotations

from drivers.django import DRIVERS
from drivers.django_asgi import DRIVERS as ASGI
from drivers.django_variants import DRIVERS as VARIANTS
from sentryinit_testkit import AdapterContract


class TestDjango(AdapterContract):
    """The contract for this adapter."""

    drivers = DRIVERS + VARIANTS + ASGI

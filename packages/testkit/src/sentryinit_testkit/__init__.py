"""The conformance suite of ``sentryinit``: what every adapter promises, as cases.

An adapter's author writes a :class:`Driver` and::

    from sentryinit_testkit import AdapterContract

    class TestSanic(AdapterContract):
        drivers = [SanicDriver()]
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if "pytest" in sys.modules:
    # Before they are imported: the asserts of the cases are to show what they compared.
    sys.modules["pytest"].register_assert_rewrite(
        *(f"{__name__}.{part}" for part in ("_contract", "_events", "_lab", "clauses", "golden"))
    )

from sentryinit_testkit._driver import (  # see above
    DEBUG_PATH,
    METHODS,
    MOUNT,
    PATH,
    ROUTE,
    SOCKET_PATH,
    Driver,
    HandledError,
    Reply,
    Request,
    Site,
    Unsupported,
)
from sentryinit_testkit._http import HttpPeer  # see above
from sentryinit_testkit._peer import Call, Exchange, Peer  # see above

if TYPE_CHECKING:
    from sentryinit_testkit._adapter import AdapterContract

__all__ = [
    "DEBUG_PATH",
    "METHODS",
    "MOUNT",
    "PATH",
    "ROUTE",
    "SOCKET_PATH",
    "AdapterContract",
    "Call",
    "Driver",
    "Exchange",
    "HandledError",
    "HttpPeer",
    "Peer",
    "Reply",
    "Request",
    "Site",
    "Unsupported",
]


def __getattr__(name: str) -> Any:
    # A driver is also imported into processes that must stay without sentry_sdk and pytest (E3).
    if name != "AdapterContract":
        raise AttributeError(name)
    from sentryinit_testkit._adapter import AdapterContract

    return AdapterContract

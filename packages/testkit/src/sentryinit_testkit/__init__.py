"""The capture contract of ``sentryinit`` as a test suite.

An adapter's author writes a :class:`Driver` and::

    from sentryinit_testkit import AdapterContract

    class TestSanic(AdapterContract):
        drivers = [SanicDriver()]
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if "pytest" in sys.modules:
    # This must come before the modules are imported: pytest then rewrites their asserts, so that
    # a failure shows the values.
    sys.modules["pytest"].register_assert_rewrite(
        *(
            f"{__name__}.{part}"
            for part in ("_contract", "_events", "_harness", "clauses", "golden")
        )
    )

from sentryinit_testkit._driver import (  # after register_assert_rewrite()
    DEBUG_PATH,
    METHODS,
    MOUNT,
    PATH,
    ROUTE,
    SOCKET_PATH,
    AppSpec,
    Driver,
    HandledError,
    Request,
    ResponseSpec,
    Unsupported,
)
from sentryinit_testkit._http import HttpServer  # after register_assert_rewrite()
from sentryinit_testkit._server import Call, Exchange, Server  # after register_assert_rewrite()

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
    "AppSpec",
    "Call",
    "Driver",
    "Exchange",
    "HandledError",
    "HttpServer",
    "Request",
    "ResponseSpec",
    "Server",
    "Unsupported",
]


def __getattr__(name: str) -> Any:
    # AdapterContract imports pytest and sentry_sdk. A driver is also imported into processes that
    # must have neither (E3).
    if name != "AdapterContract":
        raise AttributeError(name)
    from sentryinit_testkit._adapter import AdapterContract

    return AdapterContract

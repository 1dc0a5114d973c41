"""All the clauses in one class."""

from __future__ import annotations

import pytest

# Before they are imported: their asserts are to show what they compared.
pytest.register_assert_rewrite(
    "sentryinit_testkit.clauses",
    "sentryinit_testkit.golden",
    "sentryinit_testkit._events",
    "sentryinit_testkit._lab",
    "sentryinit_testkit._contract",
)

from sentryinit_testkit.clauses.aborts import Aborts  # noqa: E402 # see above
from sentryinit_testkit.clauses.cost import Cost  # noqa: E402 # see above
from sentryinit_testkit.clauses.debug import DebugRoute  # noqa: E402 # see above
from sentryinit_testkit.clauses.harm import NeverHarm  # noqa: E402 # see above
from sentryinit_testkit.clauses.once import ExactlyOne  # noqa: E402 # see above
from sentryinit_testkit.clauses.reported import WhatIsReported  # noqa: E402 # see above
from sentryinit_testkit.clauses.same import TheSameEvent  # noqa: E402 # see above

__all__ = ["AdapterContract"]


class AdapterContract(
    WhatIsReported, Aborts, ExactlyOne, TheSameEvent, NeverHarm, Cost, DebugRoute
):
    """The contract: every clause, for each of :attr:`drivers`."""

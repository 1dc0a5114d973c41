"""All the clauses in one class."""

from __future__ import annotations

from sentryinit_testkit.clauses.aborts import Aborts
from sentryinit_testkit.clauses.cost import Cost
from sentryinit_testkit.clauses.debug import DebugRoute
from sentryinit_testkit.clauses.harm import NeverHarm
from sentryinit_testkit.clauses.once import ExactlyOne
from sentryinit_testkit.clauses.redaction import Redaction
from sentryinit_testkit.clauses.reported import WhatIsReported
from sentryinit_testkit.clauses.same import TheSameEvent

__all__ = ["AdapterContract"]


class AdapterContract(
    WhatIsReported, Aborts, ExactlyOne, TheSameEvent, NeverHarm, Cost, Redaction, DebugRoute
):
    """The contract: every clause, for each of :attr:`drivers`."""

"""The class that has the cases of all clauses."""

from __future__ import annotations

from sentryinit_testkit.clauses.aborts import Aborts
from sentryinit_testkit.clauses.cost import Cost
from sentryinit_testkit.clauses.debug_route import DebugRoute
from sentryinit_testkit.clauses.event_content import EventContent
from sentryinit_testkit.clauses.exactly_once import ExactlyOnce
from sentryinit_testkit.clauses.identity import Identity
from sentryinit_testkit.clauses.log_records import LogRecords
from sentryinit_testkit.clauses.no_harm import NoHarm
from sentryinit_testkit.clauses.redaction import Redaction
from sentryinit_testkit.clauses.reported import Reported

__all__ = ["AdapterContract"]


class AdapterContract(
    Reported,
    Aborts,
    ExactlyOnce,
    LogRecords,
    EventContent,
    Identity,
    NoHarm,
    Cost,
    Redaction,
    DebugRoute,
):
    """The capture contract, run for each driver in ``drivers``."""

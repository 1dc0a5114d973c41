"""The seam between an adapter and the core: facts in a descriptor, moments on a capture.

An adapter states the facts of its framework once, in an :class:`Adapter`, and tells the
:class:`Capture` of a request what happens: an exception is seen, the status goes out, an exception
crosses the boundary, the request is over. What is reported, and how, is for the core to decide.
"""

from __future__ import annotations

from sentryinit._boundary.adapter import Adapter
from sentryinit._boundary.body import watched
from sentryinit._boundary.capture import OVER, Capture, current
from sentryinit._boundary.debug_route import EVENT_ID_HEADER, TOKEN_HEADER, DebugPanic, may_panic
from sentryinit._boundary.request_info import RequestInfo
from sentryinit._config.checks import Problem
from sentryinit._init import ended, ensure, problems

__all__ = [
    "EVENT_ID_HEADER",
    "OVER",
    "TOKEN_HEADER",
    "Adapter",
    "Capture",
    "DebugPanic",
    "Problem",
    "RequestInfo",
    "current",
    "ended",
    "ensure",
    "may_panic",
    "problems",
    "watched",
]

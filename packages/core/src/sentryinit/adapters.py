"""The seam between an adapter and the core: facts in a descriptor, moments on a capture.

An adapter states the facts of its framework once, in an :class:`Adapter`, and tells the
:class:`Capture` of a request what happens: an exception is seen, the status goes out, an exception
crosses the boundary, the request is over. What is reported, and how, is for the core to decide.
"""

from __future__ import annotations

from sentryinit._adapter import Adapter
from sentryinit._boundary import watched
from sentryinit._capture import OVER, Capture, current
from sentryinit._debug import EVENT_ID_HEADER, TOKEN_HEADER, DebugPanic, may_panic
from sentryinit._init import ended, ensure
from sentryinit._problems import Problem, problems
from sentryinit._request import RequestInfo

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

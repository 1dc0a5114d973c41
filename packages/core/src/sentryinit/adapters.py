"""What an adapter imports: facts in an :class:`Adapter`, moments on a :class:`Capture`.

An adapter states the facts of its framework once, and tells the capture of a request what happens:
an exception was seen, the response started, an exception escaped, the request is over. The core
decides what is reported, and how.
"""

from __future__ import annotations

from sentryinit._boundary.adapter import Adapter
from sentryinit._boundary.body import watch_body
from sentryinit._boundary.capture import Capture
from sentryinit._boundary.current import current_capture, note_exception
from sentryinit._boundary.debug_route import EVENT_ID_HEADER, DebugPanic, check_debug_token
from sentryinit._boundary.order import check_order, order_problems
from sentryinit._boundary.request_info import RequestInfo, route_template
from sentryinit._boundary.user import describe_user
from sentryinit._config.checks import Problem, no_boundary, two_boundaries
from sentryinit._config.option_types import check_kind
from sentryinit._config.settings import check_arguments as check_options
from sentryinit._init import ensure_initialized, problems, shutdown
from sentryinit._policy.application import note_application

__all__ = [
    "EVENT_ID_HEADER",
    "Adapter",
    "Capture",
    "DebugPanic",
    "Problem",
    "RequestInfo",
    "check_debug_token",
    "check_kind",
    "check_options",
    "check_order",
    "current_capture",
    "describe_user",
    "ensure_initialized",
    "no_boundary",
    "note_application",
    "note_exception",
    "order_problems",
    "problems",
    "route_template",
    "shutdown",
    "two_boundaries",
    "watch_body",
]

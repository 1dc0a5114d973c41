"""A request as an adapter describes it, its route template, and its trace context."""

from __future__ import annotations

import logging
import re
import secrets
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

# The route of a request that matched none, or that has no framework with routes (D3).
UNKNOWN_ROUTE = "<unknown>"

# The headers that name a trace and a span, the first one that is valid counts: W3C's, and
# sentry-sdk's own, whose last part may be missing.
_TRACE_HEADERS = {
    "traceparent": re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}"),
    "sentry-trace": re.compile(r"([0-9a-f]{32})-([0-9a-f]{16})(?:-[01])?", re.IGNORECASE),
}
# <name>, <converter:name> and <converter(arguments):name>, as Flask and Django write parameters.
_ANGLE_PARAMETER = re.compile(r"<(?:[^<>]*:)?([^<>:]*)>")
# {name:converter} and {name:converter(arguments)}, as Starlette and Falcon do.
_BRACE_CONVERTER = re.compile(r":[^{}]*}")


@dataclass(frozen=True)
class RequestInfo:
    """A request as an adapter describes it, in full: the core keeps what may leave.

    *path*: percent-encoded, without query. *route*: the template, as ``/orders/{order_id}``, or
    None if no route matched. *headers*: names in any case. *client*: the address of the peer.
    *secret_cookies*: the names of the framework's cookies whose values are never sent (G1). *job*:
    the name of a job of the core, which is no request.
    """

    method: str
    scheme: str
    host: str
    path: str
    query: str = ""
    headers: Iterable[tuple[str, str]] = ()
    client: str | None = None
    route: str | None = None
    secret_cookies: Iterable[str] = ()
    job: str = ""

    @property
    def transaction(self) -> str:
        """The transaction of its events, if no route is known and the application has set none."""
        return self.job or UNKNOWN_ROUTE

    def header(self, name: str) -> str:
        """Return the first header *name* (in lower case), or an empty text."""
        return next((value for key, value in self.headers if key.lower() == name), "")


# The description of a request whose adapter failed to describe it.
UNDESCRIBED = RequestInfo("", "", "", "")


class Snapshot(NamedTuple):
    """What an event says about its request: the description, the last log records."""

    info: RequestInfo
    recent_records: Iterable[logging.LogRecord] = ()


def route_template(route: str | None) -> str | None:
    """Return *route* in the one notation of events: ``/orders/{order_id}`` (D3).

    Understands ``<converter:name>``, ``<name>`` and ``{name:converter}``; None stays None.
    """
    if route is None:
        return None
    return _BRACE_CONVERTER.sub("}", _ANGLE_PARAMETER.sub(r"{\1}", route))


def trace_context(info: RequestInfo) -> dict[str, str]:
    """Return the trace of a request (D7): OpenTelemetry's, else the incoming, else a new one."""
    active = opentelemetry_trace()
    if active:
        return active
    fresh = {"trace_id": secrets.token_hex(16), "span_id": secrets.token_hex(8)}
    for name, pattern in _TRACE_HEADERS.items():
        sent = pattern.fullmatch(info.header(name).strip())
        if sent and int(sent[1], 16) and int(sent[2], 16):
            return fresh | {"trace_id": sent[1].lower(), "parent_span_id": sent[2].lower()}
    return fresh


def opentelemetry_trace() -> dict[str, str] | None:
    """Return the trace context of the active OpenTelemetry span, None without one."""
    # Only if the application has imported it: the import is slow, and the application's choice.
    module = sys.modules.get("opentelemetry.trace")
    span = module.get_current_span().get_span_context() if module is not None else None
    if span is None or not span.is_valid:
        return None
    return {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}

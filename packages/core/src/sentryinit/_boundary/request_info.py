"""What an event says of a request: an allow-list of what adapters describe.

Pure. Knows nothing of ``sentry_sdk``.
"""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any

# Stands where no route is known: for a request that matched none, and where there are no routes.
UNKNOWN = "<unknown>"

HEADERS = frozenset(
    "accept content-length content-type host traceparent user-agent x-correlation-id "
    "x-request-id".split()
)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


@dataclass(frozen=True)
class RequestInfo:
    """A request as an adapter describes it, in full: the core keeps what may be kept.

    *path*: percent-encoded, without query. *route*: the template, as ``/orders/{order_id}``, or
    None if no route matched. *headers*: names in any case. *client*: the peer's address.
    """

    method: str
    scheme: str
    host: str
    path: str
    query: str = ""
    headers: Iterable[tuple[str, str]] = ()
    client: str | None = None
    route: str | None = None

    def header(self, name: str) -> str:
        """Return the first header *name* (in lower case), or nothing."""
        return next((value for key, value in self.headers if key.lower() == name), "")


# For a request whose description failed.
UNDESCRIBED = RequestInfo("", "", "", "")


def section(info: RequestInfo, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``request`` of an event: what the allow-list and ``collect`` admit."""
    if info is UNDESCRIBED:
        return {}
    collect = settings["collect"]
    allowed = HEADERS.union(name.lower() for name in settings["collect_headers"])
    request: dict[str, Any] = {
        "method": info.method,
        "url": f"{info.scheme}://{info.host}{info.path}",
        "headers": {name.lower(): value for name, value in info.headers if name.lower() in allowed},
    }
    if "query" in collect and info.query:
        request["query_string"] = info.query
    if "cookies" in collect:
        request["cookies"] = _cookies(info.header("cookie"))
    if "client_address" in collect and info.client:
        request["env"] = {"REMOTE_ADDR": info.client}
    return request


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}


def trace(known: dict[str, str] | None, info: RequestInfo) -> dict[str, str]:
    """Return the trace context of an event: OpenTelemetry's, else the caller's, else a new one.

    *known* is what an earlier event of the request got, if one did.
    """
    active = _open_telemetry()
    if active is not None:
        return active
    if known is not None:
        return known
    fresh = {"trace_id": secrets.token_hex(16), "span_id": secrets.token_hex(8)}
    sent = _TRACEPARENT.fullmatch(info.header("traceparent").strip())
    if sent and int(sent[1], 16) and int(sent[2], 16):
        fresh |= {"trace_id": sent[1], "parent_span_id": sent[2]}
    return fresh


def _open_telemetry() -> dict[str, str] | None:
    # Only if the application has it: importing it would be a cost and a choice of ours.
    module = sys.modules.get("opentelemetry.trace")
    if module is None:
        return None
    span = module.get_current_span().get_span_context()
    if not span.is_valid:
        return None
    return {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}

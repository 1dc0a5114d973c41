"""The ``request`` section of an event: what the allow-list and ``collect`` let leave (D5)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any

from sentryinit._boundary.request_info import UNDESCRIBED, RequestInfo

ALLOWED_HEADERS = frozenset(
    "accept content-length content-type host traceparent user-agent x-correlation-id "
    "x-request-id".split()
)
# The value of a cookie that was made at random or signed: it has letters and digits, and is long.
_TOKEN = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[^\s,;]{20,}")


def request_section(
    info: RequestInfo, collect: Sequence[str], collect_headers: Sequence[str]
) -> dict[str, Any]:
    """Return the section for *info*."""
    if info is UNDESCRIBED:
        return {}
    allowed = ALLOWED_HEADERS.union(name.lower() for name in collect_headers)
    request: dict[str, Any] = {
        "method": info.method,
        "url": f"{info.scheme}://{info.host}{info.path}",
        # Backends look for the client and the system in User-Agent, not in user-agent.
        "headers": {_canonical(n): value for n, value in info.headers if n.lower() in allowed},
    }
    if "query" in collect and info.query:
        request["query_string"] = info.query
    if "cookies" in collect:
        request["cookies"] = _cookies(info)
    if "client_address" in collect and info.client:
        request["env"] = {"REMOTE_ADDR": info.client}
    return request


def _canonical(name: str) -> str:
    """Return the *name* of a header as in ``X-Request-Id``."""
    return "-".join(map(str.capitalize, name.split("-")))


def _cookies(info: RequestInfo) -> dict[str, str]:
    """Return the cookies; those that look like a session or token have no value (G1)."""
    try:
        found = {name: each.value for name, each in SimpleCookie(info.header("cookie")).items()}
    except CookieError:
        return {}
    secret = {name for name, value in found.items() if _TOKEN.fullmatch(value)}
    return found | dict.fromkeys(found.keys() & secret.union(info.secret_cookies), "[secret]")

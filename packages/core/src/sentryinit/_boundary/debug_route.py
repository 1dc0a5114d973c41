"""The debug route: its token check, and the exception that it raises."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from sentryinit._state import STATE

PATH = "/debug/sentry-panic"
TOKEN_HEADER = "x-sentryinit-debug-token"  # noqa: S105 # the name of a header
EVENT_ID_HEADER = "X-Sentry-Event-Id"


class DebugPanic(Exception):  # it is no error
    """Raised on purpose by the debug route."""

    def __init__(self) -> None:
        super().__init__("raised on purpose by the debug route of sentryinit")


def check_debug_token(headers: Mapping[str, str] | Iterable[tuple[str, str]], query: str) -> bool:
    """Return True if ``X-Sentryinit-Debug-Token`` in *headers*, or ``token=`` in *query*, is right.

    Never without a configured token, or if reporting is off. *headers*: names in any case. Takes
    the same time for any wrong token.
    """
    expected = STATE.settings.debug_token if STATE.settings and STATE.reporter else ""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    sent = next((value for name, value in pairs if name.lower() == TOKEN_HEADER), "")
    sent = sent or dict(parse_qsl(query)).get("token", "")
    # A variable of undecodable bytes has surrogates in it.
    pair = (text.encode("utf-8", "surrogatepass") for text in (sent, expected))
    return hmac.compare_digest(*pair) and bool(expected)
